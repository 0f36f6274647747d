//! What is signed has the same EIP-712 digest on both sides.

use alloy_primitives::B256;
use ethers::abi::AbiEncode;
use hashlease_domain::Eip712;

use super::{Keys, cases::Cases};
use crate::settlement::{
    bindings::lease_escrow as escrow,
    convert::{to_ask, to_bid, to_job, to_receipt, to_terms},
    tests::anvil::World,
};

/// Messages of each kind.
const CASES: usize = 1_000;
/// Messages in one request.
const BATCH: usize = 100;

async fn agree<T>(world: &World, messages: Vec<T>, view: impl Fn(&T) -> Vec<u8>, ours: impl Fn(&T) -> B256) {
    assert_eq!(messages.len(), CASES);
    for messages in messages.chunks(BATCH) {
        let theirs = world.words(messages.iter().map(&view).collect()).await;
        let ours: Vec<B256> = messages.iter().map(&ours).collect();
        assert_eq!(theirs, ours);
    }
}

#[tokio::test]
async fn orders_receipts_jobs_and_leases_have_the_same_digests() {
    let world = World::new().await;
    let domain = world.evm.domain();
    let mut cases = Cases::new(&world, &Keys::new(), 1);

    let asks = (0..CASES).map(|_| cases.ask()).collect();
    agree(&world, asks, |ask| escrow::AskHashCall { ask: to_ask(ask) }.encode(), |ask| digest(&world, ask)).await;
    let bids = (0..CASES).map(|_| cases.bid()).collect();
    agree(&world, bids, |bid| escrow::BidHashCall { bid: to_bid(bid) }.encode(), |bid| digest(&world, bid)).await;
    let receipts = (0..CASES).map(|_| cases.receipt()).collect();
    let view = |receipt: &_| escrow::ReceiptHashCall { receipt: to_receipt(receipt) }.encode();
    agree(&world, receipts, view, |receipt| digest(&world, receipt)).await;
    let jobs = (0..CASES).map(|_| (cases.word(), cases.number(32))).collect::<Vec<_>>();
    let jobs = jobs.into_iter().map(|(id, time)| cases.job(id, time)).collect();
    agree(&world, jobs, |job| escrow::JobHashCall { job: to_job(job) }.encode(), |job| digest(&world, job)).await;
    let terms = (0..CASES).map(|_| cases.terms(1 << 39)).collect();
    let view = |terms: &_| escrow::LeaseIdCall { terms: to_terms(terms) }.encode();
    agree(&world, terms, view, |terms| terms.lease_id(&domain)).await;
}

fn digest<T: Eip712>(world: &World, message: &T) -> B256 {
    world.evm.domain().digest(message)
}
