//! Orders on gossip, and their end.

use hashlease_tests::{Node, Stage, until};
use serde_json::Value;

/// The asks that a node's command line shows.
async fn asks(node: &Node) -> Vec<Value> {
    node.cli(&["book"]).await.unwrap()["asks"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ask_reaches_the_other_node_and_leaves_both_books_when_it_is_cancelled() {
    let stage = Stage::set(0, |_| {}).await.unwrap();
    let ask = ["ask", "--hashrate", "2 MH/s", "--price", "0.05 HLT/TH/day", "--max-duration", "6h", "--bond", "20%"];
    let (code, said) = stage.seller.cli_fails(&ask).await.unwrap();
    assert!(code == Some(1) && said.contains("deposit more"), "an ask whose bond is not covered: {code:?} {said}");

    stage.deposit_seller("10 HLT").await.unwrap();
    stage.seller.cli(&ask).await.unwrap();
    let seen = until("the ask to be gossiped", 30, || async { Ok(asks(&stage.buyer).await.pop()) }).await.unwrap();
    assert_eq!(asks(&stage.seller).await.len(), 1);
    assert_eq!(seen["remaining"]["human"], "2 MH/s");

    let orders = stage.seller.get("orders").await.unwrap();
    let salt = orders["items"][0]["salt"].as_str().unwrap().to_owned();
    stage.seller.cli(&["cancel", "order", &salt]).await.unwrap();
    for node in [&stage.seller, &stage.buyer] {
        until("the ask to leave the book", 30, || async { Ok(asks(node).await.is_empty().then_some(())) })
            .await
            .unwrap();
    }
    let (code, said) = stage.seller.cli_fails(&["cancel", "order", &salt]).await.unwrap();
    assert!(code == Some(1) && said.contains("no order with salt"), "{code:?} {said}");
}
