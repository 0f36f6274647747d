use hashlease_miner::pow::job::Job;

use super::*;
use crate::testing::{unsigned, word};

fn job(number: u8, branch: usize) -> Signed<LeaseJob> {
    let job = Job {
        version: 0x2000_0000,
        version_mask: 0x1fff_e000,
        prev_hash: [number; 32],
        coinbase_prefix: vec![1; 120],
        coinbase_suffix: vec![2; 122],
        extranonce_size: 8,
        branch: vec![[3; 32]; branch],
        bits: 0x1d00_ffff,
        min_time: 0,
    };
    unsigned(LeaseJob { lease_id: word(9), job })
}

fn on_job(number: u8, nonce: u32) -> ProofShare {
    let solution =
        Solution { version: 0x2000_4000, extranonce: vec![0xa0, 0xa1, 2, 3, 4, 5, 6, 7], time: 0x6500_0001, nonce };
    ProofShare::Job { job: word(number), solution }
}

fn standby() -> ProofShare {
    let header = std::array::from_fn(|index| u8::try_from(index).unwrap());
    ProofShare::Standby { header: FixedBytes(header) }
}

#[test]
fn shares_are_packed_as_the_escrow_reads_them() {
    let proof =
        next_proof(word(7), [on_job(1, 0x0102_0304), standby(), on_job(2, 0)], |hash| Some(job(hash[0], 0))).unwrap();
    let packed = concat!(
        // index, version, nTime and nonce as in a header, extranonce
        "00",
        "00400020",
        "01000065",
        "04030201",
        "a0a1020304050607",
        // marker, version, then from the merkle root on
        "ff",
        "00010203",
        "2425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f40414243",
        "4445464748494a4b4c4d4e4f",
        "01",
        "00400020",
        "01000065",
        "00000000",
        "a0a1020304050607",
    );
    assert_eq!(proof.shares.to_string(), format!("0x{packed}"));
    assert_eq!((proof.after, proof.count), (word(7), 3));
    assert_eq!(proof.jobs, [job(1, 0), job(2, 0)]);
}

#[test]
fn a_share_says_its_time() {
    assert_eq!(on_job(1, 0).time(), 0x6500_0001);
    assert_eq!(standby().time(), 0x4746_4544);
}

#[test]
fn hashes_are_compared_as_bitcoin_shows_them() {
    let shown = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f";
    assert_eq!(proof_order(shown.parse().unwrap()).to_string(), format!("0x{shown}"));
}

#[test]
fn nothing_to_show_is_no_call() {
    assert_eq!(next_proof(B256::ZERO, [], |_| None), None);
    assert_eq!(next_proof(B256::ZERO, [on_job(1, 0)], |_| None), None, "its job is gone");
}

#[test]
fn a_call_stays_within_bytes_and_gas_and_the_next_goes_on() {
    let all = 3_000;
    for (share, branch) in [(standby(), 0), (on_job(1, 1), 16), (on_job(1, 1), 0)] {
        let proof = next_proof(B256::ZERO, std::iter::repeat_n(share.clone(), all), |_| Some(job(1, branch))).unwrap();
        let count = usize::try_from(proof.count).unwrap();
        assert!(count > 400 && count < all, "{count}");
        assert!(proof.shares.len() <= MAX_CALL_BYTES);
        let first = cost(&share, Some(&job(1, branch)), true).1;
        let gas = CALL_GAS + first + (proof.count - 1) * cost(&share, Some(&job(1, branch)), false).1;
        assert!(gas <= MAX_CALL_GAS, "{gas}");
    }
}

#[test]
fn a_call_names_at_most_as_many_jobs_as_fit_a_byte_or_its_size() {
    let shares = (0..=255).map(|number| on_job(number, 0));
    let proof = next_proof(B256::ZERO, shares, |hash| Some(job(hash[0], 0))).unwrap();
    assert!(proof.jobs.len() > 20 && proof.jobs.len() < 256);
    assert_eq!(proof.count, u64::try_from(proof.jobs.len()).unwrap());
}

#[test]
fn gas_is_estimated_from_above_what_the_escrow_was_measured_to_take() {
    // contracts/snapshots: a coinbase of 250 bytes and 12 branches.
    let job = job(1, 12);
    assert!(cost(&on_job(1, 0), Some(&job), true).1 >= 34_342);
    assert!((8_370..12_000).contains(&cost(&on_job(1, 0), Some(&job), false).1));
    assert!((2_244..3_000).contains(&cost(&standby(), None, false).1));
}
