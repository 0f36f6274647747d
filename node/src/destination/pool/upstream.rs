//! Keeps a lease at work, connection after connection, at the best pool that gives any.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;

use alloy_primitives::B256;
use futures::future::{BoxFuture, FutureExt as _, OptionFuture};
use hashlease_miner::client::Event;
use hashlease_miner::worker::Work;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::dial::{Failed, Served, dial, prove};
use super::error::PoolError;
use super::line::{Draining, Line, News, Share};
use super::ranking::Ranking;
use super::{PoolConfig, PoolJob, Shared, lost};

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
    /// Connections so far.
    connections: u64,
    /// Jobs so far that voided all before them.
    generations: u64,
    /// The connection before the present one, where it was left for a better pool.
    draining: Option<Draining>,
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
            connections: 0,
            generations: 0,
            draining: None,
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
        }
    }

    /// Dials pool after pool until one gives work.
    async fn connect(&mut self) -> Served {
        self.draining = None;
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
        let Served { pool, upstream, work } = served;
        let began = Instant::now();
        self.connections += 1;
        let mut line = Line::new(upstream, self.connections);
        self.failures.remove(&pool);
        self.shared.state().pool = self.config.urls.get(pool).cloned();
        tracing::info!(lease = %self.lease, pool = %self.config.urls[pool], "the pool gives work");
        let ended = match self.publish(&mut line, work, true) {
            Ok(()) => self.exchange(pool, &mut line).await,
            Err(error) => Err(error),
        };
        let error = match ended {
            Ok(better) => {
                self.draining = Some(Draining { line, until: Instant::now() + self.config.patience.drain });
                return Some(better);
            }
            Err(error) => error,
        };
        if matches!(error, PoolError::SharedCoinbase) {
            // Nobody may work on that job.
            self.jobs.send_replace(None);
        }
        self.note(&Failed { pool, error, configure: !line.upstream.disliked_configure() }, began);
        None
    }

    /// Takes jobs and answers, and gives shares, until the connection fails or a better pool is back.
    async fn exchange(&mut self, pool: usize, line: &mut Line) -> Result<Served, PoolError> {
        let shared = Arc::clone(&self.shared);
        let mut better = self.look_for_better(pool);
        loop {
            tokio::select! {
                event = line.upstream.next() => self.take(event?, line)?,
                Some(share) = self.shares.recv() => self.offer(share, line),
                event = next_of(&mut self.draining) => self.drain(event),
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

    /// Gives a share to the connection that its job came by.
    fn offer(&mut self, share: Share, line: &mut Line) {
        let draining = self.draining.as_mut().map(|draining| &mut draining.line);
        match [Some(line), draining].into_iter().flatten().find(|line| line.gave(&share.job)) {
            Some(line) => line.offer(share),
            None => drop(share.answer.send(lost("its connection ended"))),
        }
    }

    fn take(&mut self, event: Event, line: &mut Line) -> Result<(), PoolError> {
        match line.take(event) {
            News::Job(work, clean) => self.publish(line, *work, clean)?,
            News::Accepted => self.shared.state().current_at = Some(Instant::now()),
            News::None => {}
        }
        Ok(())
    }

    fn drain(&mut self, event: Option<Event>) {
        match (event, &mut self.draining) {
            (Some(event), Some(draining)) => draining.take(event),
            _ => self.draining = None,
        }
    }

    fn publish(&mut self, line: &mut Line, work: Work, clean: bool) -> Result<(), PoolError> {
        if clean {
            self.generations += 1;
            line.begin(self.generations);
        }
        let job = line.job(work)?;
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
        let section = self.config.section;
        let failure = format!("{} of {section}.urls: {}", self.config.urls[*pool], error.with_keys_of(section));
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

/// Waits for what happens on a connection that was left; for ever where there is none.
async fn next_of(draining: &mut Option<Draining>) -> Option<Event> {
    match draining {
        Some(draining) => draining.next().await,
        None => std::future::pending().await,
    }
}
