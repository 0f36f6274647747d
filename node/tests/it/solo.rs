//! Solo mining on a real Bitcoin node.

use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::B256;
use bitcoin::Block;
use bitcoin::consensus::encode::deserialize_hex;
use hashlease_miner::pow::Solution;
use hashlease_miner::pow::scan::{KERNELS, Template as ScanTemplate};
use hashlease_node::destination::{
    BitcoinRpc, Password, Payout, RpcConfig, Solo, SoloConfig, SoloJob, SubmitOutcome, Template, Templates,
};
use serde_json::json;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::bitcoin::Bitcoin;

const PAYOUT: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
const LEASE: B256 = B256::repeat_byte(0x5e);
const DEADLINE: Duration = Duration::from_secs(60);

fn start(rpc: RpcConfig, payout: &str) -> (Solo, Templates, DropGuard) {
    let shutdown = CancellationToken::new();
    let config = SoloConfig { rpc, payout: payout.parse().unwrap() };
    let (solo, templates) = Solo::start(config, shutdown.clone()).unwrap();
    (solo, templates, shutdown.drop_guard())
}

/// Waits for the template of a height.
async fn template(templates: &mut Templates, height: u32) -> Arc<Template> {
    let wanted = templates.wait_for(|held| held.as_ref().is_some_and(|held| held.height == height));
    let held = timeout(DEADLINE, wanted).await.expect("the template must come in time").unwrap();
    Arc::clone(held.as_ref().unwrap())
}

/// Looks for a block with the portable kernel.
fn mine(job: &SoloJob, time: u32) -> Solution {
    const BATCH: u32 = 4_096;
    let scan = KERNELS.last().unwrap().scan;
    let candidate = Solution { version: job.job.version, extranonce: vec![7; 8], time, nonce: 0 };
    let header = ScanTemplate::new(&job.job.header(&candidate).unwrap());
    let mut found = None;
    for first in (0..u32::MAX - BATCH).step_by(BATCH as usize) {
        scan(&header, first..=first + (BATCH - 1), &job.template().target, &mut |nonce| found = found.or(Some(nonce)));
        if let Some(nonce) = found {
            return Solution { nonce, ..candidate };
        }
    }
    panic!("a test's easy target is met long before")
}

#[tokio::test]
async fn a_block_found_for_a_lease_raises_the_height_and_pays_the_buyers_address() {
    let node = Bitcoin::start("1f00ffff").await;
    let (solo, mut templates, _guard) = start(node.config(), PAYOUT);
    let first = template(&mut templates, 1).await;
    assert_eq!(first.bits, 0x1f00_ffff);

    let job = solo.job(&first, LEASE);
    let solution = mine(&job, first.cur_time);
    let outcome = solo.submit(&job, &solution).await.unwrap();
    let SubmitOutcome::Accepted { hash, height: 1 } = outcome else { panic!("{outcome:?}") };

    let info = BitcoinRpc::new(node.config()).unwrap().chain_info().await.unwrap();
    assert_eq!((info.chain.as_str(), info.blocks), ("regtest", 1));
    let raw = node.call("getblock", json!([hash.to_string(), false])).await;
    let block: Block = deserialize_hex(raw.as_str().unwrap()).unwrap();
    let coinbase = &block.txdata[0];
    let payout: Payout = PAYOUT.parse().unwrap();
    assert_eq!(coinbase.output[0].script_pubkey.as_script(), payout.script());
    assert_eq!(coinbase.output[0].value.to_sat(), 50 * 100_000_000);
    let script = coinbase.input[0].script_sig.to_hex_string();
    assert!(script.contains(&"5e".repeat(8)), "the lease's tag: {script}");

    let next = template(&mut templates, 2).await;
    assert_eq!(next.prev_hash, hash.to_bytes());
    assert!(solo.health().failure.is_none() && solo.health().age.unwrap() < DEADLINE);
    let again = solo.submit(&job, &solution).await.unwrap();
    assert_eq!(again, SubmitOutcome::Duplicate { hash, height: 1 });
}

#[tokio::test]
async fn a_block_that_the_node_turns_down_comes_back_with_its_reason() {
    let node = Bitcoin::start("207fffff").await;
    let (solo, mut templates, _guard) = start(node.config(), PAYOUT);
    let first = template(&mut templates, 1).await;
    let job = solo.job(&first, LEASE);
    let from_the_future = mine(&job, first.cur_time + 3 * 3_600);
    let outcome = solo.submit(&job, &from_the_future).await.unwrap();
    let SubmitOutcome::Refused { reason } = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("time-too-new"), "{reason}");
    assert_eq!(node.call("getblockcount", json!([])).await, json!(0));
}

#[tokio::test]
async fn blocks_go_on_being_taken_when_segwit_activates() {
    let node = Bitcoin::start("207fffff").await;
    let (solo, mut templates, _guard) = start(node.config(), PAYOUT);
    // Version bits lock in after two windows of 144 blocks and are active one later (BIP 9).
    for height in 1..=435 {
        let newest = template(&mut templates, height).await;
        assert_eq!(newest.witness_commitment.is_some(), height >= 432, "height {height}");
        let job = solo.job(&newest, LEASE);
        let outcome = solo.submit(&job, &mine(&job, newest.min_time)).await.unwrap();
        assert!(matches!(outcome, SubmitOutcome::Accepted { .. }), "height {height}: {outcome:?}");
    }
    let best = node.call("getbestblockhash", json!([])).await;
    let raw = node.call("getblock", json!([best, false])).await;
    let block: Block = deserialize_hex(raw.as_str().unwrap()).unwrap();
    assert!(block.check_witness_commitment());
    assert_eq!(block.txdata[0].input[0].witness.len(), 1);
}

#[tokio::test]
async fn a_payout_address_of_another_chain_and_a_wrong_password_give_no_work() {
    let node = Bitcoin::start("207fffff").await;
    let wrong_password = RpcConfig { password: Password::new("guess".to_owned()), ..node.config() };
    let cases = [
        (node.config(), "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "runs on regtest"),
        (wrong_password, PAYOUT, "password"),
    ];
    for (rpc, payout, expected) in cases {
        let (solo, templates, _guard) = start(rpc, payout);
        let failure = async {
            loop {
                if let Some(failure) = solo.health().failure {
                    return failure;
                }
                tokio::task::yield_now().await;
            }
        };
        let failure = timeout(DEADLINE, failure).await.expect("the failure must show in time");
        assert!(failure.contains(expected), "{failure}");
        assert!(templates.borrow().is_none());
    }
}
