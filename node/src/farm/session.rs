//! A miner's conversation, without I/O: lines and work go in, lines and shares come out.

use std::sync::Arc;
use std::time::Duration;

use hashlease_miner::pow::{Job, Target};
use hashlease_miner::stratum::from_miner::Configure;
use hashlease_miner::stratum::{Code, FromMiner, Method, Notify, Request, StratumError, encode};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::config::FarmConfig;
use super::error::Hangup;
use super::idle;
use super::job::{FarmShare, Posted, Work};
use super::record::Record;
use super::sent::{Origin, Sent, SentJobs};
use super::vardiff::{self, Vardiff};

/// Bytes of the extranonce that name a connection.
const EXTRANONCE1_SIZE: usize = size_of::<u32>();
/// Bytes of the extranonce that are the miner's: what every device can do.
pub(super) const EXTRANONCE2_SIZE: u8 = 4;
/// Bytes of the extranonce that a connection needs.
pub(super) const EXTRANONCE_SIZE: usize = EXTRANONCE1_SIZE + EXTRANONCE2_SIZE as usize;
/// Bytes of the extranonce that a lease's job may have (PROTOCOL.md, section 4).
pub(super) const MAX_EXTRANONCE_SIZE: usize = 16;
/// Version bits that devices roll (BIP 320).
pub(super) const SERVER_MASK: u32 = 0x1fff_e000;
/// Header version of work that isn't a lease's.
pub(super) const VERSION: u32 = 0x2000_0000;
/// Worker names of one connection.
const MAX_WORKERS: usize = 16;
/// Length of names that are kept, in characters.
const MAX_NAME_CHARS: usize = 128;
/// Time after which idle work is repeated; some devices leave a pool that is silent for 60 s.
const IDLE_REPEAT: Duration = Duration::from_secs(30);

/// One connection's state.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) record: Arc<Record>,
    pub(super) limits: FarmConfig,
    pub(super) subscribed: bool,
    pub(super) workers: Vec<String>,
    pub(super) sent: SentJobs,
    /// Version bits granted at `mining.configure`; `None` where rolling wasn't negotiated.
    pub(super) granted_mask: Option<u32>,
    pub(super) vardiff: Vardiff,
    /// Version bits that the miner was last told.
    told_mask: u32,
    told_difficulty: Option<f64>,
    work: Work,
    out: String,
    messages: u32,
    heard_at: Instant,
}

impl Session {
    pub(super) fn new(record: Arc<Record>, limits: FarmConfig, now: Instant) -> Self {
        Self {
            record,
            vardiff: Vardiff::new(limits.easiest_share),
            limits,
            subscribed: false,
            workers: Vec::new(),
            sent: SentJobs::default(),
            granted_mask: None,
            told_mask: 0,
            told_difficulty: None,
            work: Work::None,
            out: String::new(),
            messages: 0,
            heard_at: now,
        }
    }

    /// Takes the lines that are to be sent.
    pub(super) fn take_output(&mut self) -> String {
        std::mem::take(&mut self.out)
    }

    /// Answers a line; gives a share where it carries one.
    pub(super) fn on_line(&mut self, line: &str, now: Instant) -> Result<Option<FarmShare>, Hangup> {
        self.heard_at = now;
        if self.workers.is_empty() {
            self.messages += 1;
            if self.messages > self.limits.max_messages_before_authorize {
                return Err(Hangup::TooTalkative);
            }
        }
        match FromMiner::parse(line).map_err(|_| Hangup::NotJson)? {
            FromMiner::Request(request) => Ok(self.on_request(request, now)),
            FromMiner::Reply => Ok(None),
        }
    }

    /// Gives the miner other work.
    pub(super) fn on_work(&mut self, work: Work, now: Instant) {
        self.work = work;
        self.announce(now);
    }

    /// When [`Session::on_deadline`] is to be called unless something else comes first.
    pub(super) fn deadline(&self) -> Instant {
        let silent_at = self.heard_at + self.limits.idle_timeout;
        if !self.is_ready() {
            return silent_at.min(self.record.connected_at + self.limits.handshake_timeout);
        }
        match self.sent.newest() {
            Some(sent) if sent.origin == Origin::Idle => silent_at.min(sent.sent_at + IDLE_REPEAT),
            _ => self.vardiff.due_at().map_or(silent_at, |due_at| silent_at.min(due_at)),
        }
    }

    /// Repeats idle work, gives easier work, or gives the miner up.
    pub(super) fn on_deadline(&mut self, now: Instant) -> Result<(), Hangup> {
        if now >= self.heard_at + self.limits.idle_timeout {
            return Err(Hangup::Silent);
        }
        if !self.is_ready() && now >= self.record.connected_at + self.limits.handshake_timeout {
            return Err(Hangup::Handshake);
        }
        if now >= self.deadline() {
            match self.work {
                Work::Lease(_) => self.retune(now),
                Work::None => self.announce(now),
            }
        }
        Ok(())
    }

    /// Judges the miner's difficulty, and sends its work again where it is to change.
    fn retune(&mut self, now: Instant) {
        self.vardiff.judge(now);
        if let Work::Lease(posted) = &self.work
            && self.vardiff.is_to_change(posted.job.share_target)
        {
            self.announce(now);
        }
    }

    fn is_ready(&self) -> bool {
        self.subscribed && !self.workers.is_empty()
    }

    fn on_request(&mut self, request: Request, now: Instant) -> Option<FarmShare> {
        let (was_ready, mask_before) = (self.is_ready(), self.granted_mask);
        let mut share = None;
        let answer = match request.method {
            Method::Configure(asked) => Some(Ok(self.configure(&asked))),
            Method::Subscribe { user_agent, .. } => Some(Ok(self.subscribe(user_agent))),
            Method::Authorize { user, password } => Some(self.authorize(user, password.as_deref())),
            Method::Submit(submit) => {
                let (verdict, found) = self.submit(&submit, now);
                share = found;
                Some(verdict.map(|()| Value::Bool(true)))
            }
            Method::ExtranonceSubscribe => Some(Ok(Value::Bool(true))),
            Method::SuggestDifficulty(difficulty) => {
                self.vardiff.suggest(difficulty);
                None
            }
            Method::Hint(_) => (!request.id.is_null()).then_some(Ok(Value::Bool(true))),
            Method::Malformed(malformed) => Some(Err(malformed.into())),
            Method::Unknown(_) => Some(Err(StratumError::method_not_found())),
        };
        match answer {
            Some(Ok(result)) => self.out += &encode::response(&request.id, &result),
            Some(Err(error)) => self.out += &encode::refusal(&request.id, &error),
            None => {}
        }
        if !was_ready || self.granted_mask != mask_before {
            self.announce(now);
        } else {
            self.retune(now);
        }
        share
    }

    fn configure(&mut self, asked: &Configure) -> Value {
        let mask = if asked.wants_version_rolling() { SERVER_MASK & asked.version_rolling_mask } else { 0 };
        if asked.wants_version_rolling() {
            self.granted_mask = (mask != 0).then_some(mask);
            self.told_mask = mask;
        }
        encode::configure_result(asked, mask)
    }

    fn subscribe(&mut self, user_agent: Option<String>) -> Value {
        self.subscribed = true;
        self.record.live().user_agent = shown(&user_agent.unwrap_or_default());
        let session = format!("{:x}", self.record.id);
        encode::subscribe_result(&session, &self.record.extranonce1.to_be_bytes(), EXTRANONCE2_SIZE)
    }

    fn authorize(&mut self, user: String, password: Option<&str>) -> Result<Value, StratumError> {
        if !self.workers.contains(&user) {
            if self.workers.len() == MAX_WORKERS || user.chars().count() > MAX_NAME_CHARS {
                return Err(StratumError::new(Code::Unauthorized, "Too many workers or too long a name"));
            }
            if self.workers.is_empty() {
                self.record.live().worker = shown(&user);
            }
            self.workers.push(user);
        }
        if let Some(difficulty) = password.and_then(vardiff::of_password) {
            self.vardiff.suggest(difficulty);
        }
        Ok(json!(true))
    }

    /// Sends the work that the miner is to do, where it is ready for any.
    fn announce(&mut self, now: Instant) {
        if !self.is_ready() {
            return;
        }
        let (next, difficulty) = match (self.work.clone(), self.sent.newest()) {
            (Work::Lease(posted), _) => {
                let level = self.vardiff.on_lease(posted.job.share_target, now);
                (self.lease_work(&posted, level.target, now), level.difficulty)
            }
            (Work::None, Some(last)) => {
                let next = idle_work(last, self.granted_mask, now);
                self.vardiff.on_idle(now);
                (next, idle::target().difficulty())
            }
            // A miner that never had lease work needn't be stopped.
            (Work::None, None) => return,
        };
        let mut clean = self.sent.newest().is_none_or(|last| must_drop(last, &next));
        if self.granted_mask.is_some() && next.mask != self.told_mask {
            self.out += &encode::set_version_mask(next.mask);
            self.told_mask = next.mask;
            clean = true;
        }
        if self.told_difficulty != Some(difficulty) {
            self.out += &encode::set_difficulty(difficulty);
            self.told_difficulty = Some(difficulty);
        }
        self.record.live().announce(next.origin.lease(), next.time, now);
        let (job, time) = (Arc::clone(&next.job), next.time);
        let mut notify = Notify::of_job(self.sent.push(next), &job, time, clean);
        notify.coinbase_prefix.extend(padding(&job));
        self.out += &encode::notify(&notify);
    }

    fn lease_work(&self, posted: &Posted, target: Target, now: Instant) -> Sent {
        let job = &posted.job;
        Sent {
            origin: Origin::Lease { lease: job.lease, job_id: job.job_id },
            job: Arc::clone(&job.job),
            target,
            share_target: job.share_target,
            time: job.time,
            mask: self.granted_mask.unwrap_or(0) & job.job.version_mask,
            cleans: posted.cleans,
            tip: Some(Arc::clone(&posted.tip)),
            sent_at: now,
        }
    }
}

fn idle_work(last: &Sent, granted_mask: Option<u32>, now: Instant) -> Sent {
    let passed = u32::try_from(now.duration_since(last.sent_at).as_secs()).unwrap_or(u32::MAX);
    Sent {
        origin: Origin::Idle,
        job: idle::job(),
        target: idle::target(),
        share_target: idle::target(),
        time: last.time.saturating_add(passed),
        mask: granted_mask.unwrap_or(0),
        cleans: 0,
        tip: None,
        sent_at: now,
    }
}

/// Tells whether the miner must drop its last work for the next: another lease, another block, or a clean job between.
fn must_drop(last: &Sent, next: &Sent) -> bool {
    last.origin.lease() != next.origin.lease() || last.cleans != next.cleans || last.job.prev_hash != next.job.prev_hash
}

/// Fills the job's extranonce in front of the connection's part; every connection has the same padding.
pub(super) fn padding(job: &Job) -> Vec<u8> {
    vec![0; usize::from(job.extranonce_size).saturating_sub(EXTRANONCE_SIZE)]
}

/// A peer's name, fit to be shown.
fn shown(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(MAX_NAME_CHARS).collect()
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
