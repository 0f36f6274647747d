use std::collections::HashSet;
use std::num::NonZeroU128;

use super::*;
use crate::pow::kernels::KERNELS;
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
    Miner::start(NonZeroUsize::new(threads).unwrap()).unwrap()
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
            Miner::start_with(Choice::only(kernel).unwrap(), NonZeroUsize::new(2).unwrap()).unwrap();
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
