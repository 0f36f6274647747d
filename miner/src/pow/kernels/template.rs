//! What scanning needs to know of a header.

use sha2::block_api::compress256;

use super::word::{K, next_word, round};
use crate::pow::hash::Hash256;
use crate::pow::header::{Header, INITIAL_STATE, Midstate};

/// One or more versions of a header, prepared for scanning: all that doesn't depend on the nonce.
///
/// The versions share the header's last 16 bytes, and so all of the second block's message.
#[derive(Debug, Clone)]
pub struct Template {
    versions: Vec<Version>,
    /// The last 16 bytes of the header with SHA-256's padding; bytes 12 to 16 take the nonce.
    tail: [u8; 64],
    /// The message's first three words: the merkle root's end, time, bits.
    words: [u32; 3],
}

/// SHA-256 of one version of the header, as far as it goes without a nonce.
#[derive(Debug, Clone, Copy)]
pub(super) struct Version {
    /// The state after the first block.
    pub(super) midstate: Midstate,
    /// The state after four rounds of the second block with nonce 0: the nonce's message word is still to be added to the
    /// first and the fifth word.
    pub(super) start: Midstate,
}

impl Template {
    /// Prepares a header; its nonce doesn't matter.
    pub fn new(header: &Header) -> Self {
        Self::rolling(header, [header.version])
    }

    /// Prepares a header under each of these versions; its own doesn't matter, nor its nonce.
    pub fn rolling(header: &Header, versions: impl IntoIterator<Item = u32>) -> Self {
        let mut tail = [0; 64];
        tail[..16].copy_from_slice(&header.to_bytes()[64..]);
        pad(&mut tail, 16, 80);
        let words = std::array::from_fn(|i| word(&tail, i));
        let versions =
            versions.into_iter().map(|version| Version::new(&Header { version, ..*header }, words)).collect();
        Self { versions, tail, words }
    }

    /// Number of versions.
    pub fn versions(&self) -> usize {
        self.versions.len()
    }

    /// The versions, in the order in which they were given.
    pub(super) fn prepared(&self) -> &[Version] {
        &self.versions
    }

    /// The message words 16 to 19 of the second block, of which the last two still lack `sigma0(nonce)` and `nonce`, the
    /// nonce as a message word.
    pub(super) fn words_16_to_19(&self) -> [u32; 4] {
        let [merkle, time, bits] = self.words;
        let w16 = next_word([merkle, time, 0, 0]);
        let w17 = next_word([time, bits, 0, LENGTH]);
        [w16, w17, next_word([bits, 0, 0, w16]), next_word([0, PADDING, 0, w17])]
    }

    /// The hash of a version's header with a nonce.
    pub(super) fn hash(&self, version: &Version, nonce: u32) -> Hash256 {
        let mut tail = self.tail;
        tail[12..16].copy_from_slice(&nonce.to_le_bytes());
        let mut inner = version.midstate;
        compress256(&mut inner, &[tail]);
        let mut block = [0; 64];
        write_words(&mut block[..32], inner);
        pad(&mut block, 32, 32);
        let mut outer = INITIAL_STATE;
        compress256(&mut outer, &[block]);
        let mut hash = [0; 32];
        write_words(&mut hash, outer);
        Hash256::from_bytes(hash)
    }
}

impl Version {
    fn new(header: &Header, [merkle, time, bits]: [u32; 3]) -> Self {
        let (midstate, words) = (header.midstate(), [merkle, time, bits, 0]);
        let start = words.iter().zip(K).fold(midstate, |state, (word, k)| round(state, word.wrapping_add(k)));
        Self { midstate, start }
    }
}

/// The word after the message in its last block.
pub(super) const PADDING: u32 = 0x8000_0000;

/// The last word of a header's second block: the header's length in bits.
pub(super) const LENGTH: u32 = 640;

/// The last word of the outer hash's block: the inner hash's length in bits.
pub(super) const OUTER_LENGTH: u32 = 256;

/// Writes SHA-256's padding after `used` bytes of a message's last block.
fn pad(block: &mut [u8; 64], used: usize, message_bytes: u64) {
    block[used] = 0x80;
    block[56..].copy_from_slice(&(message_bytes * 8).to_be_bytes());
}

/// Reads one big-endian word of a block.
fn word(block: &[u8; 64], index: usize) -> u32 {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&block[4 * index..4 * index + 4]);
    u32::from_be_bytes(bytes)
}

fn write_words(bytes: &mut [u8], words: Midstate) {
    for (bytes, word) in bytes.chunks_exact_mut(4).zip(words) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
}
