//! The SHA instructions of x86, for several streams side by side: one alone waits for `sha256rnds2`'s latency.
//!
//! The code is encoded for AVX, whose instructions don't overwrite an operand.
#![allow(unsafe_code)]

use std::arch::x86_64::*;
use std::hint::black_box;
use std::time::Duration;

use crate::pow::header::{INITIAL_STATE, Midstate};
use crate::pow::kernels::measure::processor_time;
use crate::pow::kernels::template::{LENGTH, OUTER_LENGTH, PADDING, Template};
use crate::pow::kernels::word::{K, sigma0};

/// Tells whether this processor has the instructions.
pub(super) fn supported() -> bool {
    is_x86_feature_detected!("sha")
        && is_x86_feature_detected!("sse4.1")
        && is_x86_feature_detected!("ssse3")
        && is_x86_feature_detected!("avx")
}

/// SHA-256's state as the instructions take it: the words a, b, e, f and the words c, d, g, h, highest first.
#[derive(Clone, Copy)]
#[repr(C)]
pub(super) struct State {
    abef: __m128i,
    cdgh: __m128i,
}

/// The message words of four rounds, lowest first, or their sums with the round constants.
pub(super) type Quad = __m128i;

/// Puts four words into a register, lowest first.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3,avx")]
pub(super) fn quad([a, b, c, d]: [u32; 4]) -> Quad {
    _mm_setr_epi32(a.cast_signed(), b.cast_signed(), c.cast_signed(), d.cast_signed())
}

/// The round constants of four rounds, from round `4 * index` on.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3,avx")]
pub(super) fn constants(index: usize) -> Quad {
    quad([K[4 * index], K[4 * index + 1], K[4 * index + 2], K[4 * index + 3]])
}

/// Brings a state into the instructions' order.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3,avx")]
pub(super) fn state([a, b, c, d, e, f, g, h]: Midstate) -> State {
    State { abef: quad([f, e, b, a]), cdgh: quad([h, g, d, c]) }
}

/// A state after four rounds, to whose words a and e the nonce's message word `n` is added: `n` lies in the lowest place.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3,avx")]
pub(super) fn with_nonce(start: State, n: Quad) -> State {
    State { abef: _mm_add_epi32(start.abef, _mm_shuffle_epi32::<0b00_01_00_01>(n)), ..start }
}

/// Runs four rounds in every stream.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3,avx")]
pub(super) fn four_rounds<const N: usize>(streams: &mut [State; N], kw: [Quad; N]) {
    for (state, kw) in streams.iter_mut().zip(kw) {
        state.cdgh = _mm_sha256rnds2_epu32(state.cdgh, state.abef, kw);
    }
    for (state, kw) in streams.iter_mut().zip(kw) {
        state.abef = _mm_sha256rnds2_epu32(state.abef, state.cdgh, _mm_shuffle_epi32::<0b00_00_11_10>(kw));
    }
}

/// Runs two rounds in every stream with the same message.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3,avx")]
pub(super) fn two_rounds<const N: usize>(streams: &mut [State; N], kw: Quad) {
    for state in streams {
        let abef = _mm_sha256rnds2_epu32(state.cdgh, state.abef, kw);
        *state = State { abef, cdgh: state.abef };
    }
}

/// Adds the state before a block to the state after it: the digest as eight message words.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3,avx")]
pub(super) fn digest(after: State, before: State) -> [Quad; 2] {
    let abef = _mm_castsi128_ps(_mm_add_epi32(after.abef, before.abef));
    let cdgh = _mm_castsi128_ps(_mm_add_epi32(after.cdgh, before.cdgh));
    let abcd = _mm_shuffle_ps::<0b10_11_10_11>(abef, cdgh);
    let efgh = _mm_shuffle_ps::<0b00_01_00_01>(abef, cdgh);
    [_mm_castps_si128(abcd), _mm_castps_si128(efgh)]
}

/// The four message words after the sixteen in `w`.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3,avx")]
fn expand([w0, w1, w2, w3]: [Quad; 4]) -> Quad {
    _mm_sha256msg2_epu32(_mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8::<4>(w3, w2)), w3)
}

/// The second block's message without its nonce; quads are numbered by their first round over four.
#[derive(Clone, Copy)]
pub(super) struct Message {
    /// Words 16 to 19 without the nonce.
    pub(super) quad4: Quad,
    /// What is known of words 20 to 23, and of 28 to 31, before the schedule begins.
    pub(super) base5: Quad,
    pub(super) base7: Quad,
}

impl Message {
    #[inline]
    #[target_feature(enable = "sha,sse4.1,ssse3,avx")]
    pub(super) fn new(template: &Template) -> Self {
        let words = template.words_16_to_19();
        Self {
            quad4: quad(words),
            base5: quad([PADDING, 0, LENGTH, words[0]]),
            base7: quad([0, 0, sigma0(LENGTH), LENGTH.wrapping_add(sigma0(words[0]))]),
        }
    }
}

/// The padding of the second block, words 4 to 15 in quads 1 to 3, with the round constants.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3,avx")]
pub(super) fn padding() -> [Quad; 3] {
    [
        quad([K[4].wrapping_add(PADDING), K[5], K[6], K[7]]),
        constants(2),
        quad([K[12], K[13], K[14], K[15].wrapping_add(LENGTH)]),
    ]
}

/// Calls `$rounds` with the index and the quad of each four rounds, from quad 4 on, for every stream's message.
macro_rules! each {
    ($g:ident in [$($n:literal)*] $body:block) => { $({ const $g: usize = $n; $body })* };
}
pub(super) use each;

/// Quads 4 to 7 of the second block's message under a nonce; the rest follows from them.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3,avx")]
pub(super) fn first_quads(message: &Message, n: Quad) -> [Quad; 4] {
    // sha256msg1 of 0, 0, 0, n gives 0, 0, sigma0(n), n.
    let quad4 = _mm_add_epi32(message.quad4, _mm_sha256msg1_epu32(_mm_slli_si128::<12>(n), _mm_setzero_si128()));
    let quad5 = _mm_sha256msg2_epu32(message.base5, quad4);
    let quad6 = _mm_sha256msg2_epu32(_mm_alignr_epi8::<4>(quad5, quad4), quad5);
    let sum7 = _mm_add_epi32(message.base7, _mm_alignr_epi8::<4>(quad6, quad5));
    [quad4, quad5, quad6, _mm_sha256msg2_epu32(sum7, quad6)]
}

/// The nonce as a message word, in the lowest place.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3,avx")]
pub(super) fn nonce_word(nonce: u32) -> Quad {
    _mm_cvtsi32_si128(nonce.swap_bytes().cast_signed())
}

/// The sums of a quad and its round constants in every stream.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3,avx")]
pub(super) fn plus_constants<const N: usize>(w: &[[Quad; 4]; N], quad: usize) -> [Quad; N] {
    let constants = constants(quad);
    std::array::from_fn(|i| _mm_add_epi32(w[i][quad % 4], constants))
}

/// Replaces the oldest quad of every stream's message by the quad `index`.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3,avx")]
pub(super) fn expand_all<const N: usize>(w: &mut [[Quad; 4]; N], index: usize) {
    for w in w {
        w[index % 4] = expand([w[index % 4], w[(index + 1) % 4], w[(index + 2) % 4], w[(index + 3) % 4]]);
    }
}

/// Hashes inner hashes as far as their last words, which are known after round 60: 31 double rounds instead of 32, unless
/// the whole is asked for.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3,avx")]
pub(super) fn outer_hash<const N: usize, const WHOLE: bool>(inner: [[Quad; 2]; N]) -> [u32; N] {
    let (quad2, quad3) = (quad([PADDING, 0, 0, 0]), quad([0, 0, 0, OUTER_LENGTH]));
    let mut w = inner.map(|[quad0, quad1]| [quad0, quad1, quad2, quad3]);
    let mut streams = [state(INITIAL_STATE); N];
    each!(Q in [0 1] { four_rounds(&mut streams, plus_constants(&w, Q)); });
    four_rounds(&mut streams, [quad([K[8].wrapping_add(PADDING), K[9], K[10], K[11]]); N]);
    four_rounds(&mut streams, [quad([K[12], K[13], K[14], K[15].wrapping_add(OUTER_LENGTH)]); N]);
    for w in &mut w {
        // Zero words of the padding leave out some terms.
        w[0] = _mm_sha256msg2_epu32(_mm_sha256msg1_epu32(w[0], w[1]), quad3);
        w[1] = expand([w[1], quad2, quad3, w[0]]);
        w[2] = _mm_sha256msg2_epu32(_mm_add_epi32(quad2, _mm_alignr_epi8::<4>(w[1], w[0])), w[1]);
    }
    each!(Q in [4 5 6] { four_rounds(&mut streams, plus_constants(&w, Q)); });
    each!(Q in [7 8 9 10 11 12 13 14] {
        expand_all(&mut w, Q);
        four_rounds(&mut streams, plus_constants(&w, Q));
    });
    expand_all(&mut w, 15);
    let kw = plus_constants(&w, 15);
    if WHOLE {
        four_rounds(&mut streams, kw);
        let digests = streams.map(|stream| digest(stream, state(INITIAL_STATE)));
        return digests.map(|[_, efgh]| _mm_extract_epi32::<3>(efgh).cast_unsigned());
    }
    std::array::from_fn(|i| {
        // After round 61, f is the e of round 60.
        let abef = _mm_sha256rnds2_epu32(streams[i].cdgh, streams[i].abef, kw[i]);
        _mm_cvtsi128_si32(abef).cast_unsigned().wrapping_add(INITIAL_STATE[7])
    })
}

/// Measures for about this long how many `sha256rnds2` this core runs a second, in eight independent chains.
pub(super) fn double_rounds_per_second(time: Duration) -> f64 {
    /// Double rounds of each chain between two looks at the clock, which take as long as a thousand of them.
    const STEP: u32 = 1 << 15;
    assert!(supported(), "this processor lacks the SHA instructions");
    let (began, mut double_rounds) = (processor_time(), 0.0);
    loop {
        // SAFETY: it was just checked that the processor has the instructions.
        black_box(unsafe { chains(black_box(STEP)) });
        double_rounds += 8.0 * f64::from(STEP);
        let elapsed = processor_time().saturating_sub(began);
        if elapsed >= time {
            return double_rounds / elapsed.as_secs_f64();
        }
    }
}

#[target_feature(enable = "sha,sse4.1,ssse3,avx")]
fn chains(steps: u32) -> u32 {
    let kw = constants(0);
    let mut chains: [Quad; 8] = std::array::from_fn(|i| constants(i));
    for _ in 0..steps {
        for chain in &mut chains {
            *chain = _mm_sha256rnds2_epu32(*chain, kw, kw);
        }
    }
    let sum = chains.into_iter().fold(kw, |sum, chain| _mm_xor_si128(sum, chain));
    _mm_cvtsi128_si32(sum).cast_unsigned()
}
