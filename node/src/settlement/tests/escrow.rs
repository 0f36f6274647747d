//! Every call, view, event and refusal on a real chain.

use std::{fmt::Debug, time::Duration};

use alloy_primitives::{Address, B256, Bytes, U256};
use hashlease_domain::{
    Ask, Bid, Domain, Eip712, EscrowEvent, LeaseJob, OrderKey, Receipt, Side, Signature, Signed, Terms, pay::Delivered,
    receipt::SignedReceipt,
};
use hashlease_miner::pow::job::Job;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

use super::anvil::{Anvil, CHAIN_ID, DEADLINE, Key, World};
use crate::settlement::{
    Call, Chain, Contracts, Error, Evm, TokenMeta, Transactions, Unsigned, bindings::lease_escrow as escrow, convert,
    evm::code_hash,
};

const ETHER: u128 = 1_000_000_000_000_000_000;
const HASHRATE: u64 = 1_000_000;
const DURATION: u32 = 600;
const FUNDS: u128 = 1_000 * ETHER;

fn maker(number: usize) -> Key {
    Key::new(number)
}

/// Buyer 0, seller 1, agent 2; account 3 is a stranger.
fn ask(token: Address, expiry: u64) -> Ask {
    Ask {
        seller: maker(1).address(),
        payee: Address::repeat_byte(0x9a),
        token,
        price: 1_000_000_000_000 * ETHER,
        hashrate: HASHRATE,
        min_hashrate: HASHRATE / 2,
        min_duration: 60,
        max_duration: 3_600,
        sla_bps: 8_500,
        bond_bps: 2_000,
        proof_bps: 9_000,
        cancel_notice: 60,
        proof_window: 1_800,
        proof_shares: 256,
        tags: U256::from(5),
        details: B256::repeat_byte(0xd1),
        expiry,
        epoch: 0,
        salt: B256::repeat_byte(0x51),
    }
}

fn bid(token: Address, expiry: u64) -> Bid {
    Bid {
        buyer: maker(0).address(),
        agent: maker(2).address(),
        token,
        max_price: 2_000_000_000_000 * ETHER,
        hashrate: HASHRATE,
        min_hashrate: HASHRATE / 2,
        duration: DURATION,
        min_sla_bps: 8_000,
        min_bond_bps: 1_000,
        max_proof_bps: 9_000,
        max_cancel_notice: 60,
        max_proof_window: 1_800,
        min_proof_shares: 256,
        required_tags: U256::from(4),
        seller: Address::ZERO,
        matcher: Address::ZERO,
        matcher_fee_bps: 50,
        details: B256::repeat_byte(0xd2),
        expiry,
        epoch: 0,
        salt: B256::repeat_byte(0x52),
    }
}

fn sign<T: Eip712>(domain: &Domain, key: &Key, order: T) -> Signed<T> {
    let signature = key.sign(domain.digest(&order)).to_vec();
    Signed { order, signature }
}

fn receipt(domain: &Domain, lease_id: B256, work: u128, through: u64) -> SignedReceipt {
    let receipt = Receipt { lease_id, work, through };
    let by = |key: Key| Signature::from_slice(&key.sign(domain.digest(&receipt))).unwrap();
    SignedReceipt { receipt, seller: by(maker(1)), agent: by(maker(2)) }
}

fn job(lease_id: B256) -> LeaseJob {
    let job = Job {
        version: 0x2000_0000,
        version_mask: 0x1fff_e000,
        prev_hash: [7; 32],
        coinbase_prefix: vec![1; 41],
        coinbase_suffix: vec![2; 77],
        extranonce_size: 8,
        branch: vec![[3; 32], [4; 32]],
        bits: 0x1d00_ffff,
        min_time: 1_700_000_000,
    };
    LeaseJob { lease_id, job }
}

/// Funds both sides and returns the call that opens a lease of the whole hashrate.
async fn opening(world: &World) -> Call {
    world.fund(&maker(0), U256::from(FUNDS)).await;
    world.fund(&maker(1), U256::from(FUNDS)).await;
    let expiry = world.evm.head().await.unwrap().time + 3_600;
    let domain = world.evm.domain();
    Call::Open {
        ask: Box::new(sign(&domain, &maker(1), ask(world.token, expiry))),
        bid: Box::new(sign(&domain, &maker(0), bid(world.token, expiry))),
        hashrate: HASHRATE,
    }
}

async fn events(world: &World) -> Vec<EscrowEvent> {
    let head = world.evm.head().await.unwrap();
    let logged = world.evm.events(world.start, head.number).await.unwrap();
    logged.into_iter().map(|logged| logged.event).collect()
}

async fn opened(world: &World) -> (B256, Box<Terms>) {
    match events(world).await.pop() {
        Some(EscrowEvent::LeaseOpened { id, terms }) => (id, terms),
        last => panic!("{last:?}"),
    }
}

#[tokio::test]
async fn a_lease_goes_from_deposit_to_withdrawal_and_every_event_is_read_back() {
    let world = World::new().await;
    let (evm, domain, token) = (&world.evm, world.evm.domain(), world.token);
    let (buyer, seller, payee) = (maker(0).address(), maker(1).address(), Address::repeat_byte(0x9a));
    let open = opening(&world).await;
    let Call::Open { ask, bid, .. } = &open else { panic!() };
    assert_eq!(evm.token_balance(buyer, token).await.unwrap(), U256::ZERO);
    assert_eq!(evm.escrow_balance(buyer, token).await.unwrap(), U256::from(FUNDS));

    let mined = world.send(&maker(3), &open).await;
    let (id, terms) = opened(&world).await;
    let start = evm.block_at(mined.block_number).await.unwrap().unwrap().time;
    let end = start + u64::from(DURATION);
    assert_eq!((terms.start, terms.end, terms.matcher), (start, end, maker(3).address()));
    assert_eq!((terms.ask_id, terms.bid_id), (domain.digest(&ask.order), domain.digest(&bid.order)));
    assert_eq!(terms.lease_id(&domain), id);
    let locks = terms.locks().unwrap();
    assert!(locks.lock > ETHER, "the price must be visible in the pay");
    let spent = U256::from(FUNDS) - U256::from(locks.lock + locks.fee);
    assert_eq!(evm.escrow_balance(buyer, token).await.unwrap(), spent);
    assert_eq!(evm.escrow_balance(seller, token).await.unwrap(), U256::from(FUNDS - terms.bond));
    let filled = OrderKey { side: Side::Bid, maker: buyer, salt: bid.order.salt };
    assert_eq!(evm.filled(&filled).await.unwrap(), U256::from(HASHRATE));
    assert_eq!(evm.filled(&OrderKey { side: Side::Ask, ..filled }).await.unwrap(), U256::ZERO);

    let half = terms.contracted(end) / 2;
    let middle = receipt(&domain, id, half, start + 300);
    world.send(&maker(3), &Call::Settle { terms: terms.clone(), receipt: middle }).await;
    let state = evm.lease_state(id).await.unwrap().unwrap();
    assert_eq!((state.end, state.through, state.work, state.proof_count), (end, start + 300, half, 0));

    world.anvil.mine_at(end + 1).await;
    let last = receipt(&domain, id, half * 2 - 1, end);
    world.send(&maker(3), &Call::SettleAndClose { terms: terms.clone(), receipt: last }).await;
    assert_eq!(evm.lease_state(id).await.unwrap(), None);
    world.send(&maker(1), &Call::Withdraw { token, amount: U256::from(FUNDS), to: payee }).await;
    assert_eq!(evm.token_balance(payee, token).await.unwrap(), U256::from(FUNDS));

    let first = terms.earned_down(end, Delivered { work: half, ..Delivered::default() });
    let work = half * 2 - 1;
    let payout = terms.payout(end, Delivered { work, proof_count: 0, paid: first }).unwrap();
    let deposited = |account| EscrowEvent::Deposited { account, token, amount: FUNDS };
    let salt = |side| if side == Side::Ask { ask.order.salt } else { bid.order.salt };
    let filled = |side, maker| EscrowEvent::OrderFilled { side, maker, salt: salt(side), filled: terms.hashrate };
    let expected = [
        deposited(buyer),
        deposited(seller),
        filled(Side::Ask, seller),
        filled(Side::Bid, buyer),
        EscrowEvent::LeaseOpened { id, terms },
        EscrowEvent::Settled { id, work: half, through: start + 300, paid: first },
        EscrowEvent::Settled { id, work, through: end, paid: payout.earned - first },
        EscrowEvent::Closed {
            id,
            work,
            proven_work: 0,
            earned: payout.earned,
            fee: payout.fee,
            refund: payout.refund,
            penalty: payout.penalty,
        },
        EscrowEvent::Withdrawn { account: seller, token, amount: FUNDS },
    ];
    assert_eq!(events(&world).await, expected);
}

#[tokio::test]
async fn a_lease_is_cancelled_and_closed_by_its_parties() {
    let world = World::new().await;
    let open = opening(&world).await;
    world.send(&maker(2), &open).await;
    let (id, terms) = opened(&world).await;

    let mined = world.send(&maker(2), &Call::Cancel { terms: terms.clone() }).await;
    let end = world.evm.block_at(mined.block_number).await.unwrap().unwrap().time + u64::from(terms.cancel_notice);
    assert_eq!(events(&world).await.pop(), Some(EscrowEvent::Cancelled { id, end }));

    let close = Call::Close { terms };
    assert_eq!(world.refused(&maker(3), &close).await.error.as_deref(), Some("CloseTooEarly"));
    world.anvil.mine_at(end + 1).await;
    world.send(&maker(1), &close).await;
    let closed = events(&world).await.pop();
    assert!(matches!(closed, Some(EscrowEvent::Closed { id: of, work: 0, .. }) if of == id), "{closed:?}");
}

#[tokio::test]
async fn orders_end_by_salt_and_by_epoch() {
    let world = World::new().await;
    let (key, salt) = (maker(1), B256::repeat_byte(0x51));
    let maker = key.address();
    world.send(&key, &Call::CancelOrder { salt }).await;
    world.send(&key, &Call::BumpEpoch).await;
    world.send(&key, &Call::SetOperator { operator: Address::repeat_byte(1), allowed: true }).await;
    assert_eq!(
        events(&world).await,
        [EscrowEvent::OrderCancelled { maker, salt }, EscrowEvent::EpochBumped { maker, epoch: 1 }]
    );
    assert_eq!(world.evm.epoch(maker).await.unwrap(), 1);
    assert_eq!(world.evm.filled(&OrderKey { side: Side::Ask, maker, salt }).await.unwrap(), U256::MAX);
    let operator =
        escrow::IsOperatorCall { seller: convert::to_h160(maker), operator: convert::to_h160(Address::repeat_byte(1)) };
    assert!(world.evm.view::<bool>(world.evm.domain().escrow, operator).await.unwrap());
}

#[tokio::test]
async fn digests_and_ids_are_those_of_the_contract() {
    let world = World::new().await;
    let (evm, domain) = (&world.evm, world.evm.domain());
    let escrow_address = domain.escrow;
    let (ask, bid) = (ask(world.token, 1_900_000_000), bid(world.token, 1_900_000_001));
    let hash: [u8; 32] = evm.view(escrow_address, escrow::AskHashCall { ask: convert::to_ask(&ask) }).await.unwrap();
    assert_eq!(domain.digest(&ask), hash);
    let hash: [u8; 32] = evm.view(escrow_address, escrow::BidHashCall { bid: convert::to_bid(&bid) }).await.unwrap();
    assert_eq!(domain.digest(&bid), hash);

    let receipt = Receipt { lease_id: B256::repeat_byte(9), work: u128::MAX, through: (1 << 40) - 1 };
    let call = escrow::ReceiptHashCall { receipt: convert::to_receipt(&receipt) };
    let hash: [u8; 32] = evm.view(escrow_address, call).await.unwrap();
    assert_eq!(domain.digest(&receipt), hash);

    let job = job(B256::repeat_byte(9));
    let hash: [u8; 32] = evm.view(escrow_address, escrow::JobHashCall { job: convert::to_job(&job) }).await.unwrap();
    assert_eq!(domain.digest(&job), hash);
}

#[tokio::test]
async fn what_would_revert_is_refused_in_words() {
    let world = World::new().await;
    let (token, amount) = (world.token, U256::from(5));
    let key = maker(1);
    let refusal = world.refused(&key, &Call::Deposit { token, amount, account: key.address() }).await;
    assert_eq!(refusal.error.as_deref(), Some("ERC20InsufficientAllowance"));
    let refusal = world.refused(&key, &Call::Withdraw { token, amount, to: key.address() }).await;
    assert!(refusal.reason.starts_with("insufficient balance ("), "{refusal}");
    assert!(refusal.reason.ends_with("balance 0, needed 5)"), "{refusal}");

    let Call::Open { ask, mut bid, hashrate } = opening(&world).await else { panic!() };
    bid.order.max_price = 1;
    *bid = sign(&world.evm.domain(), &maker(0), bid.order);
    let refusal = world.refused(&key, &Call::Open { ask, bid, hashrate }).await;
    assert_eq!(refusal.reason, "price too high (price 1000000000000000000000000000000, max price 1)");
}

#[tokio::test]
async fn proofs_reach_the_contract_with_their_jobs_and_shares() {
    let world = World::new().await;
    let open = opening(&world).await;
    world.send(&maker(3), &open).await;
    let (id, terms) = opened(&world).await;
    let end = terms.end;
    let signed_job = sign(&world.evm.domain(), &maker(2), job(id));
    let (after, shares) = (B256::ZERO, Bytes::from(vec![0; 21]));
    let prove = Call::Prove { terms, after, jobs: vec![signed_job], shares };
    assert_eq!(world.refused(&maker(1), &prove).await.error.as_deref(), Some("NotProvePhase"));

    // The contract has read terms, job, signature and share once it compares the share's version with the job's.
    world.anvil.mine_at(end + 900).await;
    let refusal = world.refused(&maker(1), &prove).await;
    assert_eq!(refusal.error.as_deref(), Some("VersionOutsideMask"), "{refusal}");
}

#[tokio::test]
async fn a_transaction_that_is_already_known_is_a_success() {
    let world = World::new().await;
    world.anvil.ask("evm_setAutomine", json!([false])).await;
    let key = maker(1);
    let raw = world.signed(&key, &Call::BumpEpoch).await;
    for _ in 0..2 {
        assert_eq!(world.evm.send_raw(&raw.bytes).await.unwrap(), raw.hash);
    }
    let count = async |pending| world.evm.transaction_count(key.address(), pending).await.unwrap();
    assert_eq!((count(false).await, count(true).await), (0, 1));
    assert_eq!(world.evm.transaction_receipt(raw.hash).await.unwrap(), None);

    world.anvil.ask("evm_mine", json!([])).await;
    let mined = world.mined(raw.hash).await;
    let block = world.evm.block_at(mined.block_number).await.unwrap().unwrap();
    assert_eq!((mined.block_hash, mined.succeeded), (block.hash, true));
    assert_eq!(world.evm.block_with(block.hash).await.unwrap(), Some(block));
    assert_eq!((count(false).await, count(true).await), (1, 1));
    assert_eq!(world.evm.send_raw(&raw.bytes).await.unwrap(), raw.hash);
}

#[tokio::test]
async fn a_transaction_that_the_chain_refuses_is_an_error() {
    let world = World::new().await;
    let key = maker(1);
    world.send(&key, &Call::BumpEpoch).await;
    let (to, calldata) = Call::BumpEpoch.encode(world.evm.domain().escrow);
    let fees = world.evm.fees().await.unwrap();
    let used = Unsigned { chain_id: CHAIN_ID, nonce: 0, to: Some(to), gas_limit: 100_001, fees, calldata };
    let raw = used.assemble(&key.sign(used.sighash()), key.address()).unwrap();
    let error = world.evm.send_raw(&raw.bytes).await.unwrap_err();
    assert!(matches!(error, Error::Rpc { method: "eth_sendRawTransaction", .. }), "{error}");
}

#[tokio::test]
async fn gas_that_was_paid_is_what_the_receipt_says() {
    let world = World::new().await;
    let key = maker(1);
    let before = world.evm.native_balance(key.address()).await.unwrap();
    let mined = world.send(&key, &Call::BumpEpoch).await;
    let after = world.evm.native_balance(key.address()).await.unwrap();
    assert_eq!(before - after, U256::from(mined.gas_used) * U256::from(mined.effective_gas_price));
}

#[tokio::test]
async fn a_token_says_its_symbol_unit_and_allowance() {
    let world = World::new().await;
    let meta = world.evm.token_meta(world.token).await.unwrap();
    assert_eq!(meta, TokenMeta { symbol: "HTEST".to_owned(), decimals: 18 });
    let key = maker(0);
    world.send(&key, &Call::Approve { token: world.token, amount: U256::from(77) }).await;
    assert_eq!(world.evm.token_allowance(key.address(), world.token).await.unwrap(), U256::from(77));
}

#[tokio::test]
async fn only_the_escrow_of_the_configured_chain_is_accepted() {
    let world = World::new().await;
    world.evm.identity().await.unwrap();
    let domain = world.evm.domain();
    let identity = async |domain| Evm::new(&world.anvil.url, domain, DEADLINE).unwrap().identity().await.unwrap_err();

    let error = identity(Domain { chain_id: 1, ..domain }).await;
    assert!(matches!(error, Error::WrongChain { found: CHAIN_ID, expected: 1, .. }), "{error}");
    let error = identity(Domain { escrow: Address::repeat_byte(1), ..domain }).await;
    assert!(matches!(error, Error::NoCode { .. }), "{error}");
    let error = identity(Domain { escrow: world.token, ..domain }).await;
    assert!(matches!(error, Error::UnknownCode { expected, .. } if expected == code_hash()), "{error}");
}

#[tokio::test]
async fn finality_follows_the_head() {
    let anvil = Anvil::start().await;
    let domain = Domain { chain_id: CHAIN_ID, escrow: Address::ZERO };
    let evm = Evm::new(&anvil.url, domain, Duration::from_secs(5)).unwrap();
    anvil.ask("anvil_mine", json!([10])).await;
    assert_eq!(evm.head().await.unwrap().number, 10);
    assert_eq!(evm.finalized_number().await.unwrap(), 8, "two epochs of one slot");
    assert_eq!(evm.block_at(11).await.unwrap(), None);
}

#[test]
fn every_call_survives_the_journal() {
    let domain = Domain { chain_id: CHAIN_ID, escrow: Address::repeat_byte(1) };
    let (token, to, amount) = (Address::repeat_byte(2), Address::repeat_byte(3), U256::from(4));
    let terms = Box::new(Terms {
        buyer: to,
        agent: to,
        seller: to,
        payee: to,
        matcher: to,
        token,
        price: u128::MAX,
        hashrate: u64::MAX,
        start: 1,
        end: 2,
        sla_bps: 3,
        proof_bps: 4,
        matcher_fee_bps: 5,
        proof_shares: 6,
        cancel_notice: 7,
        proof_window: 8,
        bond: u128::MAX,
        ask_id: B256::repeat_byte(9),
        bid_id: B256::repeat_byte(10),
        entropy: B256::repeat_byte(11),
    });
    let signed = receipt(&domain, B256::repeat_byte(12), u128::MAX, 13);
    let jobs = vec![sign(&domain, &maker(2), job(B256::repeat_byte(12)))];
    let open = Call::Open {
        ask: Box::new(sign(&domain, &maker(1), ask(token, 1))),
        bid: Box::new(sign(&domain, &maker(0), bid(token, 1))),
        hashrate: 2,
    };
    let calls = [
        open,
        Call::Approve { token, amount },
        Call::Mint { token, to, amount },
        Call::Deposit { token, amount, account: to },
        Call::Withdraw { token, amount, to },
        Call::Settle { terms: terms.clone(), receipt: signed },
        Call::SettleAndClose { terms: terms.clone(), receipt: signed },
        Call::Close { terms: terms.clone() },
        Call::Cancel { terms: terms.clone() },
        Call::CancelOrder { salt: B256::repeat_byte(14) },
        Call::BumpEpoch,
        Call::SetOperator { operator: to, allowed: true },
        Call::Prove { terms, after: B256::ZERO, jobs, shares: Bytes::from(vec![1; 21]) },
    ];
    calls.iter().for_each(survives);
}

/// The journal holds CBOR, the API and exports JSON.
fn survives<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let mut stored = Vec::new();
    ciborium::into_writer(value, &mut stored).unwrap();
    assert_eq!(ciborium::from_reader::<T, _>(stored.as_slice()).unwrap(), *value);
    assert_eq!(serde_json::from_str::<T>(&serde_json::to_string(value).unwrap()).unwrap(), *value);
}
