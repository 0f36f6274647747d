//! Who mines for whom: to be asked some times a second. Without clock or I/O.
//!
//! Every lease is owed its contracted rate. Whole miners serve it as far as they fit; what is left, less than any free miner, comes in
//! slices of time: a free miner serves one lease until it is a little ahead, then the one that is furthest behind. What is owed
//! counts the hashes that were *assigned*, so that luck with shares moves nobody; what was delivered corrects it, slowly as long as
//! it may be luck. Where the miners don't suffice, the shortfall is shared as the seller says ([`Shortfall`]), and made up for when
//! there are miners to spare.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use alloy_primitives::B256;

/// How far a lease may run ahead of what is due over its life so far, in parts of that: 2 %.
const AHEAD: i128 = 50;
/// Shares that it may always be ahead by.
const AHEAD_SHARES: i128 = 4;
/// Standard errors of the delivered work that may be luck.
const LUCK: i128 = 3;
/// Time in which a lease makes up for the hashes that it has too few or too many of.
const MAKE_UP_S: i128 = 300;
/// How far that moves its rate where it may be luck, in parts of it: 1 %.
const SLOW_PART: i128 = 100;
/// Time for which a lease is left ahead or behind before another miner is sent, where its own bounds allow that: a move costs the
/// work in flight.
const SLICE_MS: i128 = 2_000;
/// Busy time from which a miner whose rate is still unknown keeps no other from being tried: one that is large enough to make a lease
/// run ahead has shown itself by then, for six shares come in it at the usual difficulty, and three tell a rate.
const SILENT: Duration = Duration::from_secs(20);

/// A miner to be placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Miner {
    /// Its session.
    pub session: u64,
    /// Its hashrate in hashes per second, from accepted work alone; 0 while unknown.
    pub hashrate: u64,
    /// Time for which it had lease work and its rate was watched.
    pub busy: Duration,
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
    /// Hashes due until now.
    pub due: u128,
    /// Hashes delivered.
    pub delivered: u128,
    /// Work of one share, in hashes.
    pub share_work: u128,
    /// When the lease began, in unix seconds.
    pub start: u64,
}

/// Who bears it when the miners don't suffice for all leases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shortfall {
    /// All leases, each in proportion to its rate.
    #[default]
    Proportional,
    /// The newest leases: older ones are served whole before them.
    OldestFirst,
}

impl Shortfall {
    const ALL: [Self; 2] = [Self::Proportional, Self::OldestFirst];
}

/// As the configuration has it.
impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Proportional => "proportional",
            Self::OldestFirst => "oldest-first",
        })
    }
}

/// A text that names no policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"proportional\" or \"oldest-first\"")]
pub struct UnknownShortfall;

impl FromStr for Shortfall {
    type Err = UnknownShortfall;

    fn from_str(text: &str) -> Result<Self, UnknownShortfall> {
        Self::ALL.into_iter().find(|policy| policy.to_string() == text).ok_or(UnknownShortfall)
    }
}

/// Where a session goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The session.
    pub session: u64,
    /// Its lease; `None` for idle.
    pub lease: Option<B256>,
}

/// The allocator: what it must remember from one look to the next.
#[derive(Debug, Default)]
pub struct Allocator {
    shortfall: Shortfall,
    accounts: HashMap<B256, Account>,
}

/// A lease's account.
#[derive(Clone, Copy, Debug, Default)]
struct Account {
    /// Thousandths of hashes that the lease should have been assigned, less those it was.
    owed: i128,
    /// Thousandths of hashes that there were no miners for, before the lease was known here or since.
    missed: i128,
    /// Hashes per second that it needs as long as nothing is missed.
    wanted: i128,
    /// Hashes per second that it should get until the next look.
    target: i128,
}

/// A lease at one look.
struct Seat {
    demand: Demand,
    account: Account,
    /// Hashes per second that no miner covers yet.
    open: i128,
    /// How far the lease may be ahead or behind before somebody moves, in thousandths of hashes.
    band: i128,
    /// How far it may be ahead at most.
    may_ahead: i128,
    /// Whether it gets nothing, being too far ahead.
    is_ahead: bool,
    known: usize,
    unknown: usize,
}

impl Allocator {
    /// Begins without any knowledge.
    pub fn new(shortfall: Shortfall) -> Self {
        Self { shortfall, ..Self::default() }
    }

    /// Places every miner once, `elapsed` after the last look; `next` is the time until the next one.
    pub fn allocate(
        &mut self,
        elapsed: Duration,
        next: Duration,
        miners: &[Miner],
        demands: &[Demand],
    ) -> Vec<Assignment> {
        self.charge(elapsed, miners);
        let mut seats: Vec<Seat> = demands.iter().map(|demand| self.seat(demand)).collect();
        let capacity: i128 = miners.iter().map(|miner| i128::from(miner.hashrate)).sum();
        let is_short = set_targets(&mut seats, capacity, self.shortfall);
        let placed = Placement { seats: &mut seats, placed: BTreeMap::new(), is_short }.place(miners, millis(next));
        self.accounts = seats.iter().map(|seat| (seat.demand.lease, seat.account)).collect();
        let lease = |miner: &Miner| Assignment {
            session: miner.session,
            lease: placed.get(&miner.session).map(|seat| seats[*seat].demand.lease),
        };
        miners.iter().map(lease).collect()
    }

    /// Books what the leases should have got since the last look, and what they were assigned.
    fn charge(&mut self, elapsed: Duration, miners: &[Miner]) {
        let elapsed = millis(elapsed);
        for account in self.accounts.values_mut() {
            account.owed = account.owed.saturating_add(account.target * elapsed);
            account.missed = account.missed.saturating_add((account.wanted - account.target) * elapsed).max(0);
        }
        for miner in miners {
            if let Some(account) = miner.lease.and_then(|lease| self.accounts.get_mut(&lease)) {
                account.owed = account.owed.saturating_sub(i128::from(miner.hashrate) * elapsed);
            }
        }
    }

    fn seat(&self, demand: &Demand) -> Seat {
        let rate = i128::from(demand.hashrate);
        let (due, share_work) = (signed(demand.due), signed(demand.share_work).max(1));
        let behind = due.saturating_sub(signed(demand.delivered));
        let unknown = Account { missed: behind.saturating_mul(1_000).max(0), ..Account::default() };
        let mut account = self.accounts.get(&demand.lease).copied().unwrap_or(unknown);
        let shares = u128::try_from(due / share_work).unwrap_or(0).max(1);
        let luck = signed(shares.isqrt()).saturating_mul(share_work).saturating_mul(LUCK);
        let may_ahead = (due / AHEAD).max(share_work.saturating_mul(AHEAD_SHARES));

        // Miners of unknown rate serve the lease too: it is owed no more than it lacks, luck aside.
        account.owed = account.owed.min((behind + luck).saturating_mul(1_000));
        // What the assignments don't explain: luck at first, then miners that aren't what they seemed.
        let unexplained = behind.saturating_sub((account.owed + account.missed) / 1_000);
        let slow = (unexplained / MAKE_UP_S).clamp(-rate / SLOW_PART, rate / SLOW_PART);
        let beyond_luck = (unexplained - luck).max(0);
        let is_ahead = behind < -may_ahead.saturating_add(luck);
        account.wanted = if is_ahead { 0 } else { (rate + slow + beyond_luck / MAKE_UP_S).max(0) };
        account.target = account.wanted + if is_ahead { 0 } else { account.missed / 1_000 / MAKE_UP_S };
        let may_ahead = may_ahead.saturating_mul(1_000);
        let band = rate.saturating_mul(SLICE_MS).min(may_ahead);
        Seat { demand: *demand, account, open: 0, band, may_ahead, is_ahead, known: 0, unknown: 0 }
    }
}

/// Fits the leases' targets to the capacity: contracted rates first, cut as the seller says; then what is to be made up for.
/// Returns whether the contracted rates alone are too much.
fn set_targets(seats: &mut [Seat], capacity: i128, shortfall: Shortfall) -> bool {
    let base = |seat: &Seat| seat.account.target.min(seat.demand.hashrate.into());
    let wanted: i128 = seats.iter().map(base).sum();
    let more: i128 = seats.iter().map(|seat| seat.account.target - base(seat)).sum();
    let spare = (capacity - wanted).max(0);
    let mut left = capacity;
    if shortfall == Shortfall::OldestFirst {
        seats.sort_by_key(|seat| (seat.demand.start, seat.demand.lease));
    }
    for seat in seats {
        let own = base(seat);
        let extra = seat.account.target - own;
        let own = match shortfall {
            Shortfall::Proportional if wanted > capacity => proportion(own, capacity, wanted),
            Shortfall::Proportional => own,
            Shortfall::OldestFirst => own.min(left),
        };
        left -= own;
        seat.account.target = own + if more > spare { proportion(extra, spare, more) } else { extra };
        seat.open = seat.account.target;
    }
    wanted > capacity
}

/// The placement of one look.
struct Placement<'a> {
    seats: &'a mut [Seat],
    /// Seats by session.
    placed: BTreeMap<u64, usize>,
    /// Whether there are too few miners: then none waits.
    is_short: bool,
}

impl Placement<'_> {
    fn place(mut self, miners: &[Miner], next_ms: i128) -> BTreeMap<u64, usize> {
        let (mut known, mut unknown): (Vec<Miner>, Vec<Miner>) = miners.iter().partition(|miner| miner.hashrate > 0);
        known.sort_by_key(|miner| (Reverse(miner.hashrate), miner.session));
        self.stay(&mut known);
        self.fill(&mut known);
        self.slice(known, next_ms);
        // Those of whom a share may still come before the silent ones.
        unknown.sort_by_key(|miner| (miner.busy >= SILENT, miner.lease.is_none(), miner.session));
        self.try_out(&unknown);
        self.placed
    }

    /// Leaves miners where they are as far as they fit, the strongest first.
    fn stay(&mut self, miners: &mut Vec<Miner>) {
        let seats: HashMap<B256, usize> =
            self.seats.iter().enumerate().map(|(at, seat)| (seat.demand.lease, at)).collect();
        miners.retain(|miner| {
            let seat = miner.lease.and_then(|lease| seats.get(&lease).copied());
            !seat.is_some_and(|seat| self.fits(seat, miner) && self.put(seat, miner))
        });
    }

    /// Sends whole miners to the lease that lacks most.
    fn fill(&mut self, miners: &mut Vec<Miner>) {
        miners.retain(|miner| {
            let widest = (0..self.seats.len()).max_by_key(|seat| self.seats[*seat].open);
            !widest.is_some_and(|seat| self.fits(seat, miner) && self.put(seat, miner))
        });
    }

    /// Lends the miners that fit nowhere, one to a lease, the smallest first.
    fn slice(&mut self, mut miners: Vec<Miner>, next_ms: i128) {
        miners.reverse();
        let mut seats: Vec<usize> = (0..self.seats.len()).filter(|seat| self.seats[*seat].open > 0).collect();
        seats.sort_by_key(|seat| {
            let seat = &self.seats[*seat];
            (Reverse(seat.account.owed / i128::from(seat.demand.hashrate).max(1)), seat.demand.lease)
        });
        // Whoever is at work on a slice ends it first.
        for seat in &seats {
            let lease = Some(self.seats[*seat].demand.lease);
            if let Some(at) = miners.iter().position(|miner| miner.lease == lease)
                && self.goes_on(*seat, &miners[at], next_ms)
            {
                self.put(*seat, &miners.remove(at));
            }
        }
        for seat in seats {
            if self.seats[seat].open > 0
                && let Some(miner) = miners.first().copied()
                && self.begins(seat, &miner, next_ms)
            {
                self.put(seat, &miners.remove(0));
            }
        }
    }

    /// Gives miners of unknown rate to leases that lack something, and to none more of them than it has known ones: a large one makes
    /// a small lease run ahead before its first shares tell.
    fn try_out(&mut self, miners: &[Miner]) {
        for miner in miners {
            let is_silent = miner.busy >= SILENT;
            let lacks = |(_, seat): &(usize, &mut Seat)| {
                let lacks = self.is_short || seat.account.owed > seat.band.saturating_mul(2);
                lacks && !seat.is_ahead && (is_silent || seat.unknown <= seat.known)
            };
            let score = |(_, seat): &(usize, &mut Seat)| {
                (miner.lease != Some(seat.demand.lease), seat.unknown, seat.demand.lease)
            };
            if let Some((at, seat)) = self.seats.iter_mut().enumerate().filter(lacks).min_by_key(score) {
                seat.unknown += usize::from(!is_silent);
                self.placed.insert(miner.session, at);
            }
        }
    }

    fn fits(&self, seat: usize, miner: &Miner) -> bool {
        self.seats[seat].open >= i128::from(miner.hashrate)
    }

    fn put(&mut self, seat: usize, miner: &Miner) -> bool {
        self.seats[seat].open -= i128::from(miner.hashrate);
        self.seats[seat].known += 1;
        self.placed.insert(miner.session, seat).is_none()
    }

    /// What the lease would be owed at the next look, had it this miner.
    fn owed_after(&self, seat: usize, miner: &Miner, next_ms: i128) -> i128 {
        let seat = &self.seats[seat];
        seat.account.owed.saturating_add((seat.open - i128::from(miner.hashrate)) * next_ms)
    }

    /// A slice ends before the lease is further ahead than it may be; the shortest is split evenly around what is due.
    fn goes_on(&self, seat: usize, miner: &Miner, next_ms: i128) -> bool {
        let bounds = &self.seats[seat];
        let half = i128::from(miner.hashrate) * next_ms / 2;
        self.owed_after(seat, miner, next_ms) >= -bounds.band.max(half.min(bounds.may_ahead))
    }

    /// A slice begins where the lease is as far behind as it may be, and would end inside its bounds.
    fn begins(&self, seat: usize, miner: &Miner, next_ms: i128) -> bool {
        let bounds = &self.seats[seat];
        let is_behind = self.is_short || bounds.account.owed >= bounds.band;
        is_behind && self.goes_on(seat, miner, next_ms)
    }
}

fn millis(time: Duration) -> i128 {
    i128::try_from(time.as_millis()).unwrap_or(i128::MAX)
}

fn signed(hashes: u128) -> i128 {
    // Far below the limits of what is added to it.
    i128::try_from(hashes).unwrap_or(i128::MAX).min(i128::MAX >> 20)
}

/// `value * part / whole` for a part of the whole.
fn proportion(value: i128, part: i128, whole: i128) -> i128 {
    value.saturating_mul(part) / whole.max(1)
}

#[cfg(test)]
#[path = "allocate_tests.rs"]
mod tests;
