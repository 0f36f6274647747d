//! SHA-256's constants, and message schedules of blocks that are always the same.

use crate::pow::header::ROUND_CONSTANTS;

/// The round constants.
pub(super) static K: [u32; 64] = ROUND_CONSTANTS;

/// The block that pads a message of 64 bytes: the second one of every merkle node.
pub(super) const NODE_BLOCK: [u32; 16] = [0x8000_0000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 512];

/// That block's schedule plus the round constants.
pub(super) static NODE_PADDING: [u32; 64] = with_k(expand(NODE_BLOCK));

/// The words of a block's second half that pad a message of 32 bytes.
pub(super) const DIGEST_PADDING: [u32; 8] = [0x8000_0000, 0, 0, 0, 0, 0, 0, 256];

/// The words of a header's second block after its first four: they pad a message of 80 bytes.
pub(super) const HEADER_PADDING: [u32; 12] = [0x8000_0000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 640];

const fn expand(block: [u32; 16]) -> [u32; 64] {
    let mut words = [0; 64];
    let mut at = 0;
    while at < 64 {
        words[at] = if at < 16 {
            block[at]
        } else {
            let (early, late) = (words[at - 15], words[at - 2]);
            let sigma0 = early.rotate_right(7) ^ early.rotate_right(18) ^ (early >> 3);
            let sigma1 = late.rotate_right(17) ^ late.rotate_right(19) ^ (late >> 10);
            words[at - 16].wrapping_add(sigma0).wrapping_add(words[at - 7]).wrapping_add(sigma1)
        };
        at += 1;
    }
    words
}

const fn with_k(mut words: [u32; 64]) -> [u32; 64] {
    let mut at = 0;
    while at < 64 {
        words[at] = words[at].wrapping_add(K[at]);
        at += 1;
    }
    words
}
