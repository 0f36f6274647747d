use super::*;

#[path = "allocate_simulation.rs"]
mod simulation;

const A: B256 = B256::repeat_byte(1);
const B: B256 = B256::repeat_byte(2);
const TICK: Duration = Duration::from_millis(100);

fn miner(session: u64, hashrate: u64) -> Miner {
    Miner { session, hashrate, busy: Duration::ZERO, lease: None }
}

/// A lease that runs for `life_s` and got exactly what was due.
fn demand(lease: B256, hashrate: u64, life_s: u64) -> Demand {
    let due = u128::from(hashrate * life_s);
    Demand { lease, hashrate, due, delivered: due, share_work: u128::from(hashrate), start: 0 }
}

fn leases(allocator: &mut Allocator, miners: &[Miner], demands: &[Demand]) -> Vec<Option<B256>> {
    allocator.allocate(TICK, TICK, miners, demands).iter().map(|assignment| assignment.lease).collect()
}

/// Runs `looks` looks over miners of even pace, and gives the hashes that each lease was assigned.
fn run(miners: &mut [Miner], demands: &mut [Demand], looks: u32) -> Vec<u128> {
    run_by(Shortfall::default(), miners, demands, looks)
}

/// As [`run`], by a policy.
fn run_by(shortfall: Shortfall, miners: &mut [Miner], demands: &mut [Demand], looks: u32) -> Vec<u128> {
    let mut allocator = Allocator::new(shortfall);
    let mut assigned = vec![0; demands.len()];
    for _ in 0..looks {
        let assignments = allocator.allocate(TICK, TICK, miners, demands);
        for (miner, assignment) in miners.iter_mut().zip(&assignments) {
            assert_eq!(miner.session, assignment.session);
            miner.lease = assignment.lease;
        }
        for (demand, assigned) in demands.iter_mut().zip(&mut assigned) {
            demand.due += u128::from(demand.hashrate) / 10;
            let at_work = miners.iter().filter(|miner| miner.lease == Some(demand.lease));
            let hashes: u128 = at_work.map(|miner| u128::from(miner.hashrate) / 10).sum();
            demand.delivered += hashes;
            *assigned += hashes;
        }
    }
    assigned
}

#[test]
fn everybody_is_idle_without_leases() {
    let miners = [miner(1, 100), miner(2, 0)];
    assert_eq!(leases(&mut Allocator::default(), &miners, &[]), [None, None]);
    assert_eq!(leases(&mut Allocator::default(), &[], &[demand(A, 10, 9)]), []);
}

#[test]
fn whole_miners_come_first_and_those_beyond_the_need_stay_idle() {
    let miners = [miner(1, 60), miner(2, 40), miner(3, 60)];
    let placed = leases(&mut Allocator::default(), &miners, &[demand(A, 100, 0)]);
    assert_eq!(placed, [Some(A), Some(A), None]);
}

#[test]
fn each_lease_is_filled_before_any_is_overfilled() {
    let placed =
        leases(&mut Allocator::default(), &[miner(1, 100), miner(2, 100)], &[demand(A, 100, 0), demand(B, 100, 0)]);
    assert!(placed.contains(&Some(A)) && placed.contains(&Some(B)));
}

#[test]
fn a_miner_stays_where_it_is_as_long_as_it_fits() {
    let at_b = Miner { lease: Some(B), ..miner(1, 100) };
    let demands = [demand(A, 100, 0), demand(B, 100, 0)];
    assert_eq!(leases(&mut Allocator::default(), &[at_b, miner(2, 100)], &demands), [Some(B), Some(A)]);
}

#[test]
fn two_leases_of_one_miner_take_turns_and_both_get_what_is_due() {
    let mut demands = [demand(A, 30_000, 0), demand(B, 20_000, 0)];
    let assigned = run(&mut [miner(1, 60_000)], &mut demands, 10_000);
    for (assigned, due) in assigned.iter().zip([30_000_000u128, 20_000_000]) {
        assert!(assigned.abs_diff(due) <= due / 500, "{assigned} of {due}");
    }
}

#[test]
fn a_lease_far_below_a_miner_is_served_in_slices_and_never_far_ahead() {
    // A miner of 1 MH/s, and a lease of 20 kH/s with shares of a second.
    let (mut miners, mut demands) = ([miner(1, 1_000_000)], [demand(A, 20_000, 0)]);
    let mut allocator = Allocator::default();
    let (mut slices, mut most_ahead) = (0, 0);
    for _ in 0..36_000 {
        let lease = leases(&mut allocator, &miners, &demands)[0];
        slices += u32::from(lease.is_some() && miners[0].lease.is_none());
        miners[0].lease = lease;
        demands[0].due += 2_000;
        demands[0].delivered += if lease.is_some() { 100_000 } else { 0 };
        let ahead = demands[0].delivered.saturating_sub(demands[0].due);
        assert!(ahead <= 80_000.max(demands[0].due / 50), "{ahead} of {}", demands[0].due);
        most_ahead = ahead.max(most_ahead);
    }
    assert!(demands[0].due.abs_diff(demands[0].delivered) <= 100_000, "{:?}", demands[0]);
    assert!((600..=800).contains(&slices), "{slices} slices, at most {most_ahead} ahead");
}

#[test]
fn a_shortfall_is_shared_in_proportion() {
    let mut demands = [demand(A, 90_000, 0), demand(B, 30_000, 0)];
    let mut miners = [miner(1, 40_000), miner(2, 20_000)];
    let assigned = run(&mut miners, &mut demands, 6_000);
    let parts: Vec<u128> =
        assigned.iter().zip(&demands).map(|(assigned, demand)| assigned * 1_000 / demand.due).collect();
    assert!(parts.iter().all(|part| (490..=510).contains(part)), "{parts:?}");
}

#[test]
fn where_the_oldest_come_first_the_newest_bear_the_shortfall_and_make_up_for_it() {
    let mut demands = [demand(A, 30_000, 0), demand(B, 90_000, 0)];
    demands[0].start = 1;
    let mut miners = [miner(1, 60_000), miner(2, 40_000)];
    let assigned = run_by(Shortfall::OldestFirst, &mut miners, &mut demands, 6_000);
    let parts = |assigned: &[u128]| assigned.iter().map(|hashes| hashes / 600).collect::<Vec<_>>();
    let [newest, oldest] = parts(&assigned)[..] else { unreachable!() };
    assert!((89_000..=91_000).contains(&oldest) && (9_000..=11_000).contains(&newest), "{oldest}, {newest}");

    let mut more = [miner(1, 60_000), miner(2, 40_000), miner(3, 60_000)];
    let assigned = run_by(Shortfall::OldestFirst, &mut more, &mut demands, 6_000);
    let [newest, oldest] = parts(&assigned)[..] else { unreachable!() };
    assert!((89_000..=91_000).contains(&oldest) && newest > 40_000, "{oldest}, {newest}");
}

#[test]
fn a_policy_reads_as_it_is_written() {
    for policy in Shortfall::ALL {
        assert_eq!(policy.to_string().parse(), Ok(policy));
    }
    assert_eq!("newest".parse::<Shortfall>(), Err(UnknownShortfall));
}

#[test]
fn a_shortfall_is_made_up_for_by_miners_to_spare_and_no_further() {
    let mut demands = [demand(A, 100_000, 0)];
    demands[0].due = 100_000 * 600;
    demands[0].delivered = 100_000 * 480;
    let mut miners = [miner(1, 90_000), miner(2, 60_000)];
    run(&mut miners, &mut demands, 6_000);
    let (due, delivered) = (demands[0].due, demands[0].delivered);
    assert!(delivered >= due - due / 40 && delivered <= due + due / 50, "{delivered} of {due}");
}

#[test]
fn a_lease_that_is_ahead_beyond_luck_gets_nothing() {
    let mut ahead = demand(A, 100, 10_000);
    ahead.delivered += 100 * 300;
    let miners = [Miner { lease: Some(A), ..miner(1, 100) }, miner(2, 0)];
    assert_eq!(leases(&mut Allocator::default(), &miners, &[ahead]), [Some(A), None], "it may be luck");
    ahead.delivered += 100 * 200 + 1;
    assert_eq!(leases(&mut Allocator::default(), &miners, &[ahead]), [None, None]);
}

#[test]
fn unknown_miners_come_one_by_one_as_their_rates_are_known_and_silent_ones_keep_nobody_out() {
    let unknown: Vec<Miner> = (1..=4).map(|session| miner(session, 0)).collect();
    let demands = [demand(A, 1_000, 0)];
    let count = |miners: &[Miner]| leases(&mut Allocator::default(), miners, &demands).iter().flatten().count();
    assert_eq!(count(&unknown), 1);
    let mut miners = unknown.clone();
    miners[0] = Miner { lease: Some(A), ..miner(1, 100) };
    assert_eq!(count(&miners), 1 + 2);
    miners[1].busy = SILENT;
    assert_eq!(count(&miners), 1 + 2 + 1);
    // Without any known one, too: each may be the first to show itself.
    let mut silent = unknown;
    for tried in 1..4 {
        silent[tried - 1].busy = SILENT;
        assert_eq!(count(&silent), tried + 1);
    }
    assert_eq!(count(&[miner(1, 1_000), miner(2, 0)]), 1, "nobody is tried without need");
}

#[test]
fn extremes_do_not_overflow() {
    let miners = [miner(1, u64::MAX), miner(2, 0)];
    let full = Demand { lease: A, hashrate: u64::MAX, due: u128::MAX, delivered: 0, share_work: u128::MAX, start: 1 };
    let empty = Demand { lease: B, hashrate: 0, due: 0, delivered: u128::MAX, share_work: 0, start: 0 };
    let mut allocator = Allocator::default();
    for elapsed in [Duration::ZERO, Duration::from_secs(u32::MAX.into())] {
        assert_eq!(allocator.allocate(elapsed, TICK, &miners, &[full, empty]).len(), 2);
    }
}
