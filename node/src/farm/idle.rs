//! Work for miners that must be kept off any lease: their connection stays, their hashes count for nothing.

use std::num::NonZeroU128;
use std::sync::{Arc, LazyLock};

use hashlease_miner::pow::{Job, Target};

use super::session::{SERVER_MASK, VERSION};

/// Difficulty of about a million, so that even large devices seldom bother to submit.
const WORK: NonZeroU128 = NonZeroU128::MIN.saturating_add((1 << 52) - 1);

/// A job without a previous block, so that no chain and no lease can use what is found.
static JOB: LazyLock<Arc<Job>> = LazyLock::new(|| {
    Arc::new(Job {
        version: VERSION,
        version_mask: SERVER_MASK,
        prev_hash: [0; 32],
        coinbase_prefix: coinbase_prefix(),
        coinbase_suffix: coinbase_suffix(),
        extranonce_size: 8,
        branch: Vec::new(),
        bits: 0x1d00_ffff,
        min_time: 0,
    })
});

/// The idle job.
pub(super) fn job() -> Arc<Job> {
    Arc::clone(&JOB)
}

/// The idle job's share target.
pub(super) fn target() -> Target {
    Target::from_work(WORK)
}

/// Version 1, one null input whose script pushes eight bytes.
fn coinbase_prefix() -> Vec<u8> {
    let mut bytes = vec![1, 0, 0, 0, 1];
    bytes.extend([0; 32]);
    bytes.extend([0xff; 4]);
    bytes.extend([9, 8]);
    bytes
}

/// The end of the input, and one output of nothing to nobody.
fn coinbase_suffix() -> Vec<u8> {
    let mut bytes = vec![0xff; 4];
    bytes.extend([1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x6a]);
    bytes.extend([0; 4]);
    bytes
}

#[cfg(test)]
mod tests {
    use bitcoin::Transaction;
    use bitcoin::consensus::encode::deserialize;

    use super::*;

    #[test]
    fn the_idle_coinbase_is_a_well_formed_transaction_that_pays_nobody() {
        let coinbase: Transaction = deserialize(&job().coinbase(&[7; 8]).unwrap()).unwrap();
        assert!(coinbase.is_coinbase() && coinbase.output[0].script_pubkey.is_op_return());
        assert_eq!(coinbase.output[0].value.to_sat(), 0);
        assert!((1e6..2e6).contains(&target().difficulty()));
    }
}
