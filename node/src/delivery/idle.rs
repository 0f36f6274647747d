//! What isn't leased: mined for the seller's own pool. Nothing of it counts for any lease.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hashlease_miner::client::PoolUrl;
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::status::DestinationCounts;
use crate::{
    destination::{Destination, Health, LeaseWork, Pool, SubmitOutcome, WorkJob},
    farm::{Farm, FarmJob, FarmShare, UNLEASED},
};

/// Jobs that shares may still be for.
const MAX_JOBS: usize = 64;
/// Time between looks at the pool's health.
const TICK: Duration = Duration::from_secs(1);

/// How the seller's own pool is doing since the node started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdlePool {
    /// The pool that gave work last.
    pub pool: Option<PoolUrl>,
    /// What it made of the shares.
    pub shares: DestinationCounts,
    /// How fresh its work is.
    pub health: Health,
}

/// The status, shared with the API.
pub(super) type Shared = Arc<Mutex<IdlePool>>;

/// The task that gives the pool's jobs to miners without a lease.
pub(super) struct Idle {
    farm: Farm,
    work: LeaseWork,
    /// Age of the pools' newest work from which miners wait instead.
    stale_after: Duration,
    shares: mpsc::Receiver<FarmShare>,
    jobs: BTreeMap<u64, WorkJob>,
    next_job: u64,
    /// Whether miners have any of the jobs.
    posted: bool,
    status: Shared,
    tasks: TaskTracker,
}

impl Idle {
    pub(super) fn new(
        farm: Farm,
        pool: Pool,
        shares: mpsc::Receiver<FarmShare>,
        status: Shared,
        tasks: TaskTracker,
    ) -> Self {
        let stale_after = pool.patience().stale_after;
        let work = Destination::Pool(pool).lease_work(UNLEASED);
        Self { farm, work, stale_after, shares, jobs: BTreeMap::new(), next_job: 0, posted: false, status, tasks }
    }

    /// Works until the node stops.
    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                changed = self.work.changed() => {
                    if !changed { break }
                    self.post();
                }
                Some(share) = self.shares.recv() => self.take(share),
                _ = ticks.tick() => self.look(),
            }
        }
        self.farm.end_lease(UNLEASED);
    }

    /// Gives the newest job to the miners.
    fn post(&mut self) {
        let Some(work) = self.work.newest() else { return };
        let posted = self.farm.set_job(FarmJob {
            lease: UNLEASED,
            job_id: self.next_job,
            job: Arc::new(work.job.clone()),
            share_target: work.target,
            time: work.time,
            clean: work.clean,
        });
        match posted {
            Ok(()) => {
                self.posted = true;
                self.jobs.insert(self.next_job, work);
                self.next_job += 1;
                while self.jobs.len() > MAX_JOBS {
                    self.jobs.pop_first();
                }
            }
            Err(error) => tracing::warn!(%error, "the farm cannot mine a job of the idle pool"),
        }
        self.look();
    }

    /// Notes the pool's health, and lets miners wait where its work is too old.
    fn look(&mut self) {
        let health = self.work.health();
        if self.posted && health.age.is_none_or(|age| age >= self.stale_after) {
            tracing::warn!(failure = health.failure, "the idle pool gives no work: miners without a lease wait");
            self.farm.end_lease(UNLEASED);
            self.posted = false;
        }
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        (status.pool, status.health) = (self.work.pool(), health);
    }

    fn take(&self, share: FarmShare) {
        let status = Arc::clone(&self.status);
        let count = move |outcome| status.lock().unwrap_or_else(PoisonError::into_inner).shares.count(&outcome);
        let Some(job) = self.jobs.get(&share.job_id).cloned() else {
            return count(Ok(SubmitOutcome::ShareRefused { reason: "not sent: stale".to_owned() }));
        };
        // A block is of use to the pool even where it is no share.
        self.tasks.spawn(async move { count(job.submit(&share.solution).await) });
    }
}
