use bitcoin::Block;
use bitcoin::consensus::encode::deserialize;
use bitcoin::hashes::Hash as _;

use super::super::Password;
use super::super::template::tests::template;
use super::*;

fn solo() -> Solo {
    let rpc = RpcConfig {
        url: "http://127.0.0.1:1".to_owned(),
        user: "user".to_owned(),
        password: Password::new("secret".to_owned()),
    };
    Solo {
        rpc: BitcoinRpc::new(rpc).unwrap(),
        payout: "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080".parse().unwrap(),
        shared: Arc::default(),
    }
}

/// The first nonce that makes a block of the job.
fn mined(job: &SoloJob) -> Solution {
    let candidates =
        (0..).map(|nonce| Solution { version: job.job.version, extranonce: vec![9; 8], time: job.job.min_time, nonce });
    let is_block = |solution: &Solution| Checked::of(job.job.header(solution).unwrap()).is_block();
    candidates.into_iter().find(is_block).unwrap()
}

fn easy(changed: Template) -> Arc<Template> {
    Arc::new(Template { bits: 0x207f_ffff, ..changed })
}

#[test]
fn a_mined_block_decodes_with_a_valid_root_and_proof_of_work() {
    let job = solo().job(&easy(template()), B256::repeat_byte(0xab));
    let (hash, bytes) = job.block(&mined(&job)).unwrap();
    let block: Block = deserialize(&bytes).unwrap();
    assert!(block.check_merkle_root());
    assert!(block.header.validate_pow(block.header.target()).is_ok());
    assert_eq!(block.block_hash().to_byte_array(), hash.to_bytes());
    assert!(block.txdata[0].input[0].witness.is_empty());
}

#[test]
fn a_block_with_a_commitment_carries_the_witness_that_goes_with_it() {
    // The commitment over a coinbase alone: SHA-256d of 64 zero bytes (BIP 141).
    let commitment = "6a24aa21a9ede2f61c3f71d1defd3fa999dfa36953755c690689799962b48bebd836974e8cf9";
    let script = bitcoin::ScriptBuf::from_hex(commitment).unwrap();
    let template = easy(Template { witness_commitment: Some(script), ..template() });
    let job = solo().job(&template, B256::ZERO);
    let block: Block = deserialize(&job.block(&mined(&job)).unwrap().1).unwrap();
    assert!(block.check_merkle_root() && block.check_witness_commitment());
    assert_eq!(block.txdata[0].input[0].witness.len(), 1);
}

#[tokio::test]
async fn what_is_no_block_is_never_sent() {
    let job = solo().job(&Arc::new(Template { bits: 0x0300_0001, ..template() }), B256::ZERO);
    let good = Solution { version: job.job.version, extranonce: vec![0; 8], time: job.job.min_time, nonce: 0 };
    let misfits =
        [Solution { extranonce: vec![0; 4], ..good.clone() }, Solution { version: 0x4000_0000, ..good.clone() }, good];
    for misfit in misfits {
        let outcome = solo().submit(&job, &misfit).await;
        assert!(matches!(outcome, Err(DestinationError::NotABlock)));
    }
}

#[test]
fn jobs_of_two_leases_differ_in_their_coinbase_only() {
    let template = easy(template());
    let [one, other] = [1, 2].map(|byte| solo().job(&template, B256::repeat_byte(byte)).job);
    assert_ne!(one.coinbase_prefix, other.coinbase_prefix);
    assert_eq!(Job { coinbase_prefix: vec![], ..one }, Job { coinbase_prefix: vec![], ..other });
}

#[tokio::test]
async fn a_node_that_is_down_shows_in_the_health_and_gives_no_template() {
    let config = SoloConfig { rpc: solo_rpc_on_a_closed_port(), payout: solo().payout };
    let shutdown = CancellationToken::new();
    let (solo, mut templates) = Solo::start(config, shutdown.clone()).unwrap();
    let failed = async {
        while solo.health().failure.is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), failed).await.unwrap();
    assert_eq!(solo.health().age, None);
    assert!(templates.borrow().is_none());
    shutdown.cancel();
    assert!(templates.changed().await.is_err(), "the poller stops");
}

fn solo_rpc_on_a_closed_port() -> RpcConfig {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    RpcConfig {
        url: format!("http://{}", listener.local_addr().unwrap()),
        user: "user".to_owned(),
        password: Password::new("secret".to_owned()),
    }
}
