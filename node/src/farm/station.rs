//! A miner at work, whatever protocol it speaks: what it is to do, the jobs that it was sent, its difficulty, and what
//! became of its shares.

use std::sync::Arc;
use std::time::Duration;

use hashlease_miner::pow::Target;
use tokio::time::Instant;

use super::config::FarmConfig;
use super::extranonce::Division;
use super::idle;
use super::job::{Posted, Work};
use super::record::Record;
use super::sent::{Origin, Sent, SentJobs};
use super::vardiff::Vardiff;

/// Time after which a miner is told its work again; devices leave a pool that is silent for 90 s, some for 60 s.
pub(super) const REPEAT: Duration = Duration::from_secs(30);

/// One miner's state, the part that its protocol doesn't matter for.
#[derive(Debug)]
pub(super) struct Station {
    pub(super) record: Arc<Record>,
    pub(super) limits: FarmConfig,
    pub(super) sent: SentJobs,
    pub(super) vardiff: Vardiff,
    pub(super) rejected_in_a_row: u32,
    /// How the extranonce is divided, as the miner was last told.
    pub(super) division: Division,
    pub(super) work: Work,
    /// When the miner was last told its work.
    pub(super) told_at: Instant,
}

impl Station {
    pub(super) fn new(record: Arc<Record>, limits: FarmConfig, now: Instant) -> Self {
        Self {
            division: record.division,
            record,
            sent: SentJobs::default(),
            vardiff: Vardiff::new(limits.easiest_share),
            limits,
            rejected_in_a_row: 0,
            work: Work::None,
            told_at: now,
        }
    }

    /// Composes what the miner is to be sent now, with its Stratum difficulty; it may roll the version bits of `rolls`.
    ///
    /// `None` for a miner that never had any work: it needn't be stopped.
    pub(super) fn next(&mut self, rolls: u32, now: Instant) -> Option<(Sent, f64)> {
        match (self.work.clone(), self.sent.newest()) {
            (Work::Lease(posted), _) => {
                let level = self.vardiff.on_lease(posted.job.share_target, now);
                Some((self.lease_work(&posted, level.target, rolls, now), level.difficulty))
            }
            (Work::None, Some(last)) => {
                let next = idle_work(last, rolls, self.division, now);
                self.vardiff.on_idle(now);
                Some((next, idle::target().difficulty()))
            }
            (Work::None, None) => None,
        }
    }

    /// Judges the miner's difficulty; tells whether its work is to be sent again for it.
    pub(super) fn is_to_retune(&mut self, now: Instant) -> bool {
        self.vardiff.judge(now);
        matches!(&self.work, Work::Lease(posted) if self.vardiff.is_to_change(posted.job.share_target))
    }

    /// When the miner's difficulty is to be judged, or its work repeated, though nothing comes.
    pub(super) fn due_at(&self) -> Instant {
        let repeat_at = self.told_at + REPEAT;
        self.vardiff.due_at().map_or(repeat_at, |due_at| repeat_at.min(due_at))
    }

    fn lease_work(&self, posted: &Posted, target: Target, rolls: u32, now: Instant) -> Sent {
        let job = &posted.job;
        Sent {
            origin: Origin::Lease { lease: job.lease, job_id: job.job_id },
            job: Arc::clone(&posted.template),
            target,
            share_target: job.share_target,
            time: job.time,
            mask: rolls & job.job.version_mask,
            cleans: posted.cleans,
            division: self.division,
            tip: Some(Arc::clone(&posted.tip)),
            sent_at: now,
        }
    }
}

fn idle_work(last: &Sent, rolls: u32, division: Division, now: Instant) -> Sent {
    let passed = u32::try_from(now.duration_since(last.sent_at).as_secs()).unwrap_or(u32::MAX);
    let job = idle::job_for(division);
    Sent {
        origin: Origin::Idle,
        mask: rolls & job.version_mask,
        job,
        target: idle::target(),
        share_target: idle::target(),
        time: last.time.saturating_add(passed),
        cleans: 0,
        division,
        tip: None,
        sent_at: now,
    }
}
