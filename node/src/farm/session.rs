//! A miner's conversation, without I/O: lines, work and what hashing brought go in, lines and shares come out.

use std::sync::Arc;
use std::time::Duration;

use hashlease_miner::stratum::from_miner::Configure;
use hashlease_miner::stratum::{Code, FromMiner, Method, Request, StratumError, encode};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::config::FarmConfig;
use super::error::Hangup;
use super::job::Work;
use super::record::Record;
use super::station::{REPEAT, Station};
use super::submit::Pending;
use super::vardiff;

/// Version bits that devices roll (BIP 320).
pub(super) const SERVER_MASK: u32 = 0x1fff_e000;
/// Header version of work that isn't a lease's.
pub(super) const VERSION: u32 = 0x2000_0000;
/// Worker names of one connection.
const MAX_WORKERS: usize = 16;
/// Length of names that are kept, in characters.
const MAX_NAME_CHARS: usize = 128;
/// What a market of rented hashpower calls itself, and the easiest difficulty at which it stays.
const NICEHASH: (&str, f64) = ("NiceHash/", 524_288.0);

/// One connection's state.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) station: Station,
    pub(super) subscribed: bool,
    pub(super) workers: Vec<String>,
    /// Version bits granted at `mining.configure`; `None` where rolling wasn't negotiated.
    pub(super) granted_mask: Option<u32>,
    /// Whether the miner understands another division without a new connection.
    pub(super) takes_extranonce: bool,
    /// Version bits that the miner was last told.
    pub(super) told_mask: u32,
    pub(super) told_difficulty: Option<f64>,
    pub(super) out: String,
    pub(super) must_reconnect: bool,
    /// Messages before authorization; then those of one second, and when it began.
    messages: u32,
    second: Instant,
    heard_at: Instant,
}

impl Session {
    pub(super) fn new(record: Arc<Record>, limits: FarmConfig, now: Instant) -> Self {
        Self {
            station: Station::new(record, limits, now),
            subscribed: false,
            workers: Vec::new(),
            granted_mask: None,
            takes_extranonce: false,
            told_mask: 0,
            told_difficulty: None,
            out: String::new(),
            must_reconnect: false,
            messages: 0,
            second: now,
            heard_at: now,
        }
    }

    /// Takes the lines that are to be sent.
    pub(super) fn take_output(&mut self) -> String {
        std::mem::take(&mut self.out)
    }

    /// Reads a line; gives the request that it carries, if any.
    pub(super) fn hear(&mut self, line: &str, now: Instant) -> Result<Option<Request>, Hangup> {
        self.heard_at = now;
        self.check_pace(now)?;
        match FromMiner::parse(line).map_err(|_| Hangup::NotJson)? {
            FromMiner::Request(request) => Ok(Some(request)),
            FromMiner::Reply => Ok(None),
        }
    }

    /// Ends the connection where too many shares in a row were bad.
    pub(super) fn check_shares(&self) -> Result<(), Hangup> {
        let is_bad = self.station.rejected_in_a_row > self.station.limits.max_rejected_in_a_row;
        if is_bad { Err(Hangup::BadShares) } else { Ok(()) }
    }

    fn check_pace(&mut self, now: Instant) -> Result<(), Hangup> {
        let mut allowed = self.station.limits.max_messages_before_authorize;
        if !self.workers.is_empty() {
            allowed = self.station.limits.max_messages_per_s;
            if now.duration_since(self.second) >= Duration::from_secs(1) {
                (self.messages, self.second) = (0, now);
            }
        }
        self.messages += 1;
        if self.messages > allowed { Err(Hangup::TooTalkative) } else { Ok(()) }
    }

    /// Whether the connection is to be closed once everything was written, since the miner must come back for its next work.
    pub(super) fn must_reconnect(&self) -> bool {
        self.must_reconnect
    }

    /// Gives the miner other work.
    pub(super) fn on_work(&mut self, work: Work, now: Instant) {
        self.station.work = work;
        self.announce(now);
    }

    /// When [`Session::on_deadline`] is to be called unless something else comes first.
    pub(super) fn deadline(&self) -> Instant {
        let silent_at = self.heard_at + self.station.limits.idle_timeout;
        if !self.is_ready() {
            return silent_at.min(self.station.record.connected_at + self.station.limits.handshake_timeout);
        }
        silent_at.min(self.station.due_at())
    }

    /// Repeats the miner's work, gives easier work, or gives the miner up.
    pub(super) fn on_deadline(&mut self, now: Instant) -> Result<(), Hangup> {
        if now >= self.heard_at + self.station.limits.idle_timeout {
            return Err(Hangup::Silent);
        }
        if !self.is_ready() && now >= self.station.record.connected_at + self.station.limits.handshake_timeout {
            return Err(Hangup::Handshake);
        }
        if now >= self.deadline() {
            self.retune(now);
            if now >= self.station.told_at + REPEAT {
                self.keep_alive(now);
            }
        }
        Ok(())
    }

    /// Judges the miner's difficulty, and sends its work again where it is to change.
    pub(super) fn retune(&mut self, now: Instant) {
        if self.station.is_to_retune(now) {
            self.announce(now);
        }
    }

    pub(super) fn is_ready(&self) -> bool {
        self.subscribed && !self.workers.is_empty()
    }

    /// Answers a request; gives it back where it is a submit, which [`Session::on_checked`] answers once it was hashed.
    ///
    /// Submits that came before any other request must be answered before it.
    pub(super) fn on_request(&mut self, request: Request, now: Instant) -> Result<Option<Pending>, Hangup> {
        let (was_ready, mask_before) = (self.is_ready(), self.granted_mask);
        let answer = match request.method {
            Method::Configure(asked) => Some(Ok(self.configure(&asked))),
            Method::Subscribe { user_agent, .. } => Some(Ok(self.subscribe(user_agent))),
            Method::Authorize { user, password } => Some(self.authorize(user, password.as_deref())),
            Method::Submit(submit) => return Ok(Some(self.submit(request.id, &submit, now))),
            Method::MalformedSubmit { user, malformed } => {
                let verdict = self.submit_malformed(user.as_ref(), malformed);
                Some(verdict.map(|()| Value::Bool(true)))
            }
            Method::ExtranonceSubscribe => {
                self.takes_extranonce = true;
                Some(Ok(Value::Bool(true)))
            }
            Method::SuggestDifficulty(difficulty) => {
                difficulty.into_iter().for_each(|difficulty| self.station.vardiff.suggest(difficulty));
                None
            }
            Method::Unknown(_) if request.id.is_null() => None,
            Method::Hint(_) => (!request.id.is_null()).then_some(Ok(Value::Bool(true))),
            Method::Malformed(malformed) => Some(Err(malformed.into())),
            Method::Unknown(_) => Some(Err(StratumError::method_not_found())),
        };
        answer.into_iter().for_each(|answer| self.answer(&request.id, answer));
        if !was_ready || self.granted_mask != mask_before {
            self.announce(now);
        } else {
            self.retune(now);
        }
        self.check_shares().map(|()| None)
    }

    pub(super) fn answer(&mut self, id: &Value, answer: Result<Value, StratumError>) {
        match answer {
            Ok(result) => self.out += &encode::response(id, &result),
            Err(error) => self.out += &encode::refusal(id, &error),
        }
    }

    fn configure(&mut self, asked: &Configure) -> Value {
        let mask = if asked.wants_version_rolling() { SERVER_MASK & asked.version_rolling_mask } else { 0 };
        if asked.wants_version_rolling() {
            self.granted_mask = (mask != 0).then_some(mask);
            self.told_mask = mask;
        }
        self.takes_extranonce |= asked.takes_extranonce();
        encode::configure_result(asked, mask)
    }

    fn subscribe(&mut self, user_agent: Option<String>) -> Value {
        self.subscribed = true;
        if let Some(user_agent) = user_agent {
            if user_agent.starts_with(NICEHASH.0) {
                self.station.vardiff.suggest(NICEHASH.1);
            }
            self.station.record.live().user_agent = shown(&user_agent);
        }
        let session = format!("{:x}", self.station.record.id);
        encode::subscribe_result(&session, &self.station.division.part1(), self.station.division.size2)
    }

    fn authorize(&mut self, user: String, password: Option<&str>) -> Result<Value, StratumError> {
        if !self.workers.contains(&user) {
            if self.workers.len() == MAX_WORKERS || user.chars().count() > MAX_NAME_CHARS {
                return Err(StratumError::new(Code::Unauthorized, "Too many workers or too long a name"));
            }
            if self.workers.is_empty() {
                self.station.record.live().worker = shown(&user);
            }
            self.workers.push(user);
        }
        if let Some(difficulty) = password.and_then(vardiff::of_password) {
            self.station.vardiff.suggest(difficulty);
        }
        Ok(json!(true))
    }
}

/// A peer's name, fit to be shown.
pub(super) fn shown(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(MAX_NAME_CHARS).collect()
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
