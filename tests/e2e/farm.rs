//! A farm of several miners, good and bad, that serves two leases at once.

use std::{path::Path, time::Instant};

use alloy_primitives::U256;
use anyhow::{Context, Result};
use hashlease_miner::stratum::from_miner::Submit;
use hashlease_tests::{Agreement, LeaseTerms, Opened, Process, Stage, measured_hashrate, until};
use serde_json::Value;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use crate::{
    lease::work,
    rogue::{Rogue, is_hung_up_on},
};

/// Seconds that each lease lasts.
const DURATION_S: u64 = 120;
/// Shares of a lease by the protocol, where it gets its rate.
const SHARES: u64 = 2_000;
/// Standard errors within which all books must agree.
const ERRORS: f64 = 4.0;
/// How far the farm lets a lease run ahead, in parts of what is due.
const AHEAD: f64 = 0.02;
/// Account of the second buyer at its pool.
const SECOND: &str = "second.worker";

/// A miner's entry at the farm.
pub(crate) struct Entry {
    accepted: u64,
    rejected: u64,
    /// Hashes behind its accepted shares.
    work: f64,
    /// What the farm takes for its hashrate, and the standard error of that; zero while unknown.
    pub(crate) hashrate: f64,
    pub(crate) error: f64,
}

impl Entry {
    /// Reads the entry of a worker; `None` where it is not connected.
    pub(crate) async fn of(stage: &Stage, worker: &str) -> Result<Option<Self>> {
        let miners = stage.seller.get("miners").await?;
        let items = miners["items"].as_array().context("items")?;
        let Some(entry) = items.iter().find(|entry| entry["worker"] == worker) else { return Ok(None) };
        let figure = |key: &str| -> Result<f64> { Ok(entry[key].as_str().with_context(|| key.to_owned())?.parse()?) };
        Ok(Some(Self {
            accepted: entry["accepted"].as_u64().context("accepted")?,
            rejected: entry["rejected"].as_object().context("rejected")?.values().filter_map(Value::as_u64).sum(),
            work: figure("work")?,
            hashrate: figure("hashrate")?,
            error: figure("hashrateError")?,
        }))
    }

    async fn connected(stage: &Stage, worker: &str) -> Self {
        until("a miner at the farm", 60, || Self::of(stage, worker)).await.unwrap()
    }
}

/// Hashes that a second of a core's time is enough for, however much of it this test gets just now.
pub(crate) fn hashes_a_core_second() -> u64 {
    // What the kernel counts for the thread, nanoseconds.
    let on_core = || -> u64 {
        let counts = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        counts.split(' ').next().unwrap().parse().unwrap()
    };
    let (began, before) = (Instant::now(), on_core());
    let measured = measured_hashrate().unwrap();
    let hashes = u128::from(measured) * began.elapsed().as_nanos() / u128::from(on_core() - before);
    u64::try_from(hashes).unwrap()
}

/// Starts a miner on a small part of a core, which keeps its rate however busy the machine is.
pub(crate) fn start(stage: &Stage, name: &str, cpu: &str) -> Process {
    stage.start_miner_with(name, 1, &["--cpu", cpu, "--json"]).unwrap()
}

/// The last line of JSON that a miner printed.
fn last_report(logs: &Path, miner: &str) -> Value {
    let log = std::fs::read_to_string(logs.join(format!("{miner}.log"))).unwrap();
    let line = log.lines().rfind(|line| line.starts_with('{')).unwrap_or_else(|| panic!("no JSON:\n{log}"));
    serde_json::from_str(line).unwrap()
}

fn float(hashes: U256) -> f64 {
    hashes.to_string().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_leases_get_their_rates_from_miners_of_which_one_dies_one_is_slow_and_one_sends_junk() {
    let hashrate = hashes_a_core_second() / 50;
    // About two shares for a pool a second. A difficulty of 1 is 2^32 hashes.
    let pool_work = hashrate as f64 / 2.0;
    let (mut stage, mut second) = Stage::set_for_two_buyers(SECOND, pool_work / 2_f64.powi(32), |_| {}).await.unwrap();
    let terms = LeaseTerms { hashrate, duration_s: DURATION_S, proof_window_s: 80 };

    // A miner too slow for the first lease comes first, so that the farm must try the one that sends junk.
    let mut slow = start(&stage, "slow", "1%");
    Entry::connected(&stage, "slow").await;
    let mut rogue = Rogue::connect(&stage.stratum, "rogue").await.unwrap();
    stage.deposit_seller("200 HLT").await.unwrap();
    stage.deposit_buyer("500 HLT").await.unwrap();
    stage.place_orders(&terms).await.unwrap();
    let first = stage.opened(0).await.unwrap();
    let first_from = first_work(&stage, &first).await;
    rogue.until_it_has_work().await.unwrap();
    sends_junk(&stage, &mut rogue).await;

    // Then come one that does most of the work until it dies, and one that takes over from it.
    let mut victim = start(&stage, "victim", "15%");
    Entry::connected(&stage, "victim").await;
    let mut steady = start(&stage, "steady", "15%");
    stage.turn_to(&mut second);
    stage.deposit_buyer("500 HLT").await.unwrap();
    stage.place_orders(&terms).await.unwrap();
    let other = stage.opened(1).await.unwrap();
    assert_ne!(first.buyer, other.buyer);
    let other_from = first_work(&stage, &other).await;
    // Half a line, for as long as everything else takes.
    let mut half = TcpStream::connect(&stage.stratum).await.unwrap();
    half.write_all(br#"{"id":1,"method":"mining.subsc"#).await.unwrap();
    is_cut_off(&stage, rogue).await;

    for opened in [&first, &other] {
        let third = opened.contracted(opened.end) / U256::from(3);
        stage.seller_shows(opened, "a third of the work", |lease| work(lease, "accepted") >= third).await.unwrap();
    }
    let lost = Entry::connected(&stage, "victim").await;
    victim.kill().await.unwrap();
    assert!(lost.accepted > 0, "the farm used it");

    let others = stage.agreement(other, 200).await.unwrap();
    stage.turn_to(&mut second);
    let firsts = stage.agreement(first, 60).await.unwrap();

    // Each pool counted its own buyer's shares alone, and as many as were paid for.
    let [first, other] = [(&firsts, first_from), (&others, other_from)].map(Delivered::of);
    let rows = [(&firsts, &first, &stage.pools[0], stage.pools[0].user()), (&others, &other, &stage.pools[1], SECOND)];
    for (agreement, delivered, pool, user) in rows {
        agreement.check().unwrap();
        assert!(agreement.closed.penalty.is_zero());
        delivered.check(agreement);
        let shares = pool.shares().unwrap();
        let (paid, good) = (
            float(agreement.seller.receipted) / pool_work,
            shares.iter().filter(|share| share.error.is_none()).count(),
        );
        assert!(shares.iter().all(|share| share.user.starts_with(user)), "{user}: {shares:?}");
        assert!(
            (shares.len() as f64 - paid).abs() < 6.0 * paid.sqrt(),
            "{user}: {} shares, {paid} were paid for",
            shares.len()
        );
        println!("{user}: {good} of {} shares accepted, {paid:.1} paid for; {:?}", shares.len(), agreement.seller);
    }

    // The farm's book, each miner's own and the receipts tell of the same work.
    let mut total = lost.work;
    for (name, process) in [("slow", &mut slow), ("steady", &mut steady)] {
        let entry = Entry::connected(&stage, name).await;
        process.stop().await.unwrap();
        let own = last_report(&stage.logs, name);
        println!("{name}: farm {} accepted, {} rejected; {own}", entry.accepted, entry.rejected);
        assert_eq!((own["accepted"].as_u64(), &own["state"]), (Some(entry.accepted), &"stopped".into()), "{name}");
        assert!(
            (own["accepted_work"].as_f64().unwrap() / entry.work - 1.0).abs() < 1e-6,
            "{name}: {own}, farm {}",
            entry.work
        );
        assert!(entry.accepted > 0, "{name} did nothing");
        assert!(entry.rejected * 20 <= entry.accepted + 100, "{name}: {} rejected", entry.rejected);
        total += entry.work;
    }
    let delivered = first.all + other.all;
    let error = (2.0 * delivered * first.share).sqrt();
    println!(
        "{hashrate} H/s each; by the farm's book {total} hashes, by the leases' {delivered}, standard error {error}"
    );
    assert!((total - delivered).abs() <= ERRORS * error, "farm {total}, leases {delivered}, standard error {error}");
    drop(half);
}

/// Submits every kind of junk, which is refused and credited to nobody.
async fn sends_junk(stage: &Stage, rogue: &mut Rogue) {
    const OTHER: i64 = 20;
    const NO_JOB: i64 = 21;
    const LOW: i64 = 23;
    rogue.is_refused(NO_JOB, |share| Submit { job_id: "ffffffff".into(), ..share }).await.unwrap();
    rogue.is_refused(OTHER, |share| Submit { version_bits: Some(0x8000_0000), ..share }).await.unwrap();
    rogue.is_refused(OTHER, |share| Submit { version_bits: Some(1), ..share }).await.unwrap();
    rogue.is_refused(OTHER, |share| Submit { time: share.time + 7_200, ..share }).await.unwrap();
    rogue.is_refused(OTHER, |share| Submit { extranonce2: vec![0; 31], ..share }).await.unwrap();
    rogue.is_refused(LOW, |share| share).await.unwrap();
    rogue.repeats_a_share().await.unwrap();
    let entry = Entry::connected(stage, "rogue").await;
    println!("rogue: {} accepted, refused {:?}", rogue.accepted, rogue.refused);
    assert_eq!(entry.accepted, rogue.accepted, "no more than the shares that it found");
    assert_eq!(entry.rejected, rogue.refused.values().sum::<u64>());
}

/// Goes on until the farm hangs up, and then makes noise without a handshake.
async fn is_cut_off(stage: &Stage, rogue: Rogue) {
    let sent = rogue.goes_on_until_cut_off().await.unwrap();
    assert!(sent >= 100, "a miner with some bad luck is left alone: {sent}");
    let gone = || async { Ok(Entry::of(stage, "rogue").await?.is_none().then_some(())) };
    until("the farm to forget the rogue", 30, gone).await.unwrap();
    is_hung_up_on(&stage.stratum, &vec![b'{'; 1 << 20]).await.unwrap();
    is_hung_up_on(&stage.stratum, b"\x16\x03\x01\x02\x00\x01\n").await.unwrap();
    is_hung_up_on(&stage.stratum, &b"{\"id\":1,\"method\":\"mining.noise\"}\n".repeat(1_000)).await.unwrap();
}

/// Waits for a lease's first work and returns its time, unix seconds.
async fn first_work(stage: &Stage, opened: &Opened) -> u64 {
    let any = |lease: &Value| work(lease, "accepted") > U256::ZERO;
    stage.seller_shows(opened, "the first work", any).await.unwrap();
    hashlease_node::clock::now_s()
}

/// What the miners delivered to a lease and what was credited, hashes: shares that a new block made stale on their way are in the
/// first alone.
struct Delivered {
    all: f64,
    credited: f64,
    /// Contracted from the first work on: how long buyer and seller take to find each other is no matter of the farm.
    due: f64,
    /// Contracted for the whole lease.
    contracted: f64,
    /// Work of one share.
    share: f64,
}

impl Delivered {
    fn of((agreement, served_from): (&Agreement, u64)) -> Self {
        let opened = &agreement.opened;
        let (contracted, credited) = (float(opened.contracted(opened.end)), float(agreement.seller.receipted));
        let share = contracted / SHARES as f64;
        let all = credited + agreement.seller.stale_shares as f64 * share;
        let due = contracted * opened.end.saturating_sub(served_from) as f64 / DURATION_S as f64;
        Self { all, credited, due, contracted, share }
    }

    /// Checks that the lease got its rate, to the accuracy that so many shares have: not less from the miners, and no more credited.
    fn check(&self, agreement: &Agreement) {
        let Self { all, credited, due, contracted, share } = self;
        let error = (credited * share).sqrt();
        let (missing, beyond) = ((due - all) / error, (credited - contracted * (1.0 + AHEAD)) / error);
        println!(
            "delivered {:.4} of what was due, credited {:.4} of what was contracted, a standard error is {:.4}",
            all / due,
            credited / contracted,
            error / contracted
        );
        assert!(missing <= ERRORS, "{missing:.2} standard errors too little: {agreement:?}");
        assert!(beyond <= ERRORS, "{beyond:.2} standard errors too much: {agreement:?}");
    }
}
