//! Keeps a lease's connection open, connection after connection.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use alloy_primitives::B256;
use hashlease_miner::client::{BackOff, Event, Upstream};
use hashlease_miner::pow::Hash256;
use hashlease_miner::worker::{Found, Work};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::error::{PoolError, reason};
use super::{Pool, PoolJob, Shared, lost, not_sent};
use crate::destination::SubmitOutcome;

/// Most shares of jobs that hold at the same time: at a hundred a second, those of ten minutes.
const MAX_SENT: usize = 65_536;

/// A share on its way to the pool.
#[derive(Debug)]
pub(super) struct Share {
    pub(super) job: Arc<PoolJob>,
    pub(super) found: Found,
    pub(super) is_block: bool,
    pub(super) answer: oneshot::Sender<SubmitOutcome>,
}

/// The task of one lease.
pub(super) struct Upkeep {
    pool: Pool,
    lease: B256,
    jobs: watch::Sender<Option<Arc<PoolJob>>>,
    shares: mpsc::Receiver<Share>,
    shared: Arc<Shared>,
    /// Number of the present connection.
    connection: u64,
    /// Number of jobs so far that voided all before them.
    generation: u64,
    /// Hashes that were sent since then. Pools shut out users who repeat themselves, and a seller could make this node do so.
    sent: HashSet<Hash256>,
    /// Who waits for which answer of the present connection; the session bounds their number.
    waiting: HashMap<u64, oneshot::Sender<SubmitOutcome>>,
}

impl Upkeep {
    pub(super) fn new(
        pool: Pool,
        lease: B256,
        jobs: watch::Sender<Option<Arc<PoolJob>>>,
        shares: mpsc::Receiver<Share>,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            pool,
            lease,
            jobs,
            shares,
            shared,
            connection: 0,
            generation: 0,
            sent: HashSet::new(),
            waiting: HashMap::new(),
        }
    }

    /// Connects again and again, until it is cancelled.
    pub(super) async fn run(mut self) {
        let timeouts = self.pool.timeouts;
        let mut back_off = BackOff::new(timeouts.back_off_min, timeouts.back_off_max);
        let mut configure = true;
        loop {
            self.connection += 1;
            let began = Instant::now();
            let error = self.converse(&mut configure).await;
            self.waiting.drain().for_each(|(_, answer)| drop(answer.send(lost("the connection ended"))));
            // One that served for a while counts as a success, whatever ended it.
            if began.elapsed() > timeouts.back_off_max {
                back_off.reset();
            }
            let wait = back_off.step(&mut rand::rng());
            self.note(&error);
            if matches!(error, PoolError::SharedCoinbase) {
                // Nobody may work on that job.
                self.jobs.send_replace(None);
            }
            self.pause(Instant::now() + wait).await;
        }
    }

    /// Runs one connection to its end.
    async fn converse(&mut self, configure: &mut bool) -> PoolError {
        let (config, timeouts) = (Arc::clone(&self.pool.config), self.pool.timeouts);
        let password = config.password.reveal().to_owned();
        let asked = *configure;
        // Whether it was the request that a pool went away over, or a passing fault, shows in the connection after.
        *configure = true;
        let opened = Upstream::open(&config.url, config.user.clone(), password, timeouts, asked).await;
        let mut upstream = match opened {
            Ok(upstream) => upstream,
            Err(error) => return error.into(),
        };
        let ended = self.serve(&mut upstream).await;
        *configure = !upstream.disliked_configure();
        match ended {
            Err(error) => error,
            Ok(never) => match never {},
        }
    }

    async fn serve(&mut self, upstream: &mut Upstream) -> Result<std::convert::Infallible, PoolError> {
        let shared = Arc::clone(&self.shared);
        loop {
            tokio::select! {
                event = upstream.next() => self.take(event?)?,
                Some(share) = self.shares.recv() => self.offer(share, upstream),
                () = shared.renew.notified() => return Err(PoolError::SharedCoinbase),
            }
        }
    }

    fn offer(&mut self, share: Share, upstream: &mut Upstream) {
        let is_stale = share.job.generation != self.generation;
        let refused = if share.job.connection != self.connection {
            Some(lost("its connection ended"))
        } else if is_stale && !share.is_block {
            Some(not_sent("stale"))
        } else if self.sent.len() >= MAX_SENT || !self.sent.insert(share.found.hash) {
            Some(not_sent("duplicate"))
        } else {
            None
        };
        match refused {
            Some(outcome) => drop(share.answer.send(outcome)),
            None => {
                let number = upstream.submit(&share.found);
                self.waiting.insert(number, share.answer);
            }
        }
    }

    fn take(&mut self, event: Event) -> Result<(), PoolError> {
        match event {
            Event::Ready => tracing::info!(lease = %self.lease, pool = %self.pool.config.url, "the pool takes shares"),
            Event::Job { work, clean, .. } => self.publish(work, clean)?,
            Event::Accepted { share, .. } => {
                self.shared.state().current_at = Some(Instant::now());
                self.answer(share, SubmitOutcome::ShareAccepted);
            }
            Event::Refused { share, refusal } => {
                self.answer(share, SubmitOutcome::ShareRefused { reason: reason(&refusal) });
            }
            Event::Unanswered { share } => self.answer(share, lost("no answer")),
            // The pool ends the connection where it means it.
            Event::Reconnect { .. } => tracing::debug!(lease = %self.lease, "the pool's wish to reconnect is ignored"),
        }
        Ok(())
    }

    fn answer(&mut self, share: u64, outcome: SubmitOutcome) {
        if let Some(answer) = self.waiting.remove(&share) {
            let _ = answer.send(outcome);
        }
    }

    fn publish(&mut self, work: Work, clean: bool) -> Result<(), PoolError> {
        if clean {
            self.generation += 1;
            self.sent.clear();
        }
        let job = PoolJob::new(work, self.generation, self.connection)?;
        {
            let mut state = self.shared.state();
            state.current_at = Some(Instant::now());
            state.failure = None;
        }
        self.jobs.send_replace(Some(Arc::new(job)));
        Ok(())
    }

    /// Keeps the health, and logs a line where it changes.
    fn note(&self, error: &PoolError) {
        let failure = error.with_causes();
        let mut state = self.shared.state();
        if state.failure.as_ref() != Some(&failure) {
            tracing::warn!(lease = %self.lease, pool = %self.pool.config.url, error = failure, "the pool gives no work");
            state.failure = Some(failure);
        }
    }

    /// Waits; shares that come meanwhile have no way to the pool.
    async fn pause(&mut self, until: Instant) {
        loop {
            tokio::select! {
                () = sleep_until(until) => return,
                Some(share) = self.shares.recv() => drop(share.answer.send(lost("no connection"))),
            }
        }
    }
}
