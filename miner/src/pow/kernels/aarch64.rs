//! The SHA-256 instructions of 64-bit ARM (FEAT_SHA256), with `N` nonces side by side.
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
    let [w16, w17, w18, w19] = template.words_16_to_19();
    let zero = quad([0; 4]);
    for (version, prepared) in template.prepared().iter().enumerate() {
        let (start, midstate) = (state(prepared.start), state(prepared.midstate));
        for (first, used) in blocks(nonces.clone(), N) {
            let mut words = [0; N];
            for (word, nonce) in words.iter_mut().zip(first..=u32::MAX) {
                *word = nonce.swap_bytes();
            }
            let mut states =
                words.map(|n| [vaddq_u32(start[0], quad([n, 0, 0, 0])), vaddq_u32(start[1], quad([n, 0, 0, 0]))]);
            let padding = [quad([PADDING, 0, 0, 0]), zero, quad([0, 0, 0, LENGTH])];
            for (index, quad) in padding.into_iter().enumerate() {
                four_rounds(&mut states, [quad; N], index + 1);
            }
            let mut w = words.map(|n| {
                let known = vsha256su0q_u32(quad([0, 0, 0, n]), zero);
                [vaddq_u32(quad([w16, w17, w18, w19]), known), padding[0], zero, padding[2]]
            });
            four_rounds(&mut states, w.map(|w| w[0]), 4);
            for index in 5..16 {
                expand(&mut w, index);
                four_rounds(&mut states, w.map(|w| w[index % 4]), index);
            }
            let inner = states.map(|[abcd, efgh]| [vaddq_u32(abcd, midstate[0]), vaddq_u32(efgh, midstate[1])]);
            sieve.nonces(version, first, &outer_hash(inner)[..used]);
        }
    }
}

/// Runs the four rounds from `4 * index` on in every stream.
#[inline]
#[target_feature(enable = "neon,sha2")]
fn four_rounds<const N: usize>(states: &mut [State; N], w: [Quad; N], index: usize) {
    let constants = quad([K[4 * index], K[4 * index + 1], K[4 * index + 2], K[4 * index + 3]]);
    for ([abcd, efgh], w) in states.iter_mut().zip(w) {
        let (kw, before) = (vaddq_u32(w, constants), *abcd);
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
