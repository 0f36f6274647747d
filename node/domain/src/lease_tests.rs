use super::*;
use crate::{Receipt, Signature, testing::sample_terms};

const RULES: Rules = Rules { confirmations: 2 };
const OPENED: u64 = 10;

fn signature() -> Signature {
    let mut bytes = [1; 65];
    bytes[64] = 27;
    Signature::from_slice(&bytes).unwrap()
}

fn terms() -> Terms {
    Terms { start: 1_000, end: 2_000, proof_window: 800, ..sample_terms(crate::testing::PH) }
}

fn on_chain() -> OnChain {
    OnChain {
        opened_block: OPENED,
        end: 2_000,
        through: 1_000,
        delivered: Delivered::default(),
        last_proof: B256::ZERO,
        payout: None,
    }
}

fn lease(party: Party) -> Lease {
    Lease::new(B256::repeat_byte(1), terms(), party, on_chain())
}

fn signed(work: u128, through: u64) -> SignedReceipt {
    let receipt = Receipt { lease_id: B256::repeat_byte(1), work, through };
    SignedReceipt { receipt, seller: signature(), agent: signature() }
}

/// Applies events that must fit, and returns the lease with the effects of the last one.
fn play(lease: Lease, events: &[Event]) -> (Lease, Vec<(u64, Effect)>) {
    events.iter().fold((lease, Vec::new()), |(lease, _), event| lease.apply(event, &RULES).unwrap())
}

fn seen(on_chain: OnChain, number: u64, time: u64) -> Event {
    Event::Chain { on_chain: Some(on_chain), head: Head { number, time }, provable: false }
}

fn active(party: Party) -> Lease {
    play(lease(party), &[seen(on_chain(), OPENED + 2, 1_010)]).0
}

#[test]
fn work_starts_when_the_opening_is_deep_enough() {
    assert_eq!(play(lease(Party::Seller), &[seen(on_chain(), OPENED + 1, 1_005)]).0.stage, Stage::Unconfirmed);
    assert_eq!(active(Party::Seller).stage, Stage::Active);
}

#[test]
fn a_lease_whose_opening_is_reorganised_away_is_over_and_comes_back_with_its_block() {
    let head = Head { number: OPENED + 1, time: 1_005 };
    let (gone, effects) = play(active(Party::Seller), &[Event::Chain { on_chain: None, head, provable: true }]);
    assert_eq!((gone.stage, effects), (Stage::Retracted, Vec::new()));
    assert_eq!(
        gone.apply(&Event::Countersigned(signed(1, 1_100)), &RULES),
        Err(IllegalTransition::NotRunning(Stage::Retracted))
    );
    assert_eq!(play(gone, &[seen(on_chain(), OPENED + 4, 1_030)]).0.stage, Stage::Active);
}

#[test]
fn receipts_rise_and_belong_to_the_lease() {
    let (lease, _) = play(active(Party::Agent), &[Event::Countersigned(signed(10, 1_100))]);
    for worse in [signed(11, 1_100), signed(9, 1_200), signed(20, 1_000)] {
        assert_eq!(lease.apply(&Event::Countersigned(worse), &RULES), Err(IllegalTransition::NotNewer));
    }
    let mut foreign = signed(20, 1_200);
    foreign.receipt.lease_id = B256::ZERO;
    assert_eq!(lease.apply(&Event::Countersigned(foreign), &RULES), Err(IllegalTransition::AnotherLease));
    assert_eq!(play(lease, &[Event::Countersigned(signed(10, 1_200))]).0.through(), 1_200);
}

#[test]
fn an_answered_claim_is_no_longer_open() {
    let claim = Claim { receipt: signed(10, 1_100).receipt, seller: signature() };
    let (claimed, _) = play(active(Party::Seller), &[Event::Claimed(claim)]);
    assert_eq!(claimed.claim, Some(claim));
    assert_eq!(play(claimed, &[Event::Countersigned(signed(10, 1_100))]).0.claim, None);
}

#[test]
fn the_seller_settles_a_quarter_of_the_lease_and_only_once() {
    let receipt = signed(10, 1_250);
    let events = [Event::Countersigned(receipt), seen(on_chain(), OPENED + 20, 1_300)];
    let (lease, effects) = play(active(Party::Seller), &events);
    assert_eq!(effects, [(0, Effect::Settle { receipt: Box::new(receipt) })]);
    let (lease, effects) = play(lease, &[seen(on_chain(), OPENED + 21, 1_301)]);
    assert_eq!(effects, [], "one call at a time");
    let settled = OnChain { through: 1_250, ..on_chain() };
    let done = Event::Performed { seq: 0, refused: false, now: 1_301 };
    assert_eq!(play(lease, &[done, seen(settled, OPENED + 30, 1_310)]).1, []);
    assert_eq!(
        play(active(Party::Seller), &[Event::Countersigned(signed(10, 1_249)), seen(on_chain(), OPENED + 20, 1_300)]).1,
        []
    );
}

#[test]
fn a_call_that_the_chain_refused_is_tried_again_after_a_while() {
    let receipt = signed(10, 1_250);
    let refused = Event::Performed { seq: 0, refused: true, now: 1_300 };
    let events = [
        Event::Countersigned(receipt),
        seen(on_chain(), OPENED + 20, 1_300),
        refused,
        seen(on_chain(), OPENED + 21, 1_310),
    ];
    let (lease, effects) = play(active(Party::Seller), &events);
    assert_eq!(effects, []);
    let (_, effects) = play(lease.clone(), &[seen(on_chain(), OPENED + 22, 1_315)]);
    assert_eq!(effects, [(1, Effect::Settle { receipt: Box::new(receipt) })]);
    let stray = Event::Performed { seq: 7, refused: false, now: 1_316 };
    assert_eq!(lease.apply(&stray, &RULES), Err(IllegalTransition::NotPending(7)));
}

#[test]
fn the_last_receipt_closes_the_lease_by_the_seller_at_once_and_by_the_agent_after_a_while() {
    let last = signed(100, 2_000);
    let at = |party, time| play(active(party), &[Event::Countersigned(last), seen(on_chain(), 100, time)]).1;
    let close = [(0, Effect::SettleAndClose { receipt: Box::new(last) })];
    assert_eq!(at(Party::Seller, 2_000), close);
    assert_eq!(at(Party::Agent, 2_000), []);
    assert_eq!(at(Party::Agent, 2_060), close);
}

#[test]
fn without_a_last_receipt_the_seller_settles_in_time_and_anybody_closes_after_the_window() {
    let receipt = signed(100, 1_100);
    let at = |party, time| play(active(party), &[Event::Countersigned(receipt), seen(on_chain(), 100, time)]).1;
    let settle = [(0, Effect::Settle { receipt: Box::new(receipt) })];
    assert_eq!(at(Party::Seller, 2_099), []);
    assert_eq!(at(Party::Seller, 2_100), settle);
    assert_eq!(at(Party::Seller, 2_399), settle);
    assert_eq!(at(Party::Seller, 2_400), [], "from half of the window on the escrow takes no receipts");
    assert_eq!(at(Party::Seller, 2_800), [(0, Effect::Close)]);
    assert_eq!(at(Party::Agent, 2_799), []);
    assert_eq!(at(Party::Agent, 2_860), [(0, Effect::Close)]);
}

#[test]
fn a_closed_lease_asks_for_nothing_and_only_an_open_one_is_cancelled() {
    let payout = Payout { earned: 1, fee: 0, refund: 2, penalty: 0 };
    let closed = OnChain { payout: Some(payout), ..on_chain() };
    let (lease, effects) = play(active(Party::Agent), &[seen(closed, 100, 9_000)]);
    assert_eq!((lease.stage, effects), (Stage::Closed, Vec::new()));
    assert_eq!(active(Party::Seller).apply(&Event::CancelRequested, &RULES), Err(IllegalTransition::NotTheSellers));
    assert_eq!(lease.apply(&Event::CancelRequested, &RULES), Err(IllegalTransition::NotCancellable(Stage::Closed)));
    let (cancelling, effects) = play(active(Party::Agent), &[Event::CancelRequested]);
    assert_eq!(effects, [(0, Effect::Cancel)]);
    assert_eq!(cancelling.apply(&Event::CancelRequested, &RULES), Err(IllegalTransition::CallUnderWay(0)));
}

#[test]
fn one_key_is_not_both_parties() {
    let mut terms = terms();
    assert_eq!(Lease::party_of(&terms, terms.seller), Some(Party::Seller));
    assert_eq!(Lease::party_of(&terms, terms.agent), Some(Party::Agent));
    assert_eq!(Lease::party_of(&terms, terms.buyer), None);
    terms.agent = terms.seller;
    assert_eq!(Lease::party_of(&terms, terms.seller), None);
}

#[test]
fn a_receipt_that_pays_nothing_is_settled_with_the_close_alone() {
    let events = [Event::Countersigned(signed(0, 1_900)), seen(on_chain(), OPENED + 20, 1_950)];
    let (lease, effects) = play(active(Party::Seller), &events);
    assert_eq!(effects, []);
    let last = signed(0, 2_000);
    let (_, effects) = play(lease, &[Event::Countersigned(last), seen(on_chain(), OPENED + 21, 2_001)]);
    assert_eq!(effects, [(0, Effect::SettleAndClose { receipt: Box::new(last) })]);
}

fn provable(on_chain: OnChain, time: u64) -> Event {
    Event::Chain { on_chain: Some(on_chain), head: Head { number: OPENED + 100, time }, provable: true }
}

#[test]
fn the_seller_proves_in_the_second_half_of_the_window_what_receipts_left_out() {
    let receipt = signed(10, 1_500);
    let (lease, effects) = play(active(Party::Seller), &[Event::Countersigned(receipt), provable(on_chain(), 2_100)]);
    assert_eq!(effects, [(0, Effect::Settle { receipt: Box::new(receipt) })], "receipts come first");
    let settled = OnChain { through: 1_500, delivered: Delivered { work: 10, ..Delivered::default() }, ..on_chain() };
    let done = Event::Performed { seq: 0, refused: false, now: 2_101 };
    let (lease, effects) = play(lease, &[done, provable(settled, 2_399)]);
    assert_eq!(effects, [], "proofs wait for their half");
    let (lease, effects) = play(lease, &[provable(settled, 2_400)]);
    assert_eq!(effects, [(1, Effect::Prove)]);
    let done = Event::Performed { seq: 1, refused: false, now: 2_401 };
    let (lease, effects) = play(lease, &[done, seen(settled, OPENED + 101, 2_500)]);
    assert_eq!(effects, [], "no share is left");
    assert_eq!(play(lease, &[provable(settled, 2_800)]).1, [(2, Effect::Close)]);
}

#[test]
fn nothing_is_proven_that_pays_nothing() {
    let full = Delivered { work: terms().contracted(2_000), proof_count: 0, paid: 0 };
    let settled = OnChain { delivered: full, ..on_chain() };
    assert_eq!(play(active(Party::Seller), &[provable(settled, 2_500)]).1, []);
    assert_eq!(play(active(Party::Agent), &[provable(on_chain(), 2_500)]).1, [], "and nobody else proves");
}
