//! Sixteen messages at a time by AVX-512: rotations and three-operand logic are single instructions.
#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m128i, __m512i, _mm_loadu_si128, _mm_set_epi64x, _mm512_add_epi32, _mm512_broadcast_i32x4,
    _mm512_castsi128_si512, _mm512_inserti32x4, _mm512_ror_epi32, _mm512_set1_epi32, _mm512_shuffle_epi8,
    _mm512_srli_epi32, _mm512_storeu_si512, _mm512_ternarylogic_epi32, _mm512_unpackhi_epi32, _mm512_unpackhi_epi64,
    _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
};
use std::borrow::Borrow;

use super::schedule::{DIGEST_PADDING, HEADER_PADDING, K, NODE_PADDING};
use super::sliced::{rounds, sixteen, sliced};
use super::{Block, Digest, Lanes, State, Tail};
use crate::pow::header::INITIAL_STATE;

/// Up to sixteen messages at a time.
pub(super) static LANES: Lanes = Lanes { name: "avx512", width: WIDTH, supported, compress, again, parent, finish };

sliced!("avx512f,avx512bw", __m512i, 16);

fn supported() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw")
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn splat(word: u32) -> Vector {
    _mm512_set1_epi32(word.cast_signed())
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn load(quads: &[&[u32; 4]; WIDTH], row: usize) -> Vector {
    let first = _mm512_castsi128_si512(load_quad(quads[row]));
    let second = _mm512_inserti32x4::<1>(first, load_quad(quads[row + 4]));
    let third = _mm512_inserti32x4::<2>(second, load_quad(quads[row + 8]));
    _mm512_inserti32x4::<3>(third, load_quad(quads[row + 12]))
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn load_quad(words: &[u32; 4]) -> __m128i {
    // SAFETY: 16 bytes are readable, and the load needs no alignment.
    unsafe { _mm_loadu_si128(words.as_ptr().cast()) }
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn store(quads: &mut [[u32; 4]; WIDTH / 4], vector: Vector) {
    // SAFETY: 64 bytes are writable, and the store needs no alignment.
    unsafe { _mm512_storeu_si512(quads.as_mut_ptr().cast(), vector) }
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn add(one: Vector, other: Vector) -> Vector {
    _mm512_add_epi32(one, other)
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn rotate_right<const BITS: i32>(word: Vector) -> Vector {
    _mm512_ror_epi32::<BITS>(word)
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn shift_right<const BITS: u32>(word: Vector) -> Vector {
    _mm512_srli_epi32::<BITS>(word)
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn swap_bytes(word: Vector) -> Vector {
    let order = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
    _mm512_shuffle_epi8(word, _mm512_broadcast_i32x4(order))
}

// The constants are the functions' truth tables.

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn xor3(x: Vector, y: Vector, z: Vector) -> Vector {
    _mm512_ternarylogic_epi32::<0x96>(x, y, z)
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn choose(x: Vector, y: Vector, z: Vector) -> Vector {
    _mm512_ternarylogic_epi32::<0xca>(x, y, z)
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn majority(x: Vector, y: Vector, z: Vector) -> Vector {
    _mm512_ternarylogic_epi32::<0xe8>(x, y, z)
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn unpack_low_32(one: Vector, other: Vector) -> Vector {
    _mm512_unpacklo_epi32(one, other)
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn unpack_high_32(one: Vector, other: Vector) -> Vector {
    _mm512_unpackhi_epi32(one, other)
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn unpack_low_64(one: Vector, other: Vector) -> Vector {
    _mm512_unpacklo_epi64(one, other)
}

#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn unpack_high_64(one: Vector, other: Vector) -> Vector {
    _mm512_unpackhi_epi64(one, other)
}
