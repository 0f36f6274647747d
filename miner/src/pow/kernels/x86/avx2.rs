//! 8 lanes with AVX2, for x86 without SHA instructions.
#![allow(unsafe_code)]

use std::arch::x86_64::*;
use std::ops::RangeInclusive;

use super::vector;
use crate::pow::kernels::sieve::Sieve;
use crate::pow::kernels::template::Template;
use crate::pow::kernels::word::Word;
use crate::pow::target::Target;

/// Tells whether this processor has the instructions.
pub(super) fn supported() -> bool {
    is_x86_feature_detected!("avx2")
}

/// Scans 8 nonces at a time.
pub(super) fn scan(
    template: &Template,
    nonces: RangeInclusive<u32>,
    target: &Target,
    on_hit: &mut dyn FnMut(usize, u32),
) {
    assert!(supported(), "this processor lacks AVX2");
    // SAFETY: it was just checked that the processor has the instructions.
    unsafe { scan_unchecked(template, nonces, &mut Sieve::new(template, target, on_hit)) }
}

#[target_feature(enable = "avx2")]
fn scan_unchecked(template: &Template, nonces: RangeInclusive<u32>, sieve: &mut Sieve<'_>) {
    vector::scan(Lanes(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)), template, nonces, sieve);
}

/// 8 words side by side; a value is made only where the processor has the instructions.
#[derive(Clone, Copy)]
struct Lanes(__m256i);

impl Word for Lanes {
    const LANES: usize = 8;

    #[inline(always)]
    fn splat(self, word: u32) -> Self {
        // SAFETY: there is a value of this type, so the processor has the instructions.
        Self(unsafe { _mm256_set1_epi32(word.cast_signed()) })
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe { _mm256_add_epi32(self.0, other.0) })
    }

    #[inline(always)]
    fn rotate<const BITS: i32>(self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe {
            let (right, left) = (_mm_cvtsi32_si128(BITS), _mm_cvtsi32_si128(32 - BITS));
            _mm256_or_si256(_mm256_srl_epi32(self.0, right), _mm256_sll_epi32(self.0, left))
        })
    }

    #[inline(always)]
    fn shift<const BITS: i32>(self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe { _mm256_srli_epi32::<BITS>(self.0) })
    }

    #[inline(always)]
    fn xor(self, b: Self, c: Self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe { _mm256_xor_si256(_mm256_xor_si256(self.0, b.0), c.0) })
    }

    #[inline(always)]
    fn choose(self, yes: Self, no: Self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe { _mm256_xor_si256(no.0, _mm256_and_si256(self.0, _mm256_xor_si256(yes.0, no.0))) })
    }

    /// `b ^ ((a ^ b) & (b ^ c))`: the last term is the next round's first, which the compiler keeps.
    #[inline(always)]
    fn majority(self, b: Self, c: Self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe {
            let differ = _mm256_and_si256(_mm256_xor_si256(self.0, b.0), _mm256_xor_si256(b.0, c.0));
            _mm256_xor_si256(b.0, differ)
        })
    }

    #[inline(always)]
    fn swap_bytes(self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe {
            let order = _mm256_set1_epi64x(0x0405_0607_0001_0203);
            let order = _mm256_add_epi8(order, _mm256_setr_epi64x(0, 0x0808_0808_0808_0808, 0, 0x0808_0808_0808_0808));
            _mm256_shuffle_epi8(self.0, order)
        })
    }

    #[inline(always)]
    fn at_most(self, limit: Self) -> u32 {
        // SAFETY: as in `splat`.
        let mask = unsafe {
            let least = _mm256_min_epu32(self.0, limit.0);
            _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(least, self.0)))
        };
        mask.cast_unsigned()
    }
}
