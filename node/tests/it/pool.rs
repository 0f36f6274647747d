//! A lease's work for a pool, against a pool that says what a test tells it to.

use std::sync::Arc;

use alloy_primitives::B256;
use hashlease_miner::pow::{Job, Rejection, Solution, Target, share};
use hashlease_miner::stratum::{Method, Notify, StratumError, encode};
use hashlease_node::destination::{
    Destination, DestinationError, LeaseWork, Password, Patience, Pool, PoolConfig, SubmitOutcome, WorkJob,
};
use hashlease_node::farm::{FarmConfig, FarmJob};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::farm::{mine_beside, serve};
use crate::scripted_pool::{DEADLINE, EXTRANONCE1, Peer, ScriptedPool, VERSION_MASK, job, judge, verify};

/// A share every 4,300 hashes.
pub(crate) const DIFFICULTY: f64 = 1e-6;
pub(crate) const LEASE: B256 = B256::repeat_byte(0xaa);

/// A pool, and a node's destination for it.
struct Stage {
    pool: ScriptedPool,
    destination: Destination,
    _shutdown: DropGuard,
}

async fn stage(extranonce2_size: u8) -> Stage {
    let pool = ScriptedPool::listen_with(extranonce2_size).await;
    let (destination, shutdown) = destination(&[&pool], Patience::default());
    Stage { pool, destination, _shutdown: shutdown }
}

/// A node's destination for a list of pools; it ends with the guard.
pub(crate) fn destination(pools: &[&ScriptedPool], patience: Patience) -> (Destination, DropGuard) {
    let client = pools[0].config();
    let config = PoolConfig {
        section: "pool",
        urls: pools.iter().map(|pool| pool.config().url).collect(),
        user: client.user,
        password: Password::new(client.password),
        patience,
    };
    let shutdown = CancellationToken::new();
    (Destination::Pool(Pool::new(config, shutdown.clone())), shutdown.drop_guard())
}

/// A stage with a lease's connection past the handshake.
async fn connected() -> (Stage, LeaseWork, Peer) {
    let stage = stage(8).await;
    let work = stage.destination.lease_work(LEASE);
    let mut peer = stage.pool.accept().await;
    peer.handshake().await;
    (stage, work, peer)
}

pub(crate) async fn next_job(work: &mut LeaseWork) -> WorkJob {
    assert!(timeout(DEADLINE, work.changed()).await.expect("a job in time"));
    work.newest().expect("a job")
}

/// Waits for the answer to something that the pool asks after all that it said before: that has been read, then.
pub(crate) async fn settle(peer: &mut Peer) {
    peer.send("{\"id\":\"p\",\"method\":\"mining.ping\",\"params\":[]}\n").await;
    peer.reply().await;
}

/// The first solution from `nonce` on that meets the target.
pub(crate) fn solve(job: &WorkJob, target: Target, nonce: u32) -> Solution {
    let extranonce = vec![7; job.job.extranonce_size.into()];
    let solution = |nonce| Solution { version: job.job.version, extranonce: extranonce.clone(), time: job.time, nonce };
    let is_share = |solution: &Solution| share::check(&job.job, solution, &target).is_ok();
    (nonce..).map(solution).find(is_share).unwrap()
}

pub(crate) fn submit(job: &WorkJob, solution: &Solution) -> JoinHandle<Result<SubmitOutcome, DestinationError>> {
    let (job, solution) = (job.clone(), solution.clone());
    TaskTracker::new().spawn(async move { job.submit(&solution).await })
}

pub(crate) async fn outcome(submitted: JoinHandle<Result<SubmitOutcome, DestinationError>>) -> SubmitOutcome {
    timeout(DEADLINE, submitted).await.expect("an outcome in time").unwrap().unwrap()
}

pub(crate) fn refused(reason: &str) -> SubmitOutcome {
    SubmitOutcome::ShareRefused { reason: reason.to_owned() }
}

pub(crate) async fn failing(work: &LeaseWork) -> String {
    let failure = async {
        loop {
            match work.health().failure {
                Some(failure) => return failure,
                None => tokio::task::yield_now().await,
            }
        }
    };
    timeout(DEADLINE, failure).await.expect("a failure in time")
}

#[tokio::test]
async fn a_lease_mines_the_pools_own_coinbase_and_the_pool_takes_its_shares() {
    let (_stage, mut work, mut peer) = connected().await;
    let notify = job("a1", true);
    peer.give_job(DIFFICULTY, &notify).await;
    let given = next_job(&mut work).await;
    let expected = Job {
        coinbase_prefix: [notify.coinbase_prefix.as_slice(), &EXTRANONCE1].concat(),
        extranonce_size: 8,
        ..notify.to_job(0, VERSION_MASK)
    };
    assert_eq!(given.job, expected);
    assert_eq!((given.time, given.job.min_time, given.clean), (notify.time, notify.time, true));
    assert_eq!(given.target, Target::from_difficulty(DIFFICULTY).unwrap());
    let solution = solve(&given, given.target, 0);
    let rolled = Solution { version: given.job.version ^ 0x0010_0000, ..solution.clone() };
    let rolled = (0..).map(|nonce| Solution { nonce, ..rolled.clone() });
    let rolled = rolled.into_iter().find(|rolled| share::check(&given.job, rolled, &given.target).is_ok()).unwrap();
    for solution in [solution, rolled] {
        let submitted = submit(&given, &solution);
        let (id, share) = peer.share_for("a1").await;
        assert_eq!(share.extranonce2, solution.extranonce);
        verify(&notify, &share, VERSION_MASK, DIFFICULTY);
        peer.answer(&id, json!(true)).await;
        assert_eq!(outcome(submitted).await, SubmitOutcome::ShareAccepted);
    }
    assert_eq!(work.health().failure, None);
    assert!(work.health().age.is_some_and(|age| age < DEADLINE));
}

#[tokio::test]
async fn a_pool_that_leaves_four_bytes_is_mined_for_by_a_sellers_miners() {
    let Stage { pool, destination, _shutdown } = stage(4).await;
    let mut work = destination.lease_work(LEASE);
    let mut peer = pool.accept().await;
    peer.handshake().await;
    // A share every 430,000 hashes.
    let (notify, difficulty) = (job("a1", true), 1e-4);
    peer.give_job(difficulty, &notify).await;
    let given = next_job(&mut work).await;
    assert_eq!(given.job.extranonce_size, 4);

    let mut served = serve(FarmConfig::default()).await;
    let (job, share_target, time) = (Arc::new(given.job.clone()), given.target, given.time);
    let farm_job = FarmJob { lease: LEASE, job_id: 1, job, share_target, time, clean: true };
    served.farm.set_job(farm_job).unwrap();
    mine_beside(&mut served, "x", async |served, id| {
        served.assign(id, Some(LEASE));
        for _ in 0..3 {
            let found = served.share().await;
            let submitted = submit(&given, &found.solution);
            let (id, share) = peer.share_for("a1").await;
            assert_eq!(share.extranonce2, found.solution.extranonce);
            verify(&notify, &share, VERSION_MASK, difficulty);
            peer.answer(&id, json!(true)).await;
            assert_eq!(outcome(submitted).await, SubmitOutcome::ShareAccepted);
        }
    })
    .await;
}

#[tokio::test]
async fn a_jobs_target_is_that_of_its_notify_and_never_harder_than_a_block() {
    let (_stage, mut work, mut peer) = connected().await;
    peer.give_job(DIFFICULTY, &job("first", true)).await;
    let first = next_job(&mut work).await;
    peer.send(&encode::set_difficulty(8191.875)).await;
    settle(&mut peer).await;
    assert_eq!(work.newest().unwrap().target, first.target);
    peer.send(&encode::notify(&job("second", false))).await;
    let second = next_job(&mut work).await;
    assert_eq!(second.target, Target::from_difficulty(8191.875).unwrap());
    assert!(!second.clean);
    // Block 100000 has a difficulty of 14,484: every block goes to the pool.
    peer.give_job(1e9, &job("third", false)).await;
    assert_eq!(next_job(&mut work).await.target, Target::from_compact(0x1b04_864c).unwrap());
}

#[tokio::test]
async fn a_solution_that_is_a_block_goes_to_the_pool_whatever_its_difficulty_and_its_age() {
    let (_stage, mut work, mut peer) = connected().await;
    let easy = |id: &str| Notify { bits: 0x207f_ffff, ..job(id, true) };
    peer.give_job(1.0, &easy("old")).await;
    let old = next_job(&mut work).await;
    peer.give_job(1.0, &easy("new")).await;
    next_job(&mut work).await;
    let submitted = submit(&old, &solve(&old, old.target, 0));
    let (id, share) = peer.share_for("old").await;
    assert_eq!(judge(&easy("old"), &share, VERSION_MASK, 1.0), Err(Rejection::AboveTarget));
    peer.answer(&id, json!(true)).await;
    assert_eq!(outcome(submitted).await, SubmitOutcome::ShareAccepted);
}

#[tokio::test]
async fn what_the_pool_would_refuse_is_not_sent() {
    let (_stage, mut work, mut peer) = connected().await;
    peer.give_job(DIFFICULTY, &job("a", true)).await;
    let given = next_job(&mut work).await;
    let good = solve(&given, given.target, 0);
    let submitted = submit(&given, &good);
    let (id, _) = peer.share().await;
    peer.answer(&id, json!(true)).await;
    assert_eq!(outcome(submitted).await, SubmitOutcome::ShareAccepted);
    assert_eq!(outcome(submit(&given, &good)).await, refused("not sent: duplicate"));
    let short = Solution { extranonce: vec![0; 4], ..good.clone() };
    let easy = solve(&given, Target::MAX, good.nonce + 1);
    for misfit in [short, easy] {
        assert!(matches!(given.submit(&misfit).await, Err(DestinationError::NotAShare)), "{misfit:?}");
    }
    let late = solve(&given, given.target, good.nonce + 1);
    peer.send(&encode::notify(&job("b", true))).await;
    let newest = next_job(&mut work).await;
    assert_eq!(outcome(submit(&given, &late)).await, refused("not sent: stale"));
    // Where to reconnect to is nothing that a line may say.
    peer.send("{\"id\":null,\"method\":\"client.reconnect\",\"params\":[\"192.0.2.1\",1,0]}\n").await;
    let submitted = submit(&newest, &solve(&newest, newest.target, 0));
    let (id, share) = peer.share().await;
    assert_eq!(share.job_id, "b", "nothing of what was held back came before");
    peer.answer(&id, json!(true)).await;
    assert_eq!(outcome(submitted).await, SubmitOutcome::ShareAccepted);
}

#[tokio::test]
async fn a_new_extranonce_comes_with_the_next_job() {
    let (_stage, mut work, mut peer) = connected().await;
    peer.give_job(DIFFICULTY, &job("a", true)).await;
    let before = next_job(&mut work).await;
    peer.send(&encode::set_extranonce(&[0xbe, 0xef], 10)).await;
    settle(&mut peer).await;
    assert_eq!(work.newest().unwrap().job, before.job);
    peer.send(&encode::notify(&job("b", false))).await;
    let after = next_job(&mut work).await;
    assert!(after.job.coinbase_prefix.ends_with(&[0xbe, 0xef]));
    assert_eq!((after.job.extranonce_size, after.clean), (10, true));
}

#[tokio::test]
async fn a_clean_job_that_nobody_saw_still_voids_what_was_before() {
    let (_stage, mut work, mut peer) = connected().await;
    peer.give_job(DIFFICULTY, &job("a", true)).await;
    next_job(&mut work).await;
    peer.send(&encode::notify(&job("unseen", true))).await;
    peer.send(&encode::notify(&job("c", false))).await;
    settle(&mut peer).await;
    assert!(work.newest().unwrap().clean);
    assert!(!work.newest().unwrap().clean);
}

#[tokio::test]
async fn a_job_before_the_authorization_is_not_lost_and_a_pool_that_hangs_up_on_configure_is_mined_without() {
    let stage = stage(8).await;
    let mut work = stage.destination.lease_work(LEASE);
    let mut peer = stage.pool.accept().await;
    assert!(matches!(peer.request().await.method, Method::Configure(_)));
    drop(peer);
    let mut peer = stage.pool.accept().await;
    let subscribe = peer.request().await;
    assert!(matches!(subscribe.method, Method::Subscribe { .. }));
    assert!(subscribe.id.is_u64(), "ids must be integers");
    peer.answer(&subscribe.id, encode::subscribe_result("1", &EXTRANONCE1, 8)).await;
    peer.give_job(DIFFICULTY, &job("early", true)).await;
    let authorize = peer.request().await;
    peer.answer(&authorize.id, json!(true)).await;
    let given = next_job(&mut work).await;
    assert_eq!((given.job.version_mask, given.target), (0, Target::from_difficulty(DIFFICULTY).unwrap()));
    assert_eq!(work.health().failure, None);
}

#[tokio::test]
async fn after_a_reconnect_shares_of_the_connection_before_are_lost_and_told() {
    let (stage, mut work, mut peer) = connected().await;
    peer.give_job(DIFFICULTY, &job("a", true)).await;
    let before = next_job(&mut work).await;
    let solution = solve(&before, before.target, 0);
    let outstanding = submit(&before, &solution);
    peer.share().await;
    drop(peer);
    assert_eq!(outcome(outstanding).await, refused("lost: the connection ended"));
    assert!(failing(&work).await.contains("the pool closed the connection"));
    let mut peer = stage.pool.accept().await;
    peer.handshake().await;
    peer.give_job(DIFFICULTY, &job("a", false)).await;
    let after = next_job(&mut work).await;
    assert!(after.clean, "another connection knows nothing of the jobs before");
    assert_eq!(work.health().failure, None);
    let late = solve(&before, before.target, solution.nonce + 1);
    assert_eq!(outcome(submit(&before, &late)).await, refused("lost: its connection ended"));
    let submitted = submit(&after, &late);
    let (id, _) = peer.share().await;
    peer.answer(&id, json!(true)).await;
    assert_eq!(outcome(submitted).await, SubmitOutcome::ShareAccepted);
}

#[tokio::test]
async fn each_lease_has_a_connection_of_its_own_and_leaves_one_whose_coinbase_is_taken() {
    let (stage, mut work, mut peer) = connected().await;
    peer.give_job(DIFFICULTY, &job("a", true)).await;
    let first = next_job(&mut work).await;
    let mut other = stage.destination.lease_work(B256::repeat_byte(0xbb));
    let mut other_peer = stage.pool.accept().await;
    other_peer.handshake().await;
    other_peer.give_job(DIFFICULTY, &job("a", true)).await;
    // A pool that gives the same extranonce1 twice.
    assert_eq!(next_job(&mut other).await.job, first.job);
    other.renew();
    assert!(failing(&other).await.contains("an extranonce1 of its own"));
    while other_peer.try_request().await.is_some() {}
    let mut other_peer = stage.pool.accept().await;
    other_peer.handshake().await;
    settle(&mut peer).await;
    drop(other);
    while other_peer.try_request().await.is_some() {}
}

#[tokio::test]
async fn a_pool_of_no_use_is_named_and_dialled_again() {
    let narrow = stage(3).await;
    let work = narrow.destination.lease_work(LEASE);
    let mut peer = narrow.pool.accept().await;
    peer.handshake().await;
    peer.give_job(DIFFICULTY, &job("a", true)).await;
    let failure = failing(&work).await;
    assert!(failure.contains("leaves 3 bytes of extranonce2") && failure.contains("choose another pool"), "{failure}");
    narrow.pool.accept().await;

    let strict = stage(8).await;
    let work = strict.destination.lease_work(LEASE);
    let mut peer = strict.pool.accept().await;
    for _ in 0..2 {
        let request = peer.request().await;
        peer.answer(&request.id, json!([[], "08000002", 8])).await;
    }
    let authorize = peer.request().await;
    let banner = "x".repeat(5000);
    peer.send(&encode::refusal(
        &authorize.id,
        &StratumError::new(hashlease_miner::stratum::Code::Unauthorized, banner),
    ))
    .await;
    let failure = failing(&work).await;
    assert!(failure.contains("correct pool.user or pool.password_file"), "{failure}");
    assert!(failure.len() < 200 && !failure.contains("secret"), "{failure}");
    strict.pool.accept().await;
}

#[tokio::test]
async fn a_pool_that_sends_garbage_or_is_not_there_shows_in_the_health() {
    let stage = stage(8).await;
    let work = stage.destination.lease_work(LEASE);
    let mut peer = stage.pool.accept().await;
    peer.request().await;
    peer.send("HTTP/1.1 400 Bad Request\r\nServer: hush\r\n").await;
    let failure = failing(&work).await;
    assert!(failure.contains("doesn't speak Stratum V1") && !failure.contains("hush"), "{failure}");
    assert_eq!(work.health().age, None);
    let Stage { pool, destination, _shutdown } = stage;
    drop(pool);
    let closed = destination.lease_work(B256::ZERO);
    assert!(failing(&closed).await.contains("the pool can't be reached"));
}
