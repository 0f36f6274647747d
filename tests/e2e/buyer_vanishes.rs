//! A buyer whose node is gone: the seller is paid for what it proves.

use alloy_primitives::U256;
use hashlease_tests::{LeaseTerms, Opened, Stage, measured_hashrate, until};
use serde_json::Value;

/// Opens a lease of `duration_s` at a third of what this machine does, with one miner of one thread.
async fn lease(stage: &Stage, duration_s: u64, proof_window_s: u64) -> Opened {
    stage.deposit_seller("100 HLT").await.unwrap();
    stage.deposit_buyer("500 HLT").await.unwrap();
    let hashrate = measured_hashrate().unwrap() / 3;
    stage.place_orders(&LeaseTerms { hashrate, duration_s, proof_window_s }).await.unwrap();
    stage.opened(0).await.unwrap()
}

/// Waits until the seller's view of the lease is as wanted.
async fn seller_shows(stage: &Stage, opened: &Opened, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let path = format!("leases/{}", opened.id);
    let seen = until(what, 90, || async { Ok(Some(stage.seller.get(&path).await?).filter(|lease| wanted(lease))) });
    seen.await.unwrap_or_else(|error| panic!("{error:?}\n{}", stage.seller.tail()))
}

fn work(lease: &Value, figure: &str) -> U256 {
    lease["work"][figure].as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn seller_proves_after_agent_killed() {
    let mut stage = Stage::set(0, |_| {}).await.unwrap();
    let _miner = stage.start_miner("miner", 1).unwrap();
    let opened = lease(&stage, 40, 40).await;
    seller_shows(&stage, &opened, "a first receipt", |lease| work(lease, "receipted") > U256::ZERO).await;
    stage.buyer.kill().await.unwrap();
    seller_shows(&stage, &opened, "standby", |lease| lease["work"]["onStandby"] == true).await;
    let ended = seller_shows(&stage, &opened, "the receipt to be settled", |lease| {
        lease["stage"] == "ended" && work(lease, "settled") == work(lease, "receipted")
    })
    .await;

    let course = stage.course(&opened, 90).await.unwrap();
    course.check().unwrap();
    stage.check_balances(std::slice::from_ref(&course)).await.unwrap();
    assert_eq!(course.receipted(), work(&ended, "receipted"));
    assert!(course.closed.proven_work > U256::ZERO && course.closed.penalty.is_zero(), "{course:?}");
    // What the chain counted lies within five standard errors of what the seller did after the last receipt.
    let ledger = work(&ended, "accepted") - work(&ended, "settled") + work(&ended, "standby");
    let (expected, count) = (ledger / opened.proof_work(), course.count());
    let distance = expected.abs_diff(count);
    assert!(
        distance * distance <= U256::from(25) * expected,
        "{count} proof shares where {expected} were to be expected"
    );
}
