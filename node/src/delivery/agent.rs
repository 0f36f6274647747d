//! The agent's side of a lease: jobs from the buyer's destination, every share checked, claims countersigned.

use std::{collections::BTreeMap, time::Duration};

use alloy_primitives::B256;
use hashlease_domain::{
    LeaseJob, Receipt,
    details::Details,
    lease::{Event, Lease, Stage},
    ledger::LedgerError,
    receipt::{Claim, SignedReceipt},
};
use hashlease_miner::pow::{Rejection, Solution, Target, share::assemble};
use rand::Rng;
use tokio::{
    sync::{broadcast, mpsc},
    time::{Instant, sleep},
};

use super::{
    DeliveryError, FoundBlock,
    account::Account,
    handshake::{adopt_newest, check_hello, receive_hello, send_hello},
    limits::share_work,
    manager::Shared,
    status::BLOCKS,
};
use crate::{
    clock,
    destination::{LeaseWork, SubmitOutcome, WorkJob},
    farm::FarmShare,
    net::{
        PeerId, WorkReader, WorkStream, WorkWriter,
        wire::{ClaimRefusal, JobMessage, ShareMessage, ShareRefusal, ShareVerdict, WorkMessage},
    },
    registry::Notice,
    store::{Batch, NotSafe, guard::Statement},
};

/// How far a share's nTime may be ahead of the agent's clock, seconds (section 4).
const MAX_AHEAD_S: u64 = 60;
/// Time in which work on the tip before is still credited: a job's way to the miner and a share's way back.
const STALE_GRACE: Duration = Duration::from_secs(2);
/// Jobs that shares may still be for.
const MAX_JOBS: usize = 64;
/// First pause before the seller is dialled again; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Longest such pause.
const MAX_PAUSE: Duration = Duration::from_secs(15);

/// A job that was sent to the seller.
struct AgentJob {
    work: WorkJob,
    share_target: Target,
    share_work: u128,
    /// When a job on another tip followed.
    superseded: Option<Instant>,
}

pub(super) struct Agent {
    shared: Shared,
    work: LeaseWork,
    lease: Lease,
    account: Account,
    notices: broadcast::Receiver<Notice>,
    jobs: BTreeMap<u64, AgentJob>,
    next_job: u64,
    /// Held so that the manager sees when the task is gone.
    _shares: mpsc::Receiver<FarmShare>,
}

impl Agent {
    pub(super) fn new(
        shared: Shared,
        work: LeaseWork,
        lease: Lease,
        account: Account,
        shares: mpsc::Receiver<FarmShare>,
    ) -> Self {
        let notices = shared.registry.subscribe();
        // Numbers go on above those of any run before, whose jobs are no longer known.
        let next_job = clock::now_ms();
        Self { shared, work, lease, account, notices, jobs: BTreeMap::new(), next_job, _shares: shares }
    }

    /// Works until the lease is closed, or nothing is left to countersign.
    pub(super) async fn run(mut self) {
        let mut pause = FIRST_PAUSE;
        while !self.is_over() {
            if self.lease.has_last_receipt() {
                self.wait(MAX_PAUSE).await;
                continue;
            }
            let began = Instant::now();
            if let Err(error) = self.serve().await {
                let source = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(lease = %self.lease.id, %error, source, "the seller is gone: trying again");
            }
            self.shared.statuses.update(self.lease.id, |status| status.connected = false);
            pause = if began.elapsed() > MAX_PAUSE { FIRST_PAUSE } else { (pause * 2).min(MAX_PAUSE) };
            let jitter = rand::rng().random_range(0.5..1.0);
            self.wait(pause.mul_f64(jitter)).await;
        }
    }

    fn is_over(&self) -> bool {
        self.shared.shutdown.is_cancelled() || matches!(self.lease.stage, Stage::Closed | Stage::Retracted)
    }

    async fn wait(&mut self, pause: Duration) {
        tokio::select! {
            () = self.shared.shutdown.cancelled() => {}
            () = sleep(pause) => {}
        }
        self.refresh().await;
    }

    async fn refresh(&mut self) {
        if let Some(lease) = self.shared.registry.lease(self.lease.id).await {
            self.account.set_end(lease.on_chain.end);
            self.lease = lease;
        }
    }

    async fn serve(&mut self) -> Result<(), DeliveryError> {
        let stream = self.connect().await?;
        self.shared.statuses.update(self.lease.id, |status| status.connected = true);
        let (mut reader, mut writer) = stream.split();
        self.send_job(&mut writer).await?;
        while !self.is_over() {
            tokio::select! {
                () = self.shared.shutdown.cancelled() => {}
                changed = self.work.changed() => {
                    if !changed { break }
                    self.send_job(&mut writer).await?;
                }
                message = next(&mut reader) => self.hear(message?, &mut writer).await?,
                _ = self.notices.recv() => self.refresh().await,
            }
        }
        Ok(())
    }

    /// Dials the seller and shows that both hold their keys of the lease.
    async fn connect(&mut self) -> Result<WorkStream, DeliveryError> {
        let (peer, addresses) = self.contact().await?;
        let mut stream = self.shared.net.open_work_stream(peer, addresses).await?;
        send_hello(&self.shared, &self.lease, peer, &mut stream).await?;
        let hello = receive_hello(&mut stream).await?;
        check_hello(&self.shared, &self.lease, peer, &hello)?;
        self.lease = adopt_newest(&self.shared, &self.lease, hello.newest).await?;
        if let Some(signed) = self.lease.receipt {
            self.adopt(&signed.receipt).await?;
        }
        Ok(stream)
    }

    /// Returns where the seller said it is.
    async fn contact(&self) -> Result<(PeerId, Vec<crate::net::Multiaddr>), DeliveryError> {
        let document = self.shared.registry.contact(self.lease.terms.seller)?;
        let details = document.and_then(|document| Details::parse(&document).ok()).ok_or(DeliveryError::NoContact)?;
        let peer = details.peer.parse().map_err(|_| DeliveryError::NoContact)?;
        Ok((peer, details.addresses.iter().filter_map(|address| address.parse().ok()).collect()))
    }

    async fn send_job(&mut self, writer: &mut WorkWriter) -> Result<(), DeliveryError> {
        let Some(work) = self.work.newest().filter(|_| self.lease.stage == Stage::Active) else { return Ok(()) };
        let job = LeaseJob { lease_id: self.lease.id, job: work.job.clone() };
        let signed = self.shared.guard.check_and_sign(Statement::Job(Box::new(job.clone()))).await;
        if let Err(NotSafe::SharedCoinbase { lease }) = &signed {
            tracing::warn!(lease = %self.lease.id, other = %lease, "the destination gave two leases one coinbase");
            self.work.renew();
            return Ok(());
        }
        let signature = signed?;
        let share_work = share_work(&self.lease.terms, work.target);
        let share_target = Target::from_work(share_work.try_into().unwrap_or(std::num::NonZeroU128::MIN));
        let clean = self.supersede(&work);
        let job_id = self.next_job;
        self.next_job += 1;
        let time = work.time;
        self.jobs.insert(job_id, AgentJob { work, share_target, share_work, superseded: None });
        while self.jobs.len() > MAX_JOBS {
            self.jobs.pop_first();
        }
        let message = JobMessage { job_id, job, signature, share_target, time, clean };
        Ok(writer.send(&WorkMessage::Job(Box::new(message))).await?)
    }

    /// Marks the jobs that end with `newest` as stale from now on, and returns whether there were any.
    fn supersede(&mut self, newest: &WorkJob) -> bool {
        let now = Instant::now();
        let ended = self
            .jobs
            .values_mut()
            .filter(|job| job.superseded.is_none() && (newest.clean || job.work.job.prev_hash != newest.job.prev_hash));
        ended.map(|job| job.superseded = Some(now)).count() > 0 || self.jobs.is_empty()
    }

    async fn hear(&mut self, message: WorkMessage, writer: &mut WorkWriter) -> Result<(), DeliveryError> {
        match message {
            WorkMessage::Shares(shares) => self.take_shares(&shares, writer).await,
            WorkMessage::Claim(claim) => self.take_claim(&claim, writer).await,
            WorkMessage::Standby(headers) => {
                let refused = |seq| ShareVerdict { seq, outcome: Err(ShareRefusal::UnknownJob) };
                let verdicts = headers.iter().map(|header| refused(header.seq)).collect();
                Ok(writer.send(&WorkMessage::Verdicts(verdicts)).await?)
            }
            _ => {
                // Nothing more is said on a stream whose other end does not keep to the protocol.
                let _ = writer.close().await;
                Err(DeliveryError::OutOfTurn("an agent's message"))
            }
        }
    }

    async fn take_shares(&mut self, shares: &[ShareMessage], writer: &mut WorkWriter) -> Result<(), DeliveryError> {
        let now = clock::now_s();
        let judged: Vec<_> = shares.iter().map(|share| (share, self.judge(share, now))).collect();
        let credited = |(share, outcome): &(&ShareMessage, Result<u128, ShareRefusal>)| {
            outcome.ok().map(|work| (share.solution.time, work))
        };
        let accepted: Vec<(u32, u128)> = judged.iter().filter_map(credited).collect();
        // On the disk before the seller hears of it: what it claims will then be found here after any crash.
        self.account.credit(&accepted).await?;
        let total = self.account.ledger().total();
        self.shared.statuses.update(self.lease.id, |status| {
            status.accepted_work = total;
            status.accepted_shares += accepted.len() as u64;
            judged.iter().filter_map(|(_, outcome)| outcome.err()).for_each(|refusal| status.reject(refusal));
        });
        let verdicts = judged.into_iter().map(|(share, outcome)| ShareVerdict { seq: share.seq, outcome }).collect();
        Ok(writer.send(&WorkMessage::Verdicts(verdicts)).await?)
    }

    /// Checks a share; what is a block goes out before every other test.
    fn judge(&self, share: &ShareMessage, now: u64) -> Result<u128, ShareRefusal> {
        let job = self.jobs.get(&share.job_id).ok_or(ShareRefusal::UnknownJob)?;
        let checked = assemble(&job.work.job, &share.solution).map_err(refusal_of)?;
        if checked.meets(&job.work.target) || checked.is_block() {
            self.submit(job.work.clone(), share.solution.clone());
        }
        let time = share.solution.time;
        self.account.check(time).map_err(|error| match error {
            LedgerError::Settled { .. } => ShareRefusal::TimeSettled,
            LedgerError::PastEnd { .. } => ShareRefusal::PastEnd,
        })?;
        if u64::from(time) > now + MAX_AHEAD_S {
            return Err(ShareRefusal::TimeTooNew);
        }
        if !checked.meets(&job.share_target) {
            return Err(ShareRefusal::AboveTarget);
        }
        if job.superseded.is_some_and(|since| since.elapsed() > STALE_GRACE) {
            return Err(ShareRefusal::Stale);
        }
        if !self.shared.seen.insert(self.lease.id, time, checked.hash) {
            return Err(ShareRefusal::Duplicate);
        }
        Ok(job.share_work)
    }

    fn submit(&self, job: WorkJob, solution: Solution) {
        let (store, statuses, lease) = (self.shared.store.clone(), self.shared.statuses.clone(), self.lease.id);
        self.shared.tasks.spawn(async move {
            let outcome = job.submit(&solution).await;
            statuses.update(lease, |status| status.count_at_destination(&outcome));
            match outcome {
                Ok(SubmitOutcome::Accepted { hash, height }) => {
                    tracing::info!(%lease, %hash, height, "found a block");
                    let key = (lease, B256::from(*hash.as_bytes()));
                    let stored = store.commit(Batch::new().put(&BLOCKS, &key, &FoundBlock { hash, height })).await;
                    if let Err(error) = stored {
                        tracing::error!(%error, "a found block is not on record");
                    }
                }
                Ok(SubmitOutcome::Duplicate { hash, .. }) => tracing::debug!(%lease, %hash, "the block was known"),
                Ok(SubmitOutcome::Refused { reason }) => {
                    tracing::warn!(%lease, reason, "the Bitcoin node refused a block")
                }
                Ok(SubmitOutcome::ShareAccepted) => {}
                Ok(SubmitOutcome::ShareRefused { reason }) => {
                    tracing::debug!(%lease, reason, "the pool did not take a share")
                }
                Err(error) => tracing::error!(%lease, %error, "what was found could not be submitted"),
            }
        });
    }

    async fn take_claim(&mut self, claim: &Claim, writer: &mut WorkWriter) -> Result<(), DeliveryError> {
        if let Some(signed) = self.lease.receipt.filter(|signed| signed.receipt == claim.receipt) {
            // The answer was lost: the same one again, byte for byte.
            return Ok(writer.send(&WorkMessage::Receipt(signed)).await?);
        }
        if let Err(reason) = self.check_claim(claim, clock::now_s()) {
            tracing::warn!(lease = %self.lease.id, through = claim.receipt.through, %reason, "refused a claim");
            let through = claim.receipt.through;
            return Ok(writer.send(&WorkMessage::ClaimRefused { through, reason }).await?);
        }
        let agent = self.shared.guard.check_and_sign(Statement::Countersign(claim.receipt)).await?;
        let signed = SignedReceipt { receipt: claim.receipt, seller: claim.seller, agent };
        self.lease = self.shared.registry.apply(self.lease.id, &Event::Countersigned(signed)).await?;
        self.adopt(&signed.receipt).await?;
        Ok(writer.send(&WorkMessage::Receipt(signed)).await?)
    }

    async fn adopt(&mut self, receipt: &Receipt) -> Result<(), DeliveryError> {
        self.account.adopt(receipt).await?;
        self.shared.seen.forget(self.lease.id, receipt.through);
        let total = self.account.ledger().total();
        self.shared.statuses.update(self.lease.id, |status| {
            status.accepted_work = total;
            status.claimed_work = receipt.work;
        });
        Ok(())
    }

    /// Compares a claim with this side's own ledger.
    fn check_claim(&self, claim: &Claim, now: u64) -> Result<(), ClaimRefusal> {
        let Receipt { lease_id, work, through } = claim.receipt;
        if lease_id != self.lease.id {
            return Err(ClaimRefusal::WrongLease);
        }
        let signed = claim.seller.verify(self.shared.guard.domain(), &claim.receipt, self.lease.terms.seller);
        signed.map_err(|_| ClaimRefusal::BadSignature)?;
        if through <= self.lease.through() {
            return Err(ClaimRefusal::NotNewer);
        }
        if work < self.lease.receipted_work() {
            return Err(ClaimRefusal::BelowReceipt);
        }
        if through > self.lease.on_chain.end {
            return Err(ClaimRefusal::PastEnd);
        }
        if through > now + MAX_AHEAD_S {
            return Err(ClaimRefusal::TooNew);
        }
        let ledger = self.account.ledger().work_through(through);
        if work > ledger { Err(ClaimRefusal::AboveLedger { ledger }) } else { Ok(()) }
    }
}

fn refusal_of(rejection: Rejection) -> ShareRefusal {
    match rejection {
        Rejection::VersionOutsideMask { .. } => ShareRefusal::BadVersion,
        Rejection::ExtranonceSize { .. } => ShareRefusal::BadExtranonce,
        Rejection::TimeBelowMinimum { .. } => ShareRefusal::TimeTooOld,
        Rejection::AboveTarget => ShareRefusal::AboveTarget,
    }
}

async fn next(reader: &mut WorkReader) -> Result<WorkMessage, DeliveryError> {
    reader.recv().await?.ok_or(DeliveryError::Closed)
}
