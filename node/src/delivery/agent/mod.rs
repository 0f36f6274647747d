//! The agent's side of a lease: jobs from the buyer's destination, every share checked, claims countersigned.

mod claims;
mod shares;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use alloy_primitives::B256;
use hashlease_domain::{
    Eip712, LeaseJob, Signed,
    details::Details,
    lease::{Event, Lease, Stage},
};
use hashlease_miner::pow::{Batch, Hash256, Prepared, Target};
use rand::Rng;
use tokio::{
    sync::{broadcast, mpsc},
    time::{Instant, MissedTickBehavior, interval, sleep, sleep_until},
};

use super::{
    DeliveryError,
    account::Account,
    handshake::{adopt_newest, check_hello, receive_hello, send_hello},
    limits::{share_work, target_of},
    manager::Shared,
};
use crate::{
    clock,
    destination::{LeaseWork, WorkJob},
    farm::FarmShare,
    net::{
        PeerId, WorkReader, WorkStream, WorkWriter,
        wire::{JobMessage, WorkMessage},
    },
    registry::Notice,
    store::{NotSafe, guard::Statement},
};

/// How far a share's nTime may be ahead of the agent's clock, seconds (section 4).
const MAX_AHEAD_S: u64 = 60;
/// Time between looks at what is due.
const TICK: Duration = Duration::from_secs(1);
/// Time after which a job that still stands is sent again: well before the seller gives it up.
const RENEW_EVERY: Duration = Duration::from_secs(20);
/// Time from a clean job to the next job: sellers refuse clean ones that come faster than one a second (section 4).
const CLEAN_GAP: Duration = Duration::from_millis(1_100);
/// Age from which the destination's work is taken for dead.
const MAX_WORK_AGE: Duration = Duration::from_secs(60);
/// Jobs that shares may still be for.
const MAX_JOBS: usize = 64;
/// Merkle roots of shares that are remembered, 24 KiB of them: miners roll on with one for seconds.
const ROOTS: usize = 256;
/// First pause before the seller is dialled again; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Longest such pause.
const MAX_PAUSE: Duration = Duration::from_secs(15);

/// A job that was sent to the seller.
struct AgentJob {
    work: WorkJob,
    /// The work's job, ready for checking shares of it.
    prepared: Prepared,
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
    /// Hashes the shares.
    batch: Batch,
    next_job: u64,
    /// When the newest job was sent.
    sent_at: Instant,
    /// From when on new work may be sent.
    next_at: Instant,
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
            batch: Batch::new(ROOTS),
            next_job,
            sent_at: now,
            next_at: now,
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
                changed = changed_from(self.next_at, &mut self.work) => {
                    if !changed { break }
                    self.send_job(&mut writer).await?;
                }
                message = next(&mut reader) => self.hear(message?, &mut reader, &mut writer).await?,
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
        if clean {
            self.next_at = self.sent_at + CLEAN_GAP;
        }
        let signed = (job.struct_hash(), Signed { order: job.clone(), signature: signature.as_bytes().to_vec() });
        let prepared = Prepared::new(Arc::new(job.job.clone()));
        self.jobs.insert(job_id, AgentJob { work, prepared, signed, share_target, share_work, superseded: None });
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

    /// Answers a message, and what waits behind shares: those that came already are checked together.
    async fn hear(
        &mut self,
        message: WorkMessage,
        reader: &mut WorkReader,
        writer: &mut WorkWriter,
    ) -> Result<(), DeliveryError> {
        let mut message = message;
        while let WorkMessage::Shares(mut shares) = message {
            let behind = shares::gather(&mut shares, async || next(reader).await);
            self.take_shares(&shares, writer).await?;
            match behind {
                Some(behind) => message = behind?,
                None => return Ok(()),
            }
        }
        match message {
            WorkMessage::Claim(claim) => self.take_claim(&claim, writer).await,
            WorkMessage::Standby(headers) => self.take_standby(&headers, writer).await,
            _ => {
                // Nothing more is said on a stream whose other end does not keep to the protocol.
                let _ = writer.close().await;
                Err(DeliveryError::OutOfTurn("an agent's message"))
            }
        }
    }
}

/// Returns how long a lease may bring nothing before its agent cancels it: a tenth of it, within half a minute and ten.
fn silence(duration_s: u64) -> Duration {
    Duration::from_secs((duration_s / 10).clamp(30, 600))
}

/// Returns the hash that [`hashlease_domain::proof::proof_order`] turned.
fn hash_of(mut order: B256) -> Hash256 {
    order.0.reverse();
    Hash256::from_bytes(order.0)
}

async fn next(reader: &mut WorkReader) -> Result<WorkMessage, DeliveryError> {
    reader.recv().await?.ok_or(DeliveryError::Closed)
}

/// Waits for changed work, at least until the moment from which on it may be sent; `false` where there will be none.
async fn changed_from(moment: Instant, work: &mut LeaseWork) -> bool {
    sleep_until(moment).await;
    work.changed().await
}
