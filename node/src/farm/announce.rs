//! Telling a miner its work: what it must know first, and then the job.

use std::sync::Arc;

use hashlease_miner::pow::Target;
use hashlease_miner::stratum::{Notify, encode};
use tokio::time::Instant;

use super::extranonce::Division;
use super::idle;
use super::job::{Posted, Work};
use super::sent::{Origin, Sent};
use super::session::Session;

impl Session {
    /// Sends the work that the miner is to do, where it is ready for any.
    ///
    /// What the work needs precedes it at once, and only what changed: version bits, difficulty, extranonce.
    pub(super) fn announce(&mut self, now: Instant) {
        if !self.is_ready() || self.must_reconnect {
            return;
        }
        self.told_at = now;
        let division = self.needed_division();
        let divides_anew = division != self.division;
        if divides_anew && !self.takes_extranonce {
            self.out += &encode::reconnect();
            self.must_reconnect = true;
            return;
        }
        self.division = division;
        let (next, difficulty) = match (self.work.clone(), self.sent.newest()) {
            (Work::Lease(posted), _) => {
                let level = self.vardiff.on_lease(posted.job.share_target, now);
                (self.lease_work(&posted, level.target, now), level.difficulty)
            }
            (Work::None, Some(last)) => {
                let next = idle_work(last, self.granted_mask, self.division, now);
                self.vardiff.on_idle(now);
                (next, idle::target().difficulty())
            }
            // A miner that never had any work needn't be stopped.
            (Work::None, None) => return,
        };
        let mut clean = divides_anew || self.sent.newest().is_none_or(|last| must_drop(last, &next));
        if self.granted_mask.is_some() && next.mask != self.told_mask {
            self.out += &encode::set_version_mask(next.mask);
            self.told_mask = next.mask;
            clean = true;
        }
        if self.told_difficulty != Some(difficulty) {
            self.tell_difficulty(difficulty);
        }
        if divides_anew {
            self.out += &encode::set_extranonce(&division.part1(), division.size2);
        }
        self.record.live().announce(next.origin.lease(), next.time, now);
        let (job, time) = (Arc::clone(&next.job), next.time);
        let mut notify = Notify::of_job(self.sent.push(next), &job, time, clean);
        notify.coinbase_prefix.extend(division.padding(job.extranonce_size));
        self.out += &encode::notify(&notify);
    }

    /// Says something to a miner that has nothing to say: its work again, or its difficulty where it never had any.
    pub(super) fn keep_alive(&mut self, now: Instant) {
        if self.sent.newest().is_some() || matches!(self.work, Work::Lease(_)) {
            self.announce(now);
        } else {
            self.told_at = now;
            self.tell_difficulty(idle::target().difficulty());
        }
    }

    /// The division that the work has room for; the present one as long as it may stay.
    fn needed_division(&self) -> Division {
        match &self.work {
            Work::Lease(posted) if !self.division.fits(posted.job.job.extranonce_size) => {
                Division::for_job(self.record.number, posted.job.job.extranonce_size)
            }
            _ => self.division,
        }
    }

    fn tell_difficulty(&mut self, difficulty: f64) {
        self.out += &encode::set_difficulty(difficulty);
        self.told_difficulty = Some(difficulty);
        self.record.live().difficulty = Some(difficulty);
    }

    fn lease_work(&self, posted: &Posted, target: Target, now: Instant) -> Sent {
        let job = &posted.job;
        Sent {
            origin: Origin::Lease { lease: job.lease, job_id: job.job_id },
            job: Arc::clone(&job.job),
            target,
            share_target: job.share_target,
            time: job.time,
            mask: self.granted_mask.unwrap_or(0) & job.job.version_mask,
            cleans: posted.cleans,
            division: self.division,
            tip: Some(Arc::clone(&posted.tip)),
            sent_at: now,
        }
    }
}

fn idle_work(last: &Sent, granted_mask: Option<u32>, division: Division, now: Instant) -> Sent {
    let passed = u32::try_from(now.duration_since(last.sent_at).as_secs()).unwrap_or(u32::MAX);
    Sent {
        origin: Origin::Idle,
        job: idle::job(),
        target: idle::target(),
        share_target: idle::target(),
        time: last.time.saturating_add(passed),
        mask: granted_mask.unwrap_or(0),
        cleans: 0,
        division,
        tip: None,
        sent_at: now,
    }
}

/// Tells whether the miner must drop its last work for the next: another lease, another block, or a clean job between.
fn must_drop(last: &Sent, next: &Sent) -> bool {
    last.origin.lease() != next.origin.lease() || last.cleans != next.cleans || last.job.prev_hash != next.job.prev_hash
}
