//! What several scenarios begin with.

use alloy_primitives::U256;
use hashlease_tests::{LeaseTerms, Opened, Stage, measured_hashrate};
use serde_json::Value;

/// Opens a lease at a third of what a thread of this machine does, so that what else runs here never makes it short.
pub(crate) async fn open(stage: &Stage, duration_s: u64, proof_window_s: u64) -> Opened {
    stage.deposit_seller("100 HLT").await.unwrap();
    stage.deposit_buyer("500 HLT").await.unwrap();
    let hashrate = measured_hashrate().unwrap() / 3;
    stage.place_orders(&LeaseTerms { hashrate, duration_s, proof_window_s }).await.unwrap();
    stage.opened(0).await.unwrap()
}

/// Reads a figure of a lease's work, hashes.
pub(crate) fn work(lease: &Value, figure: &str) -> U256 {
    lease["work"][figure].as_str().unwrap().parse().unwrap()
}
