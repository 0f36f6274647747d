//! Checking shares: the batch against `sha2` digests, one share after another, as ratios within one run.
//!
//! A round times every way once, on the same shares; a ratio is taken within each round, so that what disturbs the machine
//! for longer than a round disturbs both sides. Medians over the rounds are shown.
#![allow(clippy::cast_precision_loss, clippy::unwrap_used)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hashlease_miner::pow::batch::Share;
use hashlease_miner::pow::share::{self, Checked};
use hashlease_miner::pow::{Batch, Job, Prepared, Rejection, Solution, Target};
use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};

/// Shares of the largest batch.
const SHARES: usize = 256;
/// How often a sample checks them where their roots are known: so often that it lasts about as long as another.
const REPEATS: usize = 48;
/// Miners of a farm whose roots lie outside the core's own caches.
const MINERS: usize = 4_096;
/// Merkle roots that are remembered, as in a farm.
const ROOTS: usize = 1 << 14;
const ROUNDS: usize = 300;
const SIZES: [usize; 7] = [1, 2, 4, 8, 16, 64, SHARES];
/// Ratios to `sha2` digest twice: the goal of the largest batch, the one beyond it, and the goal of the header alone.
const GOAL_FULL: f64 = 2.7;
const STRETCH_FULL: f64 = 3.4;
const GOAL_HEADER: f64 = 50.0;

/// One way of checking shares.
struct Way {
    name: String,
    /// Shares of a sample.
    shares: usize,
    goals: &'static [f64],
    check: Box<dyn FnMut()>,
    samples: Vec<Duration>,
}

impl Way {
    fn new(name: impl Into<String>, shares: usize, goals: &'static [f64], check: impl FnMut() + 'static) -> Self {
        Self { name: name.into(), shares, goals, check: Box::new(check), samples: Vec::with_capacity(ROUNDS) }
    }

    /// Seconds for a share in each round.
    fn seconds(&self) -> impl Iterator<Item = f64> {
        self.samples.iter().map(|sample| sample.as_secs_f64() / self.shares as f64)
    }

    fn sample(&mut self) {
        let began = Instant::now();
        (self.check)();
        self.samples.push(began.elapsed());
    }
}

/// A job as of a busy chain: coinbase of 200 bytes, 12 branches.
fn job(rng: &mut StdRng) -> Job {
    let mut coinbase = [0; 192];
    rng.fill_bytes(&mut coinbase);
    Job {
        version: 0x2000_0000,
        version_mask: 0x1fff_e000,
        prev_hash: rng.random(),
        coinbase_prefix: coinbase[..70].to_vec(),
        coinbase_suffix: coinbase[70..].to_vec(),
        extranonce_size: 8,
        branch: (0..12).map(|_| rng.random()).collect(),
        bits: 0x1703_4219,
        min_time: 1_700_000_000,
    }
}

/// The target of difficulty 1, as hard as any share is compared with.
fn target() -> Target {
    Target::from_compact(0x1d00_ffff).unwrap()
}

/// What one of many connections finds: its own part of the extranonce, and what it likes of the rest.
fn solution(rng: &mut StdRng, connection: u32, part2: u32) -> Solution {
    Solution {
        version: 0x2000_0000 | (rng.random::<u32>() & 0x1fff_e000),
        extranonce: [connection.to_be_bytes(), part2.to_be_bytes()].concat(),
        time: rng.random_range(1_700_000_000..1_700_000_060),
        nonce: rng.random(),
    }
}

/// Does what every caller does with results: compares each share's hash with a target, and keeps header and hash.
fn judge(results: &[Result<Checked, Rejection>], target: &Target) {
    for checked in results {
        black_box(checked.as_ref().is_ok_and(|checked| checked.meets(target)));
    }
    black_box(results);
}

/// Each share by itself.
fn plain(job: &Arc<Job>, solutions: &Arc<Vec<Solution>>) -> impl FnMut() + 'static {
    let (job, solutions, target) = (Arc::clone(job), Arc::clone(solutions), target());
    move || {
        for solution in solutions.iter() {
            judge(&[share::assemble(black_box(&job), black_box(solution))], &target);
        }
    }
}

/// The batch in so many shares at a time; none of their roots are remembered where there are few places for them.
fn batched(
    prepared: &Arc<Prepared>,
    solutions: &Arc<Vec<Solution>>,
    size: usize,
    roots: usize,
    repeats: usize,
) -> impl FnMut() + 'static {
    let (prepared, solutions, target) = (Arc::clone(prepared), Arc::clone(solutions), target());
    let mut batch = Batch::new(roots);
    move || {
        let shares: Vec<Share<'_>> = solutions.iter().map(|solution| (&*prepared, solution)).collect();
        for shares in std::iter::repeat_n(shares.chunks(size), repeats).flatten() {
            judge(&batch.assemble(black_box(shares)), &target);
        }
    }
}

/// The largest batch, with known roots and a version that is new each time.
fn rolled(prepared: &Arc<Prepared>, solutions: &Arc<Vec<Solution>>) -> impl FnMut() + 'static {
    let (prepared, mut solutions, target) = (Arc::clone(prepared), solutions.to_vec(), target());
    let mut batch = Batch::new(ROOTS);
    move || {
        for _ in 0..REPEATS {
            solutions.iter_mut().for_each(|solution| solution.version ^= 0x0000_2000);
            let shares: Vec<Share<'_>> = solutions.iter().map(|solution| (&*prepared, solution)).collect();
            judge(&batch.assemble(black_box(&shares)), &target);
        }
    }
}

fn ways() -> Vec<Way> {
    let mut rng = StdRng::seed_from_u64(1);
    let job = Arc::new(job(&mut rng));
    let prepared = Arc::new(Prepared::new(Arc::clone(&job)));
    let mut solutions = |count| -> Vec<_> { (0..).take(count).map(|i| solution(&mut rng, i, i)).collect() };
    let new = Arc::new(solutions(SHARES));
    let mut ways = vec![Way::new("sha2 digest twice", SHARES, &[], plain(&job, &new))];
    for size in SIZES {
        let goals: &[f64] = if size == SHARES { &[GOAL_FULL, STRETCH_FULL] } else { &[] };
        ways.push(Way::new(format!("batch of {size}"), SHARES, goals, batched(&prepared, &new, size, 1, 1)));
    }
    let version = job.version;
    let many: Vec<_> = solutions(MINERS).into_iter().map(|found| Solution { version, ..found }).collect();
    let own = many[..SHARES].to_vec();
    let extranonce = &own[0].extranonce;
    let one = own.iter().map(|found| Solution { extranonce: extranonce.clone(), ..found.clone() }).collect();
    let (one, own, many) = (Arc::new(one), Arc::new(own), Arc::new(many));
    for (name, solutions) in [("one root known", &one), ("256 roots known", &own)] {
        for size in [1, 16, SHARES] {
            let goals: &[f64] = if size == SHARES { &[GOAL_HEADER] } else { &[] };
            let check = batched(&prepared, solutions, size, ROOTS, REPEATS);
            ways.push(Way::new(format!("{name}, batch of {size}"), SHARES * REPEATS, goals, check));
        }
    }
    let check = batched(&prepared, &many, SHARES, ROOTS, 1);
    ways.push(Way::new("4,096 roots known, batch of 256", MINERS, &[], check));
    ways.push(Way::new("256 roots, versions new", SHARES * REPEATS, &[], rolled(&prepared, &own)));
    ways
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn cpu_name() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name =
        text.lines().find_map(|line| line.strip_prefix("model name")).map(|rest| rest.trim_matches([' ', '\t', ':']));
    name.unwrap_or("unknown processor").to_owned()
}

/// Whether others compete for the core: the slowest quarter of the reference's samples are far above the fastest.
fn state(reference: &[Duration]) -> &'static str {
    let mut sorted = reference.to_vec();
    sorted.sort();
    if sorted[sorted.len() * 3 / 4] > sorted[0].mul_f64(1.15) { "busy" } else { "quiet" }
}

fn main() {
    let mut ways = ways();
    for _ in 0..ROUNDS {
        ways.iter_mut().for_each(Way::sample);
    }
    let reference = &ways[0];
    println!("{}, {}, by {}", cpu_name(), state(&reference.samples), Batch::new(1).instructions());
    println!("{:<32} {:>14} {:>8}", "a share of 200 B, 12 branches", "M shares/s", "ratio");
    for way in &ways {
        let rate = median(way.seconds().map(|seconds| 1e-6 / seconds).collect());
        let ratio = median(reference.seconds().zip(way.seconds()).map(|(plain, own)| plain / own).collect());
        let verdicts = way.goals.iter().map(|goal| {
            let verdict = if ratio >= *goal { "met" } else { "MISS" };
            format!("  ≥ {goal}: {verdict}")
        });
        println!("{:<32} {rate:>14.3} {ratio:>8.2}{}", way.name, verdicts.collect::<String>());
    }
}
