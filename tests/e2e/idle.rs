//! Miners without a lease: they mine for the seller's own pool, and the seller's ask offers what they can do.

use hashlease_tests::{Stage, until};

use crate::farm::{Entry, hashes_a_core_second, start};

/// The seller's account at its pool.
const USER: &str = "seller.own";
/// Part of a core that each miner has.
const CPU: (&str, u64) = ("10%", 10);
/// Shares of one miner a second.
const SHARES: f64 = 5.0;
/// A miner's hashrate is known once its standard error is this part of it.
const KNOWN: f64 = 0.1;
/// Standard errors within which what is offered and what the farm shows must agree.
const ERRORS: f64 = 4.0;

/// What the buyer's node sees offered, hashes per second; `None` where nothing is.
async fn offered(stage: &Stage) -> Option<f64> {
    let book = stage.buyer.get("book").await.unwrap();
    let asks = book["asks"].as_array().unwrap();
    assert!(asks.len() <= 1, "{asks:?}");
    Some(asks.first()?["remaining"].as_str().unwrap().parse().unwrap())
}

/// Waits until the rate of a miner is known from its shares, and returns it with its standard error, hashes per second.
async fn known(stage: &Stage, miner: &str) -> (f64, f64) {
    let known = until("a miner to be known", 90, || async {
        let entry = Entry::of(stage, miner).await?.filter(|entry| entry.hashrate > 0.0);
        Ok(entry.filter(|entry| entry.error <= KNOWN * entry.hashrate))
    });
    let entry = known.await.unwrap();
    (entry.hashrate, entry.error)
}

/// Waits until the buyer's node sees so much offered, give or take the luck with shares.
async fn sees(stage: &Stage, what: &str, (hashrate, error): (f64, f64)) {
    let fits = |offered: &f64| (offered - hashrate).abs() <= ERRORS * error;
    let seen = until(what, 30, || async { Ok(offered(stage).await.filter(fits)) }).await;
    let seen = seen.unwrap_or_else(|failure| panic!("{failure}: {hashrate} ± {error} H/s\n{}", stage.seller.tail()));
    println!("{what}: {seen} H/s offered, {hashrate} ± {error} shown");
}

#[tokio::test(flavor = "multi_thread")]
async fn miners_without_a_lease_mine_for_the_sellers_pool_and_the_ask_follows_them() {
    let hashrate = hashes_a_core_second() / CPU.1;
    // A difficulty of 1 is 2^32 hashes.
    let difficulty = hashrate as f64 / SHARES / 2_f64.powi(32);
    let stage = Stage::set_for_idle_pool(USER, difficulty, |_| {}).await.unwrap();
    stage.deposit_seller("500 HLT").await.unwrap();
    let (mut first, mut second) = (start(&stage, "first", CPU.0), start(&stage, "second", CPU.0));
    let (one, other) = (known(&stage, "first").await, known(&stage, "second").await);

    // More than they can do, down to a lease that one of them could serve.
    let ask =
        [&format!("{} H/s", 10 * hashrate), "--min-hashrate", &format!("{} H/s", hashrate / 4)].map(str::to_owned);
    let mut arguments = vec!["ask", "--hashrate"];
    arguments.extend(ask.iter().map(String::as_str));
    arguments.extend(["--price", "0.05 HLT/TH/day", "--max-duration", "6h", "--bond", "20%"]);
    stage.seller.cli(&arguments).await.unwrap();
    sees(&stage, "an ask for both miners", (one.0 + other.0, one.1.hypot(other.1))).await;

    second.kill().await.unwrap();
    sees(&stage, "the ask without the second", known(&stage, "first").await).await;
    first.kill().await.unwrap();
    let gone = || async { Ok(offered(&stage).await.is_none().then_some(())) };
    until("the ask to leave the buyer's book with the last miner", 30, gone).await.unwrap();
    // It comes back with the miners once its last version, which a bid might still take, is void.
    let orders = stage.seller.get("orders").await.unwrap();
    assert_eq!(orders["items"][0]["state"], "withdrawn", "{orders}");

    // The pool judged the shares of the seller's account alone, and the node counted them as it did.
    let counts = || async {
        let shares = stage.pools[0].shares()?;
        assert!(shares.iter().all(|share| share.user == USER), "{shares:?}");
        let accepted = shares.iter().filter(|share| share.error.is_none()).count();
        let status = stage.seller.get("status").await?;
        Ok((status["idlePool"]["accepted"].as_u64() == Some(accepted.try_into()?)).then_some(accepted))
    };
    let accepted = until("the node and its pool to have the same count", 30, counts).await.unwrap();
    assert!(accepted as f64 > 1.0 / (KNOWN * KNOWN), "{accepted}");
}
