use std::collections::HashSet;
use std::num::{NonZeroU128, NonZeroUsize};
use std::ops::RangeInclusive;
use std::sync::mpsc as std_mpsc;

use super::super::threads::Pinning;
use super::*;
use crate::pow::kernels::{KERNELS, Template};
use crate::pow::{Job, Target, share};

const DEADLINE: Duration = Duration::from_secs(20);

fn work(job_id: &str, work: u128) -> Work {
    let job = Job {
        version: 0x2000_0000,
        version_mask: 0,
        prev_hash: [1; 32],
        coinbase_prefix: job_id.as_bytes().to_vec(),
        coinbase_suffix: vec![3; 40],
        extranonce_size: 8,
        branch: vec![[4; 32]],
        bits: 0x207f_ffff,
        min_time: 5,
    };
    let target = Target::from_work(NonZeroU128::new(work).unwrap());
    Work { job_id: job_id.into(), job, extranonce1: vec![9; 4], target, time: 6 }
}

fn start(threads: usize) -> (Miner, mpsc::Receiver<Found>) {
    Miner::start(Threads::new(NonZeroUsize::new(threads).unwrap())).unwrap()
}

async fn next(found: &mut mpsc::Receiver<Found>) -> Found {
    tokio::time::timeout(DEADLINE, found.recv()).await.expect("no share in time").expect("the miner ended")
}

#[tokio::test]
async fn threads_find_distinct_shares_that_the_check_accepts() {
    let (miner, mut found) = start(3);
    let generation = miner.set_work(work("a", 1 << 14)).unwrap();
    let mut seen = HashSet::new();
    let mut threads = HashSet::new();
    while seen.len() < 60 || threads.len() < 3 {
        let share = next(&mut found).await;
        assert_eq!(share.generation, generation);
        let checked = share::check(&share.work.job, &share.solution, &share.work.target).unwrap();
        assert_eq!(checked.hash, share.hash);
        threads.insert(share.extranonce2().to_vec());
        assert!(seen.insert(share.hash), "a header was hashed twice");
    }
    assert!(miner.hashes() >= 60);
}

#[tokio::test]
async fn each_kernel_of_this_host_mines_plain_and_rolling_work_from_its_start_on() {
    let kernels = KERNELS.iter().filter(|kernel| (kernel.supported)());
    for kernel in kernels {
        let (miner, mut found) =
            Miner::start_with(Choice::only(kernel).unwrap(), Threads::new(NonZeroUsize::new(2).unwrap())).unwrap();
        for version_mask in [0, 0x1fff_e000] {
            let plain = work("a", 1 << 12);
            let work = Work { job: Job { version_mask, ..plain.job }, ..plain };
            let generation = miner.set_work(work).unwrap();
            let mut versions = HashSet::new();
            while versions.len() < if version_mask == 0 { 1 } else { 20 } {
                let share = next(&mut found).await;
                share::check(&share.work.job, &share.solution, &share.work.target).unwrap();
                if share.generation == generation {
                    versions.insert(share.solution.version);
                }
            }
        }
        assert_eq!(miner.kernel(), kernel.name);
    }
}

#[tokio::test]
async fn new_work_replaces_the_old_one() {
    let (miner, mut found) = start(2);
    let old = miner.set_work(work("old", 1 << 12)).unwrap();
    assert_eq!(next(&mut found).await.generation, old);
    let new = miner.set_work(work("new", 1 << 12)).unwrap();
    let fresh = loop {
        let share = next(&mut found).await;
        if share.generation == new {
            break share;
        }
    };
    assert_eq!(fresh.work.job_id, "new");
}

/// What the gated kernel goes by.
#[derive(Clone)]
struct Gate {
    /// Where it says which target a batch is for.
    begun: std_mpsc::Sender<Target>,
    /// Where it waits for leave to end the batch.
    leave: Arc<Mutex<std_mpsc::Receiver<()>>>,
}

static GATE: Mutex<Option<Gate>> = Mutex::new(None);

static GATED: Kernel = Kernel { name: "gated", mode: Mode::Plain, lanes: 1, supported: || true, scan: scan_gated };

fn scan_gated(_: &Template, _: RangeInclusive<u32>, target: &Target, _: &mut dyn FnMut(usize, u32)) {
    let Gate { begun, leave } = GATE.lock().unwrap().clone().unwrap();
    // Both fail only after the test's end, when nothing is waited for any more.
    let _ = begun.send(*target);
    let _ = leave.lock().unwrap().recv();
}

#[test]
fn once_new_work_is_set_no_thread_begins_another_batch_of_the_old() {
    const THREADS: usize = 3;
    let ((begun, batches), (leave, leaves)) = (std_mpsc::channel(), std_mpsc::channel());
    *GATE.lock().unwrap() = Some(Gate { begun, leave: Arc::new(Mutex::new(leaves)) });
    let (miner, _found) =
        Miner::start_with(Choice::untested(&GATED), Threads::new(NonZeroUsize::new(THREADS).unwrap())).unwrap();
    for round in 1..100 {
        let work = work("a", round);
        let target = work.target;
        miner.set_work(work).unwrap();
        // In the first round the threads wait for work; later each is inside a batch of the round before.
        if round > 1 {
            (0..THREADS).for_each(|_| leave.send(()).unwrap());
        }
        for _ in 0..THREADS {
            assert_eq!(batches.recv_timeout(DEADLINE), Ok(target), "round {round}");
        }
    }
    drop(leave);
}

#[test]
fn a_resting_thread_ends_with_the_miner() {
    let (miner, _found) = start(1);
    let shared = Arc::clone(&miner.shared);
    let resting = thread::spawn(move || shared.rest(Duration::from_secs(3_600)));
    miner.stop();
    let deadline = Instant::now() + DEADLINE;
    while !resting.is_finished() {
        assert!(Instant::now() < deadline, "the thread still rests");
        thread::yield_now();
    }
}

#[tokio::test]
async fn threads_that_are_pinned_polite_and_capped_mine_all_the_same() {
    let polite = Threads {
        pinning: Pinning::Always,
        low_priority: true,
        load: "50%".parse().unwrap(),
        ..Threads::new(NonZeroUsize::MIN)
    };
    let (miner, mut found) = Miner::start(polite).unwrap();
    miner.set_work(work("a", 1 << 12)).unwrap();
    for _ in 0..100 {
        next(&mut found).await;
    }
}

#[test]
fn more_pinned_threads_than_cores_are_refused() {
    let crowd = Threads { pinning: Pinning::Always, ..Threads::new(NonZeroUsize::new(5_000).unwrap()) };
    assert!(matches!(Miner::start(crowd), Err(StartError::Pin(PinError::TooFewCores { threads: 5_000, .. }))));
}

#[test]
fn time_counts_while_there_is_work() {
    let start = Instant::now();
    let at = |second| start + Duration::from_secs(second);
    let mut slot = Slot::default();
    let given = || Some(Arc::new(work("a", 1)));
    for (work, second, before) in [(None, 0, 0), (given(), 10, 0), (given(), 15, 0), (None, 30, 20), (None, 40, 20)] {
        slot.put(work, at(second));
        assert_eq!((slot.before, slot.since.is_some()), (Duration::from_secs(before), slot.work.is_some()));
    }
    slot.put(given(), at(50));
    slot.put(None, at(51));
    assert_eq!(slot.before, Duration::from_secs(21));
}

#[tokio::test]
async fn the_same_work_given_again_yields_no_share_twice() {
    let (miner, mut found) = start(2);
    let mut seen = HashSet::new();
    for _ in 0..5 {
        let generation = miner.set_work(work("same", 1 << 12)).unwrap();
        let mut fresh = 0;
        while fresh < 10 {
            let share = next(&mut found).await;
            assert!(seen.insert(share.hash), "a share was found twice");
            fresh += u32::from(share.generation == generation);
        }
    }
}

#[tokio::test]
async fn a_full_channel_pauses_the_threads_and_new_work_frees_them() {
    let (miner, mut found) = start(2);
    miner.set_work(work("easy", 1)).unwrap();
    next(&mut found).await;
    let new = miner.set_work(work("hard", 1 << 14)).unwrap();
    while next(&mut found).await.generation != new {}
    miner.stop();
}

#[test]
fn stopping_works_with_no_work_with_work_and_with_a_full_channel() {
    for difficulty in [None, Some(u128::MAX), Some(1)] {
        let (miner, found) = start(2);
        if let Some(difficulty) = difficulty {
            miner.set_work(work("a", difficulty)).unwrap();
        }
        miner.stop();
        drop(found);
    }
}

#[test]
fn threads_end_by_themselves_when_nobody_takes_shares() {
    let (miner, found) = start(2);
    drop(found);
    miner.set_work(work("a", 1 << 12)).unwrap();
    let deadline = std::time::Instant::now() + DEADLINE;
    while !miner.threads.iter().all(JoinHandle::is_finished) {
        assert!(std::time::Instant::now() < deadline, "a thread still runs");
        thread::yield_now();
    }
}

#[test]
fn impossible_work_is_refused_and_changes_nothing() {
    let (miner, _found) = start(1);
    let impossible = Work { extranonce1: vec![0; 9], ..work("a", 1) };
    assert!(matches!(miner.set_work(impossible), Err(WorkError::Extranonce { .. })));
    assert_eq!(miner.clear_work(), 1);
}
