//! Keeps a lease at work, connection after connection, at the best pool that gives any.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::pin::pin;
use std::sync::Arc;

use alloy_primitives::B256;
use futures::future::{BoxFuture, FutureExt as _, OptionFuture};
use hashlease_miner::client::{Event, Upstream};
use hashlease_miner::pow::Hash256;
use hashlease_miner::worker::{Found, Work};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

use super::dial::{Failed, Served, dial, prove};
use super::error::{PoolError, reason};
use super::ranking::Ranking;
use super::{PoolConfig, PoolJob, Shared, lost, not_sent};
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

/// A better pool, once it has shown itself healthy; never where there is none.
type Better = OptionFuture<BoxFuture<'static, Result<Served, Failed>>>;

/// The task of one lease.
pub(super) struct Upkeep {
    config: Arc<PoolConfig>,
    lease: B256,
    jobs: watch::Sender<Option<Arc<PoolJob>>>,
    shares: mpsc::Receiver<Share>,
    shared: Arc<Shared>,
    ranking: Ranking,
    /// Why each pool that failed did, until it gives work again.
    failures: BTreeMap<usize, String>,
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
        config: Arc<PoolConfig>,
        lease: B256,
        jobs: watch::Sender<Option<Arc<PoolJob>>>,
        shares: mpsc::Receiver<Share>,
        shared: Arc<Shared>,
    ) -> Self {
        let ranking = Ranking::new(config.urls.len(), &config.patience, Instant::now());
        Self {
            config,
            lease,
            jobs,
            shares,
            shared,
            ranking,
            failures: BTreeMap::new(),
            connection: 0,
            generation: 0,
            sent: HashSet::new(),
            waiting: HashMap::new(),
        }
    }

    /// Connects again and again, until it is cancelled.
    pub(super) async fn run(mut self) {
        let mut better = None;
        loop {
            let served = match better.take() {
                Some(served) => served,
                None => self.connect().await,
            };
            better = self.serve(served).await;
            self.waiting.drain().for_each(|(_, answer)| drop(answer.send(lost("the connection ended"))));
        }
    }

    /// Dials pool after pool until one gives work.
    async fn connect(&mut self) -> Served {
        loop {
            let Some(turn) = self.ranking.next(Instant::now()) else { return std::future::pending().await };
            without_connection(&mut self.shares, sleep_until(turn.due)).await;
            match without_connection(&mut self.shares, dial(&self.config, turn)).await {
                Ok(served) => return served,
                Err(failed) => self.note(&failed, Instant::now()),
            }
        }
    }

    /// Runs one connection to its end; returns a better one where that is why it ended.
    async fn serve(&mut self, served: Served) -> Option<Served> {
        let Served { pool, mut upstream, work } = served;
        let began = Instant::now();
        self.connection += 1;
        self.failures.remove(&pool);
        tracing::info!(lease = %self.lease, pool = %self.config.urls[pool], "the pool gives work");
        let ended = match self.publish(work, true) {
            Ok(()) => self.exchange(pool, &mut upstream).await,
            Err(error) => Err(error),
        };
        let error = match ended {
            Ok(better) => return Some(better),
            Err(error) => error,
        };
        if matches!(error, PoolError::SharedCoinbase) {
            // Nobody may work on that job.
            self.jobs.send_replace(None);
        }
        self.note(&Failed { pool, error, configure: !upstream.disliked_configure() }, began);
        None
    }

    /// Takes jobs and answers, and gives shares, until the connection fails or a better pool is back.
    async fn exchange(&mut self, pool: usize, upstream: &mut Upstream) -> Result<Served, PoolError> {
        let shared = Arc::clone(&self.shared);
        let mut better = self.look_for_better(pool);
        loop {
            tokio::select! {
                event = upstream.next() => self.take(event?)?,
                Some(share) = self.shares.recv() => self.offer(share, upstream),
                () = shared.renew.notified() => return Err(PoolError::SharedCoinbase),
                Some(found) = &mut better => {
                    match found {
                        Ok(served) => return Ok(served),
                        // Work goes on where it is: no failure of the lease's.
                        Err(failed) => self.rank(&failed, Instant::now()),
                    }
                    better = self.look_for_better(pool);
                }
            }
        }
    }

    fn look_for_better(&self, than: usize) -> Better {
        let turn = self.ranking.better_than(than, Instant::now());
        let config = Arc::clone(&self.config);
        turn.map(|turn| async move { prove(&config, turn).await }.boxed()).into()
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
            Event::Ready => {}
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

    /// Keeps the health while no pool gives work.
    fn note(&mut self, failed: &Failed, served_since: Instant) {
        self.rank(failed, served_since);
        let failures: Vec<&str> = self.failures.values().map(String::as_str).collect();
        self.shared.state().failure = Some(failures.join("; "));
    }

    /// Lets a pool that failed wait for its next turn, and logs a line where the failure is another than before.
    fn rank(&mut self, failed: &Failed, served_since: Instant) {
        let Failed { pool, error, configure } = failed;
        self.ranking.set_configure(*pool, *configure);
        self.ranking.failed(*pool, served_since.elapsed(), Instant::now(), &mut rand::rng());
        let failure = format!("{} of pool.urls: {}", self.config.urls[*pool], error.with_causes());
        if self.failures.get(pool) != Some(&failure) {
            tracing::warn!(lease = %self.lease, error = failure, "a pool gives no work");
            self.failures.insert(*pool, failure);
        }
    }
}

/// Waits for something; shares that come meanwhile have no way to a pool.
async fn without_connection<T>(shares: &mut mpsc::Receiver<Share>, awaited: impl Future<Output = T>) -> T {
    let mut awaited = pin!(awaited);
    loop {
        tokio::select! {
            done = &mut awaited => return done,
            Some(share) = shares.recv() => drop(share.answer.send(lost("no connection"))),
        }
    }
}
