//! A buyer who mines for a pool.

use std::collections::BTreeMap;

use alloy_primitives::U256;
use hashlease_tests::{LeaseTerms, PoolShare, Stage, measured_hashrate, until};
use reqwest::Method;
use serde_json::{Value, json};

/// What the buyer's node says of its destination.
#[derive(Debug)]
struct Told {
    accepted: u64,
    refused: BTreeMap<String, u64>,
}

impl Told {
    async fn by_the_buyer(stage: &Stage, lease: &str) -> anyhow::Result<Self> {
        let lease = stage.buyer.get(&format!("leases/{lease}")).await?;
        let destination = &lease["destination"];
        assert_eq!(destination["kind"], "pool");
        let refused = serde_json::from_value(destination["refused"].clone())?;
        Ok(Self { accepted: destination["accepted"].as_u64().unwrap(), refused })
    }

    /// Shares of which the node doesn't know what became.
    fn lost(&self) -> u64 {
        self.counted(|reason| reason.starts_with("lost: "))
    }

    /// Shares that the pool refused.
    fn refused(&self) -> u64 {
        self.counted(|reason| !reason.starts_with("lost: ") && !reason.starts_with("not sent: "))
    }

    fn counted(&self, of: impl Fn(&str) -> bool) -> u64 {
        self.refused.iter().filter(|(reason, _)| of(reason)).map(|(_, count)| count).sum()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn leased_hashpower_mines_for_a_pool_and_the_pool_counts_its_shares() {
    let hashrate = measured_hashrate().unwrap() / 3;
    // About four shares for the pool a second. A difficulty of 1 is 2^32 hashes.
    let share_work = hashrate as f64 / 4.0;
    let mut stage = Stage::set_for_pools(1, share_work / 2_f64.powi(32), 0, |_| {}).await.unwrap();
    let _miner = stage.start_miner("miner", 1).unwrap();
    stage.deposit_seller("100 HLT").await.unwrap();
    stage.deposit_buyer("500 HLT").await.unwrap();
    stage.place_orders(&LeaseTerms { hashrate, duration_s: 60, proof_window_s: 80 }).await.unwrap();
    let opened = stage.opened(0).await.unwrap();
    let id = opened.id.to_string();

    // The pool goes away in the middle, and comes back knowing nothing.
    let many = until("shares for the pool", 60, || async {
        Ok(Some(Told::by_the_buyer(&stage, &id).await?).filter(|told| told.accepted >= 20))
    });
    many.await.unwrap();
    stage.pools[0].restart().await.unwrap();
    let pool = &stage.pools[0];
    let before = pool.shares().unwrap().len();
    let more = until("shares for the new pool", 40, || async {
        Ok((pool.shares()?[before..].iter().filter(|share| share.error.is_none()).count() >= 20).then_some(()))
    });
    more.await.unwrap_or_else(|error| panic!("{error:?}\n{}\nSELLER\n{}", stage.buyer.tail(), stage.seller.tail()));

    let agreement = stage.agreement(opened, 150).await.unwrap();
    agreement.check().unwrap();
    assert!(agreement.seller.receipted >= U256::from(hashrate) * U256::from(30), "half of the work: {agreement:?}");

    // Two books of the same shares. What was on its way when the pool went is in the pool's alone, if anywhere.
    let told = Told::by_the_buyer(&stage, &id).await.unwrap();
    let shares = pool.shares().unwrap();
    let accepted = shares.iter().filter(|share| share.error.is_none()).count() as u64;
    let refused = shares.len() as u64 - accepted;
    assert!((told.accepted..=told.accepted + told.lost()).contains(&accepted), "{accepted} accepted, {told:?}");
    assert!((told.refused()..=told.refused() + told.lost()).contains(&refused), "{refused} refused, {told:?}");
    assert!(accepted + refused <= told.accepted + told.refused() + told.lost(), "{accepted} + {refused}, {told:?}");
    assert!(accepted >= 20 * refused, "{accepted} accepted, {refused} refused: {told:?}");
    assert!(shares.iter().all(|share| share.user.starts_with(pool.user())), "{shares:?}");

    // The lease was paid for the work that the pool's shares show, to the accuracy that so many shares have.
    let reached = (told.accepted + told.refused() + told.lost()) as f64;
    let paid = agreement.seller.receipted.to_string().parse::<f64>().unwrap() / share_work;
    assert!((reached - paid).abs() < 6.0 * paid.sqrt(), "{reached} shares reached for the pool, {paid} were paid for");

    // The pool's blocks stand in the chain, found by leased hashpower alone.
    let best = &agreement.blocks;
    let found: Vec<&String> = shares.iter().filter_map(|share| share.block.as_ref()).collect();
    assert!(best.iter().any(|block| found.contains(&block)), "{best:?} {found:?}");
    assert!(best.iter().all(|block| found.contains(&block)), "{best:?} {found:?}");
    let seller: Value = stage.seller.get(&format!("leases/{id}")).await.unwrap();
    println!(
        "pool: {accepted} accepted, {refused} refused, {} blocks in the chain; node: {told:?}; {paid:.1} shares paid for; {}",
        best.len(),
        seller["work"]
    );
    assert!(seller["destination"].is_null(), "the seller's node knows nothing of the buyer's pool");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_pool_goes_on_where_the_first_dies_and_the_lease_is_paid_whole() {
    let hashrate = measured_hashrate().unwrap() / 3;
    let share_work = hashrate as f64 / 4.0;
    let mut stage = Stage::set_for_pools(2, share_work / 2_f64.powi(32), 0, |_| {}).await.unwrap();
    looks_are_told(&stage).await;
    let _miner = stage.start_miner("miner", 1).unwrap();
    stage.deposit_seller("100 HLT").await.unwrap();
    stage.deposit_buyer("500 HLT").await.unwrap();
    stage.place_orders(&LeaseTerms { hashrate, duration_s: 60, proof_window_s: 80 }).await.unwrap();
    let opened = stage.opened(0).await.unwrap();
    let id = opened.id.to_string();

    let good = |shares: &[PoolShare]| shares.iter().filter(|share| share.error.is_none()).count() as u64;
    let many =
        until("shares for the first pool", 60, || async { Ok((good(&stage.pools[0].shares()?) >= 20).then_some(())) });
    many.await.unwrap_or_else(|error| panic!("{error:?}\n{}", stage.buyer.tail()));
    assert_eq!(stage.pools[1].shares().unwrap(), [], "the second pool waits for its turn");
    stage.pools[0].kill().await.unwrap();
    let more =
        until("shares for the second pool", 40, || async { Ok((good(&stage.pools[1].shares()?) >= 20).then_some(())) });
    more.await.unwrap_or_else(|error| panic!("{error:?}\n{}\nSELLER\n{}", stage.buyer.tail(), stage.seller.tail()));

    let agreement = stage.agreement(opened, 150).await.unwrap();
    agreement.check().unwrap();
    let receipted = agreement.seller.receipted;
    assert!(receipted >= U256::from(hashrate) * U256::from(30), "half of the work: {agreement:?}");
    assert_eq!((receipted, receipted), (agreement.seller.accepted, agreement.buyer.accepted), "all that was accepted");

    // What either pool took is what the node was told, but for what was on its way when the first died.
    let told = Told::by_the_buyer(&stage, &id).await.unwrap();
    let shares = [stage.pools[0].shares().unwrap(), stage.pools[1].shares().unwrap()];
    let accepted: u64 = shares.iter().map(|shares| good(shares)).sum();
    assert!((told.accepted..=told.accepted + told.lost()).contains(&accepted), "{accepted} accepted, {told:?}");
    assert!(told.lost() < 20, "the second pool took over at once: {told:?}");
    let newest = shares[0].iter().map(|share| share.job).max().unwrap();
    assert!(shares[1].iter().all(|share| share.job > newest), "no share of the first pool's jobs goes to the second");

    // The lease was paid for the work that both pools' shares show, to the accuracy that so many shares have.
    let reached = (told.accepted + told.refused() + told.lost()) as f64;
    let paid = receipted.to_string().parse::<f64>().unwrap() / share_work;
    assert!((reached - paid).abs() < 6.0 * paid.sqrt(), "{reached} shares reached for the pools, {paid} were paid for");
    println!(
        "pools: {} and {} accepted; node: {told:?}; {paid:.1} shares paid for",
        good(&shares[0]),
        good(&shares[1])
    );
}

/// A look at a configured pool, by the command line and by the API; and at what no configuration names.
async fn looks_are_told(stage: &Stage) {
    let url = stage.pools[1].url();
    let seen = stage.buyer.cli(&["destination", "test", &url]).await.unwrap();
    assert_eq!(
        (&seen["usable"], &seen["authorized"], &seen["extranonceSize"], &seen["versionMask"], &seen["problem"]),
        (&true.into(), &true.into(), &8.into(), &"1fffe000".into(), &Value::Null),
        "{seen}"
    );
    assert!(seen["jobAgeS"].as_u64().unwrap() < 600 && seen["difficulty"].as_f64().unwrap() > 0.0, "{seen}");
    let post =
        async |body: Value| stage.buyer.request(Method::POST, "destinations/test", body.to_string()).await.unwrap();
    let (status, told) = post(json!({ "url": url })).await;
    assert_eq!((status, &told["usable"], &told["extranonceSize"]), (200, &true.into(), &8.into()), "{told}");
    // With the wrong password it is no use, and the answer says which key to correct.
    let (status, told) = post(json!({ "url": url, "user": stage.pools[1].user(), "password": "guess" })).await;
    assert_eq!((status, &told["usable"], &told["authorized"]), (200, &false.into(), &false.into()), "{told}");
    assert!(told["problem"].as_str().unwrap().contains("pool.password_file"), "{told}");

    let (code, _) = stage.buyer.cli_fails(&["destination", "test", &url, "--user", "x"]).await.unwrap();
    assert_eq!(code, Some(1), "without the password it is no use");

    let foreign = stage.bitcoin.url.clone();
    let (status, told) = post(json!({ "url": foreign, "user": "x", "password": "x" })).await;
    assert_eq!((status, &told["code"]), (422, &"destination-refused".into()), "{told}");
    let (code, said) =
        stage.buyer.cli_fails(&["destination", "test", "stratum+tcp://localhost:3333", "--user", "x"]).await.unwrap();
    assert_eq!(code, Some(1));
    for told in [said.as_str(), told["detail"].as_str().unwrap()] {
        assert!(told.contains("private network") && told.contains("destinations.allow_private"), "{told}");
    }
}
