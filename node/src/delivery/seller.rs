//! The seller's side of a lease: jobs to the farm, shares to the agent, claims for what was accepted.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use hashlease_domain::{
    Receipt,
    lease::{Event, Lease, Stage},
    receipt::{Claim, SignedReceipt},
};
use hashlease_miner::pow::{Job, Target};
use tokio::{
    sync::{broadcast, mpsc},
    time::{Instant, MissedTickBehavior, interval},
};

use super::{
    DeliveryError,
    account::Account,
    limits::{JobRefusal, check_job},
    manager::Shared,
    receipt_interval_s,
};
use crate::{
    clock,
    farm::{Farm, FarmJob, FarmShare},
    net::{
        WorkReader, WorkStream, WorkWriter,
        wire::{JobMessage, MAX_BATCH, ShareMessage, ShareVerdict, WorkMessage},
    },
    registry::Notice,
    store::guard::Statement,
};

/// Time between looks at what is due.
const TICK: Duration = Duration::from_millis(200);
/// Seconds after the end in which miners' last shares may still arrive.
const LAST_SHARES_S: u64 = 3;
/// Jobs that shares may still be for.
const MAX_JOBS: usize = 64;
/// Shares that may wait for their verdicts; more are dropped, the agent is not keeping up.
const MAX_OUTSTANDING: usize = 1024;

/// A job of the agent's that the farm works on, or worked on.
struct SellerJob {
    job: Arc<Job>,
    share_target: Target,
    time: u32,
}

pub(super) struct Seller {
    shared: Shared,
    farm: Farm,
    lease: Lease,
    account: Account,
    streams: mpsc::Receiver<WorkStream>,
    shares: mpsc::Receiver<FarmShare>,
    notices: broadcast::Receiver<Notice>,
    jobs: BTreeMap<u64, SellerJob>,
    /// The job that the farm works on, and when it was last told.
    current: Option<(u64, Instant)>,
    /// nTime of the shares that were sent and not answered, by number.
    outstanding: BTreeMap<u64, u32>,
    next_seq: u64,
    claim_at: u64,
}

/// What ends a stream's loop.
enum Ended {
    /// The agent came back on another stream.
    Replaced(WorkStream),
    /// The lease needs no work any more, or the node stops.
    Over,
}

impl Seller {
    pub(super) fn new(
        shared: Shared,
        farm: Farm,
        lease: Lease,
        account: Account,
        streams: mpsc::Receiver<WorkStream>,
        shares: mpsc::Receiver<FarmShare>,
    ) -> Self {
        let notices = shared.registry.subscribe();
        Self {
            shared,
            farm,
            lease,
            account,
            streams,
            shares,
            notices,
            jobs: BTreeMap::new(),
            current: None,
            outstanding: BTreeMap::new(),
            next_seq: 0,
            claim_at: 0,
        }
    }

    /// Works until the lease is closed.
    pub(super) async fn run(mut self) {
        let mut next = None;
        while !self.is_over() {
            let stream = match next.take() {
                Some(stream) => Some(stream),
                None => self.wait_for_stream().await,
            };
            let Some(stream) = stream else { continue };
            self.shared.statuses.update(self.lease.id, |status| status.connected = true);
            match self.serve(stream).await {
                Ok(Ended::Replaced(stream)) => next = Some(stream),
                Ok(Ended::Over) => {}
                Err(error) => {
                    let source = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::warn!(lease = %self.lease.id, %error, source, "the agent is gone");
                }
            }
            self.stop_work();
        }
        self.stop_work();
    }

    fn is_over(&self) -> bool {
        self.shared.shutdown.is_cancelled() || matches!(self.lease.stage, Stage::Closed | Stage::Retracted)
    }

    fn stop_work(&mut self) {
        self.farm.end_lease(self.lease.id);
        self.shared.demands.clear(self.lease.id);
        self.current = None;
        self.outstanding.clear();
        self.shared.statuses.update(self.lease.id, |status| {
            status.connected = false;
            status.in_flight_shares = 0;
        });
    }

    async fn wait_for_stream(&mut self) -> Option<WorkStream> {
        tokio::select! {
            () = self.shared.shutdown.cancelled() => None,
            stream = self.streams.recv() => stream,
            _ = self.notices.recv() => { self.refresh().await; None }
            Some(_) = self.shares.recv() => {
                self.shared.statuses.update(self.lease.id, |status| status.late_shares += 1);
                None
            }
        }
    }

    async fn serve(&mut self, stream: WorkStream) -> Result<Ended, DeliveryError> {
        let (mut reader, mut writer) = stream.split();
        self.refresh().await;
        self.adopt_receipt().await?;
        if let Some(claim) = self.open_claim() {
            writer.send(&WorkMessage::Claim(claim)).await?;
        }
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut found = Vec::with_capacity(MAX_BATCH);
        while !self.is_over() {
            tokio::select! {
                () = self.shared.shutdown.cancelled() => {}
                message = next(&mut reader) => self.hear(message?, &mut writer).await?,
                Some(stream) = self.streams.recv() => return Ok(Ended::Replaced(stream)),
                count = self.shares.recv_many(&mut found, MAX_BATCH) => {
                    if count == 0 { break }
                    self.send_shares(&mut found, &mut writer).await?;
                }
                _ = self.notices.recv() => self.refresh().await,
                _ = ticks.tick() => self.tick(&mut writer).await?,
            }
        }
        Ok(Ended::Over)
    }

    /// Takes the lease's newest state from the registry.
    async fn refresh(&mut self) {
        if let Some(lease) = self.shared.registry.lease(self.lease.id).await {
            self.account.set_end(lease.on_chain.end);
            self.lease = lease;
        }
    }

    async fn hear(&mut self, message: WorkMessage, writer: &mut WorkWriter) -> Result<(), DeliveryError> {
        match message {
            WorkMessage::Job(message) => {
                self.take_job(*message);
                Ok(())
            }
            WorkMessage::Verdicts(verdicts) => self.take_verdicts(&verdicts).await,
            WorkMessage::Receipt(signed) => self.take_receipt(signed).await,
            WorkMessage::ClaimRefused { through, reason } => {
                tracing::warn!(lease = %self.lease.id, through, %reason, "the agent refused a claim");
                Ok(())
            }
            WorkMessage::Hello(_) | WorkMessage::Shares(_) | WorkMessage::Standby(_) | WorkMessage::Claim(_) => {
                // Nothing more is said on a stream whose other end does not keep to the protocol.
                let _ = writer.close().await;
                Err(DeliveryError::OutOfTurn("a seller's message"))
            }
        }
    }

    fn take_job(&mut self, message: JobMessage) {
        if let Err(refusal) = self.check(&message) {
            tracing::warn!(lease = %self.lease.id, job = message.job_id, %refusal, "refused a job");
            return;
        }
        let JobMessage { job_id, job, share_target, time, clean, .. } = message;
        self.jobs.insert(job_id, SellerJob { job: Arc::new(job.job), share_target, time });
        while self.jobs.len() > MAX_JOBS {
            self.jobs.pop_first();
        }
        self.post(job_id, clean);
    }

    fn check(&self, message: &JobMessage) -> Result<(), JobRefusal> {
        if message.job.lease_id != self.lease.id {
            return Err(JobRefusal::AnotherLease);
        }
        let signed = message.signature.verify(self.shared.guard.domain(), &message.job, self.lease.terms.agent);
        signed.map_err(|_| JobRefusal::BadSignature)?;
        check_job(self.lease.id, &self.lease.terms, &message.job.job, message.share_target, clock::now_s())
    }

    /// Gives the farm a job with a fresh nTime, or stops it at the end of the lease.
    fn post(&mut self, job_id: u64, clean: bool) {
        let now = clock::now_s();
        let Some(job) = self.jobs.get(&job_id) else { return };
        let earliest = u64::from(job.time).max(now).max(self.lease.through() + 1);
        let time = u32::try_from(earliest).unwrap_or(u32::MAX);
        if earliest > self.lease.on_chain.end || self.lease.stage != Stage::Active {
            self.farm.end_lease(self.lease.id);
            self.shared.demands.clear(self.lease.id);
            self.current = None;
            return;
        }
        let (lease, share_target) = (self.lease.id, job.share_target);
        let posted = self.farm.set_job(FarmJob { lease, job_id, job: Arc::clone(&job.job), share_target, time, clean });
        match posted {
            Ok(()) => {
                self.current = Some((job_id, Instant::now()));
                self.shared.demands.set(&self.lease, self.account.ledger().total());
            }
            Err(error) => tracing::warn!(lease = %lease, job = job_id, %error, "the farm cannot mine a job"),
        }
    }

    async fn send_shares(&mut self, found: &mut Vec<FarmShare>, writer: &mut WorkWriter) -> Result<(), DeliveryError> {
        let mut shares = Vec::with_capacity(found.len());
        for share in found.drain(..) {
            let time = share.solution.time;
            if u64::from(time) <= self.claimed_through() || self.outstanding.len() >= MAX_OUTSTANDING {
                self.shared.statuses.update(self.lease.id, |status| status.late_shares += 1);
                continue;
            }
            let seq = self.next_seq;
            self.next_seq += 1;
            self.outstanding.insert(seq, time);
            shares.push(ShareMessage { seq, job_id: share.job_id, solution: share.solution });
        }
        self.note_in_flight();
        if shares.is_empty() { Ok(()) } else { Ok(writer.send(&WorkMessage::Shares(shares)).await?) }
    }

    async fn take_verdicts(&mut self, verdicts: &[ShareVerdict]) -> Result<(), DeliveryError> {
        let mut accepted = Vec::with_capacity(verdicts.len());
        for verdict in verdicts {
            let Some(time) = self.outstanding.remove(&verdict.seq) else { continue };
            match verdict.outcome {
                Ok(work) => accepted.push((time, work)),
                Err(refusal) => self.shared.statuses.update(self.lease.id, |status| status.reject(refusal)),
            }
        }
        self.account.credit(&accepted).await?;
        let (total, count) = (self.account.ledger().total(), accepted.len() as u64);
        self.shared.statuses.update(self.lease.id, |status| {
            status.accepted_work = total;
            status.accepted_shares += count;
        });
        self.note_in_flight();
        if self.current.is_some() {
            self.shared.demands.set(&self.lease, total);
        }
        Ok(())
    }

    fn note_in_flight(&self) {
        let in_flight = self.outstanding.len() as u64;
        self.shared.statuses.update(self.lease.id, |status| status.in_flight_shares = in_flight);
    }

    async fn take_receipt(&mut self, signed: SignedReceipt) -> Result<(), DeliveryError> {
        let known = self.open_claim().filter(|claim| claim.receipt == signed.receipt && claim.seller == signed.seller);
        let by_agent = signed.agent.verify(self.shared.guard.domain(), &signed.receipt, self.lease.terms.agent);
        if known.is_none() || by_agent.is_err() {
            tracing::warn!(lease = %self.lease.id, "the agent answered with a receipt that was not claimed");
            return Ok(());
        }
        self.lease = self.shared.registry.apply(self.lease.id, &Event::Countersigned(signed)).await?;
        self.adopt_receipt().await
    }

    async fn adopt_receipt(&mut self) -> Result<(), DeliveryError> {
        if let Some(signed) = self.lease.receipt {
            self.account.adopt(&signed.receipt).await?;
        }
        let total = self.account.ledger().total();
        self.shared.statuses.update(self.lease.id, |status| status.accepted_work = total);
        Ok(())
    }

    /// The claim that waits for its answer.
    fn open_claim(&self) -> Option<Claim> {
        self.lease.claim.filter(|claim| claim.receipt.through > self.lease.through())
    }

    fn claimed_through(&self) -> u64 {
        self.open_claim().map_or(self.lease.through(), |claim| claim.receipt.through)
    }

    async fn tick(&mut self, writer: &mut WorkWriter) -> Result<(), DeliveryError> {
        let now = clock::now_s();
        let interval_s = receipt_interval_s(self.lease.terms.duration());
        if let Some((job_id, told)) = self.current
            && (told.elapsed().as_secs() >= interval_s || now > self.lease.on_chain.end)
        {
            self.post(job_id, false);
        }
        if now >= self.claim_at || now >= self.lease.on_chain.end + LAST_SHARES_S {
            self.claim(now, interval_s, writer).await?;
        }
        Ok(())
    }

    /// Claims what was accepted up to a time that no share in flight can have (section 4).
    async fn claim(&mut self, now: u64, interval_s: u64, writer: &mut WorkWriter) -> Result<(), DeliveryError> {
        if now < self.claim_at {
            // Past the end the last claim follows at once, and then as often as any.
            if self.open_claim().is_some() || self.lease.has_last_receipt() {
                return Ok(());
            }
        }
        self.claim_at = now + interval_s;
        if let Some(claim) = self.open_claim() {
            return Ok(writer.send(&WorkMessage::Claim(claim)).await?);
        }
        let through = self.claimable_through(now);
        if through <= self.lease.through() || self.lease.has_last_receipt() {
            return Ok(());
        }
        let work = self.account.ledger().work_through(through);
        let receipt = Receipt { lease_id: self.lease.id, work, through };
        let seller = self.shared.guard.check_and_sign(Statement::Claim(receipt)).await?;
        let claim = Claim { receipt, seller };
        self.lease = self.shared.registry.apply(self.lease.id, &Event::Claimed(claim)).await?;
        self.shared.statuses.update(self.lease.id, |status| status.claimed_work = work);
        Ok(writer.send(&WorkMessage::Claim(claim)).await?)
    }

    fn claimable_through(&self, now: u64) -> u64 {
        let end = self.lease.on_chain.end;
        let oldest_sent = self.outstanding.values().min().copied();
        let oldest_mined = self.farm.oldest_time(self.lease.id);
        let oldest = oldest_sent.into_iter().chain(oldest_mined).min().map(u64::from);
        let settled = oldest.unwrap_or(if now >= end + LAST_SHARES_S { u64::MAX } else { now }).saturating_sub(1);
        settled.min(end)
    }
}

async fn next(reader: &mut WorkReader) -> Result<WorkMessage, DeliveryError> {
    reader.recv().await?.ok_or(DeliveryError::Closed)
}
