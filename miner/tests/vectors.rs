//! Real headers and Stratum jobs, rebuilt and held against the literals in `vectors/`.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use hashlease_miner::pow::{Batch, Hash256, Header, Job, Prepared, Solution, Target, sha256d, share, target};
use serde::Deserialize;

#[derive(Deserialize)]
struct HeaderVector {
    height: u32,
    nonce: u32,
    header: String,
    hash: Hash256,
}

#[derive(Deserialize)]
struct JobVector {
    name: String,
    notify: (String, String, String, String, Vec<String>, String, String, String, bool),
    extranonce1: String,
    extranonce2: String,
    ntime: String,
    nonce: String,
    version_bits: Option<String>,
    version_mask: Option<String>,
    coinbase_txid_display: Hash256,
    merkle_root_internal: String,
    header: String,
    hash_display: Hash256,
    share_difficulty: f64,
    is_block: bool,
}

fn headers() -> Vec<HeaderVector> {
    serde_json::from_str(include_str!("../vectors/bitcoin_headers.json")).unwrap()
}

fn jobs() -> Vec<JobVector> {
    serde_json::from_str(include_str!("../vectors/stratum_v1.json")).unwrap()
}

fn bytes<const N: usize>(text: &str) -> [u8; N] {
    hex::decode(text).unwrap().try_into().unwrap()
}

fn word(text: &str) -> u32 {
    u32::from_be_bytes(bytes(text))
}

/// Swaps the bytes of each 4-byte word, written out here so that the codec's own swap is held against another.
fn unswap(text: &str) -> [u8; 32] {
    let mut hash = bytes::<32>(text);
    hash.chunks_exact_mut(4).for_each(<[u8]>::reverse);
    hash
}

impl JobVector {
    fn job(&self) -> Job {
        let (_, prev_hash, coinb1, coinb2, branch, version, bits, time, _) = &self.notify;
        Job {
            version: word(version),
            version_mask: self.version_mask.as_deref().map_or(0, word),
            prev_hash: unswap(prev_hash),
            coinbase_prefix: hex::decode(coinb1).unwrap(),
            coinbase_suffix: hex::decode(coinb2).unwrap(),
            extranonce_size: u8::try_from((self.extranonce1.len() + self.extranonce2.len()) / 2).unwrap(),
            branch: branch.iter().map(|hash| bytes(hash)).collect(),
            bits: word(bits),
            min_time: word(time),
        }
    }

    fn solution(&self) -> Solution {
        let job = self.job();
        let rolled = self.version_bits.as_deref().map_or(0, word);
        Solution {
            version: (job.version & !job.version_mask) | (rolled & job.version_mask),
            extranonce: hex::decode(format!("{}{}", self.extranonce1, self.extranonce2)).unwrap(),
            time: word(&self.ntime),
            nonce: word(&self.nonce),
        }
    }
}

#[test]
fn real_headers_parse_hash_and_meet_their_own_target() {
    assert_eq!(headers().len(), 8);
    for vector in headers() {
        let header = Header::from_bytes(&bytes(&vector.header));
        assert_eq!(header.nonce, vector.nonce, "block {}", vector.height);
        assert_eq!(hex::encode(header.to_bytes()), vector.header, "block {}", vector.height);
        assert_eq!(header.hash(), vector.hash, "block {}", vector.height);
        let target = Target::from_compact(header.bits).unwrap();
        assert!(target.is_met_by(&vector.hash), "block {}", vector.height);
        assert_eq!(target.to_compact(), header.bits, "block {}", vector.height);
    }
}

#[test]
fn one_flipped_bit_of_a_real_header_loses_its_target() {
    for vector in headers() {
        let original = bytes::<80>(&vector.header);
        for bit in 0..640 {
            let mut flipped = original;
            flipped[bit / 8] ^= 1 << (bit % 8);
            let hash = Header::from_bytes(&flipped).hash();
            let target = Target::from_compact(Header::from_bytes(&original).bits).unwrap();
            assert!(!target.is_met_by(&hash), "block {} bit {bit}", vector.height);
        }
    }
}

#[test]
fn stratum_jobs_rebuild_to_their_literal_headers() {
    assert_eq!(jobs().len(), 6);
    for vector in jobs() {
        let (job, solution) = (vector.job(), vector.solution());
        let coinbase = job.coinbase(&solution.extranonce).unwrap();
        assert_eq!(sha256d(&coinbase), vector.coinbase_txid_display, "{}", vector.name);
        let root = job.merkle_root(&solution.extranonce).unwrap();
        assert_eq!(hex::encode(root), vector.merkle_root_internal, "{}", vector.name);
        let checked = share::check(&job, &solution, &Target::MAX).unwrap();
        assert_eq!(hex::encode(checked.header.to_bytes()), vector.header, "{}", vector.name);
        assert_eq!(checked.hash, vector.hash_display, "{}", vector.name);
        assert_eq!(checked.is_block(), vector.is_block, "{}", vector.name);
    }
}

#[test]
fn stratum_jobs_checked_as_one_batch_rebuild_to_their_literal_headers() {
    let prepared: Vec<_> = jobs().iter().map(|vector| Prepared::new(Arc::new(vector.job()))).collect();
    let solutions: Vec<_> = jobs().iter().map(JobVector::solution).collect();
    // More than any kernel has lanes, so that wide ones see real data too.
    let shares: Vec<_> = prepared.iter().zip(&solutions).cycle().take(40).collect();
    let vectors = jobs();
    let mut batch = Batch::new(1);
    for (checked, vector) in batch.assemble(&shares).into_iter().zip(vectors.iter().cycle()) {
        let checked = checked.unwrap();
        assert_eq!(hex::encode(checked.header.to_bytes()), vector.header, "{}", vector.name);
        assert_eq!(checked.hash, vector.hash_display, "{}", vector.name);
    }
}

#[test]
fn stratum_shares_have_their_literal_difficulty_and_meet_no_harder_one() {
    for vector in jobs() {
        let (job, solution) = (vector.job(), vector.solution());
        let difficulty = target::difficulty_of(&vector.hash_display);
        let error = (difficulty / vector.share_difficulty - 1.0).abs();
        assert!(error < 1e-12, "{}: {difficulty}", vector.name);
        let met = Target::from_difficulty(difficulty * (1.0 - 1e-9)).unwrap();
        let missed = Target::from_difficulty(difficulty * (1.0 + 1e-9)).unwrap();
        assert!(share::check(&job, &solution, &met).is_ok(), "{}", vector.name);
        assert!(share::check(&job, &solution, &missed).is_err(), "{}", vector.name);
    }
}
