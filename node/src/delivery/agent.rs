//! The agent's side of a lease: jobs from the buyer's destination, every share checked, claims countersigned.

use std::{collections::BTreeMap, time::Duration};

use alloy_primitives::B256;
use hashlease_domain::{
    Eip712, LeaseJob, ProofShare, Receipt, Signed,
    details::Details,
    lease::{Event, Lease, Stage},
    ledger::LedgerError,
    proof::proof_order,
    receipt::{Claim, SignedReceipt},
};
use hashlease_miner::pow::{
    Hash256, Header, Rejection, Solution, Target,
    share::{Checked, assemble},
};
use rand::Rng;
use tokio::{
    sync::{broadcast, mpsc},
    time::{Instant, MissedTickBehavior, interval, sleep},
};

use super::{
    DeliveryError, FoundBlock,
    account::{Account, Changes},
    handshake::{adopt_newest, check_hello, receive_hello, send_hello},
    limits::{share_work, standby_credit_down, standby_work, target_of},
    manager::Shared,
    status::BLOCKS,
};
use crate::{
    clock,
    destination::{LeaseWork, SubmitOutcome, WorkJob},
    farm::FarmShare,
    net::{
        PeerId, WorkReader, WorkStream, WorkWriter,
        wire::{ClaimRefusal, JobMessage, ShareMessage, ShareRefusal, ShareVerdict, StandbyMessage, WorkMessage},
    },
    registry::{Notice, evidence},
    store::{Batch, NotSafe, guard::Statement},
};

/// How far a share's nTime may be ahead of the agent's clock, seconds (section 4).
const MAX_AHEAD_S: u64 = 60;
/// Time in which work on the tip before is still credited: a job's way to the miner and a share's way back.
const STALE_GRACE: Duration = Duration::from_secs(2);
/// Time between looks at what is due.
const TICK: Duration = Duration::from_secs(1);
/// Time after which a job that still stands is sent again: well before the seller gives it up.
const RENEW_EVERY: Duration = Duration::from_secs(20);
/// Age from which the destination's work is taken for dead.
const MAX_WORK_AGE: Duration = Duration::from_secs(60);
/// Jobs that shares may still be for.
const MAX_JOBS: usize = 64;
/// First pause before the seller is dialled again; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Longest such pause.
const MAX_PAUSE: Duration = Duration::from_secs(15);

/// A job that was sent to the seller.
struct AgentJob {
    work: WorkJob,
    /// With its EIP-712 hash.
    signed: (B256, Signed<LeaseJob>),
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
    /// When the newest job was sent.
    sent_at: Instant,
    /// When the seller last did what the buyer pays for, or could not have.
    useful_at: Instant,
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
        let now = Instant::now();
        for (time, hash) in account.standby().keys() {
            // Credited before a restart, and so never again.
            shared.seen.insert(lease.id, *time, hash_of(*hash));
        }
        Self {
            shared,
            work,
            lease,
            account,
            notices,
            jobs: BTreeMap::new(),
            next_job,
            sent_at: now,
            useful_at: now,
            _shares: shares,
        }
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
        self.cancel_if_useless().await;
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
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.is_over() {
            tokio::select! {
                () = self.shared.shutdown.cancelled() => {}
                changed = self.work.changed() => {
                    if !changed { break }
                    self.send_job(&mut writer).await?;
                }
                message = next(&mut reader) => self.hear(message?, &mut writer).await?,
                _ = self.notices.recv() => self.refresh().await,
                _ = ticks.tick() => {
                    if self.sent_at.elapsed() >= RENEW_EVERY {
                        self.send_job(&mut writer).await?;
                    }
                    self.cancel_if_useless().await;
                }
            }
        }
        Ok(())
    }

    /// Cancels a lease whose seller delivers nothing on the buyer's jobs: what it proves otherwise still costs (section 4).
    async fn cancel_if_useless(&mut self) {
        let is_running = self.lease.stage == Stage::Active && self.lease.on_chain.end == self.lease.terms.end;
        if !is_running || !self.has_fresh_work() {
            self.useful_at = Instant::now();
            return;
        }
        if self.useful_at.elapsed() < silence(self.lease.terms.duration()) || self.lease.pending.is_some() {
            return;
        }
        self.useful_at = Instant::now();
        tracing::warn!(lease = %self.lease.id, "no valid share came for too long: cancelling the lease");
        match self.shared.registry.apply(self.lease.id, &Event::CancelRequested).await {
            Ok(lease) => self.lease = lease,
            Err(error) => tracing::warn!(lease = %self.lease.id, %error, "the lease is not cancelled"),
        }
    }

    /// Returns whether the destination gives work that is worth the seller's while.
    fn has_fresh_work(&self) -> bool {
        self.work.health().age.is_some_and(|age| age < MAX_WORK_AGE)
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
        if self.lease.stage != Stage::Active || !self.has_fresh_work() {
            return Ok(());
        }
        let Some(work) = self.work.newest() else { return Ok(()) };
        let job = LeaseJob { lease_id: self.lease.id, job: work.job.clone() };
        let signed = self.shared.guard.check_and_sign(Statement::Job(Box::new(job.clone()))).await;
        if let Err(NotSafe::SharedCoinbase { lease }) = &signed {
            tracing::warn!(lease = %self.lease.id, other = %lease, "the destination gave two leases one coinbase");
            self.work.renew();
            return Ok(());
        }
        let signature = signed?;
        let share_work = share_work(&self.lease.terms, work.target);
        let share_target = target_of(share_work);
        let clean = self.supersede(&work);
        let job_id = self.next_job;
        self.next_job += 1;
        let time = work.time;
        self.sent_at = Instant::now();
        let signed = (job.struct_hash(), Signed { order: job.clone(), signature: signature.as_bytes().to_vec() });
        self.jobs.insert(job_id, AgentJob { work, signed, share_target, share_work, superseded: None });
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
            WorkMessage::Standby(headers) => self.take_standby(&headers, writer).await,
            _ => {
                // Nothing more is said on a stream whose other end does not keep to the protocol.
                let _ = writer.close().await;
                Err(DeliveryError::OutOfTurn("an agent's message"))
            }
        }
    }

    async fn take_shares(&mut self, shares: &[ShareMessage], writer: &mut WorkWriter) -> Result<(), DeliveryError> {
        let (now, proof_target) = (clock::now_s(), target_of(self.lease.terms.proof_work()));
        let mut changes = Changes::default();
        let mut judged = Vec::with_capacity(shares.len());
        for share in shares {
            let outcome = self.judge(share, now).map(|(job, hash)| {
                if proof_target.is_met_by(&hash) {
                    let (job_hash, signed) = &job.signed;
                    let proof = ProofShare::Job { job: *job_hash, solution: share.solution.clone() };
                    let batch = evidence::keep_job(std::mem::take(&mut changes.batch), *job_hash, signed);
                    changes.batch = evidence::keep_share(batch, self.lease.id, hash, &proof);
                }
                job.share_work
            });
            judged.push((share.seq, share.solution.time, outcome));
        }
        if judged.iter().any(|(_, _, outcome)| outcome.is_ok()) {
            self.useful_at = Instant::now();
        }
        self.answer(judged, changes, writer).await
    }

    /// Credits work on the lease id itself, at the share that a proof of it would be paid at (section 4).
    async fn take_standby(&mut self, headers: &[StandbyMessage], writer: &mut WorkWriter) -> Result<(), DeliveryError> {
        let (now, proof_target) = (clock::now_s(), target_of(self.lease.terms.proof_work()));
        let credit = standby_credit_down(&self.lease.terms, standby_work(&self.lease.terms));
        let mut changes = Changes::default();
        let mut judged = Vec::with_capacity(headers.len());
        for StandbyMessage { seq, header } in headers {
            let checked = Checked::of(Header::from_bytes(&header.0));
            let outcome = self.judge_standby(&checked, now).map(|()| {
                if proof_target.is_met_by(&checked.hash) {
                    let proof = ProofShare::Standby { header: *header };
                    let batch = std::mem::take(&mut changes.batch);
                    changes.batch = evidence::keep_share(batch, self.lease.id, checked.hash, &proof);
                }
                changes.kept.push((proof_order(checked.hash), *header));
                credit
            });
            judged.push((*seq, checked.header.time, outcome));
        }
        self.answer(judged, changes, writer).await
    }

    /// Records what was accepted, and tells the seller of every share by (number, nTime, outcome).
    async fn answer(
        &mut self,
        judged: Vec<(u64, u32, Result<u128, ShareRefusal>)>,
        changes: Changes,
        writer: &mut WorkWriter,
    ) -> Result<(), DeliveryError> {
        let credited = judged.iter().filter_map(|(_, time, outcome)| outcome.ok().map(|work| (*time, work)));
        let accepted: Vec<(u32, u128)> = credited.collect();
        // On the disk before the seller hears of it: what it claims will then be found here after any crash.
        self.account.credit(&accepted, changes).await?;
        let total = self.account.ledger().total();
        self.shared.statuses.update(self.lease.id, |status| {
            status.accepted_work = total;
            status.accepted_shares += accepted.len() as u64;
            judged.iter().filter_map(|(_, _, outcome)| outcome.err()).for_each(|refusal| status.reject(refusal));
        });
        let verdicts = judged.into_iter().map(|(seq, _, outcome)| ShareVerdict { seq, outcome }).collect();
        Ok(writer.send(&WorkMessage::Verdicts(verdicts)).await?)
    }

    /// Checks a share; what its destination takes goes out before every other test.
    fn judge(&self, share: &ShareMessage, now: u64) -> Result<(&AgentJob, Hash256), ShareRefusal> {
        let job = self.jobs.get(&share.job_id).ok_or(ShareRefusal::UnknownJob)?;
        let checked = assemble(&job.work.job, &share.solution).map_err(refusal_of)?;
        if checked.meets(&job.work.target) || checked.is_block() {
            self.submit(job.work.clone(), share.solution.clone());
        }
        self.check_time(share.solution.time, now)?;
        if !checked.meets(&job.share_target) {
            return Err(ShareRefusal::AboveTarget);
        }
        if job.superseded.is_some_and(|since| since.elapsed() > STALE_GRACE) {
            return Err(ShareRefusal::Stale);
        }
        if !self.shared.seen.insert(self.lease.id, share.solution.time, checked.hash) {
            return Err(ShareRefusal::Duplicate);
        }
        Ok((job, checked.hash))
    }

    fn judge_standby(&self, checked: &Checked, now: u64) -> Result<(), ShareRefusal> {
        if checked.header.prev_hash != self.lease.id.0 {
            return Err(ShareRefusal::UnknownJob);
        }
        self.check_time(checked.header.time, now)?;
        if !checked.meets(&target_of(standby_work(&self.lease.terms))) {
            return Err(ShareRefusal::AboveTarget);
        }
        let new = self.shared.seen.insert(self.lease.id, checked.header.time, checked.hash);
        if new { Ok(()) } else { Err(ShareRefusal::Duplicate) }
    }

    fn check_time(&self, time: u32, now: u64) -> Result<(), ShareRefusal> {
        self.account.check(time).map_err(|error| match error {
            LedgerError::Settled { .. } => ShareRefusal::TimeSettled,
            LedgerError::PastEnd { .. } => ShareRefusal::PastEnd,
        })?;
        if u64::from(time) > now + MAX_AHEAD_S { Err(ShareRefusal::TimeTooNew) } else { Ok(()) }
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
            self.shared.statuses.update(self.lease.id, |status| status.refuse_claim(reason));
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

/// Returns how long a lease may bring nothing before its agent cancels it: a tenth of it, within half a minute and ten.
fn silence(duration_s: u64) -> Duration {
    Duration::from_secs((duration_s / 10).clamp(30, 600))
}

/// Returns the hash that [`proof_order`] turned.
fn hash_of(mut order: B256) -> Hash256 {
    order.0.reverse();
    Hash256::from_bytes(order.0)
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
