//! Eight messages at a time by AVX2, for processors without SHA instructions.
#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m128i, __m256i, _mm_cvtsi32_si128, _mm_loadu_si128, _mm_set_epi64x, _mm256_add_epi32, _mm256_and_si256,
    _mm256_broadcastsi128_si256, _mm256_castsi128_si256, _mm256_inserti128_si256, _mm256_or_si256, _mm256_set1_epi32,
    _mm256_shuffle_epi8, _mm256_sll_epi32, _mm256_srl_epi32, _mm256_storeu_si256, _mm256_unpackhi_epi32,
    _mm256_unpackhi_epi64, _mm256_unpacklo_epi32, _mm256_unpacklo_epi64, _mm256_xor_si256,
};
use std::borrow::Borrow;

use super::schedule::{DIGEST_PADDING, HEADER_PADDING, K, NODE_PADDING};
use super::sliced::{rounds, sixteen, sliced};
use super::{Block, Digest, Lanes, State, Tail};
use crate::pow::header::INITIAL_STATE;

/// Up to eight messages at a time.
pub(super) static LANES: Lanes = Lanes { name: "avx2", width: WIDTH, supported, compress, again, parent, finish };

sliced!("avx2", __m256i, 8);

fn supported() -> bool {
    is_x86_feature_detected!("avx2")
}

#[target_feature(enable = "avx2")]
#[inline]
fn splat(word: u32) -> Vector {
    _mm256_set1_epi32(word.cast_signed())
}

#[target_feature(enable = "avx2")]
#[inline]
fn load(quads: &[&[u32; 4]; WIDTH], row: usize) -> Vector {
    _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(load_quad(quads[row])), load_quad(quads[row + 4]))
}

#[target_feature(enable = "avx2")]
#[inline]
fn load_quad(words: &[u32; 4]) -> __m128i {
    // SAFETY: 16 bytes are readable, and the load needs no alignment.
    unsafe { _mm_loadu_si128(words.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
#[inline]
fn store(quads: &mut [[u32; 4]; WIDTH / 4], vector: Vector) {
    // SAFETY: 32 bytes are writable, and the store needs no alignment.
    unsafe { _mm256_storeu_si256(quads.as_mut_ptr().cast(), vector) }
}

#[target_feature(enable = "avx2")]
#[inline]
fn add(one: Vector, other: Vector) -> Vector {
    _mm256_add_epi32(one, other)
}

#[target_feature(enable = "avx2")]
#[inline]
fn rotate_right<const BITS: i32>(word: Vector) -> Vector {
    // The counts are constants, which the compiler turns into immediate ones.
    let left = _mm256_sll_epi32(word, _mm_cvtsi32_si128(32 - BITS));
    _mm256_or_si256(_mm256_srl_epi32(word, _mm_cvtsi32_si128(BITS)), left)
}

#[target_feature(enable = "avx2")]
#[inline]
fn shift_right<const BITS: i32>(word: Vector) -> Vector {
    _mm256_srl_epi32(word, _mm_cvtsi32_si128(BITS))
}

#[target_feature(enable = "avx2")]
#[inline]
fn swap_bytes(word: Vector) -> Vector {
    let order = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
    _mm256_shuffle_epi8(word, _mm256_broadcastsi128_si256(order))
}

#[target_feature(enable = "avx2")]
#[inline]
fn xor3(x: Vector, y: Vector, z: Vector) -> Vector {
    _mm256_xor_si256(_mm256_xor_si256(x, y), z)
}

#[target_feature(enable = "avx2")]
#[inline]
fn choose(x: Vector, y: Vector, z: Vector) -> Vector {
    _mm256_xor_si256(z, _mm256_and_si256(x, _mm256_xor_si256(y, z)))
}

#[target_feature(enable = "avx2")]
#[inline]
fn majority(x: Vector, y: Vector, z: Vector) -> Vector {
    _mm256_or_si256(_mm256_and_si256(x, y), _mm256_and_si256(z, _mm256_or_si256(x, y)))
}

#[target_feature(enable = "avx2")]
#[inline]
fn unpack_low_32(one: Vector, other: Vector) -> Vector {
    _mm256_unpacklo_epi32(one, other)
}

#[target_feature(enable = "avx2")]
#[inline]
fn unpack_high_32(one: Vector, other: Vector) -> Vector {
    _mm256_unpackhi_epi32(one, other)
}

#[target_feature(enable = "avx2")]
#[inline]
fn unpack_low_64(one: Vector, other: Vector) -> Vector {
    _mm256_unpacklo_epi64(one, other)
}

#[target_feature(enable = "avx2")]
#[inline]
fn unpack_high_64(one: Vector, other: Vector) -> Vector {
    _mm256_unpackhi_epi64(one, other)
}
