//! SHA instructions with version rolling: one message schedule a nonce, and `N` versions in as many streams.
#![allow(unsafe_code)]

use std::arch::x86_64::*;
use std::ops::RangeInclusive;

use super::sha_ni::{
    Message, Quad, State, digest, each, expand_all, first_quads, four_rounds, nonce_word, outer_hash, padding,
    plus_constants, state, supported, two_rounds, with_nonce,
};
use crate::pow::kernels::sieve::Sieve;
use crate::pow::kernels::template::Template;
use crate::pow::target::Target;

/// Scans `N` versions at a time; what is left at their end in fewer streams.
pub(super) fn scan<const N: usize>(
    template: &Template,
    nonces: RangeInclusive<u32>,
    target: &Target,
    on_hit: &mut dyn FnMut(usize, u32),
) {
    assert!(supported(), "this processor lacks the SHA instructions");
    // SAFETY: it was just checked that the processor has the instructions.
    unsafe { scan_unchecked::<N>(template, nonces, &mut Sieve::new(template, target, on_hit)) }
}

/// The message of rounds 16 to 63 with the round constants, two words an item.
type Schedule = [u64; 24];

/// The start of the second block and the midstate, in the instructions' order.
type Prepared = (State, State);

#[target_feature(enable = "sha,sse4.1,ssse3,avx")]
fn scan_unchecked<const N: usize>(template: &Template, nonces: RangeInclusive<u32>, sieve: &mut Sieve<'_>) {
    let message = Message::new(template);
    let mut versions: Vec<Prepared> = Vec::with_capacity(template.versions());
    for version in template.prepared() {
        versions.push((state(version.start), state(version.midstate)));
    }
    for nonce in nonces {
        // See the head of this room.
        _mm256_zeroupper();
        let mut words = [0; 24];
        schedule(&message, nonce, |quad, kw| {
            words[2 * quad] = _mm_cvtsi128_si64(kw).cast_unsigned();
            words[2 * quad + 1] = _mm_extract_epi64::<1>(kw).cast_unsigned();
        });
        let rest = scan_groups::<N>(&words, nonce, &versions, 0, sieve);
        let rest = scan_groups::<2>(&words, nonce, &versions, rest, sieve);
        scan_groups::<1>(&words, nonce, &versions, rest, sieve);
    }
}

/// Scans whole groups of `N` versions from version `first` on, and gives the first version after them.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3,avx")]
fn scan_groups<const N: usize>(
    schedule: &Schedule,
    nonce: u32,
    versions: &[Prepared],
    mut first: usize,
    sieve: &mut Sieve<'_>,
) -> usize {
    let (groups, _) = versions[first..].as_chunks::<N>();
    for group in groups {
        sieve.versions(first, nonce, &last_words(schedule, nonce, group));
        first += N;
    }
    first
}

/// Hands out the second block's message under a nonce, quad by quad with the round constants: those of rounds 16 to 63.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3,avx")]
pub(super) fn schedule(message: &Message, nonce: u32, mut put: impl FnMut(usize, Quad)) {
    let mut w = [first_quads(message, nonce_word(nonce))];
    each!(Q in [4 5 6 7] { put(Q - 4, plus_constants(&w, Q)[0]); });
    each!(Q in [8 9 10 11 12 13 14 15] {
        expand_all(&mut w, Q);
        put(Q - 4, plus_constants(&w, Q)[0]);
    });
}

/// The last words of the hashes of `N` versions with a nonce.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3,avx")]
fn last_words<const N: usize>(schedule: &Schedule, nonce: u32, versions: &[Prepared; N]) -> [u32; N] {
    let n = nonce_word(nonce);
    let mut streams = versions.map(|(start, _)| with_nonce(start, n));
    for kw in padding() {
        four_rounds(&mut streams, [kw; N]);
    }
    each!(I in [0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23] {
        two_rounds(&mut streams, _mm_cvtsi64_si128(schedule[I].cast_signed()));
    });
    outer_hash::<N, false>(std::array::from_fn(|i| digest(streams[i], versions[i].1)))
}
