use super::*;
use crate::{
    order::Side,
    pay::Locks,
    testing::{NOW, PH, Rng, address, sample_terms, word},
};

/// An escrow in miniature that says what a real one would: every event follows from the ones before.
struct Model {
    rng: Rng,
    index: Index,
    /// Deposits less withdrawals.
    held: U256,
    opened: u8,
}

impl Model {
    fn event(&mut self) -> EscrowEvent {
        loop {
            let next = match self.rng.below(10) {
                0 | 1 => Some(self.deposit()),
                2 => self.withdraw(),
                3 => Some(self.fill()),
                4 => Some(self.cancel_order_or_bump()),
                5 | 6 => self.open(),
                _ => self.go_on(),
            };
            if let Some(event) = next {
                return event;
            }
        }
    }

    fn party(&mut self) -> Address {
        address(u8::try_from(1 + self.rng.below(5)).unwrap())
    }

    fn deposit(&mut self) -> EscrowEvent {
        let (account, token, amount) = (self.party(), address(9), self.rng.below(1_000_000).into());
        self.held += U256::from(amount);
        EscrowEvent::Deposited { account, token, amount }
    }

    fn withdraw(&mut self) -> Option<EscrowEvent> {
        let (account, token) = (self.party(), address(9));
        let balance: u64 = self.index.balance(account, token).to();
        let amount = u128::from(self.rng.below(balance + 1));
        self.held -= U256::from(amount);
        Some(EscrowEvent::Withdrawn { account, token, amount })
    }

    fn fill(&mut self) -> EscrowEvent {
        let side = if self.rng.below(2) == 0 { Side::Ask } else { Side::Bid };
        let key = OrderKey { side, maker: self.party(), salt: word(u8::try_from(self.rng.below(2)).unwrap()) };
        let filled = self.index.filled(&key) + 1 + self.rng.below(100);
        EscrowEvent::OrderFilled { side, maker: key.maker, salt: key.salt, filled }
    }

    fn cancel_order_or_bump(&mut self) -> EscrowEvent {
        let maker = self.party();
        if self.rng.below(2) == 0 {
            EscrowEvent::EpochBumped { maker, epoch: self.index.epoch(maker) + 1 }
        } else {
            EscrowEvent::OrderCancelled { maker, salt: word(u8::try_from(self.rng.below(2)).unwrap()) }
        }
    }

    fn open(&mut self) -> Option<EscrowEvent> {
        // Parties may coincide.
        let mut terms = sample_terms(PH + self.rng.below(PH));
        (terms.buyer, terms.seller, terms.payee, terms.matcher) =
            (self.party(), self.party(), self.party(), self.party());
        let Locks { lock, fee, bond } = terms.locks().unwrap();
        let one_party = if terms.buyer == terms.seller { lock + fee + bond } else { lock + fee };
        let is_funded = self.index.covers(terms.buyer, terms.token, U256::from(one_party))
            && self.index.covers(terms.seller, terms.token, U256::from(bond));
        self.opened = self.opened.checked_add(1)?;
        is_funded.then(|| EscrowEvent::LeaseOpened { id: word(self.opened), terms: Box::new(terms) })
    }

    fn go_on(&mut self) -> Option<EscrowEvent> {
        let open: Vec<_> = self.index.open_leases().map(|(id, lease)| (*id, lease.clone())).collect();
        let chosen = usize::try_from(self.rng.below(u64::try_from(open.len()).unwrap().max(1))).unwrap();
        let (id, LeaseRecord { terms, progress, .. }) = open.get(chosen)?.clone();
        Some(match self.rng.below(4) {
            0 => {
                let work = progress.work + u128::from(self.rng.below(PH)) * 10_000;
                let paid = terms.settled_down(progress.end, work).saturating_sub(progress.paid);
                EscrowEvent::Settled { id, work, through: progress.through + 1 + self.rng.below(60), paid }
            }
            1 => EscrowEvent::Proven {
                id,
                count: self.rng.below(200),
                last: word(u8::try_from(self.rng.below(250)).unwrap()),
            },
            2 => EscrowEvent::Cancelled { id, end: progress.end.min(NOW + self.rng.below(30_000)) },
            _ => {
                let payout = terms.payout(progress.end, progress.delivered()).unwrap();
                EscrowEvent::Closed {
                    id,
                    work: progress.work.min(terms.contracted(progress.end)),
                    proven_work: terms.proven_work(progress.end, progress.delivered()),
                    earned: payout.earned,
                    fee: payout.fee,
                    refund: payout.refund,
                    penalty: payout.penalty,
                }
            }
        })
    }

    /// Tokens that the index accounts for: free balances, and what open leases hold.
    fn accounted(&self) -> U256 {
        let free: U256 = self.index.balances.values().copied().sum();
        let locked = self.index.open_leases().map(|(_, lease)| {
            let Locks { lock, fee, bond } = lease.terms.locks().unwrap();
            U256::from(lock + fee + bond - lease.progress.paid)
        });
        free + locked.sum::<U256>()
    }
}

#[test]
fn any_sequence_of_events_keeps_every_token_and_is_undone_exactly() {
    for seed in 0..40 {
        let mut model = Model { rng: Rng(seed), index: Index::default(), held: U256::ZERO, opened: 0 };
        let mut history = Vec::new();
        for _ in 0..300 {
            let event = model.event();
            let before = model.index.clone();
            model.index.apply(&event).unwrap();
            assert_eq!(model.accounted(), model.held, "{event:?}");
            history.push((event, before));
        }
        assert!(
            model.index.leases().any(|(_, lease)| lease.progress.closed.is_some()),
            "leases were opened and closed"
        );
        for (event, before) in history.into_iter().rev() {
            model.index.undo(&event).unwrap();
            assert!(model.index == before, "{event:?}");
        }
        assert_eq!(model.index, Index::default());
    }
}

fn deposited(account: Address, amount: u128) -> EscrowEvent {
    EscrowEvent::Deposited { account, token: address(9), amount }
}

fn opened() -> (Index, B256, Terms) {
    let mut index = Index::default();
    let (id, terms) = (word(1), sample_terms(10 * PH));
    index.apply(&deposited(terms.buyer, 125_625)).unwrap();
    index.apply(&deposited(terms.seller, 12_500)).unwrap();
    index.apply(&EscrowEvent::LeaseOpened { id, terms: Box::new(terms.clone()) }).unwrap();
    (index, id, terms)
}

#[test]
fn a_lease_from_opening_to_close_moves_what_the_escrow_moves() {
    let (mut index, id, terms) = opened();
    let balance = |index: &Index, account| index.balance(account, terms.token).to::<u64>();
    assert_eq!((balance(&index, terms.buyer), balance(&index, terms.seller)), (0, 0));

    let work = terms.contracted(terms.end) / 2;
    index.apply(&EscrowEvent::Settled { id, work, through: NOW + 9, paid: 62_500 }).unwrap();
    assert_eq!(balance(&index, terms.payee), 62_500);

    index.apply(&EscrowEvent::Proven { id, count: 64, last: word(7) }).unwrap();
    let (proven_work, earned, fee, refund, penalty) = (work / 2, 90_625, 453, 34_547, 1_470);
    index.apply(&EscrowEvent::Closed { id, work, proven_work, earned, fee, refund, penalty }).unwrap();
    assert_eq!(balance(&index, terms.payee), 90_625);
    assert_eq!(balance(&index, terms.matcher), 453);
    assert_eq!(balance(&index, terms.buyer), 34_547 + 1_470);
    assert_eq!(balance(&index, terms.seller), 12_500 - 1_470);
    assert_eq!((index.open_leases().count(), index.leases().count()), (0, 1));
}

#[test]
fn progress_follows_settlements_proofs_and_cancellations() {
    let (mut index, id, terms) = opened();
    index.apply(&EscrowEvent::Settled { id, work: 5, through: NOW + 9, paid: 3 }).unwrap();
    index.apply(&EscrowEvent::Settled { id, work: 8, through: NOW + 19, paid: 2 }).unwrap();
    index.apply(&EscrowEvent::Cancelled { id, end: NOW + 600 }).unwrap();
    index.apply(&EscrowEvent::Proven { id, count: 4, last: word(4) }).unwrap();
    let lease = index.lease(&id).unwrap();
    assert_eq!(lease.terms, terms);
    let expected = Progress {
        end: NOW + 600,
        work: 8,
        through: NOW + 19,
        paid: 5,
        proof_count: 4,
        last_proof: word(4),
        closed: None,
    };
    assert_eq!(lease.progress, expected);
}

#[test]
fn a_salt_cancelled_twice_stays_cancelled_when_one_is_undone() {
    let mut index = Index::default();
    let event = EscrowEvent::OrderCancelled { maker: address(1), salt: word(1) };
    index.apply(&event).unwrap();
    index.apply(&event).unwrap();
    index.undo(&event).unwrap();
    assert!(index.is_cancelled(address(1), word(1)));
    index.undo(&event).unwrap();
    assert!(!index.is_cancelled(address(1), word(1)));
}

#[test]
fn covering_means_a_free_balance_of_at_least_the_amount() {
    let mut index = Index::default();
    index.apply(&deposited(address(1), 10)).unwrap();
    assert!(index.covers(address(1), address(9), U256::from(10)));
    assert!(!index.covers(address(1), address(9), U256::from(11)));
    assert!(!index.covers(address(1), address(8), U256::from(1)));
    assert!(index.covers(address(2), address(9), U256::ZERO));
}

#[test]
fn events_that_do_not_follow_are_refused_and_change_nothing() {
    let (mut index, id, terms) = opened();
    let maker = address(1);
    let filled = |filled| EscrowEvent::OrderFilled { side: Side::Ask, maker, salt: word(1), filled };
    index.apply(&filled(5)).unwrap();
    let before = index.clone();

    let unknown = EscrowEvent::Settled { id: word(3), work: 1, through: NOW + 1, paid: 1 };
    assert_eq!(index.apply(&unknown), Err(IndexError::Lease(word(3))));
    assert_eq!(index.apply(&filled(5)), Err(IndexError::Maker(maker)));
    assert_eq!(index.undo(&filled(4)), Err(IndexError::Maker(maker)));
    assert_eq!(index.apply(&EscrowEvent::EpochBumped { maker, epoch: 2 }), Err(IndexError::Maker(maker)));
    assert_eq!(index.undo(&EscrowEvent::OrderCancelled { maker, salt: word(1) }), Err(IndexError::Maker(maker)));
    assert_eq!(index.undo(&EscrowEvent::Cancelled { id, end: NOW }), Err(IndexError::Lease(id)));
    let mut endless = terms;
    (endless.price, endless.hashrate) = (u128::MAX, u64::MAX);
    let endless = EscrowEvent::LeaseOpened { id: word(4), terms: Box::new(endless) };
    assert_eq!(index.apply(&endless), Err(IndexError::Terms(word(4))));
    assert_eq!(index, before);
}

#[test]
fn a_token_with_amounts_beyond_any_event_spoils_only_its_own_balances() {
    let mut index = Index::default();
    index.apply(&deposited(address(1), 10)).unwrap();
    let before = index.clone();
    // Its deposit was too large to be told.
    let withdrawn = EscrowEvent::Withdrawn { account: address(1), token: address(8), amount: u128::MAX };
    index.apply(&withdrawn).unwrap();
    assert_eq!(index.balance(address(1), address(8)), U256::ZERO);
    assert!(!index.covers(address(1), address(8), U256::from(1)));
    assert_eq!(index.balance(address(1), address(9)), U256::from(10));
    index.undo(&withdrawn).unwrap();
    assert_eq!(index, before);
}

#[test]
fn a_closed_lease_takes_no_further_event_until_its_close_is_undone() {
    let (mut index, id, terms) = opened();
    let closed =
        EscrowEvent::Closed { id, work: 0, proven_work: 0, earned: 0, fee: 0, refund: 125_625, penalty: 12_500 };
    let cancelled = EscrowEvent::Cancelled { id, end: terms.end };
    index.apply(&closed).unwrap();
    assert_eq!(index.apply(&cancelled), Err(IndexError::Lease(id)));
    index.undo(&closed).unwrap();
    assert_eq!(index.apply(&cancelled), Ok(()));
}
