//! Proof shares: what counts, up to the last bit, on random jobs and on real ones.

use alloy_primitives::{B256, FixedBytes, U256};
use hashlease_domain::{
    EscrowEvent, LeaseJob, ProofShare, Signature, Signed, Terms,
    proof::{next_proof, proof_order},
};
use hashlease_miner::{
    pow::{Header, Solution, Target, share},
    stratum::Notify,
};
use rand::{Rng, seq::IndexedRandom};
use serde_json::Value;

use super::{Keys, Outcome, Step, Storage, cases::Cases, signed};
use crate::settlement::{Call, LeaseState, tests::anvil::World};

const CASES: usize = 3_000;
/// Proofs in one request.
const BATCH: usize = 50;
/// When the first lease of a request is proven, unix seconds; each later one is proven `STRIDE` later.
const NOW: u64 = 1_800_000_000;
const STRIDE: u64 = 1_000;
const WINDOW: u32 = 600;

/// What is shown for one lease.
struct Show {
    terms: Box<Terms>,
    id: B256,
    through: u64,
    /// When it is shown.
    now: u64,
    after: B256,
    jobs: Vec<Signed<LeaseJob>>,
    shares: Vec<ProofShare>,
}

impl Show {
    /// A lease that ended so that `now` is in its second phase, whose proof shares are easy to find.
    fn lease(cases: &mut Cases, world: &World, now: u64) -> Self {
        let mut terms = Box::new(cases.terms(NOW));
        let duration = cases.rng.random_range(1..=600_u64);
        let since_end = cases.rng.random_range(u64::from(WINDOW / 2)..u64::from(WINDOW));
        (terms.end, terms.proof_window) = (now - since_end, WINDOW);
        terms.start = terms.end - duration;
        terms.hashrate = cases.positive(8);
        terms.proof_shares = cases.rng.random_range(1..=4) * u16::try_from(duration).unwrap();
        let id = terms.lease_id(&world.evm.domain());
        let through = cases.rng.random_range(terms.start..=terms.end);
        Self { terms, id, through, now, after: B256::ZERO, jobs: Vec::new(), shares: Vec::new() }
    }

    fn random(cases: &mut Cases, world: &World, keys: &Keys, now: u64) -> Self {
        let mut show = Self::lease(cases, world, now);
        // nTime may be off the lease by one second on either side.
        let times = u32::try_from(show.through).unwrap()..=u32::try_from(show.terms.end + 1).unwrap();
        for _ in 0..cases.rng.random_range(1..=3) {
            let min_time = times.start() - 1 + cases.rng.random_range(0..4);
            let job = cases.job(show.id, min_time);
            show.jobs.push(signed(world, &keys.agent, job));
        }
        let mut found: Vec<(B256, ProofShare)> = Vec::new();
        for _ in 0..cases.rng.random_range(1..=6) {
            let time = cases.rng.random_range(times.clone());
            found.push(if cases.rng.random_ratio(1, 3) {
                show.standby(cases, time)
            } else {
                show.on_job(cases, world, time)
            });
        }
        found.sort_unstable_by_key(|(hash, _)| *hash);
        if cases.rng.random_ratio(1, 8) {
            show.after = found[0].0;
        }
        show.shares = found.into_iter().map(|(_, share)| share).collect();
        if cases.rng.random() {
            show.spoil(cases);
        }
        show
    }

    fn on_job(&self, cases: &mut Cases, world: &World, time: u32) -> (B256, ProofShare) {
        let Signed { order, .. } = self.jobs.choose(&mut cases.rng).unwrap();
        let job = world.evm.domain().digest(order);
        let version = order.job.version ^ (cases.rng.random::<u32>() & order.job.version_mask);
        loop {
            let extranonce = cases.bytes(order.job.extranonce_size.into());
            let solution = Solution { version, extranonce, time, nonce: cases.rng.random() };
            let hash = order.job.header(&solution).unwrap().hash();
            if self.target().is_met_by(&hash) {
                return (proof_order(hash), ProofShare::Job { job, solution });
            }
        }
    }

    fn standby(&self, cases: &mut Cases, time: u32) -> (B256, ProofShare) {
        loop {
            let [version, bits, nonce] = cases.rng.random();
            let header = share::standby_header(self.id.0, version, cases.word().0, time, bits, nonce);
            let hash = header.hash();
            if self.target().is_met_by(&hash) {
                return (proof_order(hash), ProofShare::Standby { header: FixedBytes(header.to_bytes()) });
            }
        }
    }

    fn target(&self) -> Target {
        Target::from_work(self.terms.proof_work().try_into().unwrap())
    }

    /// One bit off in a share or a job, or a share out of its place.
    fn spoil(&mut self, cases: &mut Cases) {
        if cases.rng.random_ratio(1, 8) {
            let job = cases.rng.random_range(0..self.jobs.len());
            flip_job(cases, &mut self.jobs[job].order);
        } else if cases.rng.random_ratio(1, 4) {
            let again = self.shares.choose(&mut cases.rng).unwrap().clone();
            self.shares.push(again);
        } else {
            let share = cases.rng.random_range(0..self.shares.len());
            flip_share(cases, &mut self.shares[share]);
        }
    }

    /// What our half says of it: the last hash, where each share counts.
    fn verdict(&self, world: &World) -> Option<B256> {
        let domain = world.evm.domain();
        let mut last = self.after;
        for share in &self.shares {
            let hash = match share {
                ProofShare::Job { job, solution } => {
                    // Shares name a job by what the agent signed, whatever has become of it since.
                    let signed = self.named(world, *job);
                    let signature = Signature::from_slice(&signed.signature).unwrap();
                    signature.verify(&domain, &signed.order, self.terms.agent).ok()?;
                    share::assemble(&signed.order.job, solution).ok()?.hash
                }
                ProofShare::Standby { header } => Header::from_bytes(header).hash(),
            };
            let is_in_time = (self.through + 1..=self.terms.end).contains(&share.time().into());
            if !is_in_time || !self.target().is_met_by(&hash) || proof_order(hash) <= last {
                return None;
            }
            last = proof_order(hash);
        }
        Some(last)
    }

    /// The job whose signature is over `digest`.
    fn named(&self, world: &World, digest: B256) -> &Signed<LeaseJob> {
        let is_over = |job: &&Signed<LeaseJob>| {
            Signature::from_slice(&job.signature).unwrap().signer(digest) == Ok(self.terms.agent)
                || world.evm.domain().digest(&job.order) == digest
        };
        self.jobs.iter().find(is_over).unwrap()
    }

    /// The call that shows it, packed as the node packs it.
    fn call(&self, world: &World) -> Call {
        let job_of = |digest| Some(self.named(world, digest).clone());
        let proof = next_proof(self.after, self.shares.clone(), job_of).unwrap();
        assert_eq!(proof.count, u64::try_from(self.shares.len()).unwrap());
        Call::Prove { terms: self.terms.clone(), after: proof.after, jobs: proof.jobs, shares: proof.shares }
    }

    fn open(&self, storage: &mut Storage, proof_count: u64) {
        let (end, through) = (self.terms.end, self.through);
        storage.lease(self.id, &LeaseState { end, through, work: 0, proof_count });
        if !self.after.is_zero() {
            storage.last_hash(self.id, self.after);
        }
    }
}

fn flip<const N: usize>(cases: &mut Cases, bytes: &mut [u8; N]) {
    bytes[cases.rng.random_range(0..N)] ^= 1 << cases.rng.random_range(0..8);
}

fn flip_number(cases: &mut Cases, number: &mut u32) {
    *number ^= 1 << cases.rng.random_range(0..32);
}

fn flip_share(cases: &mut Cases, share: &mut ProofShare) {
    match share {
        ProofShare::Job { solution, .. } => match cases.rng.random_range(0..4) {
            0 => flip_number(cases, &mut solution.version),
            1 => flip_number(cases, &mut solution.time),
            2 => flip_number(cases, &mut solution.nonce),
            _ => {
                let byte = cases.rng.random_range(0..solution.extranonce.len());
                solution.extranonce[byte] ^= 1 << cases.rng.random_range(0..8);
            }
        },
        // Bytes 4 to 36 are the lease id, which is never sent.
        ProofShare::Standby { header } => {
            let byte = *[0..4, 36..80].map(Iterator::collect::<Vec<_>>).concat().choose(&mut cases.rng).unwrap();
            header[byte] ^= 1 << cases.rng.random_range(0..8);
        }
    }
}

fn flip_job(cases: &mut Cases, lease_job: &mut LeaseJob) {
    let job = &mut lease_job.job;
    match cases.rng.random_range(0..8) {
        0 => flip_number(cases, &mut job.version),
        1 => flip_number(cases, &mut job.version_mask),
        2 => flip(cases, &mut job.prev_hash),
        3 => flip_number(cases, &mut job.bits),
        4 => flip_number(cases, &mut job.min_time),
        5 => job.coinbase_suffix.push(0),
        6 => flip(cases, &mut lease_job.lease_id.0),
        _ => job.branch.push([0; 32]),
    }
}

async fn outcomes(world: &World, keys: &Keys, shows: &[Show], counted: u64) -> Vec<Outcome> {
    let mut storage = Storage::default();
    shows.iter().for_each(|show| show.open(&mut storage, counted));
    let step = |show: &Show| Step { time: show.now, calls: vec![(keys.seller.address(), show.call(world))] };
    let outcomes = world.outcomes(&storage, shows.iter().map(step).collect()).await;
    outcomes.into_iter().map(|mut calls| calls.remove(0)).collect()
}

#[tokio::test]
async fn shares_count_where_the_crates_say_so_and_not_where_a_bit_is_off() {
    let (world, keys) = (World::new().await, Keys::new());
    let mut cases = Cases::new(&world, &keys, 4);
    let (mut counted, mut refusals) = (0, std::collections::BTreeMap::<String, u32>::new());
    for _ in 0..CASES / BATCH {
        let mut now = NOW;
        let shows: Vec<Show> = std::iter::repeat_with(|| {
            now += STRIDE;
            Show::random(&mut cases, &world, &keys, now)
        })
        .take(BATCH)
        .collect();
        for (show, outcome) in shows.iter().zip(outcomes(&world, &keys, &shows, 7).await) {
            let verdict = show.verdict(&world);
            match outcome {
                Outcome::Passed(events) => {
                    let before = if show.after.is_zero() { 0 } else { 7 };
                    let count = before + u64::try_from(show.shares.len()).unwrap();
                    let last = verdict.unwrap_or_else(|| panic!("{:?} {:?}", show.terms, show.shares));
                    assert_eq!(events, [EscrowEvent::Proven { id: show.id, count, last }]);
                    counted += 1;
                }
                Outcome::Refused(refusal) => {
                    assert_eq!(verdict, None, "{refusal}: {:?} {:?} {:?}", show.terms, show.jobs, show.shares);
                    *refusals.entry(refusal.error.expect("a refusal has a name")).or_default() += 1;
                }
            }
        }
    }
    assert!(counted > CASES / 10, "{counted} counted");
    for error in [
        "HashAboveTarget",
        "HashNotAscending",
        "InvalidSignature",
        "TimeOutOfRange",
        "VersionOutsideMask",
        "WrongLease",
    ] {
        assert!(refusals.contains_key(error), "{refusals:?}");
    }
}

/// A share of `shared/vectors`: a real block's or a real miner's, with the hash that it is known by.
struct Real {
    name: String,
    notify: Notify,
    version_mask: u32,
    solution: Solution,
    hash: B256,
}

fn real_shares() -> Vec<Real> {
    let vectors: Vec<Value> =
        serde_json::from_str(include_str!("../../../../../miner/vectors/stratum_v1.json")).unwrap();
    let text = |vector: &Value, name: &str| vector[name].as_str().unwrap_or_default().to_owned();
    let number = |vector: &Value, name: &str| u32::from_str_radix(&text(vector, name), 16).unwrap_or_default();
    let real = |vector: Value| {
        let notify = Notify::parse(vector["notify"].as_array().unwrap()).unwrap();
        let version_mask = number(&vector, "version_mask");
        let extranonce = hex::decode(text(&vector, "extranonce1") + &text(&vector, "extranonce2")).unwrap();
        let version = (notify.version & !version_mask) | number(&vector, "version_bits");
        let (time, nonce) = (number(&vector, "ntime"), number(&vector, "nonce"));
        let solution = Solution { version, extranonce, time, nonce };
        Real {
            name: text(&vector, "name"),
            notify,
            version_mask,
            solution,
            hash: text(&vector, "hash_display").parse().unwrap(),
        }
    };
    vectors.into_iter().map(real).collect()
}

impl Real {
    /// The share on a lease around its time whose proof shares count `work`, rounded down to what 20 bits of duration allow.
    fn show(&self, cases: &mut Cases, world: &World, keys: &Keys, work: u128) -> Show {
        let time = u64::from(self.solution.time);
        let mut terms = Box::new(cases.terms(NOW));
        let duration = if work < 1 << 32 { 1 } else { 1 << 20 };
        (terms.start, terms.end, terms.proof_window) = (time + 1 - duration, time + 1, WINDOW);
        terms.hashrate = u64::try_from(work / u128::from(duration)).unwrap();
        terms.proof_shares = 1;
        let id = terms.lease_id(&world.evm.domain());
        let job = self.notify.to_job(u8::try_from(self.solution.extranonce.len()).unwrap(), self.version_mask);
        let job = signed(world, &keys.agent, LeaseJob { lease_id: id, job });
        let shares =
            vec![ProofShare::Job { job: world.evm.domain().digest(&job.order), solution: self.solution.clone() }];
        let now = terms.end + u64::from(WINDOW / 2);
        Show { terms, id, through: time - 1, now, after: B256::ZERO, jobs: vec![job], shares }
    }
}

#[tokio::test]
async fn real_blocks_and_rolled_shares_count_up_to_the_work_that_they_show() {
    let (world, keys) = (World::new().await, Keys::new());
    let mut cases = Cases::new(&world, &keys, 5);
    for real in real_shares() {
        // The hardest target that the hash meets, and the next.
        let work = (U256::MAX / U256::from_be_bytes(real.hash.0)).to::<u128>();
        for (work, meets) in [(work, true), (work + (1 << 20), false)] {
            let show = real.show(&mut cases, &world, &keys, work);
            assert_eq!(show.verdict(&world), meets.then_some(real.hash), "{}", real.name);
            let outcome = outcomes(&world, &keys, std::slice::from_ref(&show), 0).await.remove(0);
            let expected = EscrowEvent::Proven { id: show.id, count: 1, last: real.hash };
            assert_eq!(outcome.last_event(), meets.then_some(&expected), "{}: {outcome:?}", real.name);
            if !meets {
                let Outcome::Refused(refusal) = outcome else { unreachable!() };
                assert_eq!(refusal.error.as_deref(), Some("HashAboveTarget"), "{}", real.name);
            }
        }
    }
}
