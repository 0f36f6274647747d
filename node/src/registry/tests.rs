use alloy_primitives::U256;
use hashlease_domain::{Terms, lease::Stage, receipt::SignedReceipt};

use super::*;
use crate::settlement::{BlockEvents, Raw, Unsigned};

const OWN: Address = Address::repeat_byte(0x5e);
const RULES: Rules = Rules { confirmations: 1 };

fn block(number: u64, fork: u8) -> Block {
    let hash = |number: u64, fork| B256::from(U256::from(number << 8 | u64::from(fork)));
    Block { number, hash: hash(number, fork), parent: hash(number - 1, 0), time: 1_000 + number }
}

fn terms() -> Terms {
    Terms {
        buyer: Address::repeat_byte(1),
        agent: Address::repeat_byte(2),
        seller: OWN,
        payee: OWN,
        matcher: Address::repeat_byte(2),
        token: Address::repeat_byte(3),
        price: 86_400_000_000_000,
        hashrate: 1_000_000_000,
        start: 1_010,
        end: 1_110,
        sla_bps: 0,
        proof_bps: 9_000,
        matcher_fee_bps: 0,
        proof_shares: 256,
        cancel_notice: 5,
        proof_window: 80,
        bond: 0,
        ask_id: B256::repeat_byte(4),
        bid_id: B256::repeat_byte(5),
        entropy: B256::repeat_byte(6),
    }
}

const LEASE: B256 = B256::repeat_byte(9);

fn logged(block: Block, log_index: u64, event: EscrowEvent) -> LoggedEvent {
    LoggedEvent { block_number: block.number, block_hash: block.hash, tx_hash: B256::ZERO, log_index, event }
}

/// A block in which the buyer deposits and the lease is opened.
fn opening(block: Block) -> BlockEvents {
    let deposit =
        EscrowEvent::Deposited { account: Address::repeat_byte(1), token: Address::repeat_byte(3), amount: 500 };
    let opened = EscrowEvent::LeaseOpened { id: LEASE, terms: Box::new(terms()) };
    BlockEvents { block, events: vec![logged(block, 0, deposit), logged(block, 1, opened)] }
}

fn empty(block: Block) -> BlockEvents {
    BlockEvents { block, events: Vec::new() }
}

fn extended(blocks: Vec<BlockEvents>) -> ChainUpdate {
    ChainUpdate::Extended { blocks }
}

struct Opened {
    registry: Registry,
    _dir: tempfile::TempDir,
}

fn open() -> Opened {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    Opened { registry: Registry::open(store, OWN, RULES, 0).unwrap(), _dir: dir }
}

fn receipt(work: u128, through: u64) -> Event {
    let mut signature = [1; 65];
    signature[64] = 27;
    let signature = hashlease_domain::Signature::from_slice(&signature).unwrap();
    let receipt = hashlease_domain::Receipt { lease_id: LEASE, work, through };
    Event::Countersigned(SignedReceipt { receipt, seller: signature, agent: signature })
}

#[tokio::test]
async fn a_lease_that_names_the_nodes_key_becomes_its_own_once_confirmed() {
    let Opened { registry, _dir } = open();
    registry.advance(&extended(vec![opening(block(10, 0))])).await.unwrap();
    assert_eq!(registry.lease(LEASE).await.unwrap().stage, Stage::Unconfirmed);
    registry.advance(&extended(vec![empty(block(11, 0))])).await.unwrap();
    assert_eq!(registry.lease(LEASE).await.unwrap().stage, Stage::Active);
    assert_eq!(*registry.head().borrow(), Head { number: 11, time: 1_011 });
}

#[tokio::test]
async fn a_restart_before_the_confirmation_loses_no_lease() {
    let Opened { registry, _dir } = open();
    registry.advance(&extended(vec![opening(block(10, 0))])).await.unwrap();
    let restarted = Registry::open(registry.store.clone(), OWN, RULES, 0).unwrap();
    assert_eq!(restarted.lease(LEASE).await.unwrap().stage, Stage::Unconfirmed);
    restarted.advance(&extended(vec![empty(block(11, 0))])).await.unwrap();
    assert_eq!(restarted.lease(LEASE).await.unwrap().stage, Stage::Active);
}

#[tokio::test]
async fn a_reorg_takes_events_back_and_the_index_is_as_if_they_had_not_been() {
    let Opened { registry, _dir } = open();
    let before = registry.with_index(Clone::clone).await;
    registry.advance(&extended(vec![empty(block(9, 0)), opening(block(10, 0))])).await.unwrap();
    let update =
        ChainUpdate::Reorged { fork: block(9, 0), dropped: vec![block(10, 0)], added: vec![empty(block(10, 1))] };
    registry.advance(&update).await.unwrap();
    assert_eq!(registry.with_index(Clone::clone).await, before);
    assert_eq!(registry.lease(LEASE).await.unwrap().stage, Stage::Retracted);
    assert_eq!(registry.store.all(&EVENTS).unwrap(), []);
}

#[tokio::test]
async fn a_restart_finds_leases_calls_index_and_cursor_as_they_were() {
    let Opened { registry, _dir } = open();
    registry.advance(&extended(vec![opening(block(10, 0)), empty(block(11, 0))])).await.unwrap();
    registry.apply(LEASE, &receipt(10, 1_050)).await.unwrap();
    registry.advance(&extended(vec![empty(block(60, 0))])).await.unwrap();
    assert_eq!(registry.open_calls().await.len(), 1, "half of the lease is to be settled");
    let reopened = Registry::open(registry.store.clone(), OWN, RULES, 0).unwrap();
    assert_eq!(reopened.leases().await, registry.leases().await);
    assert_eq!(reopened.open_calls().await, registry.open_calls().await);
    assert_eq!(reopened.with_index(Clone::clone).await, registry.with_index(Clone::clone).await);
    assert_eq!(reopened.cursor().await, registry.cursor().await);
}

#[tokio::test]
async fn a_finished_call_frees_its_lease_for_the_next_one() {
    let Opened { registry, _dir } = open();
    registry.advance(&extended(vec![opening(block(10, 0)), empty(block(11, 0))])).await.unwrap();
    registry.apply(LEASE, &receipt(10, 1_050)).await.unwrap();
    registry.advance(&extended(vec![empty(block(60, 0))])).await.unwrap();
    let call = registry.open_calls().await.remove(0);
    assert_eq!(call.origin, Origin::Lease { id: LEASE, seq: 0 });
    registry.set_call(call.number, CallState::Refused { reason: "too early".to_owned() }).await.unwrap();
    assert_eq!(registry.lease(LEASE).await.unwrap().pending, None);
    assert!(registry.open_calls().await.is_empty());
}

#[tokio::test]
async fn a_match_is_queued_once_and_again_only_after_it_failed() {
    let Opened { registry, _dir } = open();
    let origin = Origin::Match { ask_id: B256::repeat_byte(4), bid_id: B256::repeat_byte(5) };
    let call = || Call::Close { terms: Box::new(terms()) };
    let first = registry.queue(origin, call()).await.unwrap();
    assert_eq!(registry.queue(origin, call()).await.unwrap(), first);
    registry.set_call(first, CallState::Refused { reason: "no balance".to_owned() }).await.unwrap();
    assert_ne!(registry.queue(origin, call()).await.unwrap(), first);
}

#[tokio::test]
async fn an_event_that_does_not_fit_leaves_the_lease_as_it_was() {
    let Opened { registry, _dir } = open();
    registry.advance(&extended(vec![opening(block(10, 0)), empty(block(11, 0))])).await.unwrap();
    registry.apply(LEASE, &receipt(10, 1_050)).await.unwrap();
    let before = registry.lease(LEASE).await.unwrap();
    assert!(matches!(registry.apply(LEASE, &receipt(9, 1_060)).await, Err(RegistryError::Illegal { .. })));
    assert_eq!(registry.lease(LEASE).await.unwrap(), before);
}

#[tokio::test]
async fn a_call_is_read_back_in_each_of_its_states() {
    let Opened { registry, _dir } = open();
    let number = registry.queue(Origin::Owner, Call::Close { terms: Box::new(terms()) }).await.unwrap();
    let fees = crate::settlement::Fees { max_fee: u128::MAX, priority_fee: 1 };
    let (to, calldata) = (Some(OWN), alloy_primitives::Bytes::from_static(&[1, 2, 3]));
    let unsigned = Unsigned { chain_id: 31337, nonce: 7, to, gas_limit: 100_000, fees, calldata };
    let raw = Raw { bytes: alloy_primitives::Bytes::from_static(&[4, 5]), hash: LEASE };
    let states = [
        CallState::Queued,
        CallState::Intended { unsigned },
        CallState::Sent { nonce: 7, raw },
        CallState::Refused { reason: "no".to_owned() },
        CallState::Mined { hash: LEASE, succeeded: true, gas_used: 1, gas_price: u128::MAX },
    ];
    for state in states {
        registry.set_call(number, state).await.unwrap();
        let reopened = Registry::open(registry.store.clone(), OWN, RULES, 0).unwrap();
        assert_eq!(reopened.call(number).await, registry.call(number).await);
    }
}

/// A standby share of the lease with its place among hashes.
fn standby(first: u8, time: u32) -> (hashlease_miner::pow::Hash256, hashlease_domain::ProofShare) {
    let mut header = [first; 80];
    header[68..72].copy_from_slice(&time.to_le_bytes());
    let mut hash = [0; 32];
    hash[31] = first;
    let share = hashlease_domain::ProofShare::Standby { header: header.into() };
    (hashlease_miner::pow::Hash256::from_bytes(hash), share)
}

#[tokio::test]
async fn proof_shares_are_shown_in_their_half_of_the_window_and_forgotten_after_it() {
    let Opened { registry, _dir } = open();
    registry.advance(&extended(vec![opening(block(10, 0)), empty(block(11, 0))])).await.unwrap();
    // The lease runs from 1,010 to 1,110, its window until 1,190; block n has time 1,000 + n.
    let kept = [standby(3, 1_050), standby(1, 1_060), standby(2, 1_020), standby(4, 1_111)];
    let keep = |batch, (hash, share): &(_, _)| evidence::keep_share(batch, LEASE, *hash, share);
    registry.store.commit(kept.iter().fold(Batch::new(), keep)).await.unwrap();
    assert_eq!(registry.proof_shares(&registry.lease(LEASE).await.unwrap()).unwrap(), 3, "one is past the end");

    let settled = EscrowEvent::Settled { id: LEASE, work: 5, through: 1_030, paid: 0 };
    let block_of =
        |number, event| BlockEvents { block: block(number, 0), events: vec![logged(block(number, 0), 0, event)] };
    registry.advance(&extended(vec![block_of(115, settled)])).await.unwrap();
    registry.advance(&extended(vec![empty(block(149, 0))])).await.unwrap();
    assert_eq!(registry.open_calls().await, [], "receipts have the first half");
    registry.advance(&extended(vec![empty(block(150, 0))])).await.unwrap();
    let call = registry.open_calls().await.remove(0);
    let Call::Prove { after, jobs, shares, .. } = &call.call else { panic!("{call:?}") };
    assert_eq!((*after, jobs.len(), shares.len()), (B256::ZERO, 0, 2 * 49), "the settled receipt counts one of three");
    assert_eq!((shares[1], shares[50]), (1, 3), "in the order of their hashes");

    let last = hashlease_domain::proof::proof_order(kept[1].0);
    let done = CallState::Mined { hash: LEASE, succeeded: true, gas_used: 1, gas_price: 1 };
    registry.set_call(call.number, done).await.unwrap();
    let proven = EscrowEvent::Proven { id: LEASE, count: 1, last };
    registry.advance(&extended(vec![block_of(151, proven)])).await.unwrap();
    registry.advance(&extended(vec![empty(block(160, 0))])).await.unwrap();
    let Call::Prove { after, shares, .. } = &registry.open_calls().await[0].call else { panic!() };
    assert_eq!((*after, shares.len(), shares[1]), (last, 49, 3), "the run goes on behind the last hash counted");

    registry.advance(&extended(vec![empty(block(190, 0))])).await.unwrap();
    assert_eq!(registry.proof_shares(&registry.lease(LEASE).await.unwrap()).unwrap(), 0);
}
