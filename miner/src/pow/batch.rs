//! Checking many solutions at a time: hashes run side by side, and nothing is hashed twice.
//!
//! What all shares of a job have in common is computed once, in a [`Prepared`] job. What shares of one miner have in common,
//! the merkle root of an extranonce, is remembered by the [`Batch`] that found it: a miner that rolls version, nonce or time
//! costs no more than the hash of a header for each share.

use super::hash::Hash256;
use super::header::INITIAL_STATE;
use super::lanes::{Block, State, Tail, Team};
use super::prepared::{self, Prepared};
use super::roots::{Head, Key, Roots};
use super::share::Checked;
use super::solution::{Rejection, Solution};

/// A solution and the job that it is said to solve.
pub type Share<'a> = (&'a Prepared, &'a Solution);

/// Checks solutions in batches, and remembers merkle roots between them.
///
/// It neither waits nor starts threads: who calls it decides what makes a batch. Sixteen shares or a multiple of that make the
/// most of any host.
#[derive(Debug)]
pub struct Batch {
    team: Team,
    roots: Roots,
}

impl Batch {
    /// A checker that remembers so many merkle roots, rounded up to a power of two and at least four; each takes 94 bytes.
    pub fn new(roots: usize) -> Self {
        Self::of_team(Team::of_host(), roots)
    }

    fn of_team(team: Team, roots: usize) -> Self {
        Self { team, roots: Roots::new(roots) }
    }

    /// Names the instructions that this host hashes with, for people.
    pub fn instructions(&self) -> String {
        self.team.names()
    }

    /// Completes each job with its solution and hashes it, whatever the hash, exactly as
    /// [`share::assemble`](super::share::assemble) does. Results are in the order of the shares.
    ///
    /// # Errors
    /// Those of `share::assemble`, for each share by itself.
    pub fn assemble(&mut self, shares: &[Share<'_>]) -> Vec<Result<Checked, Rejection>> {
        let mut formed = Vec::with_capacity(shares.len());
        let mut admitted = Vec::with_capacity(shares.len());
        for share @ (prepared, solution) in shares {
            admitted.push(prepared.check(solution).map(|()| formed.len()));
            if admitted.last().is_some_and(Result::is_ok) {
                formed.push(*share);
            }
        }
        let heads = self.heads_of(&formed);
        let hashes = self.hash_headers(&formed, &heads);
        let checked = |index: usize| {
            let (prepared, solution) = formed[index];
            let hash = Hash256::from_bytes(prepared::bytes(&hashes[index]));
            Checked { header: prepared.header(solution, &heads[index].root), hash }
        };
        admitted.into_iter().map(|index| index.map(checked)).collect()
    }

    fn hash_headers(&self, shares: &[Share<'_>], heads: &[Head]) -> Vec<State> {
        let mut states: Vec<State> = heads.iter().map(|head| head.midstate).collect();
        let pairs = shares.iter().zip(heads);
        let tails: Vec<Tail> = pairs.map(|((prepared, found), head)| prepared.header_tail(found, &head.root)).collect();
        self.team.finish(&mut states, &tails);
        states
    }

    /// Looks up what is known of the headers, and computes and remembers the rest.
    fn heads_of(&mut self, shares: &[Share<'_>]) -> Vec<Head> {
        let keys: Vec<Option<Key>> = shares.iter().map(|(prepared, solution)| prepared.key(solution)).collect();
        let mut heads = Vec::with_capacity(shares.len());
        let (mut without_root, mut without_midstate) = (Vec::new(), Vec::new());
        // By itself, so that the memory's answers overlap.
        for (index, (key, (_, solution))) in keys.iter().zip(shares).enumerate() {
            let known = key.as_ref().and_then(|key| self.roots.get(key));
            if known.is_none() {
                without_root.push(index);
            }
            if known.is_none_or(|head| head.version != solution.version) {
                without_midstate.push(index);
            }
            heads.push(known.copied().unwrap_or_default());
        }
        let roots = self.compute_roots(&pick(shares, &without_root));
        without_root.iter().zip(roots).for_each(|(index, root)| heads[*index].root = root);
        self.compute_midstates(shares, &without_midstate, &mut heads);
        for index in without_midstate {
            keys[index].into_iter().for_each(|key| self.roots.insert(key, heads[index]));
        }
        heads
    }

    /// Hashes the first blocks of the headers at these indices.
    fn compute_midstates(&self, shares: &[Share<'_>], indices: &[usize], heads: &mut [Head]) {
        let block = |index: &usize| {
            let (prepared, solution) = shares[*index];
            prepared.header_block(solution, &heads[*index].root)
        };
        let blocks: Vec<Block> = indices.iter().map(block).collect();
        let mut states = vec![INITIAL_STATE; indices.len()];
        self.team.compress(&mut states, &blocks.iter().collect::<Vec<_>>());
        for (index, midstate) in indices.iter().zip(states) {
            heads[*index] = Head { version: shares[*index].1.version, midstate, ..heads[*index] };
        }
    }

    fn compute_roots(&self, shares: &[Share<'_>]) -> Vec<State> {
        let mut nodes = self.hash_coinbases(shares);
        let branches: Vec<&[State]> = shares.iter().map(|(prepared, _)| prepared.branch()).collect();
        self.in_steps(&mut nodes, &branches, |team, nodes, siblings| team.parent(nodes, siblings));
        nodes
    }

    /// Computes the coinbases' ids.
    fn hash_coinbases(&self, shares: &[Share<'_>]) -> Vec<State> {
        let open: Vec<Vec<Block>> = shares.iter().map(|(prepared, found)| prepared.open_blocks(found)).collect();
        let mut states: Vec<State> = shares.iter().map(|(prepared, _)| *prepared.head()).collect();
        let open: Vec<&[Block]> = open.iter().map(Vec::as_slice).collect();
        self.in_steps(&mut states, &open, |team, states, blocks| team.compress(states, blocks));
        let closed: Vec<&[Block]> = shares.iter().map(|(prepared, _)| prepared.closed_blocks()).collect();
        self.in_steps(&mut states, &closed, |team, states, blocks| team.compress(states, blocks));
        self.team.again(&mut states);
        states
    }

    /// Takes each state through the items of its own list: the first of all lists side by side, then the second, and so on.
    fn in_steps<T>(&self, states: &mut [State], lists: &[&[T]], step: impl Fn(&Team, &mut [State], &[&T])) {
        let mut order: Vec<usize> = (0..lists.len()).collect();
        // The longest first, so that the states which still have items are always in front.
        order.sort_by_key(|index| std::cmp::Reverse(lists[*index].len()));
        let mut ordered: Vec<State> = order.iter().map(|index| states[*index]).collect();
        let mut items = Vec::with_capacity(lists.len());
        for number in 0.. {
            items.clear();
            items.extend(order.iter().map_while(|index| lists[*index].get(number)));
            if items.is_empty() {
                break;
            }
            step(&self.team, &mut ordered[..items.len()], &items);
        }
        for (index, state) in order.into_iter().zip(ordered) {
            states[index] = state;
        }
    }
}

fn pick<'a>(shares: &[Share<'a>], indices: &[usize]) -> Vec<Share<'a>> {
    indices.iter().map(|index| shares[*index]).collect()
}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;
