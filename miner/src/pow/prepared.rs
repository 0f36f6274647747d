//! A job with what all its shares have in common.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::header::{Header, INITIAL_STATE};
use super::job::Job;
use super::lanes::{Block, State, Tail, Team};
use super::roots::Key;
use super::solution::Solution;

/// Bytes of a SHA-256 block.
const BLOCK_BYTES: usize = 64;

/// A job for [`Batch`](super::Batch): the coinbase hashed up to the extranonce, the rest of it and the merkle branch laid
/// out for hashing. Dereferences to the job.
///
/// The state in front is the job's alone, so that nothing has to be kept for each connection. A pool's part of the extranonce
/// could be in it too, but is seldom in front of a whole block more: it would spare less than a hundredth of a check.
#[derive(Debug)]
pub struct Prepared {
    job: Arc<Job>,
    /// Tells prepared jobs apart where roots are remembered.
    number: u64,
    /// SHA-256's state after the coinbase's blocks that end in front of the extranonce.
    head: State,
    /// The blocks that the extranonce touches, with zeros in its place.
    open: Vec<u8>,
    /// Where in them the extranonce begins.
    extranonce_at: usize,
    /// The blocks after those.
    closed: Vec<Block>,
    branch: Vec<State>,
    prev_hash: State,
}

impl Deref for Prepared {
    type Target = Job;

    fn deref(&self) -> &Job {
        &self.job
    }
}

impl Prepared {
    /// Prepares a job.
    pub fn new(job: Arc<Job>) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        let extranonce = vec![0; job.extranonce_size.into()];
        let message = padded([&job.coinbase_prefix[..], &extranonce, &job.coinbase_suffix].concat());
        let extranonce_end = job.coinbase_prefix.len() + extranonce.len();
        let (head, rest) = message.split_at(job.coinbase_prefix.len() / BLOCK_BYTES * BLOCK_BYTES);
        let (open, closed) = rest.split_at(extranonce_end.next_multiple_of(BLOCK_BYTES).saturating_sub(head.len()));
        Self {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            head: blocks(head).fold(INITIAL_STATE, compress),
            open: open.to_vec(),
            extranonce_at: job.coinbase_prefix.len() - head.len(),
            closed: blocks(closed).collect(),
            branch: job.branch.iter().map(words).collect(),
            prev_hash: words(&job.prev_hash),
            job,
        }
    }

    /// The job as it was given.
    pub fn job(&self) -> &Arc<Job> {
        &self.job
    }

    /// What names the merkle root of a solution.
    pub(super) fn key(&self, solution: &Solution) -> Option<Key> {
        Key::new(self.number, &solution.extranonce)
    }

    pub(super) fn head(&self) -> &State {
        &self.head
    }

    /// The coinbase's blocks that the extranonce touches; it must have the job's length.
    pub(super) fn open_blocks(&self, solution: &Solution) -> Vec<Block> {
        let mut bytes = self.open.clone();
        bytes[self.extranonce_at..][..solution.extranonce.len()].copy_from_slice(&solution.extranonce);
        blocks(&bytes).collect()
    }

    /// The coinbase's blocks after those.
    pub(super) fn closed_blocks(&self) -> &[Block] {
        &self.closed
    }

    pub(super) fn branch(&self) -> &[State] {
        &self.branch
    }

    /// The first block of a solution's header.
    pub(super) fn header_block(&self, solution: &Solution, root: &[u8; 32]) -> Block {
        let (mut block, root): (_, State) = ([0; 16], words(root));
        block[0] = solution.version.swap_bytes();
        block[1..9].copy_from_slice(&self.prev_hash);
        block[9..].copy_from_slice(&root[..7]);
        block
    }

    /// The header's last words, in the second block.
    pub(super) fn header_tail(&self, solution: &Solution, root: &[u8; 32]) -> Tail {
        let [.., r28, r29, r30, r31] = *root;
        [u32::from_ne_bytes([r28, r29, r30, r31]), solution.time.to_le(), self.job.bits.to_le(), solution.nonce.to_le()]
    }

    /// The header of a solution.
    pub(super) fn header(&self, solution: &Solution, merkle_root: [u8; 32]) -> Header {
        Header {
            version: solution.version,
            prev_hash: self.job.prev_hash,
            merkle_root,
            time: solution.time,
            bits: self.job.bits,
            nonce: solution.nonce,
        }
    }
}

/// The bytes of a digest.
pub(super) fn bytes(words: &State) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (bytes, word) in bytes.chunks_exact_mut(4).zip(words) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    bytes
}

/// Bytes as SHA-256 reads them: four times as many as words.
fn words<const BYTES: usize, const WORDS: usize>(bytes: &[u8; BYTES]) -> [u32; WORDS] {
    let mut words = [0; WORDS];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    words
}

fn blocks(bytes: &[u8]) -> impl Iterator<Item = Block> {
    bytes.as_chunks::<BLOCK_BYTES>().0.iter().map(words)
}

fn compress(mut state: State, block: Block) -> State {
    Team::of_host().compress(std::slice::from_mut(&mut state), &[&block]);
    state
}

/// Appends SHA-256's padding (FIPS 180-4, section 5.1.1).
fn padded(mut message: Vec<u8>) -> Vec<u8> {
    let bits = message.len() as u64 * 8;
    message.push(0x80);
    message.resize((message.len() + 8).next_multiple_of(BLOCK_BYTES) - 8, 0);
    message.extend(bits.to_be_bytes());
    message
}
