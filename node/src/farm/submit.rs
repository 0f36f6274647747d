//! Judging what a miner submits.

use hashlease_miner::pow::share::{Checked, assemble};
use hashlease_miner::pow::{Solution, Target};
use hashlease_miner::stratum::from_miner::Submit;
use hashlease_miner::stratum::{Code, Malformed, StratumError};
use tokio::time::Instant;

use super::job::FarmShare;
use super::record::RejectReason;
use super::sent::{Origin, Sent};
use super::session::Session;

/// A rejection with the reason that it is counted under.
type Rejected = (RejectReason, StratumError);

impl Session {
    /// Checks a submit in the order of pools: who, form, job, version, time; then the hash, as a block before all else;
    /// then staleness, the connection's target and duplicates. A share comes out where it meets the lease's target too.
    pub(super) fn submit(&mut self, submit: &Submit, now: Instant) -> (Result<(), StratumError>, Option<FarmShare>) {
        let mut share = None;
        let verdict = self.judge(submit, now, &mut share);
        (self.note(verdict), share)
    }

    /// Refuses a submit whose parameters can't be read, after the question who sends it.
    pub(super) fn submit_malformed(&mut self, user: Option<&String>, found: Malformed) -> Result<(), StratumError> {
        let sender = self.check_sender(user);
        self.note(sender.and_then(|()| Err((RejectReason::Malformed, found.into()))))
    }

    fn note(&mut self, verdict: Result<(), Rejected>) -> Result<(), StratumError> {
        match &verdict {
            Ok(()) => self.rejected_in_a_row = 0,
            Err((reason, _)) => {
                self.rejected_in_a_row += 1;
                *self.record.live().rejected.entry(*reason).or_default() += 1;
            }
        }
        verdict.map_err(|(_, error)| error)
    }

    fn judge(&mut self, submit: &Submit, now: Instant, share: &mut Option<FarmShare>) -> Result<(), Rejected> {
        self.check_sender(Some(&submit.user))?;
        let unknown = || (RejectReason::JobNotFound, StratumError::job_not_found());
        let sent = self.sent.find(&submit.job_id, now).ok_or_else(unknown)?.clone();
        let solution = Solution {
            extranonce: extranonce(&sent, &submit.extranonce2)?,
            version: self.version(&sent, submit.version_bits)?,
            time: self.time(&sent, submit.time, now)?,
            nonce: submit.nonce,
        };
        let checked = assemble(&sent.job, &solution).map_err(|rejection| malformed(rejection.to_string()))?;
        let Origin::Lease { lease, job_id } = sent.origin else {
            return check_target(&sent, &checked);
        };
        let fresh = check_fresh(&sent, now).and_then(|()| check_target(&sent, &checked));
        if fresh.is_err() && !checked.is_block() {
            return fresh;
        }
        self.check_new(&sent, &checked)?;
        if checked.is_block() || checked.meets(&sent.share_target) {
            *share = Some(FarmShare { lease, job_id, solution, hash: checked.hash, session: self.record.id });
        }
        fresh?;
        self.count(sent.target, now);
        Ok(())
    }

    /// Counts an accepted share, at the work of the difficulty that it was mined at.
    fn count(&mut self, target: Target, now: Instant) {
        self.vardiff.count(target);
        let work = target.work();
        let mut live = self.record.live();
        live.accepted += 1;
        live.work = live.work.saturating_add(work);
        live.rate.add(work, now);
        live.last_share = Some(now);
    }

    fn check_sender(&self, user: Option<&String>) -> Result<(), Rejected> {
        if !self.subscribed {
            return Err((RejectReason::NotSubscribed, StratumError::not_subscribed()));
        }
        if !user.is_some_and(|user| self.workers.contains(user)) {
            return Err((RejectReason::Unauthorized, StratumError::unauthorized()));
        }
        Ok(())
    }

    /// The whole header version. A miner that negotiated rolling and sends no bits didn't roll.
    fn version(&self, sent: &Sent, bits: Option<u32>) -> Result<u32, Rejected> {
        let reject = |text| Err((RejectReason::Version, StratumError::new(Code::Other, text)));
        match (bits, self.granted_mask) {
            (None, _) | (Some(0), None) => Ok(sent.job.version),
            (Some(_), None) => reject("Version rolling was not negotiated"),
            (Some(bits), Some(_)) if bits & !sent.mask != 0 => reject("Version bits outside the mask"),
            (Some(bits), Some(_)) => Ok((sent.job.version & !sent.mask) | bits),
        }
    }

    fn time(&self, sent: &Sent, time: u32, now: Instant) -> Result<u32, Rejected> {
        let passed = u32::try_from(now.duration_since(sent.sent_at).as_secs()).unwrap_or(u32::MAX);
        let latest = sent.time.saturating_add(passed).saturating_add(self.limits.time_roll_s);
        if (sent.time..=latest).contains(&time) {
            Ok(time)
        } else {
            Err((RejectReason::Time, StratumError::new(Code::Other, "ntime out of range")))
        }
    }

    fn check_new(&mut self, sent: &Sent, checked: &Checked) -> Result<(), Rejected> {
        match self.sent.remember(sent.origin, checked.hash) {
            Some(true) => Ok(()),
            Some(false) => Err((RejectReason::Duplicate, StratumError::duplicate())),
            None => Err(malformed("too many shares of one job: wait for the next".to_owned())),
        }
    }
}

fn extranonce(sent: &Sent, extranonce2: &[u8]) -> Result<Vec<u8>, Rejected> {
    let size2 = sent.division.size2;
    if extranonce2.len() != usize::from(size2) {
        return Err(malformed(format!("extranonce2 must have {size2} bytes")));
    }
    Ok(sent.division.whole(sent.job.extranonce_size, extranonce2))
}

fn check_fresh(sent: &Sent, now: Instant) -> Result<(), Rejected> {
    match &sent.tip {
        Some(tip) if tip.is_stale(sent.job.prev_hash, now) => Err((RejectReason::Stale, StratumError::stale())),
        _ => Ok(()),
    }
}

fn check_target(sent: &Sent, checked: &Checked) -> Result<(), Rejected> {
    if checked.meets(&sent.target) {
        Ok(())
    } else {
        Err((RejectReason::LowDifficulty, StratumError::low_difficulty()))
    }
}

fn malformed(text: String) -> Rejected {
    (RejectReason::Malformed, StratumError::new(Code::Other, text))
}
