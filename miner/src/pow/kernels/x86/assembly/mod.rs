//! SHA instructions with registers, memory and order laid out beforehand: two loops in assembly, which `generator.rs` writes.
//!
//! A compiler has too few registers for the streams that keep `sha256rnds2` busy: it spills, and the spills cost more than
//! the streams bring. Both loops overlap hashes: what a turn begins the next one ends, so a call makes one turn more than it
//! has rows of hashes, and the first row of results is nobody's.
#![allow(unsafe_code)]

use super::sha_ni::{Quad, State, constants, padding, quad, state};
use crate::pow::header::INITIAL_STATE;
use crate::pow::kernels::template::{OUTER_LENGTH, PADDING};
use crate::pow::kernels::word::K;

#[cfg(test)]
mod generator;
pub(super) mod plain;
pub(super) mod rolling;

/// What a lane keeps in memory: the inner hash, the message quad before the newest, and three partial sums of later ones.
type Slots = [Quad; 6];

/// What all lanes read for the outer hash.
#[repr(C)]
struct Outer {
    /// The round constants, in the third and fourth quad with the padding.
    constants: [Quad; 16],
    /// The last quad of them, with the initial state's last word in that of round 60: so it makes the hash's last word.
    last: Quad,
    initial: State,
    /// Quads 2 and 3 of the message.
    padding: Quad,
    length: Quad,
}

impl Outer {
    #[target_feature(enable = "sha,sse4.1,ssse3,avx")]
    fn new() -> Self {
        let mut sums: [Quad; 16] = std::array::from_fn(|index| constants(index));
        sums[2] = quad([K[8].wrapping_add(PADDING), K[9], K[10], K[11]]);
        sums[3] = quad([K[12], K[13], K[14], K[15].wrapping_add(OUTER_LENGTH)]);
        Self {
            constants: sums,
            last: quad([K[60].wrapping_add(INITIAL_STATE[7]), K[61], K[62], K[63]]),
            initial: state(INITIAL_STATE),
            padding: quad([PADDING, 0, 0, 0]),
            length: quad([0, 0, 0, OUTER_LENGTH]),
        }
    }
}
