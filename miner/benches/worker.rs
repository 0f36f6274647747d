//! The whole worker against its own kernel: `cargo bench -p hashlease-miner --bench worker`.
//!
//! The real client mines at a pool on loopback, which gives a new job every few seconds and shares as a farm asks for
//! them; the bare kernel runs on as many threads. Both take turns, so that what else the machine does meets both alike.
//! Then new work is set again and again, and measured is the time until every thread has turned to it.
#![allow(clippy::unwrap_used)]

#[path = "../tests/pool/scripted_pool.rs"]
#[allow(dead_code, reason = "a benchmark needs less of the pool than the tests do")]
mod scripted_pool;

use std::collections::HashSet;
use std::num::{NonZeroU128, NonZeroUsize};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use hashlease_miner::client::{Client, Config, Stats};
use hashlease_miner::pow::Target;
use hashlease_miner::pow::kernels::{Mode, choose, measure_threads};
use hashlease_miner::stratum::encode;
use hashlease_miner::worker::{Found, Miner, Pinning, Threads, Work};
use scripted_pool::{EXTRANONCE1, EXTRANONCE2_SIZE, Peer, ScriptedPool, VERSION_MASK, job};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

/// Turns of both.
const ROUNDS: usize = 9;

/// Length of a turn.
const TURN: Duration = Duration::from_secs(4);

/// Between two jobs of the pool.
const JOB_INTERVAL: Duration = Duration::from_secs(2);

/// Shares a second that the pool asks for.
const SHARES_PER_SECOND: f64 = 1.0;

/// What the worker must reach of its own kernel's rate.
const GOAL: f64 = 0.98;

/// How often new work is set.
const SWITCHES: usize = 500;

/// Work of a share then, in hashes: a batch, of 4,096 hashes at least, has some.
const SWITCH_WORK: u128 = 1 << 10;

/// Within what time the threads must have turned to it.
const SWITCH_GOAL: Duration = Duration::from_millis(1);

fn main() {
    let count = available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let threads = Threads { pinning: Pinning::Auto, ..Threads::new(count) };
    rates(threads);
    switches(threads);
}

/// Compares the rates of worker and kernel.
fn rates(threads: Threads) {
    // The pool grants version rolling.
    let kernel = choose().unwrap().of(Mode::Rolling)[0].kernel;
    println!("kernel {} on {} threads, {ROUNDS} turns of {TURN:?} each", kernel.name, threads.count);
    let turns: Vec<(f64, f64)> = (0..ROUNDS)
        .map(|_| {
            let bare = measure_threads(kernel, threads.count, TURN);
            (bare, whole_worker(threads, bare).mean_hashrate())
        })
        .collect();
    let bare = median(turns.iter().map(|(bare, _)| *bare));
    let whole = median(turns.iter().map(|(_, whole)| *whole));
    let ratio = median(turns.iter().map(|(bare, whole)| whole / bare));
    println!("bare kernel   {:9.3} MH/s (median)", bare / 1e6);
    println!("whole worker  {:9.3} MH/s (median)", whole / 1e6);
    let verdict = if ratio < GOAL { format!("MISS, goal {GOAL}") } else { format!("goal {GOAL}") };
    println!("ratio         {ratio:9.4} (median of the turns; {verdict})");
}

/// Mines for one turn at a pool in a thread of its own, and gives the client's last statistics.
fn whole_worker(threads: Threads, hashrate: f64) -> Stats {
    let (sender, receiver) = std::sync::mpsc::channel();
    let pool = std::thread::spawn(move || {
        runtime().block_on(async {
            let pool = ScriptedPool::listen().await;
            sender.send(pool.config()).unwrap();
            serve(pool.accept().await, hashrate).await;
        });
    });
    let config = receiver.recv().unwrap();
    let stats = runtime().block_on(mine(Config { threads, ..config }));
    pool.join().unwrap();
    stats
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

async fn mine(config: Config) -> Stats {
    let (client, stats) = Client::new(config);
    let shutdown = CancellationToken::new();
    let stop = async {
        tokio::time::sleep(TURN).await;
        shutdown.cancel();
    };
    let (outcome, ()) = tokio::join!(client.run(shutdown.clone()), stop);
    outcome.unwrap();
    stats.borrow().clone()
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_unstable_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Gives jobs and takes shares until the client has gone.
async fn serve(mut peer: Peer, hashrate: f64) {
    const HASHES_OF_DIFFICULTY_ONE: f64 = 4_294_967_296.0;
    let difficulty = hashrate / SHARES_PER_SECOND / HASHES_OF_DIFFICULTY_ONE;
    peer.handshake().await;
    let mut ticks = interval(JOB_INTERVAL);
    let mut number = 0;
    loop {
        let line = tokio::select! {
            _ = ticks.tick() => {
                number += 1;
                encode::set_difficulty(difficulty) + &encode::notify(&job(&format!("{number:x}"), true))
            }
            share = peer.try_request() => match share {
                Some(share) => encode::response(&share.id, &json!(true)),
                None => return,
            },
        };
        if peer.try_send(&line).await.is_err() {
            return;
        }
    }
}

/// Measures how soon all threads turn to new work.
fn switches(threads: Threads) {
    let (miner, mut found) = Miner::start(threads).unwrap();
    let mut times: Vec<Duration> = (0..SWITCHES).map(|number| switch(&miner, &mut found, number)).collect();
    times.sort_unstable();
    let at = |part: usize| times[(times.len() - 1) * part / 100];
    let verdict = if at(50) > SWITCH_GOAL { "MISS, goal" } else { "goal" };
    println!(
        "new work      {:9.3} ms until each thread's first share of it (median; p90 {:.3} ms, p99 {:.3} ms; {verdict} {SWITCH_GOAL:?})",
        at(50).as_secs_f64() * 1e3,
        at(90).as_secs_f64() * 1e3,
        at(99).as_secs_f64() * 1e3,
    );
}

/// Sets new work and waits for a share of it from every thread. A batch has several of them, so that the first one tells;
/// its own time is counted too, as shares come at its end.
fn switch(miner: &Miner, found: &mut mpsc::Receiver<Found>, number: usize) -> Duration {
    let notify = job(&format!("{number:x}"), true);
    let size = u8::try_from(EXTRANONCE1.len()).map_or(u8::MAX, |size| size + EXTRANONCE2_SIZE);
    let work = Work {
        job_id: notify.job_id.clone(),
        job: notify.to_job(size, VERSION_MASK),
        extranonce1: EXTRANONCE1.to_vec(),
        target: Target::from_work(NonZeroU128::new(SWITCH_WORK).unwrap()),
        time: notify.time,
    };
    while found.try_recv().is_ok() {}
    let began = Instant::now();
    let generation = miner.set_work(work).unwrap();
    let mut turned = HashSet::new();
    while turned.len() < miner.threads() {
        let share = found.blocking_recv().unwrap();
        if share.generation == generation {
            // Every thread has values of extranonce2 of its own, told apart by the lowest byte.
            turned.insert(share.extranonce2()[0] as usize % miner.threads());
        }
    }
    began.elapsed()
}
