//! A buyer whose node is gone, for a while or for good: the seller is paid for what it proves, or for what is credited later.

use alloy_primitives::U256;
use hashlease_tests::{LeaseTerms, Stage, until};

use crate::lease::{open, work};

/// Seconds in which a claim follows on credited work: three of such a lease's intervals.
const CLAIM_S: u64 = 6;

#[tokio::test(flavor = "multi_thread")]
async fn seller_proves_after_agent_killed() {
    let mut stage = Stage::set(0, |_| {}).await.unwrap();
    let _miner = stage.start_miner("miner", 1).unwrap();
    let opened = open(&stage, 30, 28).await;
    stage.seller_shows(&opened, "a first receipt", |lease| work(lease, "receipted") > U256::ZERO).await.unwrap();
    stage.buyer.kill().await.unwrap();
    stage.seller_shows(&opened, "standby", |lease| lease["work"]["onStandby"] == true).await.unwrap();
    let settled =
        |lease: &serde_json::Value| lease["stage"] == "ended" && work(lease, "settled") == work(lease, "receipted");
    let ended = stage.seller_shows(&opened, "the receipt to be settled", settled).await.unwrap();

    let course = stage.course(&opened, 90).await.unwrap();
    course.check().unwrap();
    stage.check_balances(std::slice::from_ref(&course)).await.unwrap();
    assert_eq!(course.receipted(), work(&ended, "receipted"));
    assert!(course.closed.proven_work > U256::ZERO && course.closed.penalty.is_zero(), "{course:?}");
    // What the chain counted lies within five standard errors of what the seller did after the last receipt.
    let ledger = work(&ended, "accepted") - work(&ended, "settled") + work(&ended, "standby");
    course.check_luck(ledger).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn seller_killed_at_every_stage_of_a_proof_is_paid_all_the_same() {
    let mut stage = Stage::set(0, |_| {}).await.unwrap();
    let _miner = stage.start_miner("miner", 1).unwrap();
    let opened = open(&stage, 40, 40).await;
    stage.seller_shows(&opened, "a first receipt", |lease| work(lease, "receipted") > U256::ZERO).await.unwrap();
    stage.buyer.kill().await.unwrap();

    let shares = |lease: &serde_json::Value| lease["work"]["proofShares"].as_u64().unwrap();
    let on_standby =
        |lease: &serde_json::Value| lease["work"]["onStandby"] == true && work(lease, "standby") > U256::ZERO;
    let before = stage.seller_shows(&opened, "standby", on_standby).await.unwrap();
    stage.restart_seller().await.unwrap();
    let more = |lease: &serde_json::Value| {
        shares(lease) > shares(&before) && work(lease, "standby") > work(&before, "standby")
    };
    stage.seller_shows(&opened, "standby to go on where it was", more).await.unwrap();

    stage.seller_shows(&opened, "the end", |lease| lease["stage"] == "ended").await.unwrap();
    stage.restart_seller().await.unwrap();
    let settled = |lease: &serde_json::Value| work(lease, "settled") == work(lease, "receipted");
    let kept = stage.seller_shows(&opened, "the receipt to be settled", settled).await.unwrap();
    stage.restart_seller().await.unwrap();
    until("the proof", 60, || async { Ok(stage.chain.proven(stage.escrow, opened.id).await?.pop()) }).await.unwrap();
    stage.restart_seller().await.unwrap();

    let course = stage.course(&opened, 90).await.unwrap();
    course.check().unwrap();
    stage.check_balances(std::slice::from_ref(&course)).await.unwrap();
    assert_eq!(course.proven.len(), 1, "one call shows all of them, and is not repeated: {course:?}");
    assert_eq!(course.count(), U256::from(shares(&kept)), "every share that was kept was counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn agent_returns_and_standby_is_credited() {
    let mut stage = Stage::set(0, |_| {}).await.unwrap();
    let _miner = stage.start_miner("miner", 1).unwrap();
    let opened = open(&stage, 40, 60).await;
    stage.seller_shows(&opened, "a first receipt", |lease| work(lease, "receipted") > U256::ZERO).await.unwrap();
    stage.buyer.kill().await.unwrap();
    let some = |lease: &serde_json::Value| work(lease, "standby") > opened.hashrate * U256::from(3);
    let away = stage.seller_shows(&opened, "standby work", some).await.unwrap();
    stage.buyer.start().await.unwrap();
    let credited = |lease: &serde_json::Value| lease["work"]["onStandby"] == false && work(lease, "standby").is_zero();
    stage.seller_shows(&opened, "standby to be credited", credited).await.unwrap();

    let agreement = stage.agreement(opened.clone(), 150).await.unwrap();
    agreement.check().unwrap();
    // What was done while the agent was away is in the receipt, at nine tenths of it.
    let least = work(&away, "receipted") + work(&away, "standby") * U256::from(9) / U256::from(10);
    assert!(agreement.seller.receipted >= least, "{} where {least} and more were done", agreement.seller.receipted);
    let course = stage.course(&opened, 1).await.unwrap();
    course.check().unwrap();
    stage.check_balances(&[course]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn both_restart_with_open_claim() {
    let mut stage = Stage::set(0, |_| {}).await.unwrap();
    let _miner = stage.start_miner("miner", 1).unwrap();
    let opened = open(&stage, 50, 60).await;
    stage.seller_shows(&opened, "a first receipt", |lease| work(lease, "receipted") > U256::ZERO).await.unwrap();
    // Hung while credited work is unclaimed, the buyer can't answer the claim that follows. None does where that work is as new as
    // the job at hand, of which shares may still come: then it goes on for a while.
    let path = format!("leases/{}", opened.id);
    let claimed = until("a claim without an answer", 90, || async {
        stage.buyer.hang(true).await?;
        let lease = stage.seller.get(&path).await?;
        if work(&lease, "accepted") > work(&lease, "claimed") {
            let open = |lease: &serde_json::Value| work(lease, "claimed") > work(lease, "receipted");
            let look = || async { Ok(Some(stage.seller.get(&path).await?).filter(open)) };
            if let Ok(claimed) = until("a claim", CLAIM_S, look).await {
                return Ok(Some(claimed));
            }
        }
        stage.buyer.hang(false).await?;
        Ok(None)
    });
    let claimed = claimed.await.unwrap();
    stage.seller_shows(&opened, "standby", |lease| lease["work"]["onStandby"] == true).await.unwrap();
    stage.buyer.kill().await.unwrap();
    stage.restart_seller().await.unwrap();
    stage.buyer.start().await.unwrap();
    let answered = |lease: &serde_json::Value| work(lease, "receipted") >= work(&claimed, "claimed");
    stage.seller_shows(&opened, "the claim to be answered", answered).await.unwrap();

    let agreement = stage.agreement(opened.clone(), 150).await.unwrap();
    agreement.check().unwrap();
    let course = stage.course(&opened, 1).await.unwrap();
    stage.check_balances(&[course]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn buyer_cancels_halfway() {
    let stage = Stage::set(1, |_| {}).await.unwrap();
    let opened = open(&stage, 40, 40).await;
    stage.seller_shows(&opened, "a first receipt", |lease| work(lease, "receipted") > U256::ZERO).await.unwrap();
    let id = opened.id.to_string();
    stage.buyer.cli(&["cancel", "lease", &id]).await.unwrap();
    let end = stage.chain.end(stage.escrow, &opened).await.unwrap();
    assert!(end < opened.end, "the end is brought forward: {end}");
    let (code, said) = stage.seller.cli_fails(&["cancel", "lease", &id]).await.unwrap();
    assert!(code == Some(1) && said.contains("only the buyer and its agent"), "{code:?} {said}");

    let course = stage.course(&opened, 90).await.unwrap();
    course.check().unwrap();
    assert_eq!(course.end, end);
    assert_eq!(course.settled.last().unwrap().through, end, "the last receipt reaches the new end: {course:?}");
    assert!(course.closed.penalty.is_zero(), "half of a lease in half of its time: {course:?}");
    stage.check_balances(&[course]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn both_restart_before_the_first_share() {
    let mut stage = Stage::set(1, |_| {}).await.unwrap();
    stage.deposit_seller("100 HLT").await.unwrap();
    stage.deposit_buyer("500 HLT").await.unwrap();
    let terms = LeaseTerms { hashrate: 100_000, duration_s: 60, proof_window_s: 60 };
    stage.place_orders(&terms).await.unwrap();
    let opened = until("a lease", 30, || async { Ok(stage.chain.opened(stage.escrow).await?.pop()) }).await.unwrap();
    stage.buyer.kill().await.unwrap();
    stage.restart_seller().await.unwrap();
    stage.buyer.start().await.unwrap();
    // On a machine that takes too long to restart both, the agent loses patience first, and the lease ends earlier.
    let course = stage.course(&opened, 200).await.unwrap();
    course.check().unwrap();
    let logs = || format!("{course:?}\nseller:\n{}\nbuyer:\n{}", stage.seller.tail(), stage.buyer.tail());
    let last = course.settled.last().unwrap_or_else(|| panic!("nothing was settled: {}", logs()));
    assert_eq!(last.through, course.end, "the last receipt reaches the end: {}", logs());
    stage.check_balances(&[course]).await.unwrap();
    assert_eq!(
        stage.chain.opened(stage.escrow).await.unwrap().len(),
        1,
        "the orders are filled and open no second lease"
    );
}
