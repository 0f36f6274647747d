//! The SHA-256 instructions of 64-bit ARM (FEAT_SHA256), with `N` nonces or versions side by side.
//!
//! Tested under emulation; no processor has measured their speed yet.
#![allow(unsafe_code)]

use std::arch::aarch64::*;
use std::arch::is_aarch64_feature_detected;
use std::ops::RangeInclusive;

use super::sieve::{Sieve, blocks};
use super::template::{LENGTH, OUTER_LENGTH, PADDING, Template};
use super::word::K;
use super::{Kernel, Mode, portable};
use crate::pow::header::{INITIAL_STATE, Midstate};
use crate::pow::target::Target;

/// Every kernel, the portable one last.
pub(super) static KERNELS: &[Kernel] = &[
    Kernel::new("arm-sha-rolling-2", Mode::Rolling, 2, supported, scan_rolling::<2>),
    Kernel::new("arm-sha-rolling-4", Mode::Rolling, 4, supported, scan_rolling::<4>),
    Kernel::new("arm-sha-1", Mode::Plain, 1, supported, scan::<1>),
    Kernel::new("arm-sha-2", Mode::Plain, 2, supported, scan::<2>),
    Kernel::new("arm-sha-4", Mode::Plain, 4, supported, scan::<4>),
    portable::KERNEL,
];

/// Tells whether this processor has the instructions.
fn supported() -> bool {
    is_aarch64_feature_detected!("sha2")
}

/// Scans `N` nonces at a time.
fn scan<const N: usize>(
    template: &Template,
    nonces: RangeInclusive<u32>,
    target: &Target,
    on_hit: &mut dyn FnMut(usize, u32),
) {
    assert!(supported(), "this processor lacks the SHA instructions");
    // SAFETY: it was just checked that the processor has the instructions.
    unsafe { scan_unchecked::<N>(template, nonces, &mut Sieve::new(template, target, on_hit)) }
}

/// Scans `N` versions at a time under each nonce, and what is left at their end one by one.
fn scan_rolling<const N: usize>(
    template: &Template,
    nonces: RangeInclusive<u32>,
    target: &Target,
    on_hit: &mut dyn FnMut(usize, u32),
) {
    assert!(supported(), "this processor lacks the SHA instructions");
    // SAFETY: it was just checked that the processor has the instructions.
    unsafe { rolling_unchecked::<N>(template, nonces, &mut Sieve::new(template, target, on_hit)) }
}

/// Four words, lowest first.
type Quad = uint32x4_t;

/// SHA-256's state: the words a to d and e to h.
type State = [Quad; 2];

#[inline]
#[target_feature(enable = "neon,sha2")]
fn quad(words: [u32; 4]) -> Quad {
    // SAFETY: the pointer is to four words.
    unsafe { vld1q_u32(words.as_ptr()) }
}

#[inline]
#[target_feature(enable = "neon,sha2")]
fn state([a, b, c, d, e, f, g, h]: Midstate) -> State {
    [quad([a, b, c, d]), quad([e, f, g, h])]
}

#[target_feature(enable = "neon,sha2")]
fn scan_unchecked<const N: usize>(template: &Template, nonces: RangeInclusive<u32>, sieve: &mut Sieve<'_>) {
    let words = quad(template.words_16_to_19());
    let [_, padding @ ..] = second_block(words, 0);
    for (version, prepared) in template.prepared().iter().enumerate() {
        let (start, midstate) = (state(prepared.start), state(prepared.midstate));
        for (first, used) in blocks(nonces.clone(), N) {
            let mut nonces = [0; N];
            for (word, nonce) in nonces.iter_mut().zip(first..=u32::MAX) {
                *word = nonce.swap_bytes();
            }
            let mut states = nonces.map(|n| with_nonce(start, n));
            for (index, quad) in padding.into_iter().enumerate() {
                four_rounds(&mut states, [quad; N], index + 1);
            }
            let mut w = nonces.map(|n| second_block(words, n));
            four_rounds(&mut states, w.map(|w| w[0]), 4);
            for index in 5..16 {
                expand(&mut w, index);
                four_rounds(&mut states, w.map(|w| w[index % 4]), index);
            }
            let inner = states.map(|state| sum(state, midstate));
            sieve.nonces(version, first, &outer_hash(inner)[..used]);
        }
    }
}

/// The start of the second block and the midstate.
type Prepared = (State, State);

/// The second block's message from its second quad on, with the round constants.
type Schedule = [Quad; 15];

#[target_feature(enable = "neon,sha2")]
fn rolling_unchecked<const N: usize>(template: &Template, nonces: RangeInclusive<u32>, sieve: &mut Sieve<'_>) {
    let mut versions: Vec<Prepared> = Vec::with_capacity(template.versions());
    for version in template.prepared() {
        versions.push((state(version.start), state(version.midstate)));
    }
    let words = quad(template.words_16_to_19());
    let (groups, rest) = versions.as_chunks::<N>();
    for nonce in nonces {
        let n = nonce.swap_bytes();
        let (schedule, mut first) = (schedule(words, n), 0);
        for group in groups {
            sieve.versions(first, nonce, &last_words(&schedule, n, group));
            first += N;
        }
        for version in rest {
            sieve.versions(first, nonce, &last_words(&schedule, n, std::array::from_ref(version)));
            first += 1;
        }
    }
}

#[inline]
#[target_feature(enable = "neon,sha2")]
fn schedule(words: Quad, n: u32) -> Schedule {
    let mut w = [second_block(words, n)];
    let mut schedule = [w[0][0]; 15];
    for index in 1..16 {
        if index > 4 {
            expand(&mut w, index);
        }
        schedule[index - 1] = vaddq_u32(w[0][index % 4], constants(index));
    }
    schedule
}

/// The last words of the hashes of `N` versions with a nonce.
#[inline]
#[target_feature(enable = "neon,sha2")]
fn last_words<const N: usize>(schedule: &Schedule, n: u32, versions: &[Prepared; N]) -> [u32; N] {
    let mut states = versions.map(|(start, _)| with_nonce(start, n));
    for &kw in schedule {
        rounds(&mut states, [kw; N]);
    }
    outer_hash(std::array::from_fn(|i| sum(states[i], versions[i].1)))
}

/// Quads 4, 1, 2 and 3 of the second block's message under a nonce, given as message word; `words` are 16 to 19 without it.
#[inline]
#[target_feature(enable = "neon,sha2")]
fn second_block(words: Quad, n: u32) -> [Quad; 4] {
    let zero = quad([0; 4]);
    // vsha256su0 of 0, 0, 0, n gives 0, 0, sigma0(n), n.
    let quad4 = vaddq_u32(words, vsha256su0q_u32(quad([0, 0, 0, n]), zero));
    [quad4, quad([PADDING, 0, 0, 0]), zero, quad([0, 0, 0, LENGTH])]
}

/// A state after four rounds, to whose words a and e the nonce's message word is added.
#[inline]
#[target_feature(enable = "neon,sha2")]
fn with_nonce(start: State, n: u32) -> State {
    sum(start, [quad([n, 0, 0, 0]); 2])
}

/// Adds two states word by word.
#[inline]
#[target_feature(enable = "neon,sha2")]
fn sum([abcd, efgh]: State, other: State) -> State {
    [vaddq_u32(abcd, other[0]), vaddq_u32(efgh, other[1])]
}

/// The round constants from round `4 * index` on.
#[inline]
#[target_feature(enable = "neon,sha2")]
fn constants(index: usize) -> Quad {
    quad([K[4 * index], K[4 * index + 1], K[4 * index + 2], K[4 * index + 3]])
}

/// Runs the four rounds from `4 * index` on in every stream.
#[inline]
#[target_feature(enable = "neon,sha2")]
fn four_rounds<const N: usize>(states: &mut [State; N], w: [Quad; N], index: usize) {
    let constants = constants(index);
    rounds(states, w.map(|w| vaddq_u32(w, constants)));
}

/// Runs four rounds in every stream.
#[inline]
#[target_feature(enable = "neon,sha2")]
fn rounds<const N: usize>(states: &mut [State; N], kw: [Quad; N]) {
    for ([abcd, efgh], kw) in states.iter_mut().zip(kw) {
        let before = *abcd;
        *abcd = vsha256hq_u32(before, *efgh, kw);
        *efgh = vsha256h2q_u32(*efgh, before, kw);
    }
}

/// Replaces the oldest quad of every stream's message by the quad `index`.
#[inline]
#[target_feature(enable = "neon,sha2")]
fn expand<const N: usize>(w: &mut [[Quad; 4]; N], index: usize) {
    for w in w {
        let [w0, w1, w2, w3] = [0, 1, 2, 3].map(|age| w[(index + age) % 4]);
        w[index % 4] = vsha256su1q_u32(vsha256su0q_u32(w0, w1), w2, w3);
    }
}

/// Hashes inner hashes as far as their last words.
#[inline]
#[target_feature(enable = "neon,sha2")]
fn outer_hash<const N: usize>(inner: [State; N]) -> [u32; N] {
    let (quad2, quad3) = (quad([PADDING, 0, 0, 0]), quad([0, 0, 0, OUTER_LENGTH]));
    let mut w = inner.map(|[quad0, quad1]| [quad0, quad1, quad2, quad3]);
    let mut states = [state(INITIAL_STATE); N];
    for index in 0..16 {
        if index > 3 {
            expand(&mut w, index);
        }
        four_rounds(&mut states, w.map(|w| w[index % 4]), index);
    }
    states.map(|[_, efgh]| vgetq_lane_u32::<3>(efgh).wrapping_add(INITIAL_STATE[7]))
}
