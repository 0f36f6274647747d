//! A seller that does not deliver: its bond is judged by arithmetic alone.

use alloy_primitives::U256;
use hashlease_tests::{Stage, until};

use crate::lease::{open, work};

#[tokio::test(flavor = "multi_thread")]
async fn stranger_closes_after_window() {
    let mut stage = Stage::set(0, |_| {}).await.unwrap();
    let stranger = stage.stranger().await.unwrap();
    // No miner ever comes: the agent waits its time, then cancels by itself.
    let opened = open(&stage, 60, 30).await;
    let end = until("the agent to cancel", 60, || async {
        let end = stage.chain.end(stage.escrow, &opened).await?;
        Ok((end < opened.end).then_some(end))
    });
    let end = end.await.unwrap();
    stage.seller.kill().await.unwrap();
    stage.buyer.kill().await.unwrap();

    let id = opened.id.to_string();
    let (code, said) = stranger.cli_fails(&["close", &id]).await.unwrap();
    assert!(
        code == Some(1) && said.contains("the chain refuses the call"),
        "before the window is over: {code:?} {said}"
    );
    let after = end + opened.proof_window;
    until("the window to pass", 90, || async { Ok((stage.chain.now().await? >= after).then_some(())) }).await.unwrap();
    stranger.cli(&["close", &id]).await.unwrap();

    let course = stage.course(&opened, 1).await.unwrap();
    course.check().unwrap();
    stage.check_balances(std::slice::from_ref(&course)).await.unwrap();
    assert!(course.closed.earned.is_zero() && course.closed.refund == opened.lock(), "{course:?}");
    let pro_rata = opened.bond * U256::from(end - opened.start) / U256::from(opened.end - opened.start);
    assert_eq!(course.closed.penalty, pro_rata, "nothing was delivered of what the service level asks for");

    let (code, said) = stranger.cli_fails(&["close", &id]).await.unwrap();
    assert!(code == Some(1) && said.contains("is closed"), "{code:?} {said}");
    let nobody = format!("0x{}", "11".repeat(32));
    let (code, said) = stranger.cli_fails(&["close", &nobody]).await.unwrap();
    assert!(code == Some(1) && said.contains("no lease"), "{code:?} {said}");
    // Both come back to a lease that is closed, and take no more of it.
    stage.seller.start().await.unwrap();
    stage.buyer.start().await.unwrap();
    stage
        .seller_shows(&opened, "the close", |lease| lease["stage"] == "closed" && work(lease, "proven").is_zero())
        .await
        .unwrap();
}
