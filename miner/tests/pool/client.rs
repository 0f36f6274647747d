//! The client, in this process.

use std::collections::HashSet;
use std::time::Duration;

use crate::scripted_pool::{DEADLINE, DIFFICULTY, EXTRANONCE2_SIZE, ScriptedPool, VERSION_MASK, job, judge, verify};
use hashlease_miner::client::{Client, Config, State, Stats, Timeouts};
use hashlease_miner::stratum::{Method, StratumError, encode};
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Runs a client beside a script, stops it when the script is done, and gives its last statistics.
async fn run_beside(config: Config, script: impl AsyncFnOnce(watch::Receiver<Stats>)) -> Stats {
    let (client, stats) = Client::new(config);
    let shutdown = CancellationToken::new();
    let scripted = async {
        script(stats.clone()).await;
        shutdown.cancel();
    };
    let (outcome, ()) =
        tokio::time::timeout(2 * DEADLINE, async { tokio::join!(client.run(shutdown.clone()), scripted) })
            .await
            .expect("the client didn't stop");
    outcome.unwrap();
    stats.borrow().clone()
}

async fn until(stats: &mut watch::Receiver<Stats>, condition: impl FnMut(&Stats) -> bool) {
    tokio::time::timeout(DEADLINE, stats.wait_for(condition)).await.expect("not in time").unwrap();
}

#[tokio::test]
async fn a_share_on_a_real_job_is_found_sent_and_accepted() {
    let pool = ScriptedPool::listen().await;
    let last = run_beside(pool.config(), async |mut stats| {
        let mut peer = pool.accept().await;
        peer.handshake().await;
        let notify = job("a1", true);
        peer.give_job(DIFFICULTY, &notify).await;
        for _ in 0..5 {
            let (id, submit) = peer.share_for("a1").await;
            assert!(id.is_u64(), "ids must be integers");
            assert_eq!(submit.extranonce2.len(), usize::from(EXTRANONCE2_SIZE));
            assert!(submit.version_bits.is_some(), "BIP 310 wants the bits wherever rolling was granted");
            verify(&notify, &submit, VERSION_MASK, DIFFICULTY);
            peer.answer(&id, json!(true)).await;
        }
        until(&mut stats, |stats| stats.accepted == 5).await;
    })
    .await;
    assert_eq!((last.state, last.accepted, last.rejected, last.connections), (State::Stopped, 5, 0, 1));
    assert!(last.best_difficulty >= DIFFICULTY && last.hashes > 0);
}

#[tokio::test]
async fn rejections_are_counted_in_every_dialect() {
    let pool = ScriptedPool::listen().await;
    let last = run_beside(pool.config(), async |mut stats| {
        let mut peer = pool.accept().await;
        peer.handshake().await;
        peer.give_job(DIFFICULTY, &job("a", true)).await;
        let (id, _) = peer.share().await;
        peer.send(&encode::refusal(&id, &StratumError::low_difficulty())).await;
        let (id, _) = peer.share().await;
        peer.send(&format!("{}\n", json!({ "id": id, "result": false, "error": null, "reject-reason": "Stale" })))
            .await;
        let (id, _) = peer.share().await;
        peer.send(&format!("{}\n", json!({ "id": id, "result": false, "error": "Duplicate" }))).await;
        until(&mut stats, |stats| stats.rejected == 3).await;
    })
    .await;
    assert_eq!((last.accepted, last.rejected, last.last_rejection.as_deref()), (0, 3, Some("Duplicate")));
}

#[tokio::test]
async fn a_dropped_connection_is_opened_again_and_mined_on() {
    let pool = ScriptedPool::listen().await;
    let last = run_beside(pool.config(), async |mut stats| {
        let mut peer = pool.accept().await;
        peer.handshake().await;
        peer.give_job(DIFFICULTY, &job("first", true)).await;
        peer.share().await;
        drop(peer);
        let mut peer = pool.accept().await;
        peer.handshake().await;
        peer.give_job(DIFFICULTY, &job("second", true)).await;
        let (id, submit) = peer.share().await;
        assert_eq!(submit.job_id, "second", "a share of the first connection reached the second");
        peer.answer(&id, json!(true)).await;
        until(&mut stats, |stats| stats.accepted == 1).await;
    })
    .await;
    assert_eq!(last.connections, 2);
    assert!(last.unanswered >= 1);
}

#[tokio::test]
async fn a_pool_that_closes_on_configure_is_mined_without_it() {
    let pool = ScriptedPool::listen().await;
    run_beside(pool.config(), async |mut stats| {
        let mut peer = pool.accept().await;
        assert!(matches!(peer.request().await.method, Method::Configure(_)));
        drop(peer);
        let mut peer = pool.accept().await;
        peer.finish_handshake().await;
        let notify = job("plain", true);
        peer.give_job(DIFFICULTY, &notify).await;
        let (id, submit) = peer.share().await;
        assert_eq!(submit.version_bits, None);
        verify(&notify, &submit, 0, DIFFICULTY);
        peer.answer(&id, json!(true)).await;
        until(&mut stats, |stats| stats.accepted == 1).await;
    })
    .await;
}

#[tokio::test]
async fn a_pool_that_refuses_to_configure_and_hangs_up_is_mined_without_it() {
    let pool = ScriptedPool::listen().await;
    run_beside(pool.config(), async |mut stats| {
        let mut peer = pool.accept().await;
        let configure = peer.request().await;
        assert!(matches!(configure.method, Method::Configure(_)));
        peer.send(&encode::refusal(&configure.id, &StratumError::method_not_found())).await;
        peer.request().await;
        drop(peer);
        pool.accept().await.finish_handshake().await;
        until(&mut stats, |stats| stats.connections == 1).await;
    })
    .await;
}

#[tokio::test]
async fn version_bits_are_rolled_inside_the_granted_mask_and_a_narrower_one_and_no_header_comes_again() {
    let pool = ScriptedPool::listen().await;
    run_beside(pool.config(), async |mut stats| {
        let mut peer = pool.accept().await;
        peer.handshake().await;
        let mut shares = 0;
        for mask in [VERSION_MASK, 0x0060_0000] {
            peer.send(&encode::set_version_mask(mask)).await;
            let mut earlier = HashSet::new();
            for number in 0..4 {
                let notify = job(&format!("{mask:x}-{number}"), true);
                peer.give_job(DIFFICULTY, &notify).await;
                let (mut versions, mut headers) = (HashSet::new(), HashSet::new());
                while versions.len() < 3 {
                    let (id, submit) = peer.share_for(&notify.job_id).await;
                    let bits = submit.version_bits.expect("BIP 310 wants the bits wherever rolling was granted");
                    assert_eq!(bits & !mask, 0, "{bits:08x} is outside {mask:08x}");
                    verify(&notify, &submit, mask, DIFFICULTY);
                    versions.insert(bits);
                    headers.insert((submit.extranonce2, bits));
                    peer.answer(&id, json!(true)).await;
                    shares += 1;
                }
                assert!(headers.is_disjoint(&earlier), "the same job came again, but its headers must be new");
                earlier.extend(headers);
            }
        }
        until(&mut stats, |stats| stats.accepted == shares).await;
    })
    .await;
}

#[tokio::test]
async fn a_difficulty_change_applies_at_the_next_job() {
    let harder = 8.0 * DIFFICULTY;
    let pool = ScriptedPool::listen().await;
    run_beside(pool.config(), async |mut stats| {
        let mut peer = pool.accept().await;
        peer.handshake().await;
        peer.give_job(DIFFICULTY, &job("easy", true)).await;
        peer.share_for("easy").await;
        peer.send(&encode::set_difficulty(harder)).await;
        // Of 40 shares at the old difficulty some are easier than the new one, but for one time in 8^40.
        let mut easier = 0;
        for _ in 0..40 {
            let (_, submit) = peer.share_for("easy").await;
            verify(&job("easy", true), &submit, VERSION_MASK, DIFFICULTY);
            easier += u32::from(judge(&job("easy", true), &submit, VERSION_MASK, harder).is_err());
        }
        assert!(easier > 0, "the difficulty changed before the next job");
        assert_eq!(stats.borrow_and_update().difficulty, DIFFICULTY);
        peer.send(&encode::notify(&job("hard", true))).await;
        for _ in 0..10 {
            let (_, submit) = peer.share_for("hard").await;
            verify(&job("hard", true), &submit, VERSION_MASK, harder);
        }
        until(&mut stats, |stats| stats.difficulty == harder).await;
    })
    .await;
}

#[tokio::test]
async fn after_a_clean_job_no_share_of_an_earlier_one_is_sent() {
    let pool = ScriptedPool::listen().await;
    run_beside(pool.config(), async |mut stats| {
        let mut peer = pool.accept().await;
        peer.handshake().await;
        peer.give_job(DIFFICULTY, &job("old", true)).await;
        peer.share_for("old").await;
        peer.send(&encode::notify(&job("new", true))).await;
        peer.share_for("new").await;
        for _ in 0..20 {
            assert_eq!(peer.share().await.1.job_id, "new");
        }
        until(&mut stats, |stats| stats.state == State::Mining).await;
    })
    .await;
}

#[tokio::test]
async fn a_pool_that_asks_to_reconnect_is_dialled_again_at_its_own_address() {
    let pool = ScriptedPool::listen().await;
    let last = run_beside(pool.config(), async |mut stats| {
        let mut peer = pool.accept().await;
        peer.handshake().await;
        peer.send(&encode::notification("client.reconnect", &json!(["192.0.2.1", 1, 0]))).await;
        while peer.try_request().await.is_some() {}
        pool.accept().await.handshake().await;
        until(&mut stats, |stats| stats.connections == 2).await;
    })
    .await;
    assert_eq!(last.connections, 2);
}

#[tokio::test]
async fn a_silent_pool_and_one_without_jobs_are_left() {
    let soon = Duration::from_millis(50);
    let impatient = [
        Timeouts { handshake: soon, ..Timeouts::default() },
        Timeouts { silence: soon, ..Timeouts::default() },
        Timeouts { job: soon, ..Timeouts::default() },
    ];
    for (index, timeouts) in impatient.into_iter().enumerate() {
        let pool = ScriptedPool::listen().await;
        let timeouts = Timeouts { back_off_min: Duration::from_millis(5), ..timeouts };
        run_beside(Config { timeouts, ..pool.config() }, async |_| {
            let mut peer = pool.accept().await;
            if index > 0 {
                peer.handshake().await;
            }
            while peer.try_request().await.is_some() {}
            pool.accept().await;
        })
        .await;
    }
}

#[tokio::test]
async fn garbage_from_a_pool_ends_the_connection_and_not_the_client() {
    for garbage in ["HTTP/1.1 400 Bad Request\r\n", "\u{16}\u{3}\u{1}\n", "[]\n"] {
        let pool = ScriptedPool::listen().await;
        let last = run_beside(pool.config(), async |mut stats| {
            let mut peer = pool.accept().await;
            peer.request().await;
            peer.send(garbage).await;
            until(&mut stats, |stats| stats.last_error.is_some()).await;
            pool.accept().await.finish_handshake().await;
            until(&mut stats, |stats| stats.connections == 1).await;
        })
        .await;
        assert_eq!(last.state, State::Stopped);
    }
}

#[tokio::test]
async fn a_client_stops_while_it_waits_for_a_pool_that_is_not_there() {
    let pool = ScriptedPool::listen().await;
    let config = pool.config();
    drop(pool);
    let config = Config { timeouts: Timeouts::default(), ..config };
    let last =
        run_beside(config, async |mut stats| until(&mut stats, |stats| stats.state == State::Waiting).await).await;
    assert_eq!(last.state, State::Stopped);
    assert!(last.last_error.is_some_and(|error| error.contains("can't be reached")));
}
