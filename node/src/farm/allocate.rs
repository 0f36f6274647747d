//! Who mines for whom: a pure function, to be asked every second or so.

use std::cmp::Reverse;

use alloy_primitives::B256;

/// How much further behind another lease must be before a miner moves to it from one that needs it too, in ms of the
/// lease's hashrate. A move costs the work in flight.
const STICKINESS_MS: i128 = 3_000;

/// A miner to be placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Miner {
    /// Its session.
    pub session: u64,
    /// Its hashrate in hashes per second; 0 while unknown.
    pub hashrate: u64,
    /// Lease that it works for now.
    pub lease: Option<B256>,
}

/// A lease to be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// The lease.
    pub lease: B256,
    /// Contracted hashes per second.
    pub hashrate: u64,
    /// Hashes due until now less hashes delivered; negative where delivery is ahead.
    pub deficit: i128,
}

/// Where a session goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The session.
    pub session: u64,
    /// Its lease; `None` for idle.
    pub lease: Option<B256>,
}

/// Assigns whole miners, the strongest first, each to the lease that is furthest behind by then; idle once every lease
/// will be served `horizon_s` seconds from now.
///
/// "Behind" is measured in time, the deficit over the lease's hashrate, so that small leases aren't starved. A miner of
/// unknown hashrate goes where the need is and covers none of it. The horizon bounds how far a lease runs ahead.
pub fn allocate(miners: &[Miner], demands: &[Demand], horizon_s: u32) -> Vec<Assignment> {
    let mut needs: Vec<Need> = demands.iter().map(|demand| Need::new(demand, horizon_s)).collect();
    let mut strongest_first = miners.to_vec();
    strongest_first.sort_by_key(|miner| (Reverse(miner.hashrate), miner.session));
    let mut assign = |miner: &Miner| Assignment { session: miner.session, lease: place(miner, &mut needs, horizon_s) };
    strongest_first.iter().map(&mut assign).collect()
}

/// Hashes that a lease still lacks at the horizon.
struct Need {
    lease: B256,
    hashrate: i128,
    hashes: i128,
}

impl Need {
    fn new(demand: &Demand, horizon_s: u32) -> Self {
        let hashrate = i128::from(demand.hashrate);
        Self { lease: demand.lease, hashrate, hashes: demand.deficit.saturating_add(hashrate * i128::from(horizon_s)) }
    }

    /// How far behind the lease will be, in ms of its hashrate.
    fn behind_ms(&self) -> i128 {
        self.hashes.saturating_mul(1_000) / self.hashrate.max(1)
    }
}

fn place(miner: &Miner, needs: &mut [Need], horizon_s: u32) -> Option<B256> {
    let pull = |need: &&mut Need| {
        let bonus = if miner.lease == Some(need.lease) { STICKINESS_MS } else { 0 };
        (need.behind_ms().saturating_add(bonus), Reverse(need.lease))
    };
    let need = needs.iter_mut().filter(|need| need.hashes > 0).max_by_key(pull)?;
    need.hashes = need.hashes.saturating_sub(i128::from(miner.hashrate) * i128::from(horizon_s));
    Some(need.lease)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: B256 = B256::repeat_byte(1);
    const B: B256 = B256::repeat_byte(2);

    fn miner(session: u64, hashrate: u64) -> Miner {
        Miner { session, hashrate, lease: None }
    }

    fn demand(lease: B256, hashrate: u64, deficit: i128) -> Demand {
        Demand { lease, hashrate, deficit }
    }

    fn leases(miners: &[Miner], demands: &[Demand]) -> Vec<(u64, Option<B256>)> {
        let assignments = allocate(miners, demands, 10);
        assignments.iter().map(|assignment| (assignment.session, assignment.lease)).collect()
    }

    #[test]
    fn everybody_is_idle_without_leases_or_where_all_are_ahead() {
        let miners = [miner(1, 100), miner(2, 50)];
        assert_eq!(leases(&miners, &[]), [(1, None), (2, None)]);
        assert_eq!(leases(&miners, &[demand(A, 10, -100)]), [(1, None), (2, None)]);
        assert_eq!(leases(&[], &[demand(A, 10, 100)]), []);
    }

    #[test]
    fn the_lease_furthest_behind_in_time_gets_the_strongest_miner() {
        let demands = [demand(A, 1_000, 5_000), demand(B, 10, 100)];
        assert_eq!(leases(&[miner(1, 20), miner(2, 900)], &demands), [(2, Some(B)), (1, Some(A))]);
    }

    #[test]
    fn miners_beyond_the_need_stay_idle() {
        let miners = [miner(1, 60), miner(2, 60), miner(3, 60)];
        assert_eq!(leases(&miners, &[demand(A, 100, 0)]), [(1, Some(A)), (2, Some(A)), (3, None)]);
    }

    #[test]
    fn each_lease_is_filled_before_any_is_overfilled() {
        let miners = [miner(1, 100), miner(2, 100)];
        let placed = leases(&miners, &[demand(A, 100, 0), demand(B, 100, 0)]);
        assert_eq!(placed, [(1, Some(A)), (2, Some(B))]);
    }

    #[test]
    fn a_miner_stays_where_it_is_unless_another_lease_is_clearly_further_behind() {
        let at_b = Miner { lease: Some(B), ..miner(1, 10) };
        let slightly = [demand(A, 100, 200), demand(B, 100, 0)];
        assert_eq!(leases(&[at_b], &slightly), [(1, Some(B))]);
        let clearly = [demand(A, 100, 400), demand(B, 100, 0)];
        assert_eq!(leases(&[at_b], &clearly), [(1, Some(A))]);
    }

    #[test]
    fn unknown_miners_go_where_the_need_is_and_cover_none_of_it() {
        let miners = [miner(1, 0), miner(2, 0), miner(3, 100)];
        let placed = leases(&miners, &[demand(A, 100, 0), demand(B, 100, -500)]);
        assert_eq!(placed, [(3, Some(A)), (1, Some(B)), (2, Some(B))]);
    }

    #[test]
    fn extremes_do_not_overflow() {
        let miners = [miner(1, u64::MAX), miner(2, 0)];
        let demands = [demand(A, u64::MAX, i128::MAX), demand(B, 0, i128::MIN)];
        assert_eq!(allocate(&miners, &demands, u32::MAX).len(), 2);
    }

    #[test]
    fn one_miner_serves_two_leases_in_turn_and_both_in_full() {
        let mut demands = [demand(A, 30, 0), demand(B, 20, 0)];
        let mut at = None;
        for second in 0..10_000 {
            let lease = allocate(&[Miner { session: 1, hashrate: 60, lease: at }], &demands, 10)[0].lease;
            at = lease;
            for demand in &mut demands {
                demand.deficit += i128::from(demand.hashrate);
                demand.deficit -= if lease == Some(demand.lease) { 60 } else { 0 };
                let seconds = demand.deficit / i128::from(demand.hashrate);
                assert!((-14..=14).contains(&seconds), "{seconds} s behind after {second} s");
            }
        }
    }
}
