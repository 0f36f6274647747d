//! Judging a solution: a pure function whose outcome and error are different types.

use super::hash::Hash256;
use super::header::Header;
use super::job::Job;
use super::solution::{Rejection, Solution};
use super::target::Target;

/// A well-formed solution with its header and hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    /// The header that the solution completes.
    pub header: Header,
    /// The header's hash.
    pub hash: Hash256,
}

impl Checked {
    /// Hashes a header.
    pub fn of(header: Header) -> Self {
        Self { header, hash: header.hash() }
    }

    /// Tells whether the hash meets a target.
    pub fn meets(&self, target: &Target) -> bool {
        target.is_met_by(&self.hash)
    }

    /// Tells whether the hash meets the header's own target (nBits), so that the header may be a block's.
    ///
    /// A header with an invalid nBits is never a block's.
    pub fn is_block(&self) -> bool {
        Target::from_compact(self.header.bits).is_ok_and(|target| self.meets(&target))
    }
}

/// Completes a job with a solution and hashes it, whatever the hash: version, extranonce and earliest time are checked.
///
/// For callers that must see a block even where the share target is harder than the block's, as on regtest.
pub fn assemble(job: &Job, solution: &Solution) -> Result<Checked, Rejection> {
    job.check_time(solution.time)?;
    job.header(solution).map(Checked::of)
}

/// Checks that a solution is a share: that [`assemble`] takes it and its hash meets the target.
pub fn check(job: &Job, solution: &Solution, target: &Target) -> Result<Checked, Rejection> {
    let checked = assemble(job, solution)?;
    if checked.meets(target) { Ok(checked) } else { Err(Rejection::AboveTarget) }
}

/// A standby header: the lease id, unswapped, takes the place of the previous block's hash (PROTOCOL.md, section 3.1).
pub fn standby_header(
    lease_id: [u8; 32],
    version: u32,
    merkle_root: [u8; 32],
    time: u32,
    bits: u32,
    nonce: u32,
) -> Header {
    Header { version, prev_hash: lease_id, merkle_root, time, bits, nonce }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job() -> Job {
        Job {
            version: 0x2000_0000,
            version_mask: 0x1fff_e000,
            prev_hash: [7; 32],
            coinbase_prefix: vec![1, 2],
            coinbase_suffix: vec![3],
            extranonce_size: 4,
            branch: vec![[9; 32]],
            bits: 0x207f_ffff,
            min_time: 1_000,
        }
    }

    fn solution() -> Solution {
        Solution { version: 0x2000_0000, extranonce: vec![0; 4], time: 1_000, nonce: 0 }
    }

    #[test]
    fn a_well_formed_solution_under_the_easiest_target_is_a_share() {
        let checked = check(&job(), &solution(), &Target::MAX).unwrap();
        assert_eq!(checked.header, job().header(&solution()).unwrap());
        assert_eq!(checked.hash, checked.header.hash());
    }

    #[test]
    fn every_bit_inside_the_mask_may_roll_and_none_outside() {
        for bit in 0..32 {
            let rolled = Solution { version: job().version ^ (1 << bit), ..solution() };
            let allowed = job().version_mask & (1 << bit) != 0;
            assert_eq!(assemble(&job(), &rolled).is_ok(), allowed, "bit {bit}");
        }
    }

    #[test]
    fn an_extranonce_of_another_length_is_rejected() {
        for length in [0, 3, 5, 32] {
            let odd = Solution { extranonce: vec![0; length], ..solution() };
            assert_eq!(assemble(&job(), &odd), Err(Rejection::ExtranonceSize { expected: 4, found: length }));
        }
    }

    #[test]
    fn a_time_below_the_minimum_is_rejected_and_the_minimum_itself_is_not() {
        let early = Solution { time: 999, ..solution() };
        assert_eq!(assemble(&job(), &early), Err(Rejection::TimeBelowMinimum { time: 999, min_time: 1_000 }));
        assert!(assemble(&job(), &solution()).is_ok());
    }

    #[test]
    fn a_hash_above_the_target_is_rejected_though_it_may_be_a_block() {
        let nonces = (0..64).map(|nonce| Solution { nonce, ..solution() });
        let hard = Target::from_compact(0x1d00_ffff).unwrap();
        let blocks = nonces.filter(|found| {
            assert_eq!(check(&job(), found, &hard), Err(Rejection::AboveTarget));
            assemble(&job(), found).unwrap().is_block()
        });
        // The target 7fffff… takes every second hash.
        assert!((10..=54).contains(&blocks.count()));
    }

    #[test]
    fn a_standby_header_carries_the_lease_id_in_its_bytes_4_to_36() {
        let lease_id = std::array::from_fn(|i| u8::try_from(i).unwrap());
        let header = standby_header(lease_id, 1, [0xaa; 32], 2, 3, 4);
        assert_eq!(header.to_bytes()[4..36], lease_id);
    }

    #[test]
    fn jobs_and_solutions_survive_json() {
        let text = serde_json::to_string(&(job(), solution())).unwrap();
        assert!(text.contains("\"coinbase_prefix\":\"0102\"") && text.contains(&format!("[\"{}\"]", "09".repeat(32))));
        assert_eq!(serde_json::from_str::<(Job, Solution)>(&text).unwrap(), (job(), solution()));
    }
}
