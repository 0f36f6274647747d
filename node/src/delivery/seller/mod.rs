//! The seller's side of a lease: jobs to the farm, shares to the agent, claims for what was accepted, and standby work
//! where there is no usable job.

mod claims;
mod jobs;
mod shares;

use std::{collections::BTreeMap, time::Duration};

use alloy_primitives::B256;
use hashlease_domain::{
    lease::{Lease, Stage},
    receipt::Claim,
};
use tokio::{
    sync::{broadcast, mpsc},
    time::{Instant, MissedTickBehavior, interval, timeout},
};

use self::{
    jobs::{Jobs, Origin},
    shares::Acceptance,
};
use super::{DeliveryError, account::Account, manager::Shared, receipt_interval_s};
use crate::{
    clock,
    farm::{Farm, FarmJob, FarmShare},
    net::{
        WorkReader, WorkStream, WorkWriter,
        wire::{MAX_BATCH, WorkMessage},
    },
    registry::Notice,
};

/// Time between looks at what is due.
const TICK: Duration = Duration::from_millis(200);
/// Time for the agent to take a message; one that reads no longer is as good as gone.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);
/// Intervals that a claim may stay unanswered before the seller relies on standby (section 4).
const PATIENCE_INTERVALS: u64 = 2;

pub(super) struct Seller {
    shared: Shared,
    farm: Farm,
    /// Age from which the newest job is no longer worked on.
    standby_after: Duration,
    lease: Lease,
    account: Account,
    streams: mpsc::Receiver<WorkStream>,
    shares: mpsc::Receiver<FarmShare>,
    notices: broadcast::Receiver<Notice>,
    link: Option<(WorkReader, WorkWriter)>,
    jobs: Jobs,
    /// The job that the farm works on, and when it was last told.
    current: Option<(u64, Instant)>,
    /// What was sent and not answered, by number.
    outstanding: BTreeMap<u64, Sent>,
    next_seq: u64,
    acceptance: Acceptance,
    claim_at: u64,
    /// When the open claim was first sent on this link.
    claim_sent: Option<Instant>,
}

/// A share that waits for its verdict.
#[derive(Clone, Copy, Debug)]
struct Sent {
    time: u32,
    /// Hash of a standby share; none for shares on jobs.
    standby: Option<B256>,
}

impl Seller {
    pub(super) fn new(
        shared: Shared,
        farm: Farm,
        standby_after: Duration,
        lease: Lease,
        account: Account,
        (streams, shares): (mpsc::Receiver<WorkStream>, mpsc::Receiver<FarmShare>),
    ) -> Self {
        let notices = shared.registry.subscribe();
        Self {
            shared,
            farm,
            standby_after,
            lease,
            account,
            streams,
            shares,
            notices,
            link: None,
            jobs: Jobs::default(),
            current: None,
            outstanding: BTreeMap::new(),
            next_seq: 0,
            acceptance: Acceptance::default(),
            claim_at: 0,
            claim_sent: None,
        }
    }

    /// Works until the lease is closed.
    pub(super) async fn run(mut self) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut found = Vec::with_capacity(MAX_BATCH);
        while !self.is_over() {
            let step = tokio::select! {
                () = self.shared.shutdown.cancelled() => Ok(()),
                message = next(&mut self.link) => match message {
                    Ok(message) => self.hear(message).await,
                    Err(error) => Err(error),
                },
                Some(stream) = self.streams.recv() => self.welcome(stream).await,
                count = self.shares.recv_many(&mut found, MAX_BATCH) => {
                    if count == 0 { break }
                    self.take_shares(&mut found).await
                }
                _ = self.notices.recv() => {
                    self.refresh().await;
                    Ok(())
                }
                _ = ticks.tick() => self.tick().await,
            };
            if let Err(error) = step {
                let source = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(lease = %self.lease.id, %error, source, "the agent is gone");
                self.drop_link();
            }
        }
        self.drop_link();
        self.stop_work();
    }

    fn is_over(&self) -> bool {
        self.shared.shutdown.is_cancelled() || matches!(self.lease.stage, Stage::Closed | Stage::Retracted)
    }

    fn stop_work(&mut self) {
        self.farm.end_lease(self.lease.id);
        self.shared.demands.clear(self.lease.id);
        self.current = None;
        self.shared.statuses.update(self.lease.id, |status| status.standby = false);
    }

    fn drop_link(&mut self) {
        self.link = None;
        self.claim_sent = None;
        self.outstanding.clear();
        self.shared.statuses.update(self.lease.id, |status| {
            status.connected = false;
            status.in_flight_shares = 0;
        });
        self.direct_work(clock::now_s());
    }

    /// Goes on over a new stream, whose agent has proven its key: what is not answered is said again.
    async fn welcome(&mut self, stream: WorkStream) -> Result<(), DeliveryError> {
        self.jobs.forget_newest();
        self.drop_link();
        self.link = Some(stream.split());
        self.shared.statuses.update(self.lease.id, |status| status.connected = true);
        self.refresh().await;
        self.adopt_receipt().await?;
        if let Some(claim) = self.open_claim() {
            self.send_claim(claim).await?;
        }
        Ok(())
    }

    async fn send(&mut self, message: WorkMessage) -> Result<(), DeliveryError> {
        let Some((_, writer)) = &mut self.link else { return Ok(()) };
        timeout(SEND_TIMEOUT, writer.send(&message)).await.map_err(|_| DeliveryError::Stuck)??;
        Ok(())
    }

    /// Takes the lease's newest state from the registry.
    async fn refresh(&mut self) {
        if let Some(lease) = self.shared.registry.lease(self.lease.id).await {
            self.account.set_end(lease.on_chain.end);
            self.lease = lease;
        }
    }

    async fn hear(&mut self, message: WorkMessage) -> Result<(), DeliveryError> {
        match message {
            WorkMessage::Job(message) => {
                let number = message.job_id;
                let (now, domain) = (clock::now_s(), *self.shared.guard.domain());
                match self.jobs.take(&domain, (self.lease.id, &self.lease.terms), *message, now) {
                    Ok(_) => self.direct_work(now),
                    Err(refusal) => {
                        tracing::warn!(lease = %self.lease.id, job = number, %refusal, "refused a job");
                        self.shared.statuses.update(self.lease.id, |status| status.refuse_job(refusal.reason()));
                    }
                }
                Ok(())
            }
            WorkMessage::Verdicts(verdicts) => self.take_verdicts(&verdicts).await,
            WorkMessage::Receipt(signed) => self.take_receipt(signed).await,
            WorkMessage::ClaimRefused { through, reason } => {
                tracing::warn!(lease = %self.lease.id, through, %reason, "the agent refused a claim");
                self.shared.statuses.update(self.lease.id, |status| status.refuse_claim(reason));
                Ok(())
            }
            // Nothing more is said on a stream whose other end does not keep to the protocol.
            WorkMessage::Hello(_) | WorkMessage::Shares(_) | WorkMessage::Standby(_) | WorkMessage::Claim(_) => {
                Err(DeliveryError::OutOfTurn("a seller's message"))
            }
        }
    }

    async fn tick(&mut self) -> Result<(), DeliveryError> {
        let now = clock::now_s();
        self.direct_work(now);
        if self.link.is_some() {
            self.send_standby().await?;
            self.claim(now).await?;
        }
        Ok(())
    }

    /// Gives the farm what is best to work on now: the agent's newest job, or standby where it is of no use (section 4).
    fn direct_work(&mut self, now: u64) {
        let Some(number) = self.wanted(now) else {
            if self.current.is_some() {
                self.stop_work();
            }
            return;
        };
        let interval_s = receipt_interval_s(self.lease.terms.duration());
        let due =
            self.current.is_none_or(|(current, told)| current != number || told.elapsed().as_secs() >= interval_s);
        if due {
            self.post(number, now);
        }
        self.shared.demands.set(&self.lease, self.hashed());
    }

    /// Returns the number of the job to work on; none where no work counts.
    fn wanted(&mut self, now: u64) -> Option<u64> {
        if self.lease.stage != Stage::Active || now.max(self.claimed_through() + 1) > self.lease.on_chain.end {
            return None;
        }
        let heard = self.link.is_some() && !self.is_claim_late() && !self.acceptance.is_poor();
        let job = if heard { self.jobs.fresh(self.standby_after) } else { None };
        Some(match (job, self.current) {
            (Some(number), _) => number,
            (None, Some((current, _))) if self.jobs.is_good_standby(current) => current,
            (None, _) => {
                tracing::info!(lease = %self.lease.id, connected = self.link.is_some(), "going over to standby");
                self.jobs.begin_standby(self.lease.id, &self.lease.terms)
            }
        })
    }

    fn is_claim_late(&self) -> bool {
        let patience_s = PATIENCE_INTERVALS * receipt_interval_s(self.lease.terms.duration());
        self.claim_sent.is_some_and(|sent| sent.elapsed().as_secs() >= patience_s)
    }

    /// Gives the farm a job with a fresh nTime.
    fn post(&mut self, number: u64, now: u64) {
        let Some(job) = self.jobs.get(number) else { return };
        let time = u64::from(job.time).max(now).max(self.claimed_through() + 1);
        let posted = self.farm.set_job(FarmJob {
            lease: self.lease.id,
            job_id: number,
            job: std::sync::Arc::clone(&job.job),
            share_target: job.share_target,
            time: u32::try_from(time).unwrap_or(u32::MAX),
            clean: job.clean,
        });
        match posted {
            Ok(()) => {
                self.current = Some((number, Instant::now()));
                let standby = Jobs::is_standby(number);
                self.shared.statuses.update(self.lease.id, |status| status.standby = standby);
            }
            Err(error) => {
                tracing::warn!(lease = %self.lease.id, job = number, %error, "the farm cannot mine a job");
                self.shared.statuses.update(self.lease.id, |status| status.refuse_job("not for this farm"));
                self.jobs.give_up(number);
            }
        }
    }

    /// The claim that waits for its answer.
    fn open_claim(&self) -> Option<Claim> {
        self.lease.claim.filter(|claim| claim.receipt.through > self.lease.through())
    }

    fn claimed_through(&self) -> u64 {
        self.open_claim().map_or(self.lease.through(), |claim| claim.receipt.through)
    }
}

/// Waits for the agent's next message; for ever where there is no agent.
async fn next(link: &mut Option<(WorkReader, WorkWriter)>) -> Result<WorkMessage, DeliveryError> {
    match link {
        Some((reader, _)) => reader.recv().await?.ok_or(DeliveryError::Closed),
        None => std::future::pending().await,
    }
}
