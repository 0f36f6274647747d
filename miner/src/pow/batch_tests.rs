//! Batches held against [`assemble`], share by share, with every way to hash that the host has.

use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};

use super::super::job::Job;
use super::super::share::assemble;
use super::*;

fn some_bytes(rng: &mut StdRng, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// A job whose coinbase has these bytes in all.
fn job(rng: &mut StdRng, coinbase_bytes: usize, branch: usize) -> Job {
    let extranonce_size = rng.random_range(4..=16u8);
    let room = coinbase_bytes - usize::from(extranonce_size);
    let prefix = rng.random_range(0..=room);
    Job {
        version: rng.random(),
        version_mask: rng.random(),
        prev_hash: rng.random(),
        coinbase_prefix: some_bytes(rng, prefix),
        coinbase_suffix: some_bytes(rng, room - prefix),
        extranonce_size,
        branch: (0..branch).map(|_| rng.random()).collect(),
        bits: rng.random(),
        min_time: rng.random_range(0..u32::MAX),
    }
}

fn solution(rng: &mut StdRng, job: &Job) -> Solution {
    Solution {
        version: job.version ^ (job.version_mask & rng.random::<u32>()),
        extranonce: some_bytes(rng, job.extranonce_size.into()),
        time: rng.random_range(job.min_time..=u32::MAX),
        nonce: rng.random(),
    }
}

/// A solution with one thing wrong, or with several.
fn spoiled(rng: &mut StdRng, job: &Job) -> Solution {
    let mut spoiled = solution(rng, job);
    if rng.random() {
        spoiled.version ^= 1 << rng.random_range(0..32);
    }
    if rng.random() {
        let length = rng.random_range(0..=40);
        spoiled.extranonce.resize(length, 0);
    }
    if rng.random() {
        spoiled.time = rng.random();
    }
    spoiled
}

fn compare(batch: &mut Batch, shares: &[(Prepared, Solution)]) {
    let pairs: Vec<Share<'_>> = shares.iter().map(|(prepared, solution)| (prepared, solution)).collect();
    compare_pairs(batch, &pairs);
}

fn compare_pairs(batch: &mut Batch, pairs: &[Share<'_>]) {
    let expected: Vec<_> = pairs.iter().map(|(prepared, solution)| assemble(prepared, solution)).collect();
    assert_eq!(batch.assemble(pairs), expected, "{}, {} shares", batch.instructions(), pairs.len());
    assert_eq!(batch.assemble(pairs), expected, "{}, now that roots are known", batch.instructions());
}

/// Shares of these jobs in runs of some on one root, which roll version, time and nonce at random; some have one thing wrong.
fn runs<'a>(rng: &mut StdRng, jobs: &'a [Prepared], count: usize) -> Vec<(&'a Prepared, Solution)> {
    let mut shares: Vec<(&Prepared, Solution)> = Vec::with_capacity(count);
    for _ in 0..count {
        let next = match shares.last() {
            Some((job, last)) if rng.random_ratio(7, 8) => {
                let version = if rng.random() { last.version } else { solution(rng, job).version };
                (*job, Solution { version, extranonce: last.extranonce.clone(), ..solution(rng, job) })
            }
            _ => {
                let job = &jobs[rng.random_range(0..jobs.len())];
                let extranonce = vec![rng.random_range(0..4); job.extranonce_size.into()];
                (job, Solution { extranonce, ..solution(rng, job) })
            }
        };
        let spoiled = rng.random_ratio(1, 8).then(|| (next.0, spoiled(rng, next.0)));
        shares.push(spoiled.unwrap_or(next));
    }
    shares
}

fn batches() -> Vec<Batch> {
    let teams = Team::all();
    assert!(!teams.is_empty());
    teams.into_iter().map(|team| Batch::of_team(team, 64)).collect()
}

#[test]
fn random_shares_of_random_jobs_come_out_as_one_by_one() {
    let mut rng = StdRng::seed_from_u64(1);
    for mut batch in batches() {
        for count in (0..40).chain([64, 100, 256]) {
            let share = |rng: &mut StdRng| {
                let (bytes, branch) = (rng.random_range(60..=1_000), rng.random_range(0..=16));
                let job = job(rng, bytes, branch);
                let solution = if rng.random_ratio(1, 4) { spoiled(rng, &job) } else { solution(rng, &job) };
                (Prepared::new(Arc::new(job)), solution)
            };
            compare(&mut batch, &(0..count).map(|_| share(&mut rng)).collect::<Vec<_>>());
        }
    }
}

#[test]
fn coinbases_of_every_length_and_with_the_extranonce_everywhere_come_out_as_one_by_one() {
    let mut rng = StdRng::seed_from_u64(2);
    for mut batch in batches() {
        for bytes in (60..200).chain([500, 1_000]) {
            let shares: Vec<_> = (0..16)
                .map(|_| {
                    let job = job(&mut rng, bytes, 1);
                    let solution = solution(&mut rng, &job);
                    (Prepared::new(Arc::new(job)), solution)
                })
                .collect();
            compare(&mut batch, &shares);
        }
    }
}

#[test]
fn extranonces_at_the_edges_of_blocks_come_out_as_one_by_one() {
    let mut rng = StdRng::seed_from_u64(3);
    for mut batch in batches() {
        for (prefix, size, suffix) in [
            (0, 0, 0),
            (64, 0, 0),
            (64, 0, 64),
            (63, 1, 0),
            (60, 4, 60),
            (64, 64, 1),
            (128, 255, 55),
            (0, 255, 56),
            (56, 8, 55),
        ] {
            let base = job(&mut rng, 60, 3);
            let job = Job {
                coinbase_prefix: some_bytes(&mut rng, prefix),
                coinbase_suffix: some_bytes(&mut rng, suffix),
                extranonce_size: size,
                ..base
            };
            let found = solution(&mut rng, &job);
            compare(&mut batch, &[(Prepared::new(Arc::new(job)), found)]);
        }
    }
}

#[test]
fn a_miner_that_rolls_version_time_and_nonce_on_one_root_comes_out_as_one_by_one() {
    let mut rng = StdRng::seed_from_u64(4);
    for mut batch in batches() {
        let prepared = Prepared::new(Arc::new(job(&mut rng, 200, 12)));
        let first = solution(&mut rng, &prepared);
        for _ in 0..20 {
            let roll = |rng: &mut StdRng| Solution { extranonce: first.extranonce.clone(), ..solution(rng, &prepared) };
            let rolled: Vec<_> = (0..rng.random_range(1..40)).map(|_| roll(&mut rng)).collect();
            let pairs: Vec<Share<'_>> = rolled.iter().map(|solution| (&prepared, solution)).collect();
            let expected: Vec<_> = rolled.iter().map(|solution| assemble(&prepared, solution)).collect();
            assert_eq!(batch.assemble(&pairs), expected, "{}", batch.instructions());
        }
    }
}

#[test]
fn runs_of_shares_on_one_root_mixed_with_others_come_out_as_one_by_one_however_little_is_remembered() {
    let mut rng = StdRng::seed_from_u64(6);
    let jobs: Vec<_> = [4, 8, 16, 17, 32]
        .map(|extranonce_size| {
            let base = job(&mut rng, 100, 3);
            Prepared::new(Arc::new(Job { extranonce_size, ..base }))
        })
        .into();
    for (team, places) in Team::all().into_iter().flat_map(|team| [(team, 1), (team, 64)]) {
        let mut batch = Batch::of_team(team, places);
        for count in [1, 2, 15, 16, 17, 64, 200] {
            let shares = runs(&mut rng, &jobs, count);
            compare_pairs(&mut batch, &shares.iter().map(|(job, solution)| (*job, solution)).collect::<Vec<_>>());
        }
    }
}

#[test]
fn a_new_root_is_computed_once_for_all_shares_in_a_row() {
    let mut rng = StdRng::seed_from_u64(7);
    let prepared = Prepared::new(Arc::new(job(&mut rng, 100, 2)));
    let first = solution(&mut rng, &prepared);
    let other = Solution { version: first.version ^ (1 << prepared.version_mask.trailing_zeros()), ..first.clone() };
    let again = Solution { nonce: !first.nonce, ..first.clone() };
    let (roots, mut runs) = (Roots::new(8), Runs::default());
    for solution in [&first, &again, &other] {
        runs.place(&roots, (&prepared, solution));
    }
    assert_eq!((runs.new.len(), runs.without_root.len()), (2, 1));
}

#[test]
fn two_jobs_with_the_same_extranonce_have_roots_of_their_own() {
    let mut rng = StdRng::seed_from_u64(5);
    let one = job(&mut rng, 100, 2);
    let other = Job { branch: vec![[1; 32]], ..one.clone() };
    let found = solution(&mut rng, &one);
    let shares = [one, other].map(|job| (Prepared::new(Arc::new(job)), found.clone()));
    for mut batch in batches() {
        compare(&mut batch, &shares);
    }
}
