//! x86's SHA instructions in one to four interleaved streams: `sha256rnds2` answers after four cycles, but takes another
//! stream's operands meanwhile.
#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_blend_epi16, _mm_loadu_si128, _mm_set_epi64x, _mm_setzero_si128,
    _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32, _mm_shuffle_epi8, _mm_shuffle_epi32,
    _mm_storeu_si128,
};
use std::borrow::Borrow;

use super::schedule::{DIGEST_PADDING, HEADER_PADDING, K, NODE_PADDING};
use super::{Block, Digest, Lanes, State, Tail};
use crate::pow::header::INITIAL_STATE;

/// Up to four messages at a time.
pub(super) static LANES: Lanes = Lanes { name: "sha-ni", width: 4, supported, compress, again, parent, finish };

/// Four words of one message or state, the first in the lowest place.
type Words = __m128i;

/// A state as the instructions want it: a, b, e, f and c, d, g, h, from the highest place down.
#[derive(Clone, Copy)]
struct Halves {
    abef: Words,
    cdgh: Words,
}

/// Not with AVX, though its three operands would save copies: the SHA instructions stall wherever a 256-bit register was
/// written before, and the compiler writes such to copy memory.
fn supported() -> bool {
    is_x86_feature_detected!("sha") && is_x86_feature_detected!("sse4.1")
}

/// Calls a function with as many streams as there are items.
macro_rules! streams {
    ($count:expr, $call:ident($($argument:expr),*)) => {
        // SAFETY: the table gives these functions out only where `supported` found the instructions.
        match $count {
            1 => unsafe { $call::<1>($($argument),*) },
            2 => unsafe { $call::<2>($($argument),*) },
            3 => unsafe { $call::<3>($($argument),*) },
            count => {
                assert_eq!(count, 4, "at most as many items as lanes");
                unsafe { $call::<4>($($argument),*) }
            }
        }
    };
}

fn compress(states: &mut [State], blocks: &[&Block]) {
    streams!(states.len(), compress_n(states, blocks));
}

fn again(states: &mut [State]) {
    streams!(states.len(), again_n(states));
}

fn parent(states: &mut [State], rights: &[&State]) {
    streams!(states.len(), parent_n(states, rights));
}

fn finish(hashes: &mut [Digest], midstates: &[&State], tails: &[Tail]) {
    streams!(hashes.len(), finish_n(hashes, midstates, tails));
}

#[target_feature(enable = "sha,sse4.1")]
fn compress_n<const N: usize>(states: &mut [State], blocks: &[&Block]) {
    let (states, blocks) = (&mut states[..N], &blocks[..N]);
    let mut halves = load_states::<N>(states);
    let mut messages = [[_mm_setzero_si128(); 4]; N];
    for (message, block) in messages.iter_mut().zip(blocks) {
        let (quads, _) = block.as_chunks::<4>();
        *message = [load(&quads[0]), load(&quads[1]), load(&quads[2]), load(&quads[3])];
    }
    rounds(&mut halves, &mut messages);
    store_states(states, &halves);
}

#[target_feature(enable = "sha,sse4.1")]
fn again_n<const N: usize>(states: &mut [State]) {
    let states = &mut states[..N];
    let mut halves = load_states::<N>(states);
    hash_digests(&mut halves);
    store_states(states, &halves);
}

#[target_feature(enable = "sha,sse4.1")]
fn parent_n<const N: usize>(states: &mut [State], rights: &[&State]) {
    let (states, rights) = (&mut states[..N], &rights[..N]);
    let mut messages = [[_mm_setzero_si128(); 4]; N];
    for (message, (left, right)) in messages.iter_mut().zip(states.iter().zip(rights)) {
        let ([left_low, left_high], [right_low, right_high]) = (load_words(left), load_words(right));
        *message = [left_low, left_high, right_low, right_high];
    }
    let mut halves = [initial(); N];
    rounds(&mut halves, &mut messages);
    pad_node(&mut halves);
    hash_digests(&mut halves);
    store_states(states, &halves);
}

#[target_feature(enable = "sha,sse4.1")]
fn finish_n<const N: usize>(hashes: &mut [Digest], midstates: &[&State], tails: &[Tail]) {
    let (hashes, midstates, tails) = (&mut hashes[..N], &midstates[..N], &tails[..N]);
    let mut halves = load_states::<N>(midstates);
    let (padding, _) = HEADER_PADDING.as_chunks::<4>();
    let mut messages = [[_mm_setzero_si128(); 4]; N];
    for (message, tail) in messages.iter_mut().zip(tails) {
        *message = [swap_bytes(load(tail)), load(&padding[0]), load(&padding[1]), load(&padding[2])];
    }
    rounds(&mut halves, &mut messages);
    hash_digests(&mut halves);
    store_states(hashes, &halves);
    for quad in hashes.as_flattened_mut().as_chunks_mut().0 {
        store(quad, swap_bytes(load(quad)));
    }
}

/// Replaces each state, taken as a digest of 32 bytes, by the SHA-256 of that.
#[target_feature(enable = "sha,sse4.1")]
#[inline]
fn hash_digests<const N: usize>(halves: &mut [Halves; N]) {
    let mut messages = [[_mm_setzero_si128(); 4]; N];
    let [low, high] = load_words(&DIGEST_PADDING);
    for (message, halves) in messages.iter_mut().zip(halves.iter()) {
        let [first, second] = in_order(*halves);
        *message = [first, second, low, high];
    }
    *halves = [initial(); N];
    rounds(halves, &mut messages);
}

/// The 64 rounds of a block.
#[target_feature(enable = "sha,sse4.1")]
#[inline]
fn rounds<const N: usize>(halves: &mut [Halves; N], messages: &mut [[Words; 4]; N]) {
    let before = *halves;
    let (constants, _) = K.as_chunks::<16>();
    for constants in &constants[..3] {
        four::<N, 0, true>(halves, messages, constants);
        four::<N, 1, true>(halves, messages, constants);
        four::<N, 2, true>(halves, messages, constants);
        four::<N, 3, true>(halves, messages, constants);
    }
    four::<N, 0, false>(halves, messages, &constants[3]);
    four::<N, 1, false>(halves, messages, &constants[3]);
    four::<N, 2, false>(halves, messages, &constants[3]);
    four::<N, 3, false>(halves, messages, &constants[3]);
    add(halves, &before);
}

/// Four rounds with the schedule's words at `AT`, which are replaced by those of sixteen rounds later.
#[target_feature(enable = "sha,sse4.1")]
#[inline]
fn four<const N: usize, const AT: usize, const EXPAND: bool>(
    halves: &mut [Halves; N],
    messages: &mut [[Words; 4]; N],
    constants: &[u32; 16],
) {
    let constant = load(&constants.as_chunks::<4>().0[AT]);
    for (halves, words) in halves.iter_mut().zip(messages) {
        turn(halves, _mm_add_epi32(words[AT], constant));
        if EXPAND {
            let (second, third, fourth) = (words[(AT + 1) % 4], words[(AT + 2) % 4], words[(AT + 3) % 4]);
            let nine = _mm_alignr_epi8(fourth, third, 4);
            let early = _mm_add_epi32(_mm_sha256msg1_epu32(words[AT], second), nine);
            words[AT] = _mm_sha256msg2_epu32(early, fourth);
        }
    }
}

/// The 64 rounds of the block that pads a merkle node.
#[target_feature(enable = "sha,sse4.1")]
#[inline]
fn pad_node<const N: usize>(halves: &mut [Halves; N]) {
    let before = *halves;
    for words in NODE_PADDING.as_chunks::<4>().0 {
        let words = load(words);
        for halves in halves.iter_mut() {
            turn(halves, words);
        }
    }
    add(halves, &before);
}

/// Four rounds with words to which the constants were added.
#[target_feature(enable = "sha,sse4.1")]
#[inline]
fn turn(halves: &mut Halves, words: Words) {
    halves.cdgh = _mm_sha256rnds2_epu32(halves.cdgh, halves.abef, words);
    halves.abef = _mm_sha256rnds2_epu32(halves.abef, halves.cdgh, _mm_shuffle_epi32(words, 0x0e));
}

#[target_feature(enable = "sha,sse4.1")]
#[inline]
fn add<const N: usize>(halves: &mut [Halves; N], before: &[Halves; N]) {
    for (halves, before) in halves.iter_mut().zip(before) {
        halves.abef = _mm_add_epi32(halves.abef, before.abef);
        halves.cdgh = _mm_add_epi32(halves.cdgh, before.cdgh);
    }
}

#[target_feature(enable = "sha,sse4.1")]
#[inline]
fn initial() -> Halves {
    in_halves(load_words(&INITIAL_STATE))
}

#[target_feature(enable = "sha,sse4.1")]
#[inline]
fn load_states<const N: usize>(states: &[impl Borrow<State>]) -> [Halves; N] {
    let mut halves = [initial(); N];
    for (halves, state) in halves.iter_mut().zip(states) {
        *halves = in_halves(load_words(state.borrow()));
    }
    halves
}

#[target_feature(enable = "sha,sse4.1")]
#[inline]
fn store_states(states: &mut [State], halves: &[Halves]) {
    for (state, halves) in states.iter_mut().zip(halves) {
        let [low, high] = in_order(*halves);
        let (quads, _) = state.as_chunks_mut::<4>();
        store(&mut quads[0], low);
        store(&mut quads[1], high);
    }
}

#[target_feature(enable = "sha,sse4.1")]
#[inline]
fn in_halves([abcd, efgh]: [Words; 2]) -> Halves {
    let (cdab, hgfe) = (_mm_shuffle_epi32(abcd, 0xb1), _mm_shuffle_epi32(efgh, 0x1b));
    Halves { abef: _mm_alignr_epi8(cdab, hgfe, 8), cdgh: _mm_blend_epi16(hgfe, cdab, 0xf0) }
}

#[target_feature(enable = "sha,sse4.1")]
#[inline]
fn in_order(halves: Halves) -> [Words; 2] {
    let (feba, dchg) = (_mm_shuffle_epi32(halves.abef, 0x1b), _mm_shuffle_epi32(halves.cdgh, 0xb1));
    [_mm_blend_epi16(feba, dchg, 0xf0), _mm_alignr_epi8(dchg, feba, 8)]
}

/// Reverses the bytes of each word.
#[target_feature(enable = "sha,sse4.1")]
#[inline]
fn swap_bytes(words: Words) -> Words {
    _mm_shuffle_epi8(words, _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203))
}

#[target_feature(enable = "sha,sse4.1")]
#[inline]
fn load_words(words: &State) -> [Words; 2] {
    let (quads, _) = words.as_chunks::<4>();
    [load(&quads[0]), load(&quads[1])]
}

#[target_feature(enable = "sha,sse4.1")]
#[inline]
fn load(words: &[u32; 4]) -> Words {
    // SAFETY: sixteen bytes are readable, and the load needs no alignment.
    unsafe { _mm_loadu_si128(words.as_ptr().cast()) }
}

#[target_feature(enable = "sha,sse4.1")]
#[inline]
fn store(words: &mut [u32; 4], value: Words) {
    // SAFETY: sixteen bytes are writable, and the store needs no alignment.
    unsafe { _mm_storeu_si128(words.as_mut_ptr().cast(), value) }
}
