//! Nodes that stop, or are stopped, in the middle of a lease.

use hashlease_tests::{LeaseTerms, Stage, measured_hashrate, until};
use serde_json::Value;

/// What must be the same after a restart: the lease's terms, and its newest receipt.
async fn leases_and_receipts(node: &hashlease_tests::Node) -> Vec<Value> {
    let leases = node.get("leases").await.unwrap();
    let mut found = Vec::new();
    for lease in leases["items"].as_array().unwrap() {
        let lease = node.get(&format!("leases/{}", lease["id"].as_str().unwrap())).await.unwrap();
        found.push(serde_json::json!({
            "id": lease["id"], "terms": lease["terms"], "party": lease["party"], "receipt": lease["receipt"],
            "blocks": lease["blocks"], "payouts": lease["payouts"], "transactions": lease["transactions"],
        }));
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn both_nodes_are_killed_in_the_middle_and_the_lease_is_paid_all_the_same() {
    let mut stage = Stage::set(0, |_| {}).await.unwrap();
    let _miner = stage.start_miner("miner", 1).unwrap();
    stage.deposit_seller("100 HLT").await.unwrap();
    stage.deposit_buyer("500 HLT").await.unwrap();
    let terms = LeaseTerms { hashrate: measured_hashrate().unwrap() / 3, duration_s: 60, proof_window_s: 80 };
    stage.place_orders(&terms).await.unwrap();
    let opened = stage.opened(0).await.unwrap();

    let receipted = async |stage: &Stage| {
        let lease = stage.buyer.get(&format!("leases/{}", opened.id)).await?;
        Ok(lease["receipt"]["work"].as_str().and_then(|work| work.parse::<u128>().ok()).filter(|work| *work > 0))
    };
    let before = until("a first receipt", 60, || receipted(&stage)).await.unwrap();
    stage.seller.kill().await.unwrap();
    stage.buyer.kill().await.unwrap();
    stage.seller.start().await.unwrap();
    stage.buyer.start().await.unwrap();
    let after = until("receipts to go on", 60, || async { Ok(receipted(&stage).await?.filter(|work| *work > before)) });
    assert!(after.await.unwrap() > before);

    let agreement = stage.agreement(opened, 150).await.unwrap();
    agreement.check().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_sled_folder_deleted_a_stopped_node_comes_back_with_the_same_leases_and_receipts() {
    let mut stage = Stage::set(1, |_| {}).await.unwrap();
    stage.deposit_seller("100 HLT").await.unwrap();
    stage.deposit_buyer("500 HLT").await.unwrap();
    let terms = LeaseTerms { hashrate: measured_hashrate().unwrap() / 3, duration_s: 30, proof_window_s: 80 };
    stage.place_orders(&terms).await.unwrap();
    let opened = stage.opened(0).await.unwrap();
    let agreement = stage.agreement(opened, 120).await.unwrap();
    agreement.check().unwrap();

    let leases = || async { [leases_and_receipts(&stage.seller).await, leases_and_receipts(&stage.buyer).await] };
    let before = until("the gas of every transaction", 30, || async {
        let leases = leases().await;
        let mut transactions = leases.iter().flatten().flat_map(|lease| lease["transactions"].as_array().unwrap());
        Ok(transactions.all(|transaction| !transaction["gasUsed"].is_null()).then_some(leases))
    });
    let before = before.await.unwrap();
    assert!(before.iter().all(|leases| leases.len() == 1 && leases[0]["receipt"].is_object()));
    stage.seller.stop().await.unwrap();
    stage.buyer.stop().await.unwrap();
    for node in [&stage.seller, &stage.buyer] {
        std::fs::remove_dir_all(node.datadir.join("db")).unwrap();
    }
    stage.seller.start().await.unwrap();
    stage.buyer.start().await.unwrap();
    let after = [leases_and_receipts(&stage.seller).await, leases_and_receipts(&stage.buyer).await];
    assert_eq!(before, after);
}
