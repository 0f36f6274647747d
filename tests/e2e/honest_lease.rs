//! A lease that goes well.

use alloy_primitives::U256;
use hashlease_tests::{LeaseTerms, Stage, measured_hashrate};

#[tokio::test(flavor = "multi_thread")]
async fn leased_hashpower_finds_blocks_for_its_buyer_and_all_sources_agree_on_the_pay() {
    let stage = Stage::set(0, |_| {}).await.unwrap();
    let _miner = stage.start_miner("miner", 1).unwrap();
    stage.deposit_seller("100 HLT").await.unwrap();
    stage.deposit_buyer("500 HLT").await.unwrap();
    let terms = LeaseTerms { hashrate: measured_hashrate().unwrap() / 2, duration_s: 40, proof_window_s: 80 };
    stage.place_orders(&terms).await.unwrap();
    let opened = stage.opened(0).await.unwrap();
    assert_eq!((opened.buyer, opened.seller), (stage.wallet, stage.seller.address));

    let agreement = stage.agreement(opened, 120).await.unwrap();
    agreement.check().unwrap();
    agreement.check_blocks().unwrap();
    let required = agreement.opened.contracted(agreement.opened.end) / U256::from(2);
    assert!(agreement.seller.receipted >= required, "half of the work is the service level: {agreement:?}");
    assert!(agreement.closed.penalty.is_zero());

    // Whoever was paid can take it out, and nothing stays behind.
    let deposits = U256::from(600) * U256::from(10).pow(U256::from(18));
    let held = stage.chain.token_balance(stage.token, stage.escrow).await.unwrap();
    assert_eq!(held, deposits);
    let seller = stage.chain.escrow_balance(stage.escrow, stage.seller.address, stage.token).await.unwrap();
    let buyer = stage.chain.escrow_balance(stage.escrow, stage.wallet, stage.token).await.unwrap();
    assert_eq!(seller + buyer, deposits);
}
