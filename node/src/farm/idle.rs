//! Work for miners that must be kept off any lease: their connection stays, their hashes count for nothing.

use std::num::NonZeroU128;
use std::sync::{Arc, LazyLock};

use hashlease_miner::pow::{Job, Target};

use super::extranonce::{Division, MAX_SIZE};
use super::job::Template;
use super::session::{SERVER_MASK, VERSION};

/// Difficulty of about a million, so that even large devices seldom bother to submit.
const WORK: NonZeroU128 = NonZeroU128::MIN.saturating_add((1 << 52) - 1);

/// Bytes of the idle job's extranonce, and of any other that no chain uses.
const EXTRANONCE_BYTES: u8 = 8;

/// A job without a previous block, so that no chain and no lease can use what is found.
static JOB: LazyLock<Arc<Template>> = LazyLock::new(|| template(EXTRANONCE_BYTES));

/// The same with all the room that an extranonce may have, for channels that asked for much of it.
static ROOMY: LazyLock<Arc<Template>> = LazyLock::new(|| template(MAX_SIZE));

fn template(extranonce_size: u8) -> Arc<Template> {
    Template::new(Arc::new(with_extranonce(&[], extranonce_size)))
}

/// Returns a job that no chain can use, its coinbase marked with `mark` of at most 75 bytes.
///
/// The coinbase is a well-formed transaction, since devices read it: one null input whose script pushes the mark and the
/// extranonce, and one output of nothing to nobody.
pub fn job_for_nobody(mark: &[u8]) -> Job {
    with_extranonce(mark, EXTRANONCE_BYTES)
}

fn with_extranonce(mark: &[u8], extranonce_size: u8) -> Job {
    let pushed = |bytes: usize| u8::try_from(bytes).unwrap_or(u8::MAX);
    let mut script = Vec::new();
    if !mark.is_empty() {
        script.push(pushed(mark.len()));
        script.extend(mark);
    }
    script.push(extranonce_size);
    let mut prefix = vec![1, 0, 0, 0, 1];
    prefix.extend([0; 32]);
    prefix.extend([0xff; 4]);
    prefix.push(pushed(script.len()) + extranonce_size);
    prefix.extend(script);
    let mut suffix = vec![0xff; 4];
    suffix.extend([1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x6a]);
    suffix.extend([0; 4]);
    Job {
        version: VERSION,
        version_mask: SERVER_MASK,
        prev_hash: [0; 32],
        coinbase_prefix: prefix,
        coinbase_suffix: suffix,
        extranonce_size,
        branch: Vec::new(),
        bits: 0x1d00_ffff,
        min_time: 0,
    }
}

/// The idle job that has room for a division.
pub(super) fn job_for(division: Division) -> Arc<Template> {
    Arc::clone(if division.fits(EXTRANONCE_BYTES) { &JOB } else { &ROOMY })
}

/// The idle job's share target.
pub(super) fn target() -> Target {
    Target::from_work(WORK)
}

#[cfg(test)]
mod tests {
    use bitcoin::Transaction;
    use bitcoin::consensus::encode::deserialize;

    use super::*;

    #[test]
    fn a_coinbase_for_nobody_is_well_formed_and_pays_nobody() {
        for mark in [&[][..], &[7; 8], &[7; 60]] {
            let coinbase: Transaction = deserialize(&job_for_nobody(mark).coinbase(&[7; 8]).unwrap()).unwrap();
            assert!(coinbase.is_coinbase() && coinbase.output[0].script_pubkey.is_op_return());
            assert_eq!(coinbase.output[0].value.to_sat(), 0);
            assert!(coinbase.input[0].script_sig.as_bytes().ends_with(&[7; 8]));
        }
        assert!((1e6..2e6).contains(&target().difficulty()));
    }
}
