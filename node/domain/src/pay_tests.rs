use super::*;
use crate::testing::{NOW, PH, Rng, sample_terms};

/// Terms as an escrow may open them, over the whole range of each field.
fn random_terms(rng: &mut Rng) -> Terms {
    loop {
        let mut terms = sample_terms(PH);
        terms.price = rng.wide(128);
        terms.hashrate = u64::try_from(rng.wide(64)).unwrap();
        terms.end = NOW + 1 + u64::try_from(rng.wide(32)).unwrap();
        terms.sla_bps = bps(rng);
        terms.proof_bps = bps(rng);
        terms.matcher_fee_bps = bps(rng);
        terms.proof_shares = u16::try_from(1 + rng.below(65_535)).unwrap();
        let bond_bps = bps(rng);
        let opened = locks(terms.price, terms.hashrate, terms.duration(), terms.matcher_fee_bps, bond_bps);
        if let Some(locks) = opened.filter(|locks| locks.lock > 0 && locks.lock.checked_add(locks.fee).is_some()) {
            terms.bond = locks.bond;
            return terms;
        }
    }
}

fn bps(rng: &mut Rng) -> u16 {
    u16::try_from(rng.below(10_001)).unwrap()
}

/// What may have been delivered of a lease that ends at `end`, with the pay of a settlement before any cancellation.
fn random_delivery(rng: &mut Rng, terms: &Terms, end: u64) -> Delivered {
    let work = match rng.below(3) {
        0 => rng.wide(128),
        1 => terms.contracted(end),
        _ => terms.contracted(end) / 10_000 * u128::from(rng.below(12_000)),
    };
    let settled_before = terms.end.min(end + rng.below(2) * rng.below(1 << 32));
    Delivered {
        work,
        proof_count: rng.below(u64::from(terms.proof_shares) * 2),
        paid: terms.settled_down(settled_before, work),
    }
}

fn random_end(rng: &mut Rng, terms: &Terms) -> u64 {
    terms.start + rng.below(terms.duration() + 1)
}

#[test]
fn a_lease_is_locked_and_paid_as_in_the_worked_example() {
    // 10 PH/s for a quarter of a day at 50,000 a PH/s·day.
    let terms = sample_terms(10 * PH);
    assert_eq!(terms.locks(), Some(Locks { lock: 125_000, fee: 625, bond: 12_500 }));

    let work = terms.contracted(terms.end) / 2;
    let half = Delivered { work, proof_count: 0, paid: 0 };
    let payout = terms.payout(terms.end, half).unwrap();
    // Missed: 35 % of 85 %, that is 7/17 of the bond.
    assert_eq!(payout, Payout { earned: 62_500, fee: 312, refund: 125_625 - 62_812, penalty: 5_147 });

    let with_proofs = Delivered { proof_count: 64, ..half };
    let payout = terms.payout(terms.end, with_proofs).unwrap();
    // A quarter more, at nine tenths of the price: 75 % of the required 85 %.
    assert_eq!(payout, Payout { earned: 90_625, fee: 453, refund: 125_625 - 91_078, penalty: 1_470 });
}

#[test]
fn locks_are_rounded_up_and_the_bond_down() {
    assert_eq!(locks(1, 1, 1, 1, 10_000), Some(Locks { lock: 1, fee: 1, bond: 1 }));
    assert_eq!(locks(1, 1, 1, 0, 9_999), Some(Locks { lock: 1, fee: 0, bond: 0 }));
    assert_eq!(locks(3, PH, 86_400, 3_333, 3_333), Some(Locks { lock: 3, fee: 1, bond: 0 }));
    assert_eq!(locks(3, PH, 86_401, 3_333, 5_000), Some(Locks { lock: 4, fee: 2, bond: 2 }));
    assert_eq!(locks(0, PH, 86_400, 1, 1), Some(Locks { lock: 0, fee: 0, bond: 0 }));
    assert_eq!(locks(u128::MAX, u64::MAX, u64::MAX, 1, 1), None);
}

#[test]
fn close_gives_back_exactly_what_open_took() {
    let mut rng = Rng(1);
    for _ in 0..20_000 {
        let terms = random_terms(&mut rng);
        let end = random_end(&mut rng, &terms);
        let delivered = random_delivery(&mut rng, &terms, end);
        let Locks { lock, fee, bond } = terms.locks().unwrap();
        let payout = terms.payout(end, delivered).unwrap();
        assert!(payout.earned <= lock && payout.earned >= delivered.paid);
        assert!(payout.fee <= fee);
        assert!(payout.penalty <= bond);
        let sum = |amounts: &[u128]| amounts.iter().map(|amount| U256::from(*amount)).sum::<U256>();
        let (buyer, seller) = ([payout.refund, payout.penalty], bond - payout.penalty);
        let returned = sum(&[payout.earned, payout.fee, seller]) + sum(&buyer);
        assert_eq!(returned, sum(&[lock, fee, bond]), "{terms:?} {end} {delivered:?}");
    }
}

#[test]
fn more_work_never_earns_less_nor_costs_more_bond() {
    let mut rng = Rng(2);
    for _ in 0..20_000 {
        let terms = random_terms(&mut rng);
        let end = random_end(&mut rng, &terms);
        let less = Delivered { paid: 0, ..random_delivery(&mut rng, &terms, end) };
        let more_work = Delivered { work: less.work.saturating_add(rng.wide(100)), ..less };
        let more_proofs = Delivered { proof_count: less.proof_count + rng.below(1_000), ..less };
        for more in [more_work, more_proofs] {
            assert!(terms.earned_down(end, more) >= terms.earned_down(end, less), "{terms:?} {end} {less:?} {more:?}");
            assert!(
                terms.penalty_down(end, more) <= terms.penalty_down(end, less),
                "{terms:?} {end} {less:?} {more:?}"
            );
        }
        assert!(terms.settled_down(end, more_work.work) >= terms.settled_down(end, less.work));
    }
}

#[test]
fn work_beyond_the_contract_earns_the_same_as_full_delivery() {
    let terms = sample_terms(10 * PH);
    let full = Delivered { work: terms.contracted(terms.end), ..Delivered::default() };
    let over = Delivered { work: u128::MAX, proof_count: u64::MAX, paid: 0 };
    assert_eq!(terms.earned_down(terms.end, full), 125_000);
    assert_eq!(terms.payout(terms.end, over), terms.payout(terms.end, full));
}

#[test]
fn what_was_paid_before_a_cancellation_stays_paid() {
    let terms = sample_terms(10 * PH);
    let work = terms.contracted(terms.end) / 2;
    let paid = terms.settled_down(terms.end, work);
    let cancelled_early = terms.start + terms.duration() / 4;
    let delivered = Delivered { work, proof_count: 9, paid };
    assert_eq!(terms.earned_down(cancelled_early, delivered), paid);
    assert_eq!(terms.proven_work(cancelled_early, delivered), 0);
}

#[test]
fn the_penalty_is_pro_rata_to_the_time_that_ran() {
    let terms = sample_terms(10 * PH);
    let nothing = Delivered::default();
    assert_eq!(terms.penalty_down(terms.start, nothing), 0);
    assert_eq!(terms.penalty_down(terms.start + terms.duration() / 4, nothing), 12_500 / 4);
    assert_eq!(terms.penalty_down(terms.end, nothing), 12_500);
}

#[test]
fn numbers_that_no_escrow_has_seen_are_refused_without_a_panic() {
    let mut terms = sample_terms(PH);
    (terms.price, terms.hashrate, terms.bond) = (u128::MAX, u64::MAX, u128::MAX);
    (terms.start, terms.end) = (0, u64::MAX);
    let most = Delivered { work: u128::MAX, proof_count: u64::MAX, paid: u128::MAX };
    for delivered in [Delivered::default(), most] {
        assert_eq!(terms.payout(u64::MAX, delivered), None);
    }
    assert_eq!(terms.penalty_down(u64::MAX, Delivered::default()), u128::MAX);
    terms.start = u64::MAX;
    assert_eq!(terms.penalty_down(0, Delivered::default()), 0);
    assert_eq!(sample_terms(PH).payout(NOW + 1, most), None, "more paid than locked");
}
