//! Money: settlements before and after a cancellation, proof shares and the close, to the unit.

use alloy_primitives::{Address, B256};
use hashlease_domain::{EscrowEvent, Index, Receipt, Terms, pay::Payout, receipt::SignedReceipt};
use rand::Rng;

use super::{Keys, Outcome, Step, Storage, cases::Cases, signature};
use crate::settlement::{Call, LeaseState, tests::anvil::World};

const CASES: usize = 4_000;
/// Leases in one request.
const BATCH: usize = 50;
/// When the leases run, unix seconds; and when each of them is over.
const NOW: u64 = 1 << 39;
const OVER: u64 = 1 << 41;

/// One lease's life.
struct Life {
    terms: Box<Terms>,
    id: B256,
    proof_count: u64,
    before: Receipt,
    cancelled: bool,
    after: Receipt,
}

impl Life {
    fn random(cases: &mut Cases, world: &World) -> Self {
        let terms = Box::new(cases.terms(NOW));
        let id = terms.lease_id(&world.evm.domain());
        let whole = terms.contracted(terms.end);
        // Mostly about what is contracted: far beyond it, all leases are alike.
        let mut receipt = || {
            let near = cases.rng.random_range(0..=whole + whole / 8);
            let work = if cases.rng.random_ratio(7, 8) { near } else { cases.number(128) };
            let through = terms.start + cases.number::<u64>(8);
            Receipt { lease_id: id, work, through }
        };
        let (before, mut after) = (receipt(), receipt());
        if cases.rng.random_ratio(3, 4) {
            (after.work, after.through) = (after.work.max(before.work), after.through + 256);
        }
        let whole_shares = whole / terms.proof_work();
        let near = u64::try_from(whole_shares).unwrap().saturating_add(2);
        let proof_count = match cases.rng.random_range(0..4) {
            0 | 1 => 0,
            2 => cases.number(48),
            _ => cases.rng.random_range(0..near),
        };
        Self { terms, id, proof_count, before, cancelled: cases.rng.random(), after }
    }

    fn settle(&self, world: &World, keys: &Keys, receipt: Receipt) -> (Address, Call) {
        let sign = |key| signature(world, key, &receipt);
        let receipt = SignedReceipt { receipt, seller: sign(&keys.seller), agent: sign(&keys.agent) };
        (Address::repeat_byte(9), Call::Settle { terms: self.terms.clone(), receipt })
    }

    fn cancel(&self) -> (Address, Call) {
        // A stranger may not.
        let by = if self.cancelled { self.terms.buyer } else { Address::repeat_byte(9) };
        (by, Call::Cancel { terms: self.terms.clone() })
    }

    /// Follows the events as the node does, and holds each against what our half of the arithmetic says.
    fn check(&self, outcomes: [&Outcome; 4]) -> Seen {
        let mut index = Index::default();
        index.apply(&EscrowEvent::LeaseOpened { id: self.id, terms: self.terms.clone() }).unwrap();
        let proven = EscrowEvent::Proven { id: self.id, count: self.proof_count, last: B256::ZERO };
        index.apply(&proven).unwrap();
        let [before, cancel, after, close] = outcomes;
        let settled = self.check_settlement(&mut index, self.before, before);
        assert_eq!(cancel.last_event().is_some(), self.cancelled, "{cancel:?}");
        if let Some(event) = cancel.last_event() {
            let end = self.terms.end.min(NOW + 1 + u64::from(self.terms.cancel_notice));
            assert_eq!(*event, EscrowEvent::Cancelled { id: self.id, end });
            index.apply(event).unwrap();
        }
        let settled_again = self.check_settlement(&mut index, self.after, after);

        let progress = index.lease(&self.id).unwrap().progress;
        let delivered = progress.delivered();
        let expected = self.terms.payout(progress.end, delivered).unwrap();
        let Some(&EscrowEvent::Closed { proven_work, earned, fee, refund, penalty, .. }) = close.last_event() else {
            panic!("{close:?}: {:?}", self.terms)
        };
        assert_eq!(Payout { earned, fee, refund, penalty }, expected, "{:?} {progress:?}", self.terms);
        assert_eq!(proven_work, self.terms.proven_work(progress.end, delivered), "{:?} {progress:?}", self.terms);
        Seen {
            refused: !(settled && settled_again),
            shortened: progress.end < self.terms.end,
            proven: proven_work > 0,
            penalty: penalty > 0,
            refund: refund > 0,
        }
    }

    fn check_settlement(&self, index: &mut Index, receipt: Receipt, outcome: &Outcome) -> bool {
        let progress = index.lease(&self.id).unwrap().progress;
        // The contract remembers no more of a receipt's work than was contracted.
        let stored = progress.work.min(self.terms.contracted(self.terms.end));
        match outcome {
            Outcome::Passed(events) => {
                assert!(receipt.through > progress.through, "{receipt:?} {progress:?}");
                let reached = self.terms.settled_down(progress.end, receipt.work).max(progress.paid);
                let paid = reached - progress.paid;
                let Receipt { work, through, .. } = receipt;
                let expected = EscrowEvent::Settled { id: self.id, work, through, paid };
                assert_eq!(*events, [expected], "{:?} {progress:?}", self.terms);
                index.apply(&events[0]).unwrap();
                true
            }
            Outcome::Refused(refusal) => {
                let expected = if receipt.through <= progress.through { "ReceiptNotNewer" } else { "ReceiptTooLow" };
                assert_eq!(refusal.error.as_deref(), Some(expected), "{refusal}");
                assert!(expected == "ReceiptNotNewer" || receipt.work < stored, "{receipt:?} {progress:?}");
                false
            }
        }
    }
}

/// What a life held, so that the cases can be shown to be worth something.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    refused: bool,
    shortened: bool,
    proven: bool,
    penalty: bool,
    refund: bool,
}

#[tokio::test]
async fn settlements_proofs_and_closes_pay_what_the_crates_say() {
    let (world, keys) = (World::new().await, Keys::new());
    let mut cases = Cases::new(&world, &keys, 2);
    let mut seen = Vec::with_capacity(CASES);
    while seen.len() < CASES {
        let lives: Vec<Life> = (0..BATCH).map(|_| Life::random(&mut cases, &world)).collect();
        let mut storage = Storage::default();
        for life in &lives {
            let (end, through) = (life.terms.end, life.terms.start);
            storage.lease(life.id, &LeaseState { end, through, work: 0, proof_count: life.proof_count });
        }
        let close = |life: &Life| (Address::repeat_byte(9), Call::Close { terms: life.terms.clone() });
        let steps = vec![
            Step { time: NOW, calls: lives.iter().map(|life| life.settle(&world, &keys, life.before)).collect() },
            Step { time: NOW + 1, calls: lives.iter().map(Life::cancel).collect() },
            Step { time: NOW + 2, calls: lives.iter().map(|life| life.settle(&world, &keys, life.after)).collect() },
            Step { time: OVER, calls: lives.iter().map(close).collect() },
        ];
        let outcomes = world.outcomes(&storage, steps).await;
        for (number, life) in lives.iter().enumerate() {
            seen.push(life.check(std::array::from_fn(|step| &outcomes[step][number])));
        }
    }
    let count = |of: fn(&Seen) -> bool| seen.iter().filter(|seen| of(seen)).count();
    let counts =
        [count(|s| s.refused), count(|s| s.shortened), count(|s| s.proven), count(|s| s.penalty), count(|s| s.refund)];
    assert!(counts.iter().all(|&count| count > CASES / 40), "refused, shortened, proven, penalty, refund: {counts:?}");
}
