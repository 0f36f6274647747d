//! Version rolling: one message schedule a nonce, and six versions at a time in two stages.

use std::arch::asm;
use std::arch::x86_64::_mm256_zeroupper;
use std::mem::offset_of;
use std::ops::RangeInclusive;

use super::{Outer, Slots, padding, quad, state};
use crate::pow::kernels::VERSIONS;
use crate::pow::kernels::sieve::{Sieve, blocks};
use crate::pow::kernels::template::{self, Template};
use crate::pow::kernels::x86::rolling::schedule;
use crate::pow::kernels::x86::sha_ni::{Message, Quad, State, supported};
use crate::pow::target::Target;

/// Versions that one turn of the loop begins, while it ends as many.
const GROUP: usize = 3;

/// Most nonces of one call: their schedules fit into the first cache, and the turn that ends the last versions hardly counts.
const NONCES: usize = 16;

/// One word of each version in a group.
type Row = [u32; GROUP];

/// Most groups of one call: those of as many versions as a kernel is given.
const GROUPS: usize = (VERSIONS as usize).div_ceil(GROUP);

/// The loop's memory.
#[repr(C)]
struct Frame {
    outer: Outer,
    lanes: [Slots; GROUP],
    groups: [[Version; GROUP]; GROUPS],
    nonces: [Nonce; NONCES + 1],
    results: [Row; NONCES * GROUPS + 1],
}

/// A nonce as a message word, twice, and the second block's message from its second quad on with the round constants.
#[repr(C)]
#[derive(Clone, Copy)]
struct Nonce {
    word: Quad,
    padded: [Quad; 3],
    schedule: [Quad; 12],
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
    let nobody = Version { start: state([0; 8]), midstate: state([0; 8]) };
    let mut frame = Frame {
        outer: Outer::new(),
        lanes: [[zero; 6]; GROUP],
        groups: [[nobody; GROUP]; GROUPS],
        nonces: [Nonce { word: zero, padded: padding(), schedule: [zero; 12] }; NONCES + 1],
        results: [[0; GROUP]; NONCES * GROUPS + 1],
    };
    for (number, versions) in template.prepared().chunks(GROUP * GROUPS).enumerate() {
        let groups = versions.len().div_ceil(GROUP);
        for (place, slot) in frame.groups[..groups].as_flattened_mut().iter_mut().enumerate() {
            // A last group that isn't full repeats its last version, whose results nobody reads twice.
            *slot = version(&versions[place.min(versions.len() - 1)]);
        }
        for (first, used) in blocks(nonces.clone(), NONCES) {
            // See the head of this room.
            _mm256_zeroupper();
            for (entry, nonce) in frame.nonces[..used].iter_mut().zip(first..=u32::MAX) {
                let word = nonce.swap_bytes();
                entry.word = quad([0, word, 0, word]);
                schedule(&message, nonce, |quad, words| entry.schedule[quad] = words);
            }
            hash(&mut frame, groups, used);
            let results = &frame.results[1..=used * groups];
            if !sieve.any(results.as_flattened()) {
                continue;
            }
            for (rows, nonce) in results.chunks(groups).zip(first..=u32::MAX) {
                sieve.versions(number * GROUP * GROUPS, nonce, &rows.as_flattened()[..versions.len()]);
            }
        }
    }
}

#[target_feature(enable = "sha,sse4.1,ssse3,avx")]
fn version(version: &template::Version) -> Version {
    Version { start: state(version.start), midstate: state(version.midstate) }
}

/// Runs a turn for so many groups of versions under the first nonce, then under the next one, and one turn more. The last words of
/// a group's hashes are written one row later.
#[target_feature(enable = "sha,sse4.1,ssse3,avx")]
fn hash(frame: &mut Frame, groups: usize, nonces: usize) {
    assert!((1..=GROUPS).contains(&groups) && nonces <= NONCES, "the frame has room for no more");
    let frame: *mut Frame = frame;
    // SAFETY: each turn writes one row of results, and reads one group under a nonce, of which the last turn reads one more; for
    // all of these the frame has room, as was just checked. All else that is read or written is in the frame, too, whose quads
    // are aligned.
    unsafe {
        let first = (&raw const (*frame).groups).cast::<[Version; GROUP]>();
        asm!(
            include_str!("rolling.s"),
            constants = const offset_of!(Frame, outer.constants),
            last = const offset_of!(Frame, outer.last),
            initial = const offset_of!(Frame, outer.initial),
            padding = const offset_of!(Frame, outer.padding),
            length = const offset_of!(Frame, outer.length),
            lanes = const offset_of!(Frame, lanes),
            in("rdx") frame,
            inout("rsi") &raw const (*frame).nonces => _,
            inout("rdi") first => _,
            in("r10") first,
            in("rcx") first.add(groups),
            inout("r8") &raw mut (*frame).results => _,
            inout("r11") groups * nonces + 1 => _,
            out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _, out("xmm4") _, out("xmm5") _, out("xmm6") _,
            out("xmm7") _, out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _, out("xmm12") _,
            out("xmm13") _, out("xmm14") _, out("xmm15") _,
            options(nostack),
        );
    }
}
