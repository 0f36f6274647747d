//! A list of pools: who is mined for when one gives no work, and when it does again.

use std::time::Duration;

use hashlease_miner::stratum::Notify;
use hashlease_node::destination::{LeaseWork, Patience, SubmitOutcome, WorkJob};
use serde_json::json;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::DropGuard;

use crate::pool::{DIFFICULTY, LEASE, destination, next_job, outcome, refused, settle, solve, submit};
use crate::scripted_pool::{Peer, ScriptedPool, job};

/// Impatient enough for a test, and patient enough for a slow machine.
const PATIENCE: Patience = Patience {
    network: Duration::from_secs(10),
    first_job: Duration::from_secs(3),
    stale_after: Duration::from_secs(4),
    healthy_for: Duration::from_millis(1_500),
    drain: Duration::from_secs(2),
    back_off_min: Duration::from_millis(100),
    back_off_max: Duration::from_millis(400),
};

/// Two pools, and a lease that mines for the first of them that gives work.
struct Stage {
    first: ScriptedPool,
    second: ScriptedPool,
    work: LeaseWork,
    _shutdown: DropGuard,
}

async fn stage() -> Stage {
    let (first, second) = (ScriptedPool::listen_with(8).await, ScriptedPool::listen_with(8).await);
    let (destination, shutdown) = destination(&[&first, &second], PATIENCE);
    let work = destination.lease_work(LEASE);
    Stage { first, second, work, _shutdown: shutdown }
}

/// Takes a connection through the handshake to its first job.
async fn serve(pool: &ScriptedPool, job_id: &str) -> Peer {
    let mut peer = pool.accept().await;
    peer.handshake().await;
    peer.give_job(DIFFICULTY, &named(job_id)).await;
    peer
}

/// A job whose time tells it from those of other names.
fn named(job_id: &str) -> Notify {
    let notify = job(job_id, false);
    Notify { time: notify.time + u32::from(job_id.as_bytes()[0]), ..notify }
}

/// Waits for a lease's job of a name, or of one with the same first letter.
async fn job_of(work: &mut LeaseWork, job_id: &str) -> WorkJob {
    loop {
        let given = next_job(work).await;
        if given.time == named(job_id).time {
            return given;
        }
    }
}

/// Repeats jobs until the other side hangs up.
async fn repeat_jobs(peer: &mut Peer, job_id: &str) {
    for number in 0.. {
        match timeout(PATIENCE.stale_after / 8, peer.try_request()).await {
            Ok(None) => return,
            Ok(Some(request)) => panic!("{request:?}"),
            Err(_) => peer.give_job(DIFFICULTY, &named(&format!("{job_id}{number}"))).await,
        }
    }
}

async fn takes_shares_of(peer: &mut Peer, given: &WorkJob, job_id: &str, nonce: u32) -> u32 {
    let solution = solve(given, given.target, nonce);
    let submitted = submit(given, &solution);
    let (id, share) = peer.share().await;
    assert_eq!(share.job_id, job_id);
    peer.answer(&id, json!(true)).await;
    assert_eq!(outcome(submitted).await, SubmitOutcome::ShareAccepted);
    solution.nonce + 1
}

#[tokio::test]
async fn the_second_pool_goes_on_where_the_first_dies_and_gets_none_of_its_shares() {
    let mut stage = stage().await;
    let mut first = serve(&stage.first, "first").await;
    let before = next_job(&mut stage.work).await;
    let nonce = takes_shares_of(&mut first, &before, "first", 0).await;
    let outstanding = solve(&before, before.target, nonce);
    let submitted = submit(&before, &outstanding);
    first.share().await;
    drop(first);
    drop(stage.first);
    assert_eq!(outcome(submitted).await, refused("lost: the connection ended"));

    let mut second = serve(&stage.second, "second").await;
    let after = next_job(&mut stage.work).await;
    assert!(after.clean, "another pool knows nothing of the jobs before");
    assert_eq!(stage.work.health().failure, None);
    let late = solve(&before, before.target, outstanding.nonce + 1);
    assert_eq!(outcome(submit(&before, &late)).await, refused("lost: its connection ended"));
    takes_shares_of(&mut second, &after, "second", 0).await;
}

#[tokio::test]
async fn a_pool_that_is_connected_but_gives_no_job_is_left() {
    let mut stage = stage().await;
    // Its handshake is fine; it even talks on.
    let mut silent = stage.first.accept().await;
    silent.handshake().await;
    silent.send("{\"id\":null,\"method\":\"client.show_message\",\"params\":[\"welcome\"]}\n").await;
    let mut second = serve(&stage.second, "second").await;
    let given = next_job(&mut stage.work).await;
    takes_shares_of(&mut second, &given, "second", 0).await;
}

#[tokio::test]
async fn a_pool_whose_jobs_end_is_left_though_it_takes_shares() {
    let mut stage = stage().await;
    let mut first = serve(&stage.first, "first").await;
    let given = next_job(&mut stage.work).await;
    let began = Instant::now();
    let talking = async {
        let (mut nonce, mut taken) = (0, 0);
        loop {
            let solution = solve(&given, given.target, nonce);
            nonce = solution.nonce + 1;
            drop(submit(&given, &solution));
            let Some(request) = first.try_request().await else { return taken };
            first.answer(&request.id, json!(true)).await;
            taken += 1;
            sleep(PATIENCE.stale_after / 8).await;
        }
    };
    let (taken, _second) = tokio::join!(talking, serve(&stage.second, "second"));
    assert!(taken >= 2 && began.elapsed() >= PATIENCE.stale_after / 2, "{taken} shares in {:?}", began.elapsed());
    assert!(next_job(&mut stage.work).await.clean);
}

#[tokio::test]
async fn a_lease_returns_to_the_first_pool_once_that_has_been_healthy() {
    let mut stage = stage().await;
    drop(serve(&stage.first, "first").await);
    let mut second = serve(&stage.second, "second").await;
    job_of(&mut stage.work, "second").await;
    // It is back, but dies before it has shown itself healthy: the lease stays where it is.
    drop(serve(&stage.first, "flapping").await);
    let mut back = serve(&stage.first, "back").await;
    let began = Instant::now();
    let (_, given) = tokio::join!(repeat_jobs(&mut second, "second"), job_of(&mut stage.work, "back"));
    assert!(
        began.elapsed() >= PATIENCE.healthy_for / 2,
        "not before it was healthy for a while: {:?}",
        began.elapsed()
    );
    assert!(given.clean);
    takes_shares_of(&mut back, &given, "back", 0).await;
    assert_eq!(stage.work.health().failure, None);
}

#[tokio::test]
async fn shares_under_way_at_the_return_go_to_the_pool_that_is_left_for_a_while() {
    let mut stage = stage().await;
    drop(serve(&stage.first, "first").await);
    let mut second = serve(&stage.second, "second").await;
    let before = job_of(&mut stage.work, "second").await;
    let outstanding = solve(&before, before.target, 0);
    let submitted = submit(&before, &outstanding);
    let (unanswered, _) = second.share().await;

    let mut back = serve(&stage.first, "back").await;
    let given = job_of(&mut stage.work, "back").await;
    second.answer(&unanswered, json!(true)).await;
    assert_eq!(outcome(submitted).await, SubmitOutcome::ShareAccepted, "the answer is still heard");
    let nonce = takes_shares_of(&mut second, &before, "second", outstanding.nonce + 1).await;
    takes_shares_of(&mut back, &given, "back", 0).await;
    assert_eq!(outcome(submit(&before, &outstanding)).await, refused("not sent: duplicate"));

    // The pool that it returned to stays fresh meanwhile.
    back.give_job(DIFFICULTY, &named("back")).await;
    assert!(second.try_request().await.is_none(), "then it is closed");
    let late = solve(&before, before.target, nonce);
    assert_eq!(outcome(submit(&before, &late)).await, refused("lost: its connection ended"));
}

#[tokio::test]
async fn a_clean_job_of_the_pool_that_is_left_voids_what_is_under_way_for_it() {
    let mut stage = stage().await;
    drop(serve(&stage.first, "first").await);
    let mut second = serve(&stage.second, "second").await;
    let before = job_of(&mut stage.work, "second").await;
    let _back = serve(&stage.first, "back").await;
    job_of(&mut stage.work, "back").await;
    second.give_job(DIFFICULTY, &Notify { clean: true, ..named("third") }).await;
    settle(&mut second).await;
    assert_eq!(outcome(submit(&before, &solve(&before, before.target, 0))).await, refused("not sent: stale"));
}
