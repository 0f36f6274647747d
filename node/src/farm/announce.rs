//! Telling a miner its work: what it must know first, and then the job.

use std::sync::Arc;

use hashlease_miner::stratum::encode;
use tokio::time::Instant;

use super::extranonce::Division;
use super::idle;
use super::job::Work;
use super::sent::Sent;
use super::session::Session;

impl Session {
    /// Sends the work that the miner is to do, where it is ready for any.
    ///
    /// What the work needs precedes it at once, and only what changed: version bits, difficulty, extranonce.
    pub(super) fn announce(&mut self, now: Instant) {
        if !self.is_ready() || self.must_reconnect {
            return;
        }
        self.station.told_at = now;
        let division = self.needed_division();
        let divides_anew = division != self.station.division;
        if divides_anew && !self.takes_extranonce {
            self.out += &encode::reconnect();
            self.must_reconnect = true;
            return;
        }
        self.station.division = division;
        let Some((next, difficulty)) = self.station.next(self.granted_mask.unwrap_or(0), now) else { return };
        let mut clean = divides_anew || self.station.sent.newest().is_none_or(|last| must_drop(last, &next));
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
        self.station.record.live().announce(next.origin.lease(), next.time, now);
        let (template, time) = (Arc::clone(&next.job), next.time);
        let padding = division.padding(template.extranonce_size);
        self.out += &template.text.line(&self.station.sent.push(next), padding, time, clean);
    }

    /// Says something to a miner that has nothing to say: its work again, or its difficulty where it never had any.
    pub(super) fn keep_alive(&mut self, now: Instant) {
        if self.station.sent.newest().is_some() || matches!(self.station.work, Work::Lease(_)) {
            self.announce(now);
        } else {
            self.station.told_at = now;
            self.tell_difficulty(idle::target().difficulty());
        }
    }

    /// The division that the work has room for; the present one as long as it may stay.
    fn needed_division(&self) -> Division {
        let division = self.station.division;
        match &self.station.work {
            Work::Lease(posted) if !division.fits(posted.job.job.extranonce_size) => {
                Division::for_job(self.station.record.number, posted.job.job.extranonce_size)
            }
            _ => division,
        }
    }

    fn tell_difficulty(&mut self, difficulty: f64) {
        self.out += &encode::set_difficulty(difficulty);
        self.told_difficulty = Some(difficulty);
        self.station.record.live().difficulty = Some(difficulty);
    }
}

/// Tells whether the miner must drop its last work for the next: another lease, another block, or a clean job between.
fn must_drop(last: &Sent, next: &Sent) -> bool {
    last.origin.lease() != next.origin.lease() || last.cleans != next.cleans || last.job.prev_hash != next.job.prev_hash
}
