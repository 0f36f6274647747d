//! One version: consecutive nonces in five lanes.

use std::arch::asm;
use std::mem::offset_of;
use std::ops::RangeInclusive;

use super::{Outer, Slots, padding, quad, state};
use crate::pow::kernels::sieve::{Sieve, blocks};
use crate::pow::kernels::template::Template;
use crate::pow::kernels::x86::sha_ni::{Message, Quad, State, supported};
use crate::pow::target::Target;

/// Nonces that one turn of the loop begins.
const LANES: usize = 5;

/// Most turns of one call, but for the one that ends the last nonces: it hardly counts.
const TURNS: usize = 512;

/// One word of each lane.
type Row = [u32; LANES];

/// The loop's memory.
#[repr(C)]
struct Frame {
    outer: Outer,
    start: State,
    midstate: State,
    /// What is known without the nonce of the quads 4, 5 and 7 of the second block's message.
    bases: [Quad; 3],
    /// Its quads 1 to 3, with the round constants.
    padded: [Quad; 3],
    zero: Quad,
    lanes: [Slots; LANES],
    /// Nonces as message words.
    words: [Row; TURNS + 1],
    results: [Row; TURNS + 1],
}

/// Scans five nonces at a time.
pub(in crate::pow::kernels::x86) fn scan(
    template: &Template,
    nonces: RangeInclusive<u32>,
    target: &Target,
    on_hit: &mut dyn FnMut(usize, u32),
) {
    assert!(supported(), "this processor lacks the SHA instructions");
    // SAFETY: it was just checked that the processor has the instructions.
    unsafe { scan_unchecked(template, nonces, &mut Sieve::new(template, target, on_hit)) }
}

#[target_feature(enable = "sha,sse4.1,ssse3,avx")]
fn scan_unchecked(template: &Template, nonces: RangeInclusive<u32>, sieve: &mut Sieve<'_>) {
    let (message, zero) = (Message::new(template), quad([0; 4]));
    let mut frame = Frame {
        outer: Outer::new(),
        start: state([0; 8]),
        midstate: state([0; 8]),
        bases: [message.quad4, message.base5, message.base7],
        padded: padding(),
        zero,
        lanes: [[zero; 6]; LANES],
        words: [[0; LANES]; TURNS + 1],
        results: [[0; LANES]; TURNS + 1],
    };
    for (version, prepared) in template.prepared().iter().enumerate() {
        (frame.start, frame.midstate) = (state(prepared.start), state(prepared.midstate));
        for (first, used) in blocks(nonces.clone(), LANES * TURNS) {
            // Plainer than a range that ends with the last nonce, and the compiler takes four at a time.
            let mut nonce = first;
            for word in &mut frame.words.as_flattened_mut()[..used] {
                *word = nonce.swap_bytes();
                nonce = nonce.wrapping_add(1);
            }
            hash(&mut frame, used.div_ceil(LANES));
            let last_words = &frame.results.as_flattened()[LANES..][..used];
            if sieve.any(last_words) {
                sieve.nonces(version, first, last_words);
            }
        }
    }
}

/// Runs a turn for each of so many rows of words, and one turn more; writes the last words of a row's hashes one row later.
#[target_feature(enable = "sha,sse4.1,ssse3,avx")]
fn hash(frame: &mut Frame, rows: usize) {
    assert!(rows <= TURNS, "the frame has room for no more");
    let frame: *mut Frame = frame;
    // SAFETY: each turn reads a row of words and writes one of results, and the frame has one more of both than was just checked;
    // all else that is read or written is in the frame, too, whose quads are aligned.
    unsafe {
        asm!(
            include_str!("plain.s"),
            constants = const offset_of!(Frame, outer.constants),
            last = const offset_of!(Frame, outer.last),
            initial = const offset_of!(Frame, outer.initial),
            padding = const offset_of!(Frame, outer.padding),
            length = const offset_of!(Frame, outer.length),
            start = const offset_of!(Frame, start),
            midstate = const offset_of!(Frame, midstate),
            bases = const offset_of!(Frame, bases),
            padded = const offset_of!(Frame, padded),
            zero = const offset_of!(Frame, zero),
            lanes = const offset_of!(Frame, lanes),
            in("rdx") frame,
            inout("rsi") &raw const (*frame).words => _,
            inout("r8") &raw mut (*frame).results => _,
            inout("r11") rows + 1 => _,
            out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _, out("xmm4") _, out("xmm5") _, out("xmm6") _,
            out("xmm7") _, out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _, out("xmm12") _,
            out("xmm13") _, out("xmm14") _, out("xmm15") _,
            options(nostack),
        );
    }
}
