//! How hard a connection's shares are: the rule that seeks a steady trickle of shares, and the difficulties to tell.
//!
//! The lease's share target bounds it from above, since each share of a lease counts the work of that target. Below it
//! the farm sees more shares than it passes on, and knows its miners' hashrates from them.

use std::num::NonZeroU128;
use std::time::Duration;

use hashlease_miner::pow::Target;
use tokio::time::Instant;

/// Shares at the wanted rate of 0.3 a second, ckpool's, in 1,000 s.
const AIM: u128 = 300;
/// The same in shares a second.
const AIM_PER_S: f64 = 0.3;
/// Hashes that a difficulty of 1 stands for.
const HASHES: f64 = 4_294_967_296.0;
/// Rates that are left alone, in shares of 1,000 s: wide enough to keep a device that runs evenly out of changes.
const BAND: std::ops::RangeInclusive<u128> = 150..=400;
/// Shares after which the rate is known to 12 %.
const ENOUGH: u32 = 72;
/// Busy time after which fewer shares must do.
const LONG: Duration = Duration::from_secs(240);
/// Shares below which [`QUIET`] is long enough: at the band's lower end nine come in that time.
const FEW: u32 = 3;
/// Busy time after which few shares say enough.
const QUIET: Duration = Duration::from_secs(60);
/// Busy time without a share after which a miner that never had one, or none since the last step, gets easier work.
const SEARCH: Duration = Duration::from_secs(10);
/// How much easier a step without any share is: seven steps lead from a lease of 1 PH/s to a single core.
const STEP: u128 = 16;

/// What was seen of a connection at one difficulty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Look {
    /// Work of a share at that difficulty.
    pub(super) work: u128,
    /// Shares since the last look.
    pub(super) shares: u32,
    /// Time with lease work since the last look.
    pub(super) busy: Duration,
    /// Whether the miner never had a share, or none since the last step.
    pub(super) searching: bool,
}

impl Look {
    /// Busy time at which the look is over, however few shares there are.
    fn patience(&self) -> Duration {
        match self.shares {
            0 if self.searching => SEARCH,
            0..FEW => QUIET,
            _ => LONG,
        }
    }

    fn is_over(&self) -> bool {
        self.shares >= ENOUGH || self.busy >= self.patience()
    }
}

/// Gives the work that a share should have after this look, in hashes and at least `floor`; `None` where it may stay.
pub(super) fn next_work(look: Look, floor: u128) -> Option<u128> {
    if !look.is_over() {
        return None;
    }
    let millis = look.busy.as_millis().max(1);
    let next = match u128::from(look.shares) {
        0 => look.work.div_ceil(STEP),
        shares if BAND.contains(&(shares * 1_000_000 / millis)) => return None,
        shares => look.work.saturating_mul(shares * 1_000_000) / (AIM * millis),
    };
    Some(next.max(floor))
}

/// A difficulty as a miner is told it, and the target that shares are held against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Level {
    /// The Stratum difficulty: a power of two, or below 1 a fraction.
    pub(super) difficulty: f64,
    /// Its target, never harder than the one that it was made for.
    pub(super) target: Target,
    /// The work whose own level this is; a power's is rounded up, since one below would lead to the next lower power.
    work: u128,
}

impl Level {
    /// Rounds a target to one that every device works at: firmware rounds difficulties down to powers of two, and submits
    /// what lies between. Below difficulty 1 only software mines, which takes fractions as they are.
    pub(super) fn of(target: Target) -> Self {
        const FRACTION: u64 = (1 << 52) - 1;
        // A target of next to nothing has no finite difficulty.
        let target = target.max(Target::from_work(NonZeroU128::MAX));
        let difficulty = target.difficulty();
        let power = f64::from_bits(difficulty.to_bits() & !FRACTION);
        // The difficulty is itself rounded, so the power may be a little harder than the target.
        let powers = [power, power / 2.0].into_iter().filter(|power| *power >= 1.0);
        let mut levels = powers.filter_map(|difficulty| {
            let easier = Target::from_difficulty(difficulty).ok().filter(|easier| *easier >= target)?;
            Some(Self { difficulty, target: easier, work: easier.work().saturating_add(1) })
        });
        levels.next().unwrap_or(Self { difficulty, target, work: target.work() })
    }
}

/// A connection's difficulty over time.
#[derive(Debug)]
pub(super) struct Vardiff {
    /// Work that a share should have whatever the lease's target; `None` until there is any reason.
    wanted: Option<u128>,
    /// Work of the easiest share that the farm gives to anybody, and to this miner.
    easiest: u128,
    floor: u128,
    /// What the miner was last told for a lease.
    level: Option<Level>,
    look: Look,
    /// Since when the miner has lease work, as far as the look doesn't know of it yet.
    busy_since: Option<Instant>,
}

impl Vardiff {
    /// Begins without any knowledge; no share will have less work than `easiest`, unless the lease's have.
    pub(super) fn new(easiest: u128) -> Self {
        let look = Look { searching: true, ..Look::default() };
        Self { wanted: None, easiest, floor: easiest, level: None, look, busy_since: None }
    }

    /// Takes the miner's own wish: it begins there, and gets nothing easier.
    pub(super) fn suggest(&mut self, difficulty: f64) {
        let Ok(target) = Target::from_difficulty(difficulty) else { return };
        self.floor = Level::of(target).work.max(self.easiest);
        let begun = self.wanted.filter(|_| !self.look.searching);
        self.wanted = Some(begun.map_or(self.floor, |wanted| wanted.max(self.floor)));
    }

    /// Takes what a V2 device says of itself: about how many hashes it makes in a second, 0 where it doesn't know, and the
    /// easiest target that it takes. It begins at what the wanted rate makes of the one, and gets nothing easier than the
    /// other.
    pub(super) fn declare(&mut self, hashrate: f64, max_target: Target) {
        // A level is rounded to easier shares, which may be too easy.
        let is_rounded = Level::of(max_target).target > max_target;
        let least = max_target.work().saturating_mul(if is_rounded { 2 } else { 1 });
        self.floor = least.max(self.easiest);
        let expected = Target::from_difficulty(hashrate / AIM_PER_S / HASHES).ok().map(|target| Level::of(target).work);
        let begun = self.wanted.filter(|_| !self.look.searching);
        self.wanted = begun.or(expected).or(self.wanted).map(|wanted| wanted.max(self.floor));
    }

    /// The level for work on a lease, never harder than the lease's share target. The miner is busy from now on.
    pub(super) fn on_lease(&mut self, share_target: Target, now: Instant) -> Level {
        self.advance(now);
        self.busy_since = Some(now);
        if self.is_to_change(share_target) {
            if self.wanted.is_none() && self.look.shares > 0 {
                // It comes from another lease, at whose difficulty it had shares: a better start than this lease's.
                self.wanted = Some(self.look.work);
            }
            let level = self.wanted_level(share_target);
            self.level = Some(level);
            // A miner that is moved often is judged all the same: silence adds up over leases.
            let silent = if self.look.searching { self.look.busy } else { Duration::ZERO };
            self.restart(level.work);
            self.look.busy = silent;
        }
        self.wanted_level(share_target)
    }

    /// Says that the miner has no lease work from now on.
    pub(super) fn on_idle(&mut self, now: Instant) {
        self.advance(now);
        self.busy_since = None;
    }

    /// Counts a share of this target; one of another difficulty than the present says nothing about it.
    pub(super) fn count(&mut self, target: Target) {
        if self.level.is_some_and(|level| level.target == target) {
            self.look.shares += 1;
            self.look.searching = false;
        }
    }

    /// Ends the look where it is time to.
    pub(super) fn judge(&mut self, now: Instant) {
        self.advance(now);
        if self.look.is_over() {
            self.wanted = Some(next_work(self.look, self.floor).unwrap_or(self.look.work));
            self.look.searching = self.look.shares == 0;
            self.restart(self.look.work);
        }
    }

    /// Whether the lease's work would have another level now than the miner was told.
    pub(super) fn is_to_change(&self, share_target: Target) -> bool {
        self.level != Some(self.wanted_level(share_target))
    }

    /// When [`Vardiff::judge`] is due though no share comes; `None` while the miner is idle.
    pub(super) fn due_at(&self) -> Option<Instant> {
        Some(self.busy_since? + self.look.patience().saturating_sub(self.look.busy))
    }

    fn wanted_level(&self, share_target: Target) -> Level {
        let wanted = self.wanted.and_then(|work| work.try_into().ok()).map(Target::from_work);
        Level::of(wanted.map_or(share_target, |wanted| wanted.max(share_target)))
    }

    fn advance(&mut self, now: Instant) {
        if let Some(since) = &mut self.busy_since {
            self.look.busy += now.duration_since(*since);
            *since = now;
        }
    }

    fn restart(&mut self, work: u128) {
        self.look = Look { work, shares: 0, busy: Duration::ZERO, searching: self.look.searching };
    }
}

/// Reads the difficulty of a password such as `x,d=512`.
pub(super) fn of_password(password: &str) -> Option<f64> {
    let options = password.split([',', ';', ' ']);
    let mut values = options.filter_map(|option| option.strip_prefix("d=").or(option.strip_prefix("diff=")));
    values.find_map(|value| value.parse().ok().filter(|difficulty: &f64| difficulty.is_finite() && *difficulty > 0.0))
}

#[cfg(test)]
#[path = "vardiff_tests.rs"]
mod tests;
