//! Solo mining on a real Bitcoin node.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use alloy_primitives::B256;
use bitcoin::Block;
use bitcoin::consensus::encode::deserialize_hex;
use hashlease_miner::pow::Solution;
use hashlease_miner::pow::kernels::{KERNELS, Template as ScanTemplate};
use hashlease_node::destination::{
    BitcoinRpc, Password, Payout, RpcConfig, Solo, SoloConfig, SoloJob, SubmitOutcome, Template, Templates,
};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
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
        scan(&header, first..=first + (BATCH - 1), &job.template().target, &mut |_, nonce| {
            found = found.or(Some(nonce))
        });
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

/// A port that leads to a Bitcoin node, and the calls that went through it.
async fn listen_in(node: &Bitcoin) -> (RpcConfig, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = node.config().url.trim_start_matches("http://").to_owned();
    let config = RpcConfig { url: format!("http://{}", listener.local_addr().unwrap()), ..node.config() };
    let heard = Arc::<Mutex<Vec<u8>>>::default();
    let ear = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (server, ear) = (TcpStream::connect(&to).await.unwrap(), Arc::clone(&ear));
            tokio::spawn(async move {
                let ((mut from_client, mut to_client), (mut from_node, mut to_node)) =
                    (client.into_split(), server.into_split());
                let calls = async {
                    let mut chunk = [0; 4096];
                    while let Ok(length @ 1..) = from_client.read(&mut chunk).await {
                        ear.lock().unwrap().extend(&chunk[..length]);
                        to_node.write_all(&chunk[..length]).await.unwrap();
                    }
                };
                // Whoever hangs up first ends both.
                tokio::select! {
                    () = calls => {}
                    _ = tokio::io::copy(&mut from_node, &mut to_client) => {}
                }
            });
        }
    });
    (config, heard)
}

/// How many templates were asked for: by long poll, and at once.
fn asked(heard: &Mutex<Vec<u8>>) -> (usize, usize) {
    let heard = String::from_utf8_lossy(&heard.lock().unwrap()).into_owned();
    let long = heard.matches("longpollid").count();
    (long, heard.matches("\"getblocktemplate\"").count() - long)
}

#[tokio::test]
async fn a_node_that_offers_long_polls_tells_of_new_blocks_by_them() {
    let node = Bitcoin::start("207fffff").await;
    let (config, heard) = listen_in(&node).await;
    let (_solo, mut templates, _guard) = start(config, PAYOUT);
    let (other, mut own, _other_guard) = start(node.config(), PAYOUT);
    let mut by_long_poll = 0;
    for height in 1..=5 {
        template(&mut templates, height).await;
        let waiting = async {
            while asked(&heard).0 < usize::try_from(height).unwrap() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(DEADLINE, waiting).await.expect("a long poll for each template");
        let (_, at_once) = asked(&heard);
        // Somebody else finds a block.
        let job = other.job(&template(&mut own, height).await, LEASE);
        let outcome = other.submit(&job, &mine(&job, job.template().cur_time)).await.unwrap();
        assert!(matches!(outcome, SubmitOutcome::Accepted { .. }), "{outcome:?}");
        template(&mut templates, height + 1).await;
        by_long_poll += u32::from(asked(&heard).1 == at_once);
    }
    // A look at the tip may come in between, once in a while.
    assert!(by_long_poll >= 3, "{by_long_poll} of 5 templates came by long poll: {:?}", asked(&heard));
}

#[tokio::test]
async fn a_node_that_answers_long_polls_at_once_is_not_asked_without_end() {
    let calls = Arc::<Mutex<Vec<String>>>::default();
    let seen = Arc::clone(&calls);
    let answer = move |body: String| {
        let seen = Arc::clone(&seen);
        async move {
            let call: serde_json::Value = serde_json::from_str(&body).unwrap();
            let result = match call["method"].as_str().unwrap() {
                "getblockchaininfo" => json!({ "chain": "regtest", "blocks": 0 }),
                "getbestblockhash" => json!("11".repeat(32)),
                "getblocktemplate" => {
                    seen.lock().unwrap().push(call["params"][0]["longpollid"].as_str().unwrap_or("none").to_owned());
                    json!({
                        "height": 1, "previousblockhash": "11".repeat(32), "version": 0x2000_0000, "bits": "207fffff",
                        "mintime": 1, "curtime": 2, "coinbasevalue": 5, "transactions": [], "longpollid": "same",
                    })
                }
                other => panic!("{other}"),
            };
            json!({ "result": result, "error": null, "id": 1 }).to_string()
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new().route("/", axum::routing::post(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let rpc = RpcConfig { url, user: "x".to_owned(), password: Password::new("x".to_owned()) };
    let (solo, mut templates, _guard) = start(rpc, PAYOUT);
    template(&mut templates, 1).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(*calls.lock().unwrap(), ["none", "same"], "one template, one long poll, and no more for a while");
    assert_eq!(solo.health().failure, None);
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
