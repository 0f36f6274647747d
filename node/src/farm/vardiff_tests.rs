use std::num::NonZeroU128;

use super::*;

const LEASE: u128 = 1_000_000_000_000;
const EASIEST: u128 = 1 << 22;

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn target(work: u128) -> Target {
    Target::from_work(NonZeroU128::new(work).unwrap())
}

/// A connection's vardiff and its clock.
struct Bench {
    vardiff: Vardiff,
    now: Instant,
}

impl Bench {
    fn on(lease_work: u128) -> Self {
        let mut bench = Self { vardiff: Vardiff::new(EASIEST), now: Instant::now() };
        bench.announce(lease_work);
        bench
    }

    fn announce(&mut self, lease_work: u128) -> u128 {
        self.tell(target(lease_work)).target.work()
    }

    fn tell(&mut self, share_target: Target) -> Level {
        self.vardiff.on_lease(share_target, self.now)
    }

    /// Mines so many seconds at an even pace, judged as a session does; gives the share work at the end.
    fn mine(&mut self, hashrate: u128, lease_work: u128, time_s: u32) -> u128 {
        let mut hashes = 0;
        let mut level = self.tell(target(lease_work));
        for _ in 0..time_s * 10 {
            self.now += Duration::from_millis(100);
            hashes += hashrate / 10;
            while hashes >= level.target.work() {
                hashes -= level.target.work();
                self.vardiff.count(level.target);
                self.vardiff.judge(self.now);
            }
            if self.vardiff.due_at().is_some_and(|due_at| self.now >= due_at) {
                self.vardiff.judge(self.now);
            }
            level = self.tell(target(lease_work));
        }
        level.target.work()
    }
}

#[test]
fn a_look_leads_to_the_rate_that_is_aimed_at() {
    let look = |shares, busy_s, searching| Look { work: 1 << 40, shares, busy: seconds(busy_s), searching };
    let floor = EASIEST;
    for (case, next) in [
        // Too early: few shares and little time.
        (look(0, 9, true), None),
        (look(0, 59, false), None),
        (look(2, 59, false), None),
        (look(3, 239, false), None),
        (look(71, 20, false), None),
        // No share at all: a step, sooner while searching.
        (look(0, 10, true), Some(1 << 36)),
        (look(0, 60, false), Some(1 << 36)),
        // Few shares in a minute, or in four.
        (look(2, 60, false), Some((1 << 40) / 9)),
        (look(6, 240, false), Some((1 << 40) / 12)),
        // Inside the band, its ends included.
        (look(36, 240, false), None),
        (look(72, 240, false), None),
        (look(72, 180, false), None),
        // Outside of it: proportional.
        (look(35, 240, false), Some((1u128 << 40) * 35_000_000 / 72_000_000)),
        (look(72, 24, false), Some((1 << 40) * 10)),
        (look(72, 179, false), Some((1u128 << 40) * 72_000_000 / (300 * 179_000))),
    ] {
        assert_eq!(next_work(case, floor), next, "{case:?}");
    }
}

#[test]
fn no_look_goes_below_the_floor_or_overflows() {
    let quiet = Look { work: 1 << 24, shares: 0, busy: seconds(60), searching: false };
    assert_eq!(next_work(quiet, EASIEST), Some(EASIEST));
    assert_eq!(next_work(quiet, 1 << 30), Some(1 << 30));
    let slow = Look { shares: 1, busy: seconds(100_000), ..quiet };
    assert_eq!(next_work(slow, EASIEST), Some(EASIEST));
    let sudden = Look { work: u128::MAX, shares: ENOUGH, busy: Duration::ZERO, searching: false };
    assert!(next_work(sudden, EASIEST).is_some_and(|work| work > LEASE));
    assert_eq!(next_work(Look { work: 0, shares: 0, busy: Duration::MAX, searching: true }, 7), Some(7));
}

#[test]
fn difficulties_are_told_as_powers_of_two_or_exact_fractions_and_never_harder() {
    for (difficulty, told) in [
        (0.001, 0.001),
        (0.75, 0.75),
        (1.0, 1.0),
        (1.5, 1.0),
        (2.0, 2.0),
        (5.3, 4.0),
        (1_023.99, 512.0),
        (16_383.75, 8_192.0),
        (1e15, 562_949_953_421_312.0),
    ] {
        let target = Target::from_difficulty(difficulty).unwrap();
        let level = Level::of(target);
        assert_eq!(level.difficulty, told, "{difficulty}");
        assert!(level.target >= target, "{difficulty}");
        assert_eq!(level.target, Target::from_difficulty(told).unwrap(), "{difficulty}");
    }
    for work in [1, 2, 50_000, EASIEST, 1 << 32, 4_295_032_833, 4_295_032_834, LEASE, u128::MAX] {
        let level = Level::of(target(work));
        assert!(level.target >= target(work) && level.target.work() <= work, "{work}");
        assert!(level.target.work() > work / 2, "{work}: not easier than needed");
        assert_eq!(Level::of(target(level.work)), level, "{work}: a level stays as it is");
    }
    assert_eq!(Level::of(Target::MAX).target, Target::MAX);
    assert!(Level::of(Target::from_be_bytes([0; 32])).difficulty.is_finite());
}

#[test]
fn a_target_a_little_easier_than_a_power_of_two_is_told_as_the_one_below() {
    let four = Target::from_difficulty(4.0).unwrap();
    let mut easier = four.to_be_bytes();
    easier[31] += 1;
    assert_eq!((four.difficulty(), Target::from_be_bytes(easier).difficulty()), (4.0, 4.0));
    assert_eq!(Level::of(four).difficulty, 4.0);
    assert_eq!(Level::of(Target::from_be_bytes(easier)).difficulty, 2.0);
}

#[test]
fn a_new_miner_begins_at_the_leases_target_and_stays_where_that_suits_it() {
    let mut bench = Bench::on(3_000_000);
    assert_eq!(bench.mine(1_000_000, 3_000_000, 600), 3_000_000);
}

#[test]
fn a_small_miner_in_a_large_lease_soon_shows_shares_at_the_rate_that_is_aimed_at() {
    let mut bench = Bench::on(1_000_000_000_000_000);
    let soon = bench.mine(10_000_000, 1_000_000_000_000_000, 120);
    assert!(soon <= 100_000_000, "{soon}");
    let settled = bench.mine(10_000_000, 1_000_000_000_000_000, 600);
    assert!((25_000_000..=66_000_000).contains(&settled), "{settled}");
    let asic = bench.mine(100_000_000_000_000, 1_000_000_000_000_000, 600);
    assert!((166_000_000_000_000..=666_000_000_000_000).contains(&asic), "{asic}: the lease is harder still");
}

#[test]
fn a_large_miner_in_a_small_lease_is_never_asked_for_more_than_the_lease() {
    let mut bench = Bench::on(LEASE);
    let told = Level::of(target(LEASE)).target.work();
    assert_eq!(bench.mine(20_000_000_000_000, LEASE, 60), told);
    let elsewhere = bench.announce(LEASE * 1_000);
    assert!((33_000_000_000_000..=67_000_000_000_000).contains(&elsewhere), "its hashrate is known: {elsewhere}");
}

#[test]
fn a_lease_that_is_easier_than_the_easiest_share_is_mined_at_its_own_target() {
    let mut bench = Bench::on(16);
    assert_eq!(bench.mine(100, 16, 300), 16);
    assert_eq!(bench.mine(0, 16, 300), 16);
}

#[test]
fn a_silent_miner_ends_at_the_easiest_share_and_no_below() {
    let mut bench = Bench::on(LEASE);
    assert_eq!(bench.mine(0, LEASE, 100), EASIEST);
}

#[test]
fn a_miner_that_moves_before_anything_was_judged_keeps_its_difficulty_if_it_had_shares() {
    let mut bench = Bench::on(30_000_000);
    bench.mine(10_000_000, 30_000_000, 10);
    assert_eq!(bench.announce(LEASE), 30_000_000);
    let mut unknown = Bench::on(30_000_000);
    assert_eq!(unknown.announce(LEASE), Level::of(target(LEASE)).target.work());
}

#[test]
fn the_silence_of_a_miner_that_is_moved_adds_up() {
    let mut bench = Bench::on(LEASE);
    for lease in [LEASE * 3, LEASE * 10] {
        bench.now += seconds(5);
        bench.announce(lease);
    }
    assert_eq!(bench.vardiff.due_at(), Some(bench.now));
    bench.vardiff.judge(bench.now);
    let stepped = bench.announce(LEASE * 10);
    assert!(stepped < LEASE, "{stepped}");
    assert_eq!(bench.vardiff.due_at(), Some(bench.now + SEARCH), "each step takes its time");
}

#[test]
fn idle_time_and_shares_of_another_difficulty_say_nothing() {
    let mut bench = Bench::on(LEASE);
    bench.vardiff.on_idle(bench.now + seconds(9));
    assert_eq!(bench.vardiff.due_at(), None);
    bench.now += seconds(1_000);
    bench.announce(LEASE);
    assert_eq!(bench.vardiff.due_at(), Some(bench.now + seconds(1)));
    bench.vardiff.count(target(EASIEST));
    bench.vardiff.judge(bench.now + seconds(1));
    assert!(bench.announce(LEASE) < LEASE / 8);
}

#[test]
fn a_wish_is_where_a_miner_begins_and_its_floor_within_the_lease() {
    let lease = Target::from_difficulty(128.0).unwrap();
    for (wish, begin) in [(16.0, 16.0), (1_000.0, 128.0), (1e-9, target(EASIEST).difficulty())] {
        let mut bench = Bench { vardiff: Vardiff::new(EASIEST), now: Instant::now() };
        bench.vardiff.suggest(wish);
        assert_eq!(bench.tell(lease).difficulty, begin, "{wish}");
        bench.now += SEARCH;
        bench.vardiff.judge(bench.now);
        assert_eq!(bench.tell(lease).difficulty, begin, "{wish}: nothing easier");
    }
    let mut bench = Bench::on(LEASE);
    bench.vardiff.suggest(f64::NAN);
    bench.vardiff.suggest(-1.0);
    assert_eq!(bench.announce(LEASE), Level::of(target(LEASE)).target.work());
}

#[test]
fn passwords_carry_difficulties_in_the_forms_that_people_write() {
    for (password, difficulty) in [
        ("x", None),
        ("", None),
        ("d=512", Some(512.0)),
        ("x,d=0.5", Some(0.5)),
        ("x;diff=1024;y=1", Some(1_024.0)),
        ("d=x d=2", Some(2.0)),
        ("id=5", None),
        ("d=-1", None),
        ("d=inf", None),
        ("d=nan", None),
        ("d=", None),
    ] {
        assert_eq!(of_password(password), difficulty, "{password}");
    }
}
