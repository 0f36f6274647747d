//! Judging what a miner submits: what came by Stratum V1 as far as no hash is needed, and then the share itself, whatever
//! protocol it came by, once it was hashed together with others.

use hashlease_miner::pow::share::Checked;
use hashlease_miner::pow::{Solution, Target};
use hashlease_miner::stratum::from_miner::Submit;
use hashlease_miner::stratum::{Code, Malformed, StratumError};
use serde_json::Value;
use tokio::time::Instant;

use super::error::Hangup;
use super::job::FarmShare;
use super::pending::{self, Formed};
use super::record::RejectReason;
use super::sent::{Origin, Sent};
use super::session::Session;
use super::station::Station;
use super::verifier::Outcome;

/// A rejection: the reason that it is counted under, and how Stratum V1 words it.
pub(super) type Rejected = (RejectReason, StratumError);

/// A submit by Stratum V1, which is answered by its id.
pub(super) type Pending = pending::Pending<Value, Rejected>;

impl Session {
    /// Checks a submit in the order of pools as far as no hash is needed: who, form, job, version, time.
    pub(super) fn submit(&self, id: Value, submit: &Submit, now: Instant) -> Pending {
        Pending { answer: id, came_at: now, formed: self.form(submit, now) }
    }

    /// Goes on where [`Session::submit`] ended, and answers: with the hash, as a block before all else; then staleness, the
    /// connection's target and duplicates. A share comes out where it meets the lease's target too.
    ///
    /// `checked` is what became of the submit's candidate, where it had one.
    pub(super) fn on_checked(
        &mut self,
        pending: Pending,
        checked: Option<Outcome>,
    ) -> Result<Option<FarmShare>, Hangup> {
        let (now, mut share) = (pending.came_at, None);
        let verdict = match (pending.formed, checked) {
            (Err(rejected), _) => Err(rejected),
            (Ok(Formed { sent, solution }), Some(Ok(checked))) => {
                self.station.judge(&sent, solution, &checked, now, &mut share)
            }
            (Ok(_), Some(Err(rejection))) => Err(malformed(rejection.to_string())),
            (Ok(_), None) => return Err(Hangup::Unchecked),
        };
        let verdict = self.note(verdict);
        self.answer(&pending.answer, verdict.map(|()| Value::Bool(true)));
        if self.is_ready() {
            self.retune(now);
        }
        if share.is_none() {
            self.check_shares()?;
        }
        Ok(share)
    }

    /// Refuses a submit whose parameters can't be read, after the question who sends it.
    pub(super) fn submit_malformed(&mut self, user: Option<&String>, found: Malformed) -> Result<(), StratumError> {
        let sender = self.check_sender(user);
        self.note(sender.and_then(|()| Err((RejectReason::Malformed, found.into()))))
    }

    fn note(&mut self, verdict: Result<(), Rejected>) -> Result<(), StratumError> {
        self.station.note(verdict.as_ref().err().map(|(reason, _)| *reason));
        verdict.map_err(|(_, error)| error)
    }

    fn form(&self, submit: &Submit, now: Instant) -> Result<Formed, Rejected> {
        self.check_sender(Some(&submit.user))?;
        let unknown = || (RejectReason::JobNotFound, StratumError::job_not_found());
        let sent = self.station.sent.find(&submit.job_id, now).ok_or_else(unknown)?.clone();
        let solution = Solution {
            extranonce: extranonce(&sent, &submit.extranonce2)?,
            version: self.version(&sent, submit.version_bits)?,
            time: self.station.time(&sent, submit.time, now)?,
            nonce: submit.nonce,
        };
        Ok(Formed { sent, solution })
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
}

impl Station {
    /// Judges a whole solution of a job that was sent, and its header: the hash, as a block before all else; then staleness, the
    /// miner's target and duplicates. A share comes out where it meets the lease's target too.
    pub(super) fn judge(
        &mut self,
        sent: &Sent,
        solution: Solution,
        checked: &Checked,
        now: Instant,
        share: &mut Option<FarmShare>,
    ) -> Result<(), Rejected> {
        let Origin::Lease { lease, job_id } = sent.origin else {
            return check_target(sent, checked);
        };
        let fresh = check_fresh(sent, now).and_then(|()| check_target(sent, checked));
        if fresh.is_err() && !checked.is_block() {
            return fresh;
        }
        self.check_new(sent, checked)?;
        if checked.is_block() || checked.meets(&sent.share_target) {
            *share = Some(FarmShare { lease, job_id, solution, hash: checked.hash, session: self.record.id });
        }
        fresh?;
        self.count(sent.target, now);
        Ok(())
    }

    /// Counts a verdict: a rejection by its reason.
    pub(super) fn note(&mut self, rejected: Option<RejectReason>) {
        self.rejected_in_a_row = rejected.map_or(0, |_| self.rejected_in_a_row + 1);
        if let Some(reason) = rejected {
            *self.record.live().rejected.entry(reason).or_default() += 1;
        }
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

    /// The header's time, where it lies between the job's and how far a device may roll.
    pub(super) fn time(&self, sent: &Sent, time: u32, now: Instant) -> Result<u32, Rejected> {
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

pub(super) fn malformed(text: String) -> Rejected {
    (RejectReason::Malformed, StratumError::new(Code::Other, text))
}
