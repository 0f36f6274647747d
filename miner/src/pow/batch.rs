//! Checking many solutions at a time: hashes run side by side, and nothing is hashed twice.
//!
//! What all shares of a job have in common is computed once, in a [`Prepared`] job. What shares of one miner have in common,
//! the merkle root of an extranonce, is remembered by the [`Batch`] that found it: a miner that rolls version, nonce or time
//! costs no more than the hash of a header for each share.

use super::hash::Hash256;
use super::header::INITIAL_STATE;
use super::lanes::{Block, Digest, State, Team};
use super::prepared::{self, Prepared};
use super::roots::{Head, Key, Roots};
use super::share::Checked;
use super::solution::{Rejection, Solution};

/// A solution and the job that it is said to solve.
pub type Share<'a> = (&'a Prepared, &'a Solution);

/// Where the first half of a share's header is found.
#[derive(Clone, Copy)]
enum Place<'r> {
    Remembered(&'r Head),
    /// The number of its run.
    New(usize),
}

/// What a rejected share is hashed with: leaving its lane to others would take longer.
static NO_HEAD: Head = Head { root: [0; 32], version: 0, midstate: INITIAL_STATE };

/// Shares in a row of the same job, extranonce and version, the first half of whose header isn't remembered.
struct Run<'a> {
    /// The first of them.
    share: Share<'a>,
    key: Option<Key>,
    /// The first of the runs in a row that differ in nothing but the version, and so have the same root.
    first: usize,
    head: Head,
}

/// The first halves of headers that are still to be computed.
#[derive(Default)]
struct Runs<'a> {
    new: Vec<Run<'a>>,
    /// The runs whose root isn't remembered either.
    without_root: Vec<usize>,
}

impl<'a> Runs<'a> {
    /// Looks up the first half of a share's header; what isn't remembered joins a run.
    fn place<'r>(&mut self, roots: &'r Roots, share: Share<'a>) -> Place<'r> {
        let (prepared, solution) = share;
        let key = prepared.key(solution);
        match key.as_ref().and_then(|key| roots.get(key)) {
            Some(head) if head.version == solution.version => Place::Remembered(head),
            known => Place::New(self.run_of(share, key, known)),
        }
    }

    /// The number of a share's run, which may begin with it.
    fn run_of(&mut self, share: Share<'a>, key: Option<Key>, known: Option<&Head>) -> usize {
        let next = self.new.len();
        let before = self.new.last().filter(|run| key.is_some() && run.key == key);
        if before.is_some_and(|run| run.share.1.version == share.1.version) {
            return next - 1;
        }
        let first = before.map_or(next, |run| run.first);
        if known.is_none() && first == next {
            self.without_root.push(next);
        }
        self.new.push(Run { share, key, first, head: known.copied().unwrap_or_default() });
        next
    }

    fn head<'r>(&'r self, place: Place<'r>) -> &'r Head {
        match place {
            Place::Remembered(head) => head,
            Place::New(run) => &self.new[run].head,
        }
    }
}

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
    /// A checker that remembers so many merkle roots, rounded up to a power of two and at least eight; each takes 93 bytes.
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
    pub fn assemble<'a>(&mut self, shares: &[Share<'a>]) -> Vec<Result<Checked, Rejection>> {
        let (mut runs, mut rejected) = (Runs::default(), Vec::new());
        let place = |(index, share): (usize, &Share<'a>)| match share.0.check(share.1) {
            Ok(()) => runs.place(&self.roots, *share),
            Err(rejection) => {
                rejected.push((index, rejection));
                Place::Remembered(&NO_HEAD)
            }
        };
        let places: Vec<_> = shares.iter().enumerate().map(place).collect();
        self.compute_roots(&mut runs);
        self.compute_midstates(&mut runs.new);
        let heads: Vec<_> = places.into_iter().map(|place| runs.head(place)).collect();
        let hashes = self.hash_headers(shares, &heads);
        let checked = |((share, head), hash): ((&Share<'_>, &Head), &Digest)| {
            let header = share.0.header(share.1, head.root);
            Ok(Checked { header, hash: Hash256::from_bytes(prepared::bytes(&hash.map(u32::from_be))) })
        };
        let mut results: Vec<_> = shares.iter().zip(heads).zip(&hashes).map(checked).collect();
        for (index, rejection) in rejected {
            results[index] = Err(rejection);
        }
        for run in runs.new {
            run.key.into_iter().for_each(|key| self.roots.insert(key, run.head));
        }
        results
    }

    fn hash_headers(&self, shares: &[Share<'_>], heads: &[&Head]) -> Vec<Digest> {
        let midstates: Vec<_> = heads.iter().map(|head| &head.midstate).collect();
        let tail = |(share, head): (&Share<'_>, &&Head)| share.0.header_tail(share.1, &head.root);
        let tails: Vec<_> = shares.iter().zip(heads).map(tail).collect();
        self.team.finish(&midstates, &tails)
    }

    /// Hashes the first blocks of the runs' headers.
    fn compute_midstates(&self, runs: &mut [Run<'_>]) {
        let block = |run: &Run<'_>| run.share.0.header_block(run.share.1, &run.head.root);
        let blocks: Vec<Block> = runs.iter().map(block).collect();
        let mut states = vec![INITIAL_STATE; runs.len()];
        self.team.compress(&mut states, &blocks.iter().collect::<Vec<_>>());
        for (run, midstate) in runs.iter_mut().zip(states) {
            (run.head.version, run.head.midstate) = (run.share.1.version, midstate);
        }
    }

    fn compute_roots(&self, Runs { new: runs, without_root }: &mut Runs<'_>) {
        let shares: Vec<Share<'_>> = without_root.iter().map(|index| runs[*index].share).collect();
        let mut nodes = self.hash_coinbases(&shares);
        let branches: Vec<&[State]> = shares.iter().map(|(prepared, _)| prepared.branch()).collect();
        self.in_steps(&mut nodes, &branches, |team, nodes, siblings| team.parent(nodes, siblings));
        for (index, root) in without_root.iter().zip(nodes) {
            runs[*index].head.root = prepared::bytes(&root);
        }
        for index in 0..runs.len() {
            runs[index].head.root = runs[runs[index].first].head.root;
        }
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

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;
