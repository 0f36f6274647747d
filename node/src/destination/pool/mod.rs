//! Mining for a pool: a Stratum V1 upstream, one connection for each lease, so that no two leases share a coinbase.
//!
//! Of a list of pools the first that gives work is mined for. A pool that gives no fresh job is left for the next one, and
//! a lease returns to a better one after that has given work for a while. Shares belong to the connection that their job
//! came by: one that is left for a better pool still takes those under way for a while; where it ends they are told as
//! lost, and no other pool ever sees them.

mod dial;
mod error;
mod job;
mod line;
mod ranking;
mod upstream;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alloy_primitives::B256;
use hashlease_miner::client::{PoolUrl, Timeouts};
use hashlease_miner::pow::Solution;
use hashlease_miner::pow::share::assemble;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use self::line::Share;
use self::upstream::Upkeep;
use super::{DestinationError, Health, Password, SubmitOutcome};

pub(super) use self::error::PoolError;
pub(super) use self::job::PoolJob;

/// Shares of a lease that wait to be sent; a pool's share comes every few seconds.
const MAX_QUEUED: usize = 64;
/// Time for a pool to answer a share; real ones take milliseconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// How to mine for a pool.
#[derive(Clone, Debug)]
pub struct PoolConfig {
    /// Section of the configuration that says so, to be named where it is wrong.
    pub section: &'static str,
    /// The pools, the preferred one first; each is mined for where those before it give no work.
    pub urls: Vec<PoolUrl>,
    /// Account or worker at each of them.
    pub user: String,
    /// Its password.
    pub password: Password,
    /// When to leave a pool, and when to return.
    pub patience: Patience,
}

/// When a pool counts as dead, and when as alive again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For opening a TCP connection, and for a line to be taken.
    pub network: Duration,
    /// From the connection to its first job.
    pub first_job: Duration,
    /// Without a new job. Pools repeat theirs every 20 to 60 seconds, open sockets or not.
    pub stale_after: Duration,
    /// How long a better pool must give work before a lease returns to it.
    pub healthy_for: Duration,
    /// How long the connection that it leaves then takes shares that are still under way.
    pub drain: Duration,
    /// Longest first wait before a pool that failed is dialled again; doubles up to [`Patience::back_off_max`].
    pub back_off_min: Duration,
    /// Longest wait before a pool that failed is dialled again.
    pub back_off_max: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            network: Duration::from_secs(10),
            first_job: Duration::from_secs(20),
            stale_after: Duration::from_secs(90),
            healthy_for: Duration::from_secs(60),
            drain: Duration::from_secs(30),
            back_off_min: Duration::from_secs(1),
            back_off_max: Duration::from_secs(60),
        }
    }
}

impl Patience {
    /// The same for one connection. Any line shows that a pool lives, but only jobs keep a connection.
    pub(super) fn timeouts(&self) -> Timeouts {
        let Self { network, first_job, stale_after, back_off_min, back_off_max, .. } = *self;
        Timeouts { network, handshake: first_job, silence: stale_after, job: stale_after, back_off_min, back_off_max }
    }
}

/// A list of pools as a destination. Clones are the same; nothing is dialled before a lease asks for work.
#[derive(Clone, Debug)]
pub struct Pool {
    config: Arc<PoolConfig>,
    shutdown: CancellationToken,
}

/// One lease's connection to the pool; it ends with this.
#[derive(Debug)]
pub struct PoolWork {
    jobs: watch::Receiver<Option<Arc<PoolJob>>>,
    /// Generation of the newest job that was given on.
    seen: u64,
    link: Link,
    _connection: DropGuard,
}

/// The way of a lease's shares to its connection. Clones lead to the same one.
#[derive(Clone, Debug)]
pub(super) struct Link {
    shares: mpsc::Sender<Share>,
    shared: Arc<Shared>,
}

/// What a lease's connection and its users share.
#[derive(Debug, Default)]
struct Shared {
    /// Ends a connection whose coinbase another lease has.
    renew: Notify,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When the pool last gave a job, or took a share of one: it was current then.
    current_at: Option<Instant>,
    failure: Option<String>,
    /// The pool that gave work last.
    pool: Option<PoolUrl>,
}

impl Pool {
    /// Prepares to mine for the pools until shutdown.
    pub fn new(config: PoolConfig, shutdown: CancellationToken) -> Self {
        Self { config: Arc::new(config), shutdown }
    }

    /// When a pool of the list is left.
    pub fn patience(&self) -> Patience {
        self.config.patience
    }

    /// Opens a connection for a lease and keeps it open, dialling again for as long as it takes.
    ///
    /// Must be called inside a tokio runtime.
    pub(super) fn connect(&self, lease: B256) -> PoolWork {
        let (job_sender, jobs) = watch::channel(None);
        let (shares, share_queue) = mpsc::channel(MAX_QUEUED);
        let shared = Arc::<Shared>::default();
        let stop = self.shutdown.child_token();
        let upkeep = Upkeep::new(Arc::clone(&self.config), lease, job_sender, share_queue, Arc::clone(&shared));
        TaskTracker::new().spawn(stop.clone().run_until_cancelled_owned(upkeep.run()));
        PoolWork { jobs, seen: 0, link: Link { shares, shared }, _connection: stop.drop_guard() }
    }
}

impl PoolWork {
    /// Waits for a job that [`PoolWork::newest`] has not given yet; cancel safe.
    pub(super) async fn changed(&mut self) -> bool {
        self.jobs.changed().await.is_ok()
    }

    /// Returns the newest job, the way back, and whether it voids all jobs that were returned before.
    pub(super) fn newest(&mut self) -> Option<(Arc<PoolJob>, Link, bool)> {
        let job = self.jobs.borrow_and_update().clone()?;
        // A clean job may have come and gone unseen: what counts is whether there was one since.
        let clean = job.generation != self.seen;
        self.seen = job.generation;
        Some((job, self.link.clone(), clean))
    }

    /// Opens another connection, since the coinbase of this one belongs to another lease.
    pub(super) fn renew(&self) {
        self.link.shared.renew.notify_one();
    }

    /// Returns the pool that gave work last.
    pub(super) fn pool(&self) -> Option<PoolUrl> {
        self.link.shared.state().pool.clone()
    }

    /// Tells when the pool's work was last known to be current, and what is wrong.
    pub(super) fn health(&self) -> Health {
        let state = self.link.shared.state();
        Health { age: state.current_at.map(|instant| instant.elapsed()), failure: state.failure.clone() }
    }
}

impl Link {
    /// Gives the pool a share and waits for its answer.
    pub(super) async fn submit(
        &self,
        job: Arc<PoolJob>,
        solution: &Solution,
    ) -> Result<SubmitOutcome, DestinationError> {
        let checked = assemble(&job.job, solution).map_err(|_| DestinationError::NotAShare)?;
        if !checked.meets(&job.target) {
            return Err(DestinationError::NotAShare);
        }
        let is_block = checked.is_block();
        if is_block {
            tracing::info!(hash = %checked.hash, "a share for the pool is a block");
        }
        let (answer, answered) = oneshot::channel();
        let share = Share { found: job.found(solution, checked.hash), job, is_block, answer };
        if self.shares.try_send(share).is_err() {
            return Ok(lost("too many shares wait for the pool"));
        }
        Ok(match timeout(ANSWER_TIMEOUT, answered).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => lost("the connection ended"),
            Err(_) => lost("no answer"),
        })
    }
}

/// A share of which nobody knows what the pool makes.
fn lost(why: &str) -> SubmitOutcome {
    SubmitOutcome::ShareRefused { reason: format!("lost: {why}") }
}

/// A share that the pool isn't bothered with.
fn not_sent(why: &str) -> SubmitOutcome {
    SubmitOutcome::ShareRefused { reason: format!("not sent: {why}") }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
