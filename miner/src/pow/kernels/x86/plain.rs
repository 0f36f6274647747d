//! SHA instructions with consecutive nonces in `N` streams.
#![allow(unsafe_code)]

use std::arch::x86_64::_mm256_zeroupper;
use std::ops::RangeInclusive;

use super::sha_ni::{
    Message, Quad, State, digest, each, expand_all, first_quads, four_rounds, nonce_word, outer_hash, padding,
    plus_constants, state, supported, with_nonce,
};
use crate::pow::kernels::sieve::{Sieve, blocks};
use crate::pow::kernels::template::Template;
use crate::pow::target::Target;

/// Scans `N` nonces at a time; `WHOLE` computes every hash to its end, for comparison.
pub(super) fn scan<const N: usize, const WHOLE: bool>(
    template: &Template,
    nonces: RangeInclusive<u32>,
    target: &Target,
    on_hit: &mut dyn FnMut(usize, u32),
) {
    assert!(supported(), "this processor lacks the SHA instructions");
    // SAFETY: it was just checked that the processor has the instructions.
    unsafe { scan_unchecked::<N, WHOLE>(template, nonces, &mut Sieve::new(template, target, on_hit)) }
}

#[target_feature(enable = "sha,sse4.1,ssse3,avx")]
fn scan_unchecked<const N: usize, const WHOLE: bool>(
    template: &Template,
    nonces: RangeInclusive<u32>,
    sieve: &mut Sieve<'_>,
) {
    let message = Message::new(template);
    for (version, prepared) in template.prepared().iter().enumerate() {
        let (start, midstate) = (state(prepared.start), state(prepared.midstate));
        for (first, used) in blocks(nonces.clone(), N) {
            // See the head of this room.
            _mm256_zeroupper();
            let mut nonce = first.wrapping_sub(1);
            let nonces = std::array::from_fn(|_| {
                nonce = nonce.wrapping_add(1);
                nonce_word(nonce)
            });
            let last_words = outer_hash::<N, WHOLE>(inner_hash(&message, start, midstate, nonces));
            sieve.nonces(version, first, &last_words[..used]);
        }
    }
}

/// Finishes the headers' hashes from their fourth round on: 30 double rounds.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3,avx")]
fn inner_hash<const N: usize>(message: &Message, start: State, midstate: State, nonces: [Quad; N]) -> [[Quad; 2]; N] {
    let mut streams = nonces.map(|n| with_nonce(start, n));
    for kw in padding() {
        four_rounds(&mut streams, [kw; N]);
    }
    let mut w = nonces.map(|n| first_quads(message, n));
    each!(Q in [4 5 6 7] { four_rounds(&mut streams, plus_constants(&w, Q)); });
    each!(Q in [8 9 10 11 12 13 14 15] {
        expand_all(&mut w, Q);
        four_rounds(&mut streams, plus_constants(&w, Q));
    });
    streams.map(|state| digest(state, midstate))
}
