//! The contract with real devices, one rule after another: `session_contract.txt` says how to read them.

use super::*;

/// The rules.
const RULES: &str = include_str!("session_contract.txt");

/// A device that follows a script.
struct Script {
    bench: Bench,
    output: std::collections::VecDeque<Value>,
    hangup: Option<Hangup>,
    extranonce1: Vec<u8>,
    size2: u8,
    jobs: Vec<Job>,
    ids: Vec<String>,
    tip: Arc<Tip>,
    prev_hash: [u8; 32],
}

impl Script {
    fn new() -> Self {
        let mut prev_hash = [0; 32];
        prev_hash.chunks_exact_mut(4).for_each(|word| word.copy_from_slice(&[0x11, 0x22, 0x33, 0x44]));
        prev_hash[28] = 0xff;
        let bench = Bench::new();
        Self {
            output: Default::default(),
            hangup: None,
            extranonce1: vec![8, 0, 0, 2],
            size2: 4,
            jobs: Vec::new(),
            ids: Vec::new(),
            tip: Arc::new(Tip::new(prev_hash, bench.now)),
            prev_hash,
            bench,
        }
    }

    fn step(&mut self, line: &str) -> Result<(), String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let number = || rest.parse::<u32>().map_err(|error| error.to_string());
        match word {
            "<" => return self.expect(rest),
            "x" => {
                self.output.clear();
                let ended = self.hangup.take().map(|hangup| format!("{hangup:?}"));
                return if ended.as_deref() == Some(rest) { Ok(()) } else { Err(format!("ended: {ended:?}")) };
            }
            _ => self.is_done()?,
        }
        match word {
            ">" => self.say(rest),
            "ready" | "rolling" => self.handshake(rest),
            "lease" => self.lease(rest),
            "block" => {
                self.prev_hash = [0x77; 32];
                self.tip.update(self.prev_hash, self.bench.now);
                self.lease("8 12 16");
            }
            "idle" => self.bench.session.on_work(Work::None, self.bench.now),
            "wait" => self.wait(number()?.into()),
            "silence" => (0..number()? / 5).for_each(|_| self.wait(5)),
            "flood" => (0..number()?).for_each(|_| self.say(r#"{"id":null,"method":"noise"}"#)),
            "bad" => (0..number()?).for_each(|_| {
                self.say(r#"{"id":4,"method":"mining.submit","params":["u","$new","00000000","6553f100","$bad"]}"#);
            }),
            _ => return Err("unknown step".into()),
        }
        self.listen();
        if matches!(word, "ready" | "rolling" | "bad" | "silence") {
            self.output.clear();
        }
        Ok(())
    }

    fn handshake(&mut self, mask: &str) {
        if !mask.is_empty() {
            self.say(&format!(
                r#"{{"id":1,"method":"mining.configure","params":[["version-rolling"],{{"version-rolling.mask":"{mask}"}}]}}"#
            ));
        }
        self.say(r#"{"id":1,"method":"mining.subscribe","params":[]}"#);
        self.say(r#"{"id":2,"method":"mining.authorize","params":["u","x"]}"#);
    }

    fn say(&mut self, line: &str) {
        let line = self.fill(line);
        match self.bench.session.on_line(&line, self.bench.now) {
            Ok(_) => {}
            Err(hangup) => drop(self.hangup.get_or_insert(hangup)),
        }
    }

    fn lease(&mut self, numbers: &str) {
        let numbers: Vec<u128> = numbers.split(' ').map(|number| number.parse().unwrap()).collect();
        let lease_job = FarmJob {
            job_id: u64::try_from(numbers[0]).unwrap(),
            share_target: Target::from_work(NonZeroU128::new(numbers[2]).unwrap()),
            ..with(|job| {
                job.extranonce_size = u8::try_from(numbers[1]).unwrap();
                job.prev_hash = self.prev_hash;
            })
        };
        let posted = Posted::new(lease_job, 0, Arc::clone(&self.tip));
        self.bench.session.on_work(Work::Lease(Arc::new(posted)), self.bench.now);
        if self.bench.session.must_reconnect() {
            self.hangup = Some(Hangup::Reconnect);
        }
    }

    fn wait(&mut self, seconds: u64) {
        self.bench.wait(Duration::from_secs(seconds));
        if let Err(hangup) = self.bench.session.on_deadline(self.bench.now) {
            self.hangup.get_or_insert(hangup);
        }
    }

    /// Reads as a device does: of its work it knows only what is on the wire.
    fn listen(&mut self) {
        for message in self.bench.output() {
            match message["method"].as_str() {
                Some("mining.set_extranonce") => {
                    self.extranonce1 = hex::decode(message["params"][0].as_str().unwrap()).unwrap();
                    self.size2 = u8::try_from(message["params"][1].as_u64().unwrap()).unwrap();
                }
                Some("mining.notify") => {
                    let mut notify = Notify::parse(message["params"].as_array().unwrap()).unwrap();
                    notify.coinbase_prefix.extend(&self.extranonce1);
                    self.jobs.push(notify.to_job(self.size2, SERVER_MASK));
                    self.ids.push(notify.job_id);
                }
                _ => {}
            }
            self.output.push_back(message);
        }
    }

    fn fill(&self, line: &str) -> String {
        let mut filled = line.to_owned();
        let nonce = |back: usize, bits: u32, is_share: bool, nth: usize| {
            let job = &self.jobs[self.jobs.len() - back];
            let solution = |nonce| Solution {
                version: job.version | bits,
                extranonce: vec![0; job.extranonce_size.into()],
                time: TIME,
                nonce,
            };
            let is_wanted = |nonce: &u32| share::check(job, &solution(*nonce), &easy()).is_ok() == is_share;
            format!("{:08x}", (0..).filter(is_wanted).nth(nth).unwrap())
        };
        let id = |back: usize| self.ids[self.ids.len() - back].clone();
        // Longer names first.
        for (name, text) in [
            ("$rolled", &(|| nonce(1, 0x2000, true, 0)) as &dyn Fn() -> String),
            ("$new", &|| id(1)),
            ("$old", &|| id(2)),
            ("$bad", &|| nonce(1, 0, false, 0)),
            ("$oa", &|| nonce(2, 0, true, 0)),
            ("$a", &|| nonce(1, 0, true, 0)),
            ("$b", &|| nonce(1, 0, true, 1)),
        ] {
            if filled.contains(name) {
                filled = filled.replace(name, &text());
            }
        }
        filled
    }

    fn expect(&mut self, pattern: &str) -> Result<(), String> {
        let message = self.output.pop_front().ok_or("nothing came")?;
        let pattern = if pattern == "*" { json!("*") } else { serde_json::from_str(pattern).unwrap() };
        if matches(&pattern, &message) { Ok(()) } else { Err(format!("came: {message}")) }
    }

    fn is_done(&self) -> Result<(), String> {
        match (self.output.front(), &self.hangup) {
            (Some(message), _) => Err(format!("unexpected: {message}")),
            (None, Some(hangup)) => Err(format!("ended: {hangup:?}")),
            (None, None) => Ok(()),
        }
    }
}

fn matches(pattern: &Value, message: &Value) -> bool {
    match (pattern, message) {
        (Value::String(any), _) if any == "*" => true,
        (Value::Array(patterns), Value::Array(items)) => {
            patterns.len() == items.len() && patterns.iter().zip(items).all(|(pattern, item)| matches(pattern, item))
        }
        (Value::Object(patterns), Value::Object(items)) => {
            patterns.len() == items.len()
                && patterns.iter().all(|(key, pattern)| items.get(key).is_some_and(|item| matches(pattern, item)))
        }
        _ => pattern == message,
    }
}

#[test]
fn every_rule_of_the_contract_holds() {
    let lines = RULES.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let (mut rules, mut failures) = (0, Vec::new());
    let mut rule = "";
    let mut run: Result<Script, ()> = Err(());
    for line in lines.chain(["= the end"]) {
        if let Some(next) = line.strip_prefix("= ") {
            if let Some(failure) = run.ok().and_then(|script: Script| script.is_done().err()) {
                failures.push(format!("{rule}: {failure}"));
            }
            (rule, run, rules) = (next, Ok(Script::new()), rules + 1);
        } else if let Ok(script) = &mut run
            && let Err(failure) = script.step(line)
        {
            failures.push(format!("{rule}: at {line}: {failure}"));
            run = Err(());
        }
    }
    assert!(rules > 50, "{rules} rules were read");
    assert!(failures.is_empty(), "{} of {rules} rules:\n{}", failures.len(), failures.join("\n"));
}
