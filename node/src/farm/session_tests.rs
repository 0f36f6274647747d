use std::num::NonZeroU128;

use alloy_primitives::B256;
use hashlease_miner::pow::{Job, Solution, Target, share};
use hashlease_miner::stratum::Notify;
use hashlease_miner::stratum::from_miner::Submit;

use super::super::extranonce::Number;
use super::super::idle;
use super::super::job::{FarmJob, FarmShare, GRACE, Posted, Tip};
use super::super::record::RejectReason;
use super::*;

#[path = "session_contract_tests.rs"]
mod contract;
#[path = "session_difficulty_tests.rs"]
mod difficulty;
#[path = "session_rolling_tests.rs"]
mod rolling;

const LEASE: B256 = B256::repeat_byte(0xaa);
const OTHER: B256 = B256::repeat_byte(0xbb);
/// Its four bytes are 08000002.
const NUMBER: Number = Number(0x0700_0002);
const TIME: u32 = 1_700_000_000;

/// A session and its clock.
struct Bench {
    session: Session,
    now: Instant,
}

/// A job as the miner read it.
struct Mined {
    notify: Notify,
    solutions: Vec<Solution>,
}

fn easy() -> Target {
    Target::from_work(NonZeroU128::new(16).unwrap())
}

fn job() -> FarmJob {
    FarmJob {
        lease: LEASE,
        job_id: 7,
        job: Arc::new(Job {
            version: VERSION,
            version_mask: SERVER_MASK,
            prev_hash: [0x11; 32],
            coinbase_prefix: vec![1, 2, 3],
            coinbase_suffix: vec![4, 5],
            extranonce_size: 12,
            branch: vec![[0x22; 32]],
            bits: 0x1d00_ffff,
            min_time: TIME - 100,
        }),
        share_target: easy(),
        time: TIME,
        clean: false,
    }
}

fn with(change: impl FnOnce(&mut Job)) -> FarmJob {
    let mut changed = (*job().job).clone();
    change(&mut changed);
    FarmJob { job: Arc::new(changed), ..job() }
}

/// As the handle posts it, on a tip of its own.
fn post(job: FarmJob) -> Work {
    let tip = Arc::new(Tip::new(job.job.prev_hash, Instant::now()));
    Work::Lease(Arc::new(Posted::new(job.clone(), job.clean.into(), tip)))
}

impl Session {
    /// Answers a line, hashing by itself; gives a share where it carries one.
    fn on_line(&mut self, line: &str, now: Instant) -> Result<Option<FarmShare>, Hangup> {
        let Some(request) = self.hear(line, now)? else { return Ok(None) };
        let Some(pending) = self.on_request(request, now)? else { return Ok(None) };
        let candidate = pending.candidate();
        self.on_checked(pending, candidate.map(|candidate| share::assemble(&candidate.template, &candidate.solution)))
    }
}

impl Bench {
    fn new() -> Self {
        Self::with(FarmConfig::default())
    }

    fn with(limits: FarmConfig) -> Self {
        let now = Instant::now();
        let record = Record::new(5, NUMBER, 16, "127.0.0.1:1".parse().unwrap(), now);
        Self { session: Session::new(Arc::new(record), limits, now), now }
    }

    /// A miner that is ready, and wants the shares that [`Bench::mine`] finds.
    fn wishful() -> Self {
        let mut bench = Self::with(FarmConfig { easiest_share: 16, ..FarmConfig::default() });
        bench.say(r#"{"id":1,"method":"mining.subscribe","params":[]}"#);
        bench.say(r#"{"id":2,"method":"mining.authorize","params":["u.w","x,d=1e-12"]}"#);
        bench
    }

    fn ready() -> Self {
        let mut bench = Self::new();
        bench.say(r#"{"id":1,"method":"mining.subscribe","params":[]}"#);
        bench.say(r#"{"id":2,"method":"mining.authorize","params":["u.w","x"]}"#);
        bench
    }

    fn rolling(mask: &str) -> Self {
        let mut bench = Self::new();
        bench.say(&format!(
            r#"{{"id":1,"method":"mining.configure","params":[["version-rolling"],{{"version-rolling.mask":"{mask}"}}]}}"#
        ));
        bench.say(r#"{"id":1,"method":"mining.subscribe","params":[]}"#);
        bench.say(r#"{"id":2,"method":"mining.authorize","params":["u.w","x"]}"#);
        bench
    }

    fn say(&mut self, line: &str) -> Vec<Value> {
        self.session.on_line(line, self.now).unwrap();
        self.output()
    }

    fn give(&mut self, work: Work) -> Vec<Value> {
        self.session.on_work(work, self.now);
        self.output()
    }

    fn output(&mut self) -> Vec<Value> {
        let output = self.session.take_output();
        self.session.station.record.live().written(self.now);
        output.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
    }

    fn submit(&mut self, submit: &Submit) -> (Value, Option<FarmShare>) {
        let line = encode::request(4, "mining.submit", &encode::submit_params(submit));
        let share = self.session.on_line(&line, self.now).unwrap();
        (self.output().remove(0), share)
    }

    fn mine(&mut self, work: Work) -> Mined {
        self.mine_many(work, 4)
    }

    /// Gives work and mines some solutions as a device does: only from what is on the wire.
    fn mine_many(&mut self, work: Work, count: usize) -> Mined {
        let output = self.give(work);
        let params = output.last().unwrap()["params"].as_array().unwrap().clone();
        let notify = Notify::parse(&params).unwrap();
        let seen = notify.to_job(8, SERVER_MASK);
        let extranonce = [&0x0800_0002u32.to_be_bytes()[..], &[0xe0, 0xe1, 0xe2, 0xe3]].concat();
        let tries = (0..).map(|nonce| Solution {
            version: seen.version,
            extranonce: extranonce.clone(),
            time: notify.time,
            nonce,
        });
        let solutions = tries.filter(|solution| share::check(&seen, solution, &easy()).is_ok()).take(count).collect();
        Mined { notify, solutions }
    }
}

impl Mined {
    fn submit(&self, index: usize) -> Submit {
        let solution = &self.solutions[index];
        Submit {
            user: "u.w".into(),
            job_id: self.notify.job_id.clone(),
            extranonce2: solution.extranonce[4..].to_vec(),
            time: solution.time,
            nonce: solution.nonce,
            version_bits: None,
        }
    }
}

fn methods(output: &[Value]) -> Vec<&str> {
    output.iter().filter_map(|message| message["method"].as_str()).collect()
}

fn accepted() -> Value {
    json!({ "id": 4, "result": true, "error": null })
}

fn rejected(code: u8, text: &str) -> Value {
    json!({ "id": 4, "result": null, "error": [code, text, null] })
}

#[test]
fn every_request_of_real_devices_gets_its_one_answer() {
    let subscribed = json!([[["mining.set_difficulty", "5"], ["mining.notify", "5"]], "08000002", 4]);
    let cases = [
        (r#"{"id": 1, "method": "mining.subscribe", "params": ["cpuminer/2.5.1"]}"#, json!(1), Ok(subscribed.clone())),
        (
            r#"{"id":"s","method":"mining.subscribe","params":["bosminer",null,"host",3333]}"#,
            json!("s"),
            Ok(subscribed.clone()),
        ),
        (r#"{"params":["whatsminer","b08cf00d1"],"id":1,"method":"mining.subscribe"}"#, json!(1), Ok(subscribed)),
        (r#"{"id": 2, "method": "mining.authorize", "params": ["u.w", "x"]}"#, json!(2), Ok(json!(true))),
        (r#"{"id":"auth","method":"mining.authorize","params":["u.w",null],"ttl":2}"#, json!("auth"), Ok(json!(true))),
        (r#"{"id":3,"method":"mining.authorize","params":["u.w2"]}"#, json!(3), Ok(json!(true))),
        (r#"{"id":3,"method":"mining.authorize","params":[]}"#, json!(3), Err(20)),
        (
            r#"{"id":1,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"ffffffff"}]}"#,
            json!(1),
            Ok(json!({"version-rolling": true, "version-rolling.mask": "1fffe000"})),
        ),
        (
            r#"{"id":1,"method":"mining.configure","params":[["version-rolling","minimum-difficulty"]]}"#,
            json!(1),
            Ok(json!({"version-rolling": true, "version-rolling.mask": "1fffe000", "minimum-difficulty": false})),
        ),
        (
            r#"{"id":1,"method":"mining.configure","params":[["version-rolling"],{"version-rolling.mask":"00000FFF"}]}"#,
            json!(1),
            Ok(json!({"version-rolling": false})),
        ),
        (r#"{"id": 3, "method": "mining.extranonce.subscribe", "params": []}"#, json!(3), Ok(json!(true))),
        (r#"{"id": "xnsub", "method": "mining.extranonce.subscribe", "params": []}"#, json!("xnsub"), Ok(json!(true))),
        (r#"{"params": ["b1"], "id": "txlistb1", "method": "mining.get_transactions"}"#, json!("txlistb1"), Err(20)),
        (r#"{"id":9,"method":"mining.multi_version","params":[1]}"#, json!(9), Err(20)),
        (r#"{"id":9,"method":"nonsense"}"#, json!(9), Err(20)),
        (r#"{"id":9,"method":"mining.hashes_done","params":[1]}"#, json!(9), Ok(json!(true))),
        (
            r#"{"method": "mining.submit", "params": ["u.w","b2","00000000","6b0294d5","dd972f00"], "id":4}"#,
            json!(4),
            Err(25),
        ),
        (r#"{"params": ["w","2d"], "id": 2955, "method": "mining.submit"}"#, json!(2955), Err(25)),
    ];
    for (line, id, answer) in cases {
        let output = Bench::new().say(line);
        assert_eq!(output.len(), 1, "{line}");
        assert_eq!(output[0]["id"], id, "{line}");
        match answer {
            Ok(result) => assert_eq!(output[0], json!({ "id": id, "result": result, "error": null }), "{line}"),
            Err(code) => assert_eq!(output[0]["error"][0], code, "{line}"),
        }
    }
}

#[test]
fn hints_suggestions_and_replies_are_not_answered() {
    for line in [
        r#"{"id":5,"method":"mining.suggest_difficulty","params":["512.000000"]}"#,
        r#"{"id":null,"method":"mining.suggest_target","params":["00ff"]}"#,
        r#"{"id":null,"method":"mining.capabilities","params":[{}]}"#,
        r#"{"id":1,"result":"pong","error":null}"#,
    ] {
        let output = Bench::new().say(line);
        assert!(output.is_empty(), "{line}: {output:?}");
    }
}

#[test]
fn work_comes_once_the_miner_is_subscribed_and_authorized_in_either_order() {
    let subscribe = r#"{"id":1,"method":"mining.subscribe","params":["ua/1"]}"#;
    let authorize = r#"{"id":2,"method":"mining.authorize","params":["u.w","x"]}"#;
    for [first, second] in [[subscribe, authorize], [authorize, subscribe]] {
        let mut bench = Bench::new();
        assert!(bench.give(post(job())).is_empty());
        assert_eq!(bench.say(first).len(), 1);
        let output = bench.say(second);
        assert!(output[0]["method"].is_null(), "the answer comes first");
        assert_eq!(methods(&output), ["mining.set_difficulty", "mining.notify"]);
        let live = bench.session.station.record.live();
        assert_eq!((live.worker.as_str(), live.user_agent.as_str()), ("u.w", "ua/1"));
    }
}

#[test]
fn an_accepted_share_is_a_solution_of_the_agents_own_job() {
    let mut bench = Bench::ready();
    let mined = bench.mine(post(job()));
    assert_eq!(mined.notify.coinbase_prefix, [1, 2, 3, 0, 0, 0, 0], "four bytes of padding");
    let (answer, share) = bench.submit(&mined.submit(0));
    assert_eq!(answer, accepted());
    let share = share.unwrap();
    assert_eq!((share.lease, share.job_id, share.session), (LEASE, 7, 5));
    let checked = share::check(&job().job, &share.solution, &easy()).unwrap();
    assert_eq!(checked.hash, share.hash);
    let live = bench.session.station.record.live();
    assert_eq!((live.accepted, live.work), (1, 16));
}

#[test]
fn each_kind_of_bad_share_is_rejected_with_its_code_and_counted() {
    let mut bench = Bench::ready();
    let mined = bench.mine(post(job()));
    let good = mined.submit(0);
    let low = (0..).find(|nonce| mined.solutions.iter().all(|solution| solution.nonce != *nonce)).unwrap();
    let cases = [
        (
            Submit { user: "stranger".into(), ..good.clone() },
            rejected(24, "Unauthorized worker"),
            RejectReason::Unauthorized,
        ),
        (Submit { job_id: "ff".into(), ..good.clone() }, rejected(21, "Job not found"), RejectReason::JobNotFound),
        (
            Submit { extranonce2: vec![0; 8], ..good.clone() },
            rejected(20, "extranonce2 must have 4 bytes"),
            RejectReason::Malformed,
        ),
        (Submit { time: TIME - 1, ..good.clone() }, rejected(20, "ntime out of range"), RejectReason::Time),
        (Submit { time: TIME + 51, ..good.clone() }, rejected(20, "ntime out of range"), RejectReason::Time),
        (
            Submit { version_bits: Some(0x2000), ..good.clone() },
            rejected(20, "Version rolling was not negotiated"),
            RejectReason::Version,
        ),
        (Submit { nonce: low, ..good.clone() }, rejected(23, "Low difficulty share"), RejectReason::LowDifficulty),
    ];
    for (submit, expected, reason) in cases {
        let (answer, share) = bench.submit(&submit);
        assert_eq!((answer, share), (expected, None), "{submit:?}");
        assert!(bench.session.station.record.live().rejected.remove(&reason) == Some(1), "{reason:?}");
    }
    assert_eq!(bench.submit(&good).0, accepted());
    assert_eq!(bench.submit(&good), (rejected(22, "Duplicate share"), None));
    assert_eq!(bench.submit(&Submit { version_bits: Some(0), ..mined.submit(1) }).0, accepted());
}

#[test]
fn the_latest_ntime_moves_with_the_clock() {
    let mut bench = Bench::ready();
    let mined = bench.mine(post(job()));
    bench.wait(Duration::from_secs(30));
    let range = |bench: &mut Bench, time| {
        bench.submit(&Submit { time, ..mined.submit(0) }).0["error"][1] == "ntime out of range"
    };
    assert!(!range(&mut bench, TIME + 80));
    assert!(range(&mut bench, TIME + 81));
}

#[test]
fn a_share_found_under_two_notifies_of_one_job_counts_once() {
    let mut bench = Bench::ready();
    let first = bench.mine(post(job()));
    assert_eq!(bench.submit(&first.submit(0)).0, accepted());
    let second = bench.mine(post(job()));
    assert_ne!(first.notify.job_id, second.notify.job_id);
    assert_eq!(second.solutions[0], first.solutions[0]);
    assert_eq!(bench.submit(&second.submit(0)), (rejected(22, "Duplicate share"), None));
    assert_eq!(bench.submit(&first.submit(1)).0, accepted());
}

#[test]
fn a_late_share_is_credited_to_the_lease_that_it_was_mined_for() {
    let mut bench = Bench::ready();
    let old = bench.mine(post(job()));
    let new = bench.mine(post(FarmJob { lease: OTHER, job_id: 1, ..with(|job| job.coinbase_prefix.push(9)) }));
    assert!(new.notify.clean, "a change of lease is clean");
    bench.wait(Duration::from_secs(119));
    assert_eq!(bench.submit(&old.submit(0)).1.unwrap().lease, LEASE);
    assert_eq!(bench.submit(&new.submit(0)).1.unwrap().lease, OTHER);
    bench.wait(Duration::from_secs(1));
    assert_eq!(bench.submit(&old.submit(1)).0, rejected(21, "Job not found"));
}

#[test]
fn work_on_an_older_block_is_stale_after_the_grace() {
    let mut bench = Bench::ready();
    let tip = Arc::new(Tip::new([0x11; 32], bench.now));
    let posted = |job: FarmJob, cleans| Work::Lease(Arc::new(Posted::new(job, cleans, Arc::clone(&tip))));
    let old = bench.mine(posted(job(), 0));
    tip.update([0x12; 32], bench.now);
    let new = bench.mine(posted(FarmJob { job_id: 8, ..with(|job| job.prev_hash = [0x12; 32]) }, 1));
    assert!(new.notify.clean);
    bench.wait(GRACE - Duration::from_millis(1));
    assert_eq!(bench.submit(&old.submit(0)).0, accepted());
    bench.wait(Duration::from_millis(1));
    assert_eq!(bench.submit(&old.submit(1)), (rejected(21, "Stale"), None));
    assert_eq!(bench.submit(&new.submit(0)).0, accepted());
}

#[test]
fn a_block_comes_out_even_where_the_share_is_rejected_but_only_once() {
    let hard = Target::from_work(NonZeroU128::new(1 << 100).unwrap());
    let mut bench = Bench::ready();
    let every_second_hash = FarmJob { share_target: hard, ..with(|job| job.bits = 0x207f_ffff) };
    let mined = bench.mine(post(every_second_hash));
    let (answer, share) = bench.submit(&mined.submit(0));
    assert_eq!(answer, rejected(23, "Low difficulty share"));
    assert_eq!(share.unwrap().solution.nonce, mined.solutions[0].nonce);
    assert_eq!(bench.submit(&mined.submit(0)).1, None);
    assert_eq!(bench.session.station.record.live().accepted, 0);
}

#[test]
fn a_refresh_is_not_clean_and_a_clean_job_is_even_where_it_was_skipped() {
    let mut bench = Bench::ready();
    let clean = |output: Vec<Value>| output.last().unwrap()["params"][8].as_bool().unwrap();
    assert!(clean(bench.give(post(job()))), "the first job");
    let refreshed = FarmJob { time: TIME + 10, ..job() };
    let output = bench.give(post(refreshed.clone()));
    assert_eq!(output[0]["params"][7], format!("{:08x}", TIME + 10));
    assert!(!clean(output));
    let Work::Lease(posted) = post(refreshed) else { panic!() };
    let after_a_clean_one = Posted::new(posted.job.clone(), 1, Arc::clone(&posted.tip));
    assert!(clean(bench.give(Work::Lease(Arc::new(after_a_clean_one)))));
}

#[test]
fn idle_work_stops_a_miner_that_has_lease_work_and_only_such_a_one() {
    let mut bench = Bench::ready();
    assert!(bench.give(Work::None).is_empty());
    bench.give(post(job()));
    bench.wait(Duration::from_secs(3));
    let output = bench.give(Work::None);
    assert_eq!(methods(&output), ["mining.set_difficulty", "mining.notify"]);
    let params = &output[1]["params"];
    assert_eq!((&params[1], &params[8]), (&json!("00".repeat(32)), &json!(true)));
    assert_eq!(params[7], format!("{:08x}", TIME + 3));
    let difficulty = output[0]["params"][0].as_f64().unwrap();
    assert!((1e6..2e6).contains(&difficulty));

    assert_eq!(bench.session.deadline(), bench.now + REPEAT);
    bench.wait(REPEAT);
    bench.session.on_deadline(bench.now).unwrap();
    let output = bench.output();
    assert_eq!(methods(&output), ["mining.notify"]);
    assert_eq!(output[0]["params"][8], json!(false));
}

#[test]
fn shares_of_idle_work_are_answered_and_count_for_nothing() {
    let mut bench = Bench::ready();
    bench.give(post(job()));
    let mined = bench.mine(Work::None);
    assert_eq!(bench.submit(&mined.submit(0)), (rejected(23, "Low difficulty share"), None));
    assert_eq!(bench.session.station.record.live().accepted, 0);
}

#[test]
fn the_oldest_time_counts_superseded_work_for_the_grace() {
    let mut bench = Bench::ready();
    let oldest = |bench: &Bench, lease| bench.session.station.record.live().oldest_time(lease, bench.now);
    assert_eq!(oldest(&bench, LEASE), None);
    bench.give(post(job()));
    bench.wait(Duration::from_secs(100));
    assert_eq!(oldest(&bench, LEASE), Some(TIME));

    bench.session.on_work(post(FarmJob { time: TIME + 100, ..job() }), bench.now);
    bench.wait(GRACE * 2);
    assert_eq!(oldest(&bench, LEASE), Some(TIME), "nothing is superseded until it was written");
    bench.output();
    bench.wait(GRACE - Duration::from_millis(1));
    assert_eq!(oldest(&bench, LEASE), Some(TIME));
    bench.wait(Duration::from_millis(1));
    assert_eq!(oldest(&bench, LEASE), Some(TIME + 100));

    bench.give(Work::None);
    bench.wait(GRACE);
    assert_eq!((oldest(&bench, LEASE), oldest(&bench, OTHER)), (None, None));
}

#[test]
fn unreadable_and_talkative_clients_are_dropped() {
    let mut bench = Bench::new();
    for line in ["hello", "[]", "1", "{"] {
        assert!(matches!(bench.session.on_line(line, bench.now), Err(Hangup::NotJson)), "{line}");
    }
    let mut bench = Bench::new();
    let noise = r#"{"id":1,"method":"noise"}"#;
    for _ in 0..16 {
        bench.say(noise);
    }
    assert!(matches!(bench.session.on_line(noise, bench.now), Err(Hangup::TooTalkative)));
    let mut bench = Bench::ready();
    for _ in 0..50 {
        bench.say(noise);
    }
}

#[test]
fn silent_clients_are_dropped_when_their_time_is_up() {
    let mut bench = Bench::new();
    let handshake_end = bench.now + bench.session.station.limits.handshake_timeout;
    assert_eq!(bench.session.deadline(), handshake_end);
    assert!(bench.session.on_deadline(handshake_end - Duration::from_millis(1)).is_ok());
    assert!(matches!(bench.session.on_deadline(handshake_end), Err(Hangup::Handshake)));

    let mut bench = Bench::ready();
    bench.wait(Duration::from_secs(60));
    bench.say(r#"{"id":1,"method":"noise"}"#);
    let silent_at = bench.now + bench.session.station.limits.idle_timeout;
    while bench.session.deadline() < silent_at {
        bench.now = bench.session.deadline();
        bench.session.on_deadline(bench.now).unwrap();
        assert_eq!(methods(&bench.output()), ["mining.set_difficulty"], "it rests, and is told that the farm is there");
    }
    assert_eq!(bench.session.deadline(), silent_at);
    assert!(bench.session.on_deadline(silent_at - Duration::from_millis(1)).is_ok());
    assert!(matches!(bench.session.on_deadline(silent_at), Err(Hangup::Silent)));
}

#[test]
fn workers_and_their_names_are_bounded() {
    let mut bench = Bench::ready();
    let authorize = |bench: &mut Bench, user: &str| {
        bench.say(&format!(r#"{{"id":2,"method":"mining.authorize","params":["{user}"]}}"#)).remove(0)["error"][0]
            .clone()
    };
    assert_eq!(authorize(&mut bench, &"x".repeat(MAX_NAME_CHARS + 1)), 24);
    for index in 1..MAX_WORKERS {
        assert!(authorize(&mut bench, &format!("w{index}")).is_null());
    }
    assert_eq!(authorize(&mut bench, "one-too-many"), 24);
    assert!(authorize(&mut bench, "w1").is_null(), "known ones stay");
}

#[test]
fn jobs_that_miners_cannot_work_on_are_refused_by_name() {
    use super::super::error::JobError;
    assert_eq!(job().check(), Ok(()));
    assert_eq!(with(|job| job.extranonce_size = 3).check(), Err(JobError::ExtranonceTooSmall(3)));
    assert_eq!(with(|job| job.extranonce_size = 4).check(), Ok(()));
    assert_eq!(with(|job| job.extranonce_size = 16).check(), Ok(()));
    assert_eq!(with(|job| job.extranonce_size = 17).check(), Err(JobError::ExtranonceTooLarge(17)));
    let early = FarmJob { time: TIME - 101, ..job() };
    assert_eq!(early.check(), Err(JobError::TimeBelowMinimum { time: TIME - 101, min_time: TIME - 100 }));
}

#[test]
fn a_share_is_judged_by_when_it_came_though_its_hash_comes_after_another_block() {
    let mut bench = Bench::ready();
    let tip = Arc::new(Tip::new([0x11; 32], bench.now));
    let mined = bench.mine(Work::Lease(Arc::new(Posted::new(job(), 0, Arc::clone(&tip)))));
    let line = |index| encode::request(4, "mining.submit", &encode::submit_params(&mined.submit(index)));
    let hear = |bench: &mut Bench, index| {
        let request = bench.session.hear(&line(index), bench.now).unwrap().unwrap();
        bench.session.on_request(request, bench.now).unwrap().unwrap()
    };
    let in_time = hear(&mut bench, 0);
    tip.update([0x77; 32], bench.now);
    bench.wait(GRACE);
    let late = hear(&mut bench, 1);
    bench.give(post(FarmJob { clean: true, ..with(|job| job.prev_hash = [0x77; 32]) }));
    for (pending, answer) in [(in_time, accepted()), (late, rejected(21, "Stale"))] {
        let candidate = pending.candidate().unwrap();
        let checked = share::assemble(&candidate.template, &candidate.solution);
        let share = bench.session.on_checked(pending, Some(checked)).unwrap();
        assert_eq!((bench.output(), share.is_some()), (vec![answer.clone()], answer == accepted()));
    }
}

#[test]
fn a_connection_whose_shares_are_no_longer_checked_ends() {
    let mut bench = Bench::ready();
    let mined = bench.mine(post(job()));
    let line = encode::request(4, "mining.submit", &encode::submit_params(&mined.submit(0)));
    let request = bench.session.hear(&line, bench.now).unwrap().unwrap();
    let pending = bench.session.on_request(request, bench.now).unwrap().unwrap();
    assert!(matches!(bench.session.on_checked(pending, None), Err(Hangup::Unchecked)));
    assert!(bench.output().is_empty(), "nothing is said of what nobody knows");
}
