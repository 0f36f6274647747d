//! 16 lanes with AVX-512, which rotates words and combines three of them in one instruction.
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
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw")
}

/// Scans 16 nonces at a time.
pub(super) fn scan(
    template: &Template,
    nonces: RangeInclusive<u32>,
    target: &Target,
    on_hit: &mut dyn FnMut(usize, u32),
) {
    assert!(supported(), "this processor lacks AVX-512");
    // SAFETY: it was just checked that the processor has the instructions.
    unsafe { scan_unchecked(template, nonces, &mut Sieve::new(template, target, on_hit)) }
}

#[target_feature(enable = "avx512f,avx512bw")]
fn scan_unchecked(template: &Template, nonces: RangeInclusive<u32>, sieve: &mut Sieve<'_>) {
    vector::scan(
        Lanes(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)),
        template,
        nonces,
        sieve,
    );
}

/// 16 words side by side; a value is made only where the processor has the instructions.
#[derive(Clone, Copy)]
struct Lanes(__m512i);

impl Word for Lanes {
    const LANES: usize = 16;

    #[inline(always)]
    fn splat(self, word: u32) -> Self {
        // SAFETY: there is a value of this type, so the processor has the instructions.
        Self(unsafe { _mm512_set1_epi32(word.cast_signed()) })
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe { _mm512_add_epi32(self.0, other.0) })
    }

    #[inline(always)]
    fn rotate<const BITS: i32>(self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe { _mm512_ror_epi32::<BITS>(self.0) })
    }

    #[inline(always)]
    fn shift<const BITS: i32>(self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe { _mm512_srl_epi32(self.0, _mm_cvtsi32_si128(BITS)) })
    }

    #[inline(always)]
    fn xor(self, b: Self, c: Self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe { _mm512_ternarylogic_epi32::<0x96>(self.0, b.0, c.0) })
    }

    #[inline(always)]
    fn choose(self, yes: Self, no: Self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe { _mm512_ternarylogic_epi32::<0xca>(self.0, yes.0, no.0) })
    }

    #[inline(always)]
    fn majority(self, b: Self, c: Self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe { _mm512_ternarylogic_epi32::<0xe8>(self.0, b.0, c.0) })
    }

    #[inline(always)]
    fn swap_bytes(self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe {
            let order = _mm512_set4_epi32(0x0c0d_0e0f, 0x0809_0a0b, 0x0405_0607, 0x0001_0203);
            _mm512_shuffle_epi8(self.0, order)
        })
    }

    #[inline(always)]
    fn at_most(self, limit: Self) -> u32 {
        // SAFETY: as in `splat`.
        u32::from(unsafe { _mm512_cmple_epu32_mask(self.0, limit.0) })
    }
}
