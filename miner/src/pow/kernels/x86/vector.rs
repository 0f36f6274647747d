//! Scanning with plain vector instructions: one nonce a lane, and one message schedule for all versions.

use std::ops::RangeInclusive;

use crate::pow::header::INITIAL_STATE;
use crate::pow::kernels::sieve::{Sieve, blocks};
use crate::pow::kernels::template::{LENGTH, OUTER_LENGTH, PADDING, Template, Version};
use crate::pow::kernels::word::{K, Word, half_round, next_word, round, sigma0, sigma1};

/// Repeats a block with a constant.
macro_rules! unroll {
    ($t:ident in [$($n:literal)*] $body:block) => { $({ const $t: usize = $n; $body })* };
}

/// The second block's message words 18 to 63, each with its round constant: the same for every version.
type Schedule<W> = [W; 46];

/// Scans a range of nonces under every version; `count` is 0, 1, 2 and so on, one in each lane.
#[inline(always)]
pub(super) fn scan<W: Word>(count: W, template: &Template, nonces: RangeInclusive<u32>, sieve: &mut Sieve<'_>) {
    let (limit, words) = (count.splat(sieve.limit()), template.words_16_to_19());
    for (first, used) in blocks(nonces, W::LANES) {
        let nonce = count.add(count.splat(first)).swap_bytes();
        let schedule = schedule(words, nonce);
        for (version, prepared) in template.prepared().iter().enumerate() {
            let last_word = outer_hash(inner_hash(prepared, words, nonce, &schedule));
            report(sieve, version, first, used, last_word.swap_bytes().at_most(limit));
        }
    }
}

#[inline(always)]
fn report(sieve: &mut Sieve<'_>, version: usize, first: u32, used: usize, mut candidates: u32) {
    while candidates != 0 {
        let lane = candidates.trailing_zeros();
        candidates &= candidates - 1;
        if (lane as usize) < used {
            sieve.candidate(version, first + lane);
        }
    }
}

/// Expands the second block's message. Its words 4 to 15 are padding, so some terms are zero.
#[inline(always)]
fn schedule<W: Word>([w16, w17, w18, w19]: [u32; 4], nonce: W) -> Schedule<W> {
    let splat = |word| nonce.splat(word);
    let zero = splat(0);
    // Words 16 to 31, and then always the last 16.
    let mut w = [zero; 16];
    w[0] = splat(w16);
    w[1] = splat(w17);
    w[2] = splat(w18).add(sigma0(nonce));
    w[3] = splat(w19).add(nonce);
    w[4] = splat(PADDING).add(sigma1(w[2]));
    w[5] = sigma1(w[3]);
    w[6] = splat(LENGTH).add(sigma1(w[4]));
    w[7] = splat(w16).add(sigma1(w[5]));
    w[8] = splat(w17).add(sigma1(w[6]));
    w[9] = w[2].add(sigma1(w[7]));
    w[10] = w[3].add(sigma1(w[8]));
    w[11] = w[4].add(sigma1(w[9]));
    w[12] = w[5].add(sigma1(w[10]));
    w[13] = w[6].add(sigma1(w[11]));
    w[14] = w[7].add(sigma1(w[12])).add(splat(sigma0(LENGTH)));
    w[15] = w[8].add(sigma1(w[13])).add(splat(LENGTH.wrapping_add(sigma0(w16))));
    let mut schedule = [zero; 46];
    unroll!(T in [18 19 20 21 22 23 24 25 26 27 28 29 30 31] {
        schedule[T - 18] = w[T - 16].add(splat(K[T]));
    });
    unroll!(T in [32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63] {
        schedule[T - 18] = expand::<W, T>(&mut w).add(splat(K[T]));
    });
    schedule
}

/// Finishes the header's hash from its fourth round on.
#[inline(always)]
fn inner_hash<W: Word>(version: &Version, words: [u32; 4], nonce: W, schedule: &Schedule<W>) -> [W; 8] {
    let splat = |word| nonce.splat(word);
    let mut state = version.start.map(splat);
    state[0] = state[0].add(nonce);
    state[4] = state[4].add(nonce);
    state = round(state, splat(K[4].wrapping_add(PADDING)));
    unroll!(T in [5 6 7 8 9 10 11 12 13 14] { state = round(state, splat(K[T])); });
    state = round(state, splat(K[15].wrapping_add(LENGTH)));
    state = round(state, splat(K[16].wrapping_add(words[0])));
    state = round(state, splat(K[17].wrapping_add(words[1])));
    unroll!(T in [
        18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40
        41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63
    ] { state = round(state, schedule[T - 18]); });
    unroll!(I in [0 1 2 3 4 5 6 7] { state[I] = state[I].add(splat(version.midstate[I])); });
    state
}

/// Hashes the inner hash as far as its last word, which is known after round 60.
///
/// The compiler folds what the padding and the initial state make constant.
#[inline(always)]
fn outer_hash<W: Word>([w0, w1, w2, w3, w4, w5, w6, w7]: [W; 8]) -> W {
    let splat = |word| w0.splat(word);
    let zero = splat(0);
    let mut w =
        [w0, w1, w2, w3, w4, w5, w6, w7, splat(PADDING), zero, zero, zero, zero, zero, zero, splat(OUTER_LENGTH)];
    let mut state = INITIAL_STATE.map(splat);
    unroll!(T in [0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15] { state = round(state, w[T].add(splat(K[T]))); });
    unroll!(T in [
        16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36
        37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56
    ] { state = round(state, expand::<W, T>(&mut w).add(splat(K[T]))); });
    unroll!(T in [57 58 59 60] { state = half_round(state, expand::<W, T>(&mut w).add(splat(K[T]))); });
    state[4].add(splat(INITIAL_STATE[7]))
}

/// Replaces the oldest of 16 message words by the word `T`, and gives it.
#[inline(always)]
fn expand<W: Word, const T: usize>(w: &mut [W; 16]) -> W {
    w[T % 16] = next_word([w[T % 16], w[(T + 1) % 16], w[(T + 9) % 16], w[(T + 14) % 16]]);
    w[T % 16]
}
