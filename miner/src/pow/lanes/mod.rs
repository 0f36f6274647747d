//! SHA-256 of several messages side by side, in a static table from which the host's ways are selected once.
//!
//! A single message is bound by latency: each round waits for the one before. Independent messages fill the gaps, so all
//! functions here take some. Words are as SHA-256 reads them (big-endian), in states and in blocks; a header's end and its hash
//! are as they lie in memory.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
mod schedule;
#[cfg(target_arch = "x86_64")]
mod sha_ni;
#[cfg(target_arch = "x86_64")]
mod sliced;

use std::ops::Range;
use std::sync::OnceLock;

pub(super) use super::header::Midstate as State;

/// A block of 64 bytes.
pub(super) type Block = [u32; 16];
/// The last 16 bytes of a header: the merkle root's end, time, bits and nonce.
pub(super) type Tail = [u32; 4];
/// The 32 bytes of a hash.
pub(super) type Digest = [u32; 8];

/// One way to hash messages side by side. Each function takes as many items as there are lanes, or fewer, but one.
#[derive(Debug)]
pub(super) struct Lanes {
    /// Name for people.
    pub(super) name: &'static str,
    /// Messages that run side by side at most.
    width: usize,
    /// Tells whether this host has the instructions.
    supported: fn() -> bool,
    /// Takes each state on by a block.
    compress: fn(&mut [State], &[&Block]),
    /// Replaces each state, taken as a digest, by that digest's SHA-256.
    again: fn(&mut [State]),
    /// Replaces each state, taken as a merkle node, by its parent with the node to its right.
    parent: fn(&mut [State], &[&State]),
    /// Writes the double hashes of headers, from the states after their first blocks.
    finish: fn(&mut [Digest], &[&State], &[Tail]),
}

/// Narrow ways, best first; the last one runs anywhere.
static NARROW: &[&Lanes] = &[
    #[cfg(target_arch = "x86_64")]
    &sha_ni::LANES,
    &portable::LANES,
];

/// Wide ways, best first.
static WIDE: &[&Lanes] = &[
    #[cfg(target_arch = "x86_64")]
    &avx512::LANES,
    #[cfg(target_arch = "x86_64")]
    &avx2::LANES,
];

/// The ways that a host works with: a wide one for many messages, where it has one that pays, and a narrow one for the rest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Team {
    narrow: &'static Lanes,
    /// With the number of messages from which it pays.
    wide: Option<(&'static Lanes, usize)>,
}

impl Team {
    /// The host's, tested against the portable way when it is first asked for: what fails isn't used.
    pub(super) fn of_host() -> Self {
        static SELECTED: OnceLock<Team> = OnceLock::new();
        *SELECTED.get_or_init(Self::select)
    }

    fn select() -> Self {
        let works = |lanes: &&&Lanes| (lanes.supported)() && self_test(lanes);
        let narrow = NARROW.iter().find(works).copied().unwrap_or(&portable::LANES);
        let wide = WIDE.iter().find(works).copied();
        Self { narrow, wide: wide.and_then(|wide| Some((wide, worth(wide, narrow)?))) }
    }

    /// Every pair of ways that this host has.
    #[cfg(test)]
    pub(super) fn all() -> Vec<Self> {
        let supported = |lanes: &&&'static Lanes| (lanes.supported)();
        let mut teams = Vec::new();
        for narrow in NARROW.iter().filter(supported) {
            teams.push(Self { narrow, wide: None });
            teams.extend(WIDE.iter().filter(supported).map(|wide| Self { narrow, wide: Some((wide, 2)) }));
        }
        teams
    }

    /// The names of the ways, for people.
    pub(super) fn names(&self) -> String {
        match self.wide {
            Some((wide, _)) => format!("{} and {}", wide.name, self.narrow.name),
            None => self.narrow.name.to_owned(),
        }
    }

    /// Takes each state on by a block.
    pub(super) fn compress(&self, states: &mut [State], blocks: &[&Block]) {
        self.divide(states.len(), |lanes, range| (lanes.compress)(&mut states[range.clone()], &blocks[range]));
    }

    /// Replaces each state, taken as a digest, by that digest's SHA-256.
    pub(super) fn again(&self, states: &mut [State]) {
        self.divide(states.len(), |lanes, range| (lanes.again)(&mut states[range]));
    }

    /// Replaces each state, taken as a merkle node, by its parent with the node to its right.
    pub(super) fn parent(&self, states: &mut [State], rights: &[&State]) {
        self.divide(states.len(), |lanes, range| (lanes.parent)(&mut states[range.clone()], &rights[range]));
    }

    /// The double hashes of headers, from the states after their first blocks.
    pub(super) fn finish(&self, midstates: &[&State], tails: &[Tail]) -> Vec<Digest> {
        let mut hashes = vec![Digest::default(); midstates.len()];
        self.divide(hashes.len(), |lanes, range| {
            (lanes.finish)(&mut hashes[range.clone()], &midstates[range.clone()], &tails[range]);
        });
        hashes
    }

    /// Divides items among the ways: full wide runs, a last one where it still pays, and narrow runs of even lengths.
    fn divide(&self, count: usize, mut run: impl FnMut(&Lanes, Range<usize>)) {
        let mut start = 0;
        while start < count {
            let left = count - start;
            let (lanes, length) = match self.wide {
                Some((wide, worth)) if left >= worth => (wide, left.min(wide.width)),
                _ => (self.narrow, left.div_ceil(left.div_ceil(self.narrow.width))),
            };
            run(lanes, start..start + length);
            start += length;
        }
    }
}

/// Messages from which a wide way beats a narrow one; `None` where it never does.
///
/// A wide run costs the same however few its messages are: with AVX-512 as much as nine by SHA instructions on a Xeon that has
/// both. Processors whose SHA instructions have more throughput need more, so twelve are asked for. AVX2 never beats SHA
/// instructions, and beats their absence from a few messages on.
fn worth(wide: &Lanes, narrow: &Lanes) -> Option<usize> {
    let narrow_is_fast = narrow.width > 1;
    if narrow_is_fast { (wide.width == 16).then_some(12) } else { Some(3) }
}

/// Compares each function with the portable way's, at every number of messages.
fn self_test(lanes: &Lanes) -> bool {
    let word = |seed: usize, at: usize| u32::try_from((seed * 31 + at) % 0xffff).unwrap_or(0).wrapping_mul(0x9e37_79b1);
    let state = |seed: usize| -> State { std::array::from_fn(|at| word(seed, at)) };
    (1..=lanes.width).all(|count| {
        let states: Vec<State> = (0..count).map(state).collect();
        let rights: Vec<State> = (count..2 * count).map(state).collect();
        let blocks: Vec<Block> = (0..count).map(|seed| std::array::from_fn(|at| word(seed, 64 + at))).collect();
        let tails: Vec<Tail> = (0..count).map(|seed| std::array::from_fn(|at| word(seed, 128 + at))).collect();
        let (rights, blocks): (Vec<_>, Vec<_>) = (rights.iter().collect(), blocks.iter().collect());
        let run = |lanes: &Lanes| {
            let mut results = [(); 4].map(|()| states.clone());
            (lanes.compress)(&mut results[0], &blocks);
            (lanes.again)(&mut results[1]);
            (lanes.parent)(&mut results[2], &rights);
            (lanes.finish)(&mut results[3], &rights, &tails);
            results
        };
        run(lanes) == run(&portable::LANES)
    })
}
