//! A farm in virtual time: hundreds of miners that come, go, slow down and lie, whose rates are known from their shares alone.

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tokio::time::Instant;

use super::super::super::rate::Rate;
use super::*;

const LOOK_MS: u64 = 100;
/// Looks in five minutes.
const WINDOW: usize = 3_000;

/// What happens to a device.
#[derive(Clone, Copy)]
enum Failure {
    /// It goes, and comes back in five minutes at most, under another session.
    Leaves,
    /// It does a part of what it can, or is well again.
    SlowsDown,
    /// It keeps a part of its shares for itself, or all of them; or no more.
    Lies,
}

/// A device, and what the farm knows of it.
struct Device {
    /// What it can do, in hashes per second.
    nominal: f64,
    /// How much of that it does now, and of what it did it submits.
    pace: f64,
    honesty: f64,
    /// Looks for which it works and rests in turns, submitting nothing; 0 where it doesn't.
    turns: usize,
    /// Look at which it is connected again; 0 while it is.
    back_at: usize,
    rate: Rate,
    /// Hashes until the next share.
    to_share: f64,
    session: u64,
    lease: Option<B256>,
}

struct Simulation {
    random: StdRng,
    start: Instant,
    devices: Vec<Device>,
    demands: Vec<Demand>,
    /// Hashes until each lease's next share.
    to_share: Vec<f64>,
    allocator: Allocator,
    /// Whether devices without a lease work for the seller's own pool.
    idle_pool: bool,
    /// Hashes by look and lease: as they were assigned, by the rates that the farm believes; as they were made.
    assigned: Vec<Vec<f64>>,
    made: Vec<Vec<f64>>,
    moves: u64,
    sessions: u64,
    failures: u64,
}

impl Simulation {
    /// A farm of `devices` devices of 10 to 250 TH/s, and leases of `load` of what they can do together: a few large ones and many
    /// small, down to a fifth of a device.
    fn new(devices: u64, load: f64, seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let start = Instant::now();
        let mut devices: Vec<Device> = (1..=devices)
            .map(|session| Device {
                nominal: random.random_range(10e12..250e12),
                pace: 1.0,
                honesty: 1.0,
                turns: 0,
                back_at: 0,
                rate: Rate::new(start),
                to_share: exponential(&mut random),
                session,
                lease: None,
            })
            .collect();
        // The farm has worked for ten minutes, so that it knows its devices as well as it ever does.
        let begin = start + Duration::from_secs(600);
        for device in &mut devices {
            device.rate.set_busy(true, start);
            for second in 1..600 {
                device.to_share -= 0.3;
                while device.to_share <= 0.0 {
                    device.to_share += exponential(&mut random);
                    device.rate.add(whole(device.nominal / 0.3).into(), start + Duration::from_secs(second));
                }
            }
            device.rate.set_busy(false, begin);
        }
        let total: f64 = devices.iter().map(|device| device.nominal).sum();
        let sizes: Vec<f64> = (0..24).map(|lease| 0.8f64.powi(lease)).collect();
        let sum: f64 = sizes.iter().sum();
        let demand = |(index, size): (u8, &f64)| {
            let hashrate = whole(size / sum * load * total);
            let (lease, share_work) = (B256::repeat_byte(index + 1), hashrate.into());
            Demand { lease, hashrate, due: 0, delivered: 0, share_work, start: index.into() }
        };
        let demands: Vec<Demand> = (0..).zip(&sizes).map(demand).collect();
        let to_share = demands.iter().map(|_| exponential(&mut random)).collect();
        let sessions = u64::try_from(devices.len()).unwrap();
        let (assigned, made) = (Vec::new(), Vec::new());
        let allocator = Allocator::default();
        Self {
            random,
            start: begin,
            devices,
            demands,
            to_share,
            allocator,
            idle_pool: false,
            assigned,
            made,
            moves: 0,
            sessions,
            failures: 0,
        }
    }

    fn run(&mut self, looks: usize, failures: &[Failure]) {
        for _ in 0..looks {
            let look = self.made.len();
            let now = self.start + Duration::from_millis(LOOK_MS * u64::try_from(look).unwrap());
            self.fail(look, now, failures);
            self.allocate(now);
            self.mine(look, now + Duration::from_millis(LOOK_MS));
        }
    }

    /// About every twenty seconds something happens to one of two hundred devices.
    fn fail(&mut self, look: usize, now: Instant, failures: &[Failure]) {
        for device in &mut self.devices {
            if device.back_at == look && look > 0 {
                self.sessions += 1;
                (device.session, device.rate, device.back_at) = (self.sessions, Rate::new(now), 0);
                (device.pace, device.honesty) = (1.0, 1.0);
            }
            if device.back_at > 0 || failures.is_empty() || !self.random.random_bool(1.0 / 40_000.0) {
                continue;
            }
            self.failures += 1;
            match failures[self.random.random_range(0..failures.len())] {
                Failure::Leaves => {
                    (device.back_at, device.lease) = (look + self.random.random_range(100..3_000), None);
                }
                Failure::SlowsDown => {
                    device.pace = if device.pace < 1.0 { 1.0 } else { self.random.random_range(0.3..0.9) };
                }
                Failure::Lies => {
                    device.honesty = if device.honesty < 1.0 { 1.0 } else { self.random.random_range(0.0..0.9) };
                }
            }
        }
    }

    fn allocate(&mut self, now: Instant) {
        let connected = self.devices.iter_mut().filter(|device| device.back_at == 0);
        let miners: Vec<Miner> = connected
            .map(|device| {
                let estimate = device.rate.estimate(now);
                Miner { session: device.session, hashrate: estimate.hashrate, busy: estimate.busy, lease: device.lease }
            })
            .collect();
        let tick = Duration::from_millis(LOOK_MS);
        let assignments = self.allocator.allocate(tick, tick, &miners, &self.demands);
        assert_eq!(assignments.len(), miners.len(), "every hash is sold once");
        let mut assigned = vec![0.0; self.demands.len()];
        let connected = self.devices.iter_mut().filter(|device| device.back_at == 0);
        for ((device, assignment), miner) in connected.zip(assignments).zip(&miners) {
            assert_eq!(device.session, assignment.session);
            if device.lease != assignment.lease {
                self.moves += 1;
                device.lease = assignment.lease;
                device.rate.set_busy(device.lease.is_some() || self.idle_pool, now);
            }
            if let Some(at) = self.demands.iter().position(|demand| Some(demand.lease) == device.lease) {
                assigned[at] += float(miner.hashrate) * 0.1;
            }
        }
        self.assigned.push(assigned);
    }

    fn mine(&mut self, look: usize, now: Instant) {
        let mut made = vec![0.0; self.demands.len()];
        for device in self.devices.iter_mut().filter(|device| device.back_at == 0) {
            let at = self.demands.iter().position(|demand| Some(demand.lease) == device.lease);
            if at.is_none() && !self.idle_pool {
                continue;
            }
            // A device wavers by three per cent from minute to minute.
            let phase = (float(device.session) * 1.7 + f64::from(u32::try_from(look).unwrap()) / 600.0).sin();
            let hashes = device.nominal * device.pace * (1.0 + 0.03 * phase) * device.honesty * 0.1;
            let rests = device.turns > 0 && look / device.turns % 2 == 1;
            let hashes = if rests { 0.0 } else { hashes };
            if let Some(at) = at {
                made[at] += hashes;
            }
            // Vardiff aims at 0.3 shares a second.
            let share_work = device.nominal / 0.3;
            device.to_share -= hashes / share_work;
            while device.to_share <= 0.0 {
                device.to_share += exponential(&mut self.random);
                device.rate.add(whole(share_work).into(), now);
            }
        }
        for ((demand, to_share), made) in self.demands.iter_mut().zip(&mut self.to_share).zip(&made) {
            demand.due += u128::from(demand.hashrate) / 10;
            *to_share -= made / float(demand.hashrate);
            while *to_share <= 0.0 {
                *to_share += exponential(&mut self.random);
                demand.delivered += demand.share_work;
            }
        }
        self.made.push(made);
    }
}

/// Hashes until the next share, in its work.
fn exponential(random: &mut StdRng) -> f64 {
    -(1.0 - random.random::<f64>()).ln()
}

#[expect(clippy::cast_precision_loss, reason = "figures of a simulation")]
fn float(value: u64) -> f64 {
    value as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "figures of a simulation, all positive")]
fn whole(value: f64) -> u64 {
    value as u64
}

fn ratio(part: usize, whole: usize) -> f64 {
    float(u64::try_from(part).unwrap()) / float(u64::try_from(whole).unwrap())
}

#[derive(Clone, Copy)]
struct Part {
    least: f64,
    most: f64,
}

impl Simulation {
    /// The parts of its rate that a lease got in every five minutes.
    fn windows(&self, hashes: &[Vec<f64>], lease: usize) -> Part {
        self.windows_of(WINDOW, hashes, lease)
    }

    /// As [`Simulation::windows`], in every so many looks.
    fn windows_of(&self, looks: usize, hashes: &[Vec<f64>], lease: usize) -> Part {
        let due = float(self.demands[lease].hashrate) * 300.0 * ratio(looks, WINDOW);
        let starts = (0..=hashes.len() - looks).step_by(50);
        let parts = starts.map(|start| hashes[start..start + looks].iter().map(|look| look[lease]).sum::<f64>() / due);
        let none = Part { least: f64::MAX, most: 0.0 };
        parts.fold(none, |seen, part| Part { least: part.min(seen.least), most: part.max(seen.most) })
    }

    /// Prints what each lease got, and gives the assigned parts.
    fn report(&self) -> Vec<Part> {
        println!("{} moves, {} failures", self.moves, self.failures);
        let lease = |lease: usize| {
            let (assigned, made) = (self.windows(&self.assigned, lease), self.windows(&self.made, lease));
            println!(
                "{:5.1} devices: assigned {:.3} to {:.3}, made {:.3} to {:.3}, delivered {:.3}",
                float(self.demands[lease].hashrate) / 130e12,
                assigned.least,
                assigned.most,
                made.least,
                made.most,
                self.delivered(lease),
            );
            assigned
        };
        (0..self.demands.len()).map(lease).collect()
    }

    /// Delivered work over what was due.
    fn delivered(&self, lease: usize) -> f64 {
        let demand = &self.demands[lease];
        float(u64::try_from(demand.delivered / demand.share_work).unwrap())
            / float(u64::try_from(demand.due / demand.share_work).unwrap())
    }
}

#[test]
fn every_lease_gets_its_rate_in_any_five_minutes_though_miners_come_and_go() {
    let mut farm = Simulation::new(200, 0.8, 5);
    farm.run(3 * WINDOW, &[Failure::Leaves]);
    for part in farm.report() {
        assert!(part.least >= 0.97 && part.most <= 1.03, "assigned {:.3} to {:.3}", part.least, part.most);
    }
    assert!(farm.failures > 30);
}

#[test]
fn every_lease_has_what_is_due_though_miners_slow_down_and_lie() {
    let mut farm = Simulation::new(200, 0.8, 7);
    farm.run(2 * WINDOW, &[Failure::Leaves, Failure::SlowsDown, Failure::Lies]);
    // Leases of a device or more: a smaller one that got more than anybody knew of is assigned less until that is made up for.
    for part in &farm.report()[..16] {
        assert!(part.least >= 0.97 && part.most <= 1.03, "assigned {:.3} to {:.3}", part.least, part.most);
    }
    for lease in 0..farm.demands.len() {
        // Two per cent, and the luck of a share a second.
        let shares = float(u64::try_from(farm.demands[lease].due / farm.demands[lease].share_work).unwrap());
        let delivered = farm.delivered(lease);
        assert!((delivered - 1.0).abs() <= 0.02 + 4.0 / shares.sqrt(), "{delivered}");
    }
}

#[test]
fn a_farm_that_is_too_small_serves_every_lease_in_the_same_proportion() {
    let mut farm = Simulation::new(100, 1.25, 9);
    farm.run(WINDOW, &[]);
    let parts = farm.report();
    for part in parts {
        assert!(part.least >= 0.75 && part.most <= 0.85, "assigned {:.3} to {:.3}", part.least, part.most);
    }
}

#[test]
fn in_a_farm_that_is_too_small_the_oldest_leases_are_whole_where_they_come_first() {
    let mut farm = Simulation::new(100, 1.25, 9);
    farm.allocator = Allocator::new(Shortfall::OldestFirst);
    farm.run(WINDOW, &[]);
    // The first six are three quarters of all that is leased; the seventh and the eighth get what is left.
    let parts = farm.report();
    for part in &parts[..6] {
        assert!(part.least >= 0.97 && part.most <= 1.03, "assigned {:.3} to {:.3}", part.least, part.most);
    }
    for part in &parts[8..] {
        assert!(part.most <= 0.03, "assigned {:.3}", part.most);
    }
}

#[test]
fn miners_that_work_and_rest_in_turns_keep_no_lease_behind_for_long() {
    let mut farm = Simulation::new(100, 0.7, 11);
    // A tenth of the farm, each at a pace of its own of one to eight minutes. Those without a lease show their rates all the same.
    for (turns, device) in (600..).step_by(450).zip(farm.devices.iter_mut().step_by(10)) {
        device.turns = turns;
    }
    farm.idle_pool = true;
    farm.devices.iter_mut().for_each(|device| device.rate.set_busy(true, farm.start));
    farm.run(7 * WINDOW, &[]);
    let assigned = farm.report();
    for part in &assigned[..10] {
        assert!(part.least >= 0.95 && part.most <= 1.05, "assigned {:.3} to {:.3}", part.least, part.most);
    }
    for lease in 0..farm.demands.len() {
        let (five, fifteen) = (farm.windows(&farm.made, lease), farm.windows_of(3 * WINDOW, &farm.made, lease));
        // The first ten are as large as two devices or more; a smaller one may have such a miner alone until that is found out.
        let least = if lease < 10 { 0.88 } else { 0.7 };
        assert!(five.least >= least, "lease {lease} got {:.3} in five minutes", five.least);
        assert!(fifteen.least >= 0.88, "lease {lease} got {:.3} in fifteen minutes", fifteen.least);
    }
}
