//! Version rolling: one message schedule a nonce, and six versions at a time in two stages.

use std::arch::asm;
use std::arch::x86_64::_mm256_zeroupper;
use std::mem::offset_of;
use std::ops::RangeInclusive;

use super::{Outer, Slots, padding, quad, state};
use crate::pow::kernels::sieve::{Sieve, blocks};
use crate::pow::kernels::template::{self, Template};
use crate::pow::kernels::x86::rolling::{Schedule, schedule};
use crate::pow::kernels::x86::sha_ni::{Message, Quad, State, supported};
use crate::pow::target::Target;

/// Versions that one turn of the loop begins, while it ends as many.
const GROUP: usize = 3;

/// Most nonces of one call: their schedules fit into the first cache, and the turn that ends the last versions hardly counts.
const NONCES: usize = 16;

/// One word of each version in a group.
type Row = [u32; GROUP];

/// The loop's memory.
#[repr(C)]
struct Frame {
    outer: Outer,
    lanes: [Slots; GROUP],
}

/// A nonce as a message word, twice, and the second block's message from its second quad on with the round constants.
#[repr(C)]
#[derive(Clone, Copy)]
struct Nonce {
    word: Quad,
    padded: [Quad; 3],
    schedule: Schedule,
}

/// A version's start of the second block and midstate.
#[repr(C)]
#[derive(Clone, Copy)]
struct Version {
    start: State,
    midstate: State,
}

/// The loop counts on it.
const _: () = assert!(size_of::<Nonce>() == 256 && size_of::<Version>() == 64 && offset_of!(Nonce, padded) == 16);

/// Scans three versions at a time under each nonce.
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
    let mut groups = Vec::with_capacity(template.versions().div_ceil(GROUP));
    for group in template.prepared().chunks(GROUP) {
        // A last group that isn't full repeats its last version, whose results nobody reads twice.
        groups.push(std::array::from_fn(|i| version(&group[i.min(group.len() - 1)])));
    }
    let mut frame = Frame { outer: Outer::new(), lanes: [[zero; 6]; GROUP] };
    let mut batch = [Nonce { word: zero, padded: padding(), schedule: [0; 24] }; NONCES + 1];
    let mut results = vec![[0; GROUP]; NONCES * groups.len() + 1];
    for (first, used) in blocks(nonces, NONCES) {
        // See the head of this room.
        _mm256_zeroupper();
        for (entry, nonce) in batch[..used].iter_mut().zip(first..=u32::MAX) {
            let word = nonce.swap_bytes();
            entry.word = quad([0, word, 0, word]);
            entry.schedule = schedule(&message, nonce);
        }
        let turns = used * groups.len() + 1;
        hash(&mut frame, &batch, &groups, &mut results[..turns]);
        if !sieve.any(results[1..turns].as_flattened()) {
            continue;
        }
        for (rows, nonce) in results[1..turns].chunks(groups.len()).zip(first..=u32::MAX) {
            sieve.versions(0, nonce, &rows.as_flattened()[..template.versions()]);
        }
    }
}

#[target_feature(enable = "sha,sse4.1,ssse3,avx")]
fn version(version: &template::Version) -> Version {
    Version { start: state(version.start), midstate: state(version.midstate) }
}

/// Runs a turn for each row of results: all groups of versions under the first nonce, then under the next one. The last words
/// of a group's hashes are written one row later.
#[target_feature(enable = "sha,sse4.1,ssse3,avx")]
fn hash(frame: &mut Frame, nonces: &[Nonce], groups: &[[Version; GROUP]], results: &mut [Row]) {
    let turns = results.len().min(nonces.len() * groups.len());
    if turns == 0 {
        return;
    }
    let groups = groups.as_ptr_range();
    // SAFETY: each turn writes one row of `results`, and reads one group under a nonce, of which there are as many pairs as
    // turns; all else that is read or written is in the frame. All quads are aligned.
    unsafe {
        asm!(
            include_str!("rolling.s"),
            constants = const offset_of!(Frame, outer.constants),
            last = const offset_of!(Frame, outer.last),
            initial = const offset_of!(Frame, outer.initial),
            padding = const offset_of!(Frame, outer.padding),
            length = const offset_of!(Frame, outer.length),
            lanes = const offset_of!(Frame, lanes),
            in("rdx") frame,
            inout("rsi") nonces.as_ptr() => _,
            inout("rdi") groups.start => _,
            in("r10") groups.start,
            in("rcx") groups.end,
            inout("r8") results.as_mut_ptr() => _,
            inout("r11") turns => _,
            out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _, out("xmm4") _, out("xmm5") _, out("xmm6") _,
            out("xmm7") _, out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _, out("xmm12") _,
            out("xmm13") _, out("xmm14") _, out("xmm15") _,
            options(nostack),
        );
    }
}
