//! What the agent makes of the seller's shares: each is hashed, judged, and on the disk before the seller hears of it.

use std::time::Duration;

use alloy_primitives::B256;
use futures::FutureExt as _;
use hashlease_domain::{ProofShare, ledger::LedgerError, proof::proof_order};
use hashlease_miner::pow::{Hash256, Header, Rejection, Solution, share::Checked};
use tokio::time::Instant;

use super::{
    super::{
        DeliveryError, FoundBlock,
        account::Changes,
        limits::{standby_credit_down, standby_work, target_of},
        status::BLOCKS,
    },
    Agent, AgentJob, MAX_AHEAD_S,
};
use crate::{
    clock,
    destination::{SubmitOutcome, WorkJob},
    net::{
        WorkWriter,
        wire::{MAX_BATCH, ShareMessage, ShareRefusal, ShareVerdict, StandbyMessage, WorkMessage},
    },
    registry::evidence,
    store::Batch,
};

/// Time in which work on the tip before is still credited: a job's way to the miner and a share's way back.
const STALE_GRACE: Duration = Duration::from_secs(2);

/// Appends the shares that wait in the stream already, until there are enough for a batch; returns what else came, which ends
/// them.
pub(super) fn gather(
    shares: &mut Vec<ShareMessage>,
    mut next: impl AsyncFnMut() -> Result<WorkMessage, DeliveryError>,
) -> Option<Result<WorkMessage, DeliveryError>> {
    while shares.len() < MAX_BATCH {
        match next().now_or_never()? {
            Ok(WorkMessage::Shares(more)) => shares.extend(more),
            other => return Some(other),
        }
    }
    None
}

impl Agent {
    pub(super) async fn take_shares(
        &mut self,
        shares: &[ShareMessage],
        writer: &mut WorkWriter,
    ) -> Result<(), DeliveryError> {
        let (now, proof_target) = (clock::now_s(), target_of(self.lease.terms.proof_work()));
        let mut changes = Changes::default();
        let mut judged = Vec::with_capacity(shares.len());
        for (share, checked) in shares.iter().zip(self.hash(shares)) {
            let outcome = checked.and_then(|checked| self.judge(share, &checked, now)).map(|(job, hash)| {
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
    pub(super) async fn take_standby(
        &mut self,
        headers: &[StandbyMessage],
        writer: &mut WorkWriter,
    ) -> Result<(), DeliveryError> {
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
        let verdicts: Vec<_> = judged.into_iter().map(|(seq, _, outcome)| ShareVerdict { seq, outcome }).collect();
        for verdicts in verdicts.chunks(MAX_BATCH) {
            writer.send(&WorkMessage::Verdicts(verdicts.to_vec())).await?;
        }
        Ok(())
    }

    /// Hashes all shares together whose job is known.
    fn hash(&mut self, shares: &[ShareMessage]) -> Vec<Result<Checked, ShareRefusal>> {
        let known = shares.iter().filter_map(|share| Some((&self.jobs.get(&share.job_id)?.prepared, &share.solution)));
        let mut checked = self.batch.assemble(&known.collect::<Vec<_>>()).into_iter();
        let outcome =
            |share: &ShareMessage| match self.jobs.contains_key(&share.job_id).then(|| checked.next()).flatten() {
                Some(checked) => checked.map_err(refusal_of),
                None => Err(ShareRefusal::UnknownJob),
            };
        shares.iter().map(outcome).collect()
    }

    /// Judges a hashed share; what its destination takes goes out before every other test.
    fn judge(&self, share: &ShareMessage, checked: &Checked, now: u64) -> Result<(&AgentJob, Hash256), ShareRefusal> {
        let job = self.jobs.get(&share.job_id).ok_or(ShareRefusal::UnknownJob)?;
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
            statuses.update(lease, |status| status.destination.count(&outcome));
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
}

fn refusal_of(rejection: Rejection) -> ShareRefusal {
    match rejection {
        Rejection::VersionOutsideMask { .. } => ShareRefusal::BadVersion,
        Rejection::ExtranonceSize { .. } => ShareRefusal::BadExtranonce,
        Rejection::TimeBelowMinimum { .. } => ShareRefusal::TimeTooOld,
        Rejection::AboveTarget => ShareRefusal::AboveTarget,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    fn share(seq: u64) -> ShareMessage {
        ShareMessage { seq, job_id: 1, solution: Solution { version: 0, extranonce: Vec::new(), time: 0, nonce: 0 } }
    }

    fn shares(seqs: std::ops::Range<u64>) -> WorkMessage {
        WorkMessage::Shares(seqs.map(share).collect())
    }

    /// Gathers from a stream in which these messages wait; returns the numbers of the shares, what ended them, and how many
    /// messages are left.
    fn gathered(
        waiting: Vec<Result<WorkMessage, DeliveryError>>,
    ) -> (Vec<u64>, Option<Result<WorkMessage, DeliveryError>>, usize) {
        let mut waiting = VecDeque::from(waiting);
        let mut gathered = vec![share(0)];
        let behind = gather(&mut gathered, async || match waiting.pop_front() {
            Some(message) => message,
            None => std::future::pending().await,
        });
        (gathered.iter().map(|share| share.seq).collect(), behind, waiting.len())
    }

    #[test]
    fn shares_that_wait_are_gathered_in_order_and_none_are_waited_for() {
        let (seqs, behind, _) = gathered(Vec::new());
        assert!(seqs == [0] && behind.is_none());
        let (seqs, behind, left) = gathered(vec![Ok(shares(1..3)), Ok(shares(3..4))]);
        assert!(seqs == [0, 1, 2, 3] && behind.is_none() && left == 0);
    }

    #[test]
    fn what_is_no_share_ends_the_batch_and_is_not_lost() {
        let (seqs, behind, left) =
            gathered(vec![Ok(shares(1..3)), Ok(WorkMessage::Standby(Vec::new())), Ok(shares(3..4))]);
        assert!(seqs == [0, 1, 2] && left == 1);
        assert!(matches!(behind, Some(Ok(WorkMessage::Standby(_)))));
        let (seqs, behind, _) = gathered(vec![Ok(shares(1..3)), Err(DeliveryError::Closed)]);
        assert!(seqs == [0, 1, 2] && matches!(behind, Some(Err(DeliveryError::Closed))));
    }

    #[test]
    fn a_batch_is_bounded_however_many_shares_wait() {
        let full = || Ok(shares(0..MAX_BATCH as u64));
        let (seqs, behind, left) = gathered(vec![full(), full(), full()]);
        assert!(seqs.len() == MAX_BATCH + 1 && behind.is_none() && left == 2);
    }
}
