//! Looks at destinations: what a pool and a Bitcoin node show of themselves, and what is told where they are of no use.

use std::time::Duration;

use hashlease_node::destination::{DestinationError, Findings, Password, Probe};
use tokio::time::Instant;

use crate::bitcoin::{Bitcoin, PASSWORD};
use crate::dialects::speak;
use crate::scripted_pool::ScriptedPool;

const PAYOUT: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";

fn probe(url: &str, password: &str) -> Probe {
    Probe {
        url: url.parse().unwrap(),
        user: "u.w".to_owned(),
        password: Password::new(password.to_owned()),
        payout: None,
        private: true,
    }
}

/// Looks at a pool that answers as every pool should, but for `answers`.
async fn look_at(answers: &[(&str, &str)]) -> Findings {
    let pool = ScriptedPool::listen_with(8).await;
    let look = probe(&pool.config().url.to_string(), "secret").look();
    let speaking = async {
        loop {
            speak(&mut pool.accept().await, answers).await;
        }
    };
    tokio::select! {
        () = speaking => unreachable!("the pool serves without end"),
        found = look => found.unwrap(),
    }
}

#[tokio::test]
async fn a_pool_shows_what_it_gives_to_a_lease() {
    let found = look_at(&[]).await;
    assert_eq!(found.problem, None);
    assert!(found.reachable && found.address.unwrap().ip().is_loopback());
    assert_eq!((found.authorized, found.extranonce_size), (Some(true), Some(8)));
    assert_eq!((found.difficulty, found.version_mask), (Some(1e-6), Some(0x1fff_e000)));
    // The job is block 100000's, of December 2010.
    assert!(found.job_age_s.unwrap() > 10 * 365 * 86_400);
    let without = look_at(&[("mining.configure", "hang up")]).await;
    assert_eq!((without.problem, without.version_mask, without.difficulty), (None, Some(0), Some(1e-6)));
}

#[tokio::test]
async fn what_makes_a_pool_useless_is_told_with_what_it_showed_until_then() {
    let refusal = r#"{"id":$id,"result":null,"error":[24,"Unauthorized worker",null]}"#;
    let stranger = look_at(&[("mining.authorize", refusal)]).await;
    assert_eq!((stranger.reachable, stranger.authorized, stranger.extranonce_size), (true, Some(false), Some(8)));
    assert!(stranger.problem.unwrap().contains("correct pool.user or pool.password_file"));

    let narrow = r#"{"id":$id,"result":[[],"08000002",3],"error":null}"#;
    let narrow = look_at(&[("mining.subscribe", narrow)]).await;
    assert_eq!((narrow.authorized, narrow.extranonce_size), (Some(true), Some(3)));
    assert!(narrow.problem.unwrap().contains("choose another pool in pool.urls"));

    let flood = "{\"id\":null,\"method\":\"client.show_message\",\"params\":[\"secret banner\"]}\n".repeat(20_000);
    let flood = look_at(&[("mining.subscribe", &flood)]).await;
    let problem = flood.problem.unwrap();
    assert!(problem.contains("more than 1048576 bytes") && !problem.contains("banner"), "{problem}");

    let nobody = ScriptedPool::listen_with(8).await.config().url.to_string();
    let found = probe(&nobody, "secret").look().await.unwrap();
    assert!(!found.reachable && found.problem.unwrap().contains("the pool can't be reached"));
}

#[tokio::test]
async fn a_look_ends_in_time_whatever_the_other_side_does() {
    let began = Instant::now();
    let silent = look_at(&[("mining.configure", ""), ("mining.subscribe", "")]).await;
    assert!(silent.reachable && silent.problem.is_some(), "{silent:?}");
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_private_network_is_looked_at_only_where_that_is_allowed() {
    let pool = ScriptedPool::listen_with(8).await;
    let port = pool.config().url.port;
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"] {
        for scheme in ["stratum+tcp", "http"] {
            let probe = Probe { private: false, ..probe(&format!("{scheme}://{host}:{port}"), "secret") };
            let refused = probe.look().await;
            assert!(matches!(refused, Err(DestinationError::Private { .. })), "{scheme} {host}: {refused:?}");
        }
    }
    let connected = tokio::time::timeout(Duration::from_millis(200), pool.accept()).await;
    assert!(connected.is_err(), "nothing was connected to");
}

#[tokio::test]
async fn a_bitcoin_node_shows_chain_height_and_whether_the_payout_fits() {
    let node = Bitcoin::start("207fffff").await;
    let look = async |password: &str, payout: &str| {
        let probe = Probe { payout: Some(payout.parse().unwrap()), ..probe(&node.config().url, password) };
        probe.look().await.unwrap()
    };
    let found = look(PASSWORD, PAYOUT).await;
    assert_eq!((found.problem.as_deref(), found.reachable, found.authorized), (None, true, Some(true)));
    assert_eq!(found.chain.unwrap().to_core_arg(), "regtest");
    assert_eq!((found.height, found.payout_valid, found.long_polling), (Some(0), Some(true), Some(true)));
    assert!(found.job_age_s.unwrap() < 600);

    let found = look(PASSWORD, "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa").await;
    assert_eq!((found.height, found.payout_valid), (Some(0), Some(false)));
    assert!(found.problem.unwrap().contains("bitcoin.payout isn't valid"));

    let found = look("guess", PAYOUT).await;
    assert_eq!((found.reachable, found.authorized, found.height), (true, Some(false), None));
    assert!(found.problem.unwrap().contains("correct bitcoin.user or bitcoin.password_file"));
}
