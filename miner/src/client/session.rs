//! One connection's conversation, without I/O: messages in, steps out.

use std::collections::VecDeque;

use serde_json::{Value, json};

use crate::pow::{Target, target};
use crate::stratum::from_miner::Submit;
use crate::stratum::from_pool::{Subscribed, granted_version_mask};
use crate::stratum::{FromPool, Malformed, Notification, Notify, Refusal, Response, encode};
use crate::worker::{Found, Work};

/// Version bits that may be rolled by BIP 320; what a pool grants beyond them isn't used.
const VERSION_MASK: u32 = 0x1fff_e000;

/// Most shares that may wait for an answer; the oldest beyond them count as unanswered.
const MAX_UNANSWERED: usize = 1_024;

/// Name and version, as pools show them.
const USER_AGENT: &str = concat!("hashlease-miner/", env!("CARGO_PKG_VERSION"));

/// What the connection has to do next.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// Send a line.
    Send(String),
    /// The handshake is over.
    Ready,
    /// Mine this; drop shares of earlier work where `clean`.
    Mine { work: Work, difficulty: f64, clean: bool },
    /// The pool accepted a share that stands for this work, its hash of this difficulty.
    Accepted { share: u64, work: u128, difficulty: f64 },
    /// The pool rejected a share.
    Rejected { share: u64, refusal: Refusal },
    /// The pool never answered a share.
    Unanswered { share: u64 },
    /// Close, wait at least so many seconds, and connect again.
    Reconnect { wait_s: u64 },
}

/// Why a conversation can't go on.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// No job will come.
    #[error("the pool refused the subscription: {0}")]
    Subscribe(Refusal),
    /// An extranonce that fits no solution.
    #[error("the pool's subscription can't be used")]
    Subscription(#[source] Malformed),
    /// The pool doesn't know the user, or the password is wrong.
    #[error("the pool refused the user: {0}; check --user and --pass-file")]
    Unauthorized(Refusal),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Configuring { id: u64 },
    Subscribing { id: u64 },
    Authorizing { id: u64 },
    Mining,
}

/// The state of one conversation.
#[derive(Debug)]
pub(super) struct Session {
    user: String,
    password: String,
    phase: Phase,
    next_id: u64,
    /// Whether the pool granted version rolling, be it with bits to come.
    rolls_version: bool,
    /// Granted version bits; zero without version rolling.
    version_mask: u32,
    configure_refused: bool,
    extranonce: Subscribed,
    /// Difficulty of the next job, and its target.
    difficulty: (f64, Target),
    /// A job that came before the handshake's end, with the difficulty that was in force.
    early: Option<(Notify, (f64, Target))>,
    /// The current work, with its difficulty.
    work: Option<(Work, f64)>,
    /// Shares without an answer, oldest first.
    unanswered: VecDeque<Unanswered>,
}

/// A share that waits for its answer.
#[derive(Debug)]
struct Unanswered {
    id: u64,
    /// Work of its target, in hashes.
    work: u128,
    /// Difficulty of its hash.
    difficulty: f64,
}

impl Session {
    /// Begins the handshake, with `mining.configure` unless this pool is known to dislike it.
    pub(super) fn open(user: String, password: String, configure: bool) -> (Self, Step) {
        let mut session = Self {
            user,
            password,
            phase: Phase::Mining,
            next_id: 1,
            rolls_version: false,
            version_mask: 0,
            configure_refused: false,
            extranonce: Subscribed { extranonce1: Vec::new(), extranonce2_size: 0 },
            difficulty: (1.0, Target::MAX),
            early: None,
            work: None,
            unanswered: VecDeque::new(),
        };
        session.set_difficulty(1.0);
        let first = if configure { session.configure() } else { session.subscribe() };
        (session, first)
    }

    /// Whether the pool refused `mining.configure`, or hasn't answered it.
    pub(super) fn dislikes_configure(&self) -> bool {
        self.configure_refused || matches!(self.phase, Phase::Configuring { .. })
    }

    /// Number of shares that still wait for an answer.
    pub(super) fn unanswered(&self) -> u64 {
        self.unanswered.len() as u64
    }

    /// Bytes of extranonce2 that the pool leaves to its miners; `None` before the subscription.
    pub(super) fn extranonce2_size(&self) -> Option<u8> {
        let subscribed = self.extranonce.extranonce2_size > 0 || !self.extranonce.extranonce1.is_empty();
        subscribed.then_some(self.extranonce.extranonce2_size)
    }

    /// Version bits that the pool lets roll; zero without version rolling.
    pub(super) fn version_mask(&self) -> u32 {
        self.version_mask
    }

    /// Takes a message of the pool.
    pub(super) fn receive(&mut self, message: FromPool) -> Result<Vec<Step>, SessionError> {
        match message {
            FromPool::Response(response) => self.response(response),
            FromPool::Notification { id, notification } => Ok(self.notification(&id, notification)),
        }
    }

    /// Submits a share; its number stands in what becomes of it.
    pub(super) fn submit(&mut self, found: &Found) -> (u64, Vec<Step>) {
        let solution = &found.solution;
        let submit = Submit {
            user: self.user.clone(),
            job_id: found.work.job_id.clone(),
            extranonce2: found.extranonce2().to_vec(),
            time: solution.time,
            nonce: solution.nonce,
            // BIP 310 wants them wherever rolling was granted, even where the mask left nothing to roll, and nowhere else.
            version_bits: self.rolls_version.then_some(solution.version & self.version_mask),
        };
        let (id, send) = self.request("mining.submit", &encode::submit_params(&submit));
        let (work, difficulty) = (found.work.target.work(), target::difficulty_of(&found.hash));
        self.unanswered.push_back(Unanswered { id, work, difficulty });
        let mut steps = vec![send];
        if self.unanswered.len() > MAX_UNANSWERED {
            let oldest = self.unanswered.pop_front();
            steps.extend(oldest.map(|share| Step::Unanswered { share: share.id }));
        }
        (id, steps)
    }

    fn request(&mut self, method: &str, params: &Value) -> (u64, Step) {
        let id = self.next_id;
        self.next_id += 1;
        (id, Step::Send(encode::request(id, method, params)))
    }

    fn configure(&mut self) -> Step {
        let options =
            json!({ "version-rolling.mask": format!("{VERSION_MASK:08x}"), "version-rolling.min-bit-count": 0 });
        let (id, send) = self.request("mining.configure", &json!([["version-rolling"], options]));
        self.phase = Phase::Configuring { id };
        send
    }

    fn subscribe(&mut self) -> Step {
        let (id, send) = self.request("mining.subscribe", &json!([USER_AGENT]));
        self.phase = Phase::Subscribing { id };
        send
    }

    fn authorize(&mut self) -> Step {
        let params = json!([self.user, self.password]);
        let (id, send) = self.request("mining.authorize", &params);
        self.phase = Phase::Authorizing { id };
        send
    }

    fn response(&mut self, response: Response) -> Result<Vec<Step>, SessionError> {
        let Some(id) = response.id.as_u64() else { return Ok(Vec::new()) };
        match self.phase {
            Phase::Configuring { id: asked } if asked == id => {
                // A pool that refuses is mined without version rolling, here or, if it hangs up too, on the next connection.
                self.configure_refused = response.outcome.is_err();
                let granted = response.outcome.ok().and_then(|result| granted_version_mask(&result));
                self.rolls_version = granted.is_some();
                self.version_mask = granted.unwrap_or(0) & VERSION_MASK;
                Ok(vec![self.subscribe()])
            }
            Phase::Subscribing { id: asked } if asked == id => {
                let result = response.outcome.map_err(SessionError::Subscribe)?;
                self.extranonce = Subscribed::parse(&result).map_err(SessionError::Subscription)?;
                Ok(vec![self.authorize()])
            }
            Phase::Authorizing { id: asked } if asked == id => {
                response.outcome.map_err(SessionError::Unauthorized)?;
                Ok(self.begin_mining())
            }
            _ => Ok(self.share_answer(id, response.outcome).into_iter().collect()),
        }
    }

    /// The handshake's end. Whether the pool knows `mining.extranonce.subscribe` doesn't matter, nor its answer.
    fn begin_mining(&mut self) -> Vec<Step> {
        self.phase = Phase::Mining;
        let (_, send) = self.request("mining.extranonce.subscribe", &json!([]));
        let mut steps = vec![Step::Ready, send];
        if let Some((notify, difficulty)) = self.early.take() {
            steps.push(self.mine(&notify, difficulty));
        }
        steps
    }

    fn share_answer(&mut self, id: u64, outcome: Result<Value, Refusal>) -> Option<Step> {
        let place = self.unanswered.iter().position(|waiting| waiting.id == id)?;
        let Unanswered { work, difficulty, .. } = self.unanswered.remove(place)?;
        Some(match outcome {
            Ok(_) => Step::Accepted { share: id, work, difficulty },
            Err(refusal) => Step::Rejected { share: id, refusal },
        })
    }

    fn notification(&mut self, id: &Value, notification: Notification) -> Vec<Step> {
        match notification {
            Notification::Notify(notify) if self.phase == Phase::Mining => {
                return vec![self.mine(&notify, self.difficulty)];
            }
            Notification::Notify(notify) => self.early = Some((notify, self.difficulty)),
            Notification::SetDifficulty(difficulty) => self.set_difficulty(difficulty),
            Notification::SetExtranonce { extranonce1, extranonce2_size } => {
                self.extranonce = Subscribed { extranonce1, extranonce2_size };
            }
            Notification::SetVersionMask(mask) if self.rolls_version => {
                return self.set_version_mask(mask & VERSION_MASK);
            }
            // Rolled bits would have no place in the submission.
            Notification::SetVersionMask(_) => tracing::debug!("the pool sent a version mask without a grant to roll"),
            Notification::Ping => return vec![Step::Send(encode::response(id, &json!("pong")))],
            Notification::GetVersion => return vec![Step::Send(encode::response(id, &json!(USER_AGENT)))],
            // Where to reconnect to isn't taken from an unauthenticated line: it would hand the hashpower to whoever writes one.
            Notification::Reconnect { wait_s } => return vec![Step::Reconnect { wait_s }],
            Notification::ShowMessage(text) => tracing::info!(text, "message from the pool"),
            Notification::Malformed(Malformed(reason)) => {
                tracing::warn!(reason, "the pool sent a malformed notification")
            }
            Notification::Unknown(method) => tracing::debug!(method, "the pool sent an unknown notification"),
        }
        Vec::new()
    }

    fn set_difficulty(&mut self, difficulty: f64) {
        match Target::from_difficulty(difficulty) {
            Ok(target) => self.difficulty = (difficulty, target),
            Err(error) => tracing::warn!(%error, "the pool sent an impossible difficulty"),
        }
    }

    /// A new mask holds at once, so the current work goes on with it; shares rolled under a wider one are dropped.
    fn set_version_mask(&mut self, mask: u32) -> Vec<Step> {
        let narrower = self.version_mask & !mask != 0;
        self.version_mask = mask;
        let Some((work, difficulty)) = &mut self.work else { return Vec::new() };
        work.job.version_mask = mask;
        vec![Step::Mine { work: work.clone(), difficulty: *difficulty, clean: narrower }]
    }

    /// Turns a job to work. Earlier work is void where the pool says so, on a new block, and under a new extranonce.
    fn mine(&mut self, notify: &Notify, (difficulty, target): (f64, Target)) -> Step {
        let Subscribed { extranonce1, extranonce2_size } = &self.extranonce;
        let size = extranonce1.len() + usize::from(*extranonce2_size);
        let job = notify.to_job(u8::try_from(size).unwrap_or(u8::MAX), self.version_mask);
        let work =
            Work { job_id: notify.job_id.clone(), job, extranonce1: extranonce1.clone(), target, time: notify.time };
        let continues = self.work.as_ref().is_some_and(|(earlier, _)| {
            earlier.job.prev_hash == work.job.prev_hash && earlier.extranonce1 == work.extranonce1
        });
        self.work = Some((work.clone(), difficulty));
        Step::Mine { work, difficulty, clean: notify.clean || !continues }
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
