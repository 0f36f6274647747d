//! One message after another by the `sha2` crate, which runs anywhere and has SHA instructions of its own where it finds some.

use sha2::block_api::compress256;

use super::schedule::{DIGEST_PADDING, HEADER_PADDING, NODE_BLOCK};
use super::{Block, Digest, Lanes, State, Tail};
use crate::pow::header::INITIAL_STATE;

/// One message at a time.
pub(super) static LANES: Lanes =
    Lanes { name: "portable", width: 1, supported: || true, compress, again, parent, finish };

fn compress(states: &mut [State], blocks: &[&Block]) {
    for (state, block) in states.iter_mut().zip(blocks) {
        let mut bytes = [0; 64];
        for (bytes, word) in bytes.chunks_exact_mut(4).zip(*block) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        compress256(state, &[bytes]);
    }
}

fn again(states: &mut [State]) {
    for state in states {
        let block = join(state, &DIGEST_PADDING);
        *state = INITIAL_STATE;
        compress(std::slice::from_mut(state), &[&block]);
    }
}

fn parent(states: &mut [State], rights: &[&State]) {
    for (state, right) in states.iter_mut().zip(rights) {
        let block = join(state, *right);
        *state = INITIAL_STATE;
        compress(std::slice::from_mut(state), &[&block]);
        compress(std::slice::from_mut(state), &[&NODE_BLOCK]);
        again(std::slice::from_mut(state));
    }
}

fn finish(hashes: &mut [Digest], midstates: &[&State], tails: &[Tail]) {
    for (hash, (midstate, tail)) in hashes.iter_mut().zip(midstates.iter().zip(tails)) {
        let mut state = **midstate;
        compress(std::slice::from_mut(&mut state), &[&join(&tail.map(u32::from_be), &HEADER_PADDING)]);
        again(std::slice::from_mut(&mut state));
        *hash = state.map(u32::to_be);
    }
}

fn join(front: &[u32], back: &[u32]) -> Block {
    let mut block = [0; 16];
    block[..front.len()].copy_from_slice(front);
    block[front.len()..].copy_from_slice(back);
    block
}
