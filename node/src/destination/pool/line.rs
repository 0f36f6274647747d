//! One connection to a pool with what is under way on it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use hashlease_miner::client::{Event, Upstream};
use hashlease_miner::pow::Hash256;
use hashlease_miner::worker::{Found, Work};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::error::{PoolError, reason};
use super::{PoolJob, lost, not_sent};
use crate::destination::SubmitOutcome;

/// Most shares of jobs that hold at the same time: at a hundred a second, those of ten minutes.
const MAX_SENT: usize = 65_536;
/// A generation that no job is of.
const NO_GENERATION: u64 = 0;

/// A share on its way to the pool.
#[derive(Debug)]
pub(super) struct Share {
    pub(super) job: Arc<PoolJob>,
    pub(super) found: Found,
    pub(super) is_block: bool,
    pub(super) answer: oneshot::Sender<SubmitOutcome>,
}

/// A connection that gives work, or gave it. Who still waits when it ends is told that the share is lost.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) upstream: Upstream,
    /// Its number, from one on; shares name it.
    number: u64,
    /// Generation of its newest job: one more, over all connections, with each job that voids all before it.
    generation: u64,
    /// Hashes that were sent since then. Pools shut out users who repeat themselves, and a seller could make this node do so.
    sent: HashSet<Hash256>,
    /// Who waits for which answer; the session bounds their number.
    waiting: HashMap<u64, oneshot::Sender<SubmitOutcome>>,
}

/// What a connection's event asks of its lease.
#[derive(Debug)]
pub(super) enum News {
    /// A job, and whether it voids all before it.
    Job(Box<Work>, bool),
    /// The pool took a share, so that it is alive.
    Accepted,
    /// Nothing.
    None,
}

impl Line {
    pub(super) fn new(upstream: Upstream, number: u64) -> Self {
        Self { upstream, number, generation: NO_GENERATION, sent: HashSet::new(), waiting: HashMap::new() }
    }

    /// Whether a share is for one of its jobs.
    pub(super) fn gave(&self, job: &PoolJob) -> bool {
        job.connection == self.number
    }

    /// Voids all its jobs so far.
    pub(super) fn begin(&mut self, generation: u64) {
        self.generation = generation;
        self.sent.clear();
    }

    /// Makes a job of its newest work.
    pub(super) fn job(&self, work: Work) -> Result<PoolJob, PoolError> {
        PoolJob::new(work, self.generation, self.number)
    }

    /// Submits a share of one of its jobs, unless the pool would refuse it.
    pub(super) fn offer(&mut self, share: Share) {
        let is_stale = share.job.generation != self.generation;
        let refused = if is_stale && !share.is_block {
            Some(not_sent("stale"))
        } else if self.sent.len() >= MAX_SENT || !self.sent.insert(share.found.hash) {
            Some(not_sent("duplicate"))
        } else {
            None
        };
        match refused {
            Some(outcome) => drop(share.answer.send(outcome)),
            None => {
                let number = self.upstream.submit(&share.found);
                self.waiting.insert(number, share.answer);
            }
        }
    }

    /// Takes in what happened, and brings answers to who waits for them.
    pub(super) fn take(&mut self, event: Event) -> News {
        match event {
            Event::Ready => {}
            Event::Job { work, clean, .. } => return News::Job(Box::new(work), clean),
            Event::Accepted { share, .. } => {
                self.answer(share, SubmitOutcome::ShareAccepted);
                return News::Accepted;
            }
            Event::Refused { share, refusal } => {
                self.answer(share, SubmitOutcome::ShareRefused { reason: reason(&refusal) });
            }
            Event::Unanswered { share } => self.answer(share, lost("no answer")),
            // The pool ends the connection where it means it.
            Event::Reconnect { .. } => tracing::debug!("the pool's wish to reconnect is ignored"),
        }
        News::None
    }

    fn answer(&mut self, share: u64, outcome: SubmitOutcome) {
        if let Some(answer) = self.waiting.remove(&share) {
            let _ = answer.send(outcome);
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.waiting.drain().for_each(|(_, answer)| drop(answer.send(lost("the connection ended"))));
    }
}

/// A connection that was left for a better pool, and still takes shares that are under way for its jobs.
#[derive(Debug)]
pub(super) struct Draining {
    pub(super) line: Line,
    pub(super) until: Instant,
}

impl Draining {
    /// Waits for what happens next on it; `None` once it is over.
    ///
    /// Cancel safe.
    pub(super) async fn next(&mut self) -> Option<Event> {
        let event = timeout_at(self.until, self.line.upstream.next()).await.ok()?.ok();
        event.filter(|_| Instant::now() < self.until)
    }

    /// As [`Line::take`]; a clean job of its pool voids what is under way.
    pub(super) fn take(&mut self, event: Event) {
        if let News::Job(_, true) = self.line.take(event) {
            self.line.begin(NO_GENERATION);
        }
    }
}
