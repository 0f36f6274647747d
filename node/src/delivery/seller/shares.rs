//! What the seller's miners find: proof shares kept, shares sent to the agent, its verdicts taken in.

use std::{collections::VecDeque, time::Duration};

use alloy_primitives::{B256, FixedBytes};
use hashlease_domain::{ProofShare, proof::proof_order};
use hashlease_miner::pow::Hash256;
use tokio::time::Instant;

use super::{
    super::{
        account::{Changes, StandbyShare},
        limits::{standby_work, target_of},
    },
    DeliveryError, FarmShare, MAX_BATCH, Origin, Seller, Sent, WorkMessage,
};
use crate::{
    net::wire::{ShareMessage, ShareVerdict, StandbyMessage},
    registry::evidence,
};

/// Shares that may wait for their verdicts; more are dropped, the agent is not keeping up.
const MAX_OUTSTANDING: usize = 1024;
/// Verdicts that are looked back on, and how many make a judgement.
const VERDICTS: usize = 256;
const ENOUGH_VERDICTS: usize = 128;
/// Rejected shares of a hundred from which the agent's jobs are not worth working on (section 4).
const MAX_REJECTED_PERCENT: usize = 3;
/// Time for which they are left then, until they are tried again.
const SHUN: Duration = Duration::from_secs(60);

/// How the agent judged the last shares on its jobs.
#[derive(Debug, Default)]
pub(super) struct Acceptance {
    verdicts: VecDeque<bool>,
    shunned: Option<Instant>,
}

impl Acceptance {
    fn add(&mut self, accepted: bool) {
        self.verdicts.push_back(accepted);
        if self.verdicts.len() > VERDICTS {
            self.verdicts.pop_front();
        }
        let rejected = self.verdicts.iter().filter(|accepted| !**accepted).count();
        let count = self.verdicts.len();
        if count >= ENOUGH_VERDICTS && rejected * 100 > count * MAX_REJECTED_PERCENT {
            self.shunned = Some(Instant::now());
            self.verdicts.clear();
        }
    }

    /// Returns whether too many shares were rejected to go on.
    pub(super) fn is_poor(&self) -> bool {
        self.shunned.is_some_and(|since| since.elapsed() < SHUN)
    }
}

/// A standby share that was found.
struct Standby {
    header: StandbyShare,
    hash: Hash256,
}

impl Seller {
    /// Keeps what could be needed as proof, and sends what can be credited.
    pub(super) async fn take_shares(&mut self, found: &mut Vec<FarmShare>) -> Result<(), DeliveryError> {
        let mut changes = Changes::default();
        let mut on_jobs = Vec::with_capacity(found.len());
        let proof_target = target_of(self.lease.terms.proof_work());
        for share in found.drain(..) {
            let Some(job) = self.jobs.get(share.job_id) else {
                self.note_late();
                continue;
            };
            let is_proof = proof_target.is_met_by(&share.hash);
            match &job.origin {
                Origin::Agent(signed, hash) => {
                    if is_proof {
                        let proof = ProofShare::Job { job: *hash, solution: share.solution.clone() };
                        let batch = evidence::keep_job(std::mem::take(&mut changes.batch), *hash, signed);
                        changes.batch = evidence::keep_share(batch, self.lease.id, share.hash, &proof);
                    }
                    on_jobs.push(share);
                }
                Origin::Standby => {
                    let Ok(header) = job.job.header(&share.solution) else { continue };
                    let standby = Standby { header: FixedBytes(header.to_bytes()), hash: share.hash };
                    self.keep_standby(&standby, is_proof, &mut changes);
                }
            }
        }
        if !changes.is_empty() {
            // On the disk before anybody hears of it.
            self.account.credit(&[], changes).await?;
        }
        self.send_shares(on_jobs).await?;
        self.note_work();
        self.send_standby().await
    }

    fn keep_standby(&self, standby: &Standby, is_proof: bool, changes: &mut Changes) {
        if is_proof {
            let proof = ProofShare::Standby { header: standby.header };
            changes.batch =
                evidence::keep_share(std::mem::take(&mut changes.batch), self.lease.id, standby.hash, &proof);
        }
        changes.kept.push((proof_order(standby.hash), standby.header));
    }

    async fn send_shares(&mut self, found: Vec<FarmShare>) -> Result<(), DeliveryError> {
        let mut shares = Vec::with_capacity(found.len());
        for share in found {
            let time = share.solution.time;
            let is_late = u64::from(time) <= self.claimed_through();
            if is_late || self.link.is_none() || self.outstanding.len() >= MAX_OUTSTANDING {
                self.note_late();
                continue;
            }
            let seq = self.number(Sent { time, standby: None });
            shares.push(ShareMessage { seq, job_id: share.job_id, solution: share.solution });
        }
        self.note_in_flight();
        if shares.is_empty() { Ok(()) } else { self.send(WorkMessage::Shares(shares)).await }
    }

    /// Sends the standby shares that the agent has not been sent on this link, oldest first.
    pub(super) async fn send_standby(&mut self) -> Result<(), DeliveryError> {
        if self.link.is_none() {
            return Ok(());
        }
        let room = MAX_OUTSTANDING.saturating_sub(self.outstanding.len()).min(MAX_BATCH);
        let unsent: Vec<((u32, B256), StandbyShare)> =
            self.unsent().take(room).map(|(key, header)| (*key, *header)).collect();
        if unsent.is_empty() {
            return Ok(());
        }
        let mut headers = Vec::with_capacity(unsent.len());
        for ((time, hash), header) in unsent {
            headers.push(StandbyMessage { seq: self.number(Sent { time, standby: Some(hash) }), header });
        }
        self.note_in_flight();
        self.send(WorkMessage::Standby(headers)).await
    }

    /// Returns the standby shares that could be credited and wait to be sent, oldest first.
    fn unsent(&self) -> impl Iterator<Item = (&(u32, B256), &StandbyShare)> {
        let sent: std::collections::HashSet<B256> = self.outstanding.values().filter_map(|sent| sent.standby).collect();
        let (claimed, end) = (self.claimed_through(), self.lease.on_chain.end);
        self.account
            .standby()
            .iter()
            .filter(move |((time, hash), _)| (claimed + 1..=end).contains(&u64::from(*time)) && !sent.contains(hash))
    }

    pub(super) fn oldest_unsent(&self) -> Option<u32> {
        self.unsent().next().map(|((time, _), _)| *time)
    }

    fn number(&mut self, sent: Sent) -> u64 {
        let seq = self.next_seq;
        self.next_seq += 1;
        self.outstanding.insert(seq, sent);
        seq
    }

    pub(super) async fn take_verdicts(&mut self, verdicts: &[ShareVerdict]) -> Result<(), DeliveryError> {
        let mut accepted = Vec::with_capacity(verdicts.len());
        let mut changes = Changes::default();
        for verdict in verdicts {
            let Some(Sent { time, standby }) = self.outstanding.remove(&verdict.seq) else { continue };
            match standby {
                Some(hash) => changes.dropped.push((time, hash)),
                None => self.acceptance.add(verdict.outcome.is_ok()),
            }
            match verdict.outcome {
                Ok(work) => {
                    if standby.is_some() {
                        changes.uncredited += standby_work(&self.lease.terms).saturating_sub(work);
                    }
                    accepted.push((time, work));
                }
                Err(refusal) => self.shared.statuses.update(self.lease.id, |status| status.reject(refusal)),
            }
        }
        self.account.credit(&accepted, changes).await?;
        let count = accepted.len() as u64;
        self.shared.statuses.update(self.lease.id, |status| status.accepted_shares += count);
        self.note_work();
        self.note_in_flight();
        Ok(())
    }

    /// Returns the hashes done for the lease, however they will be paid.
    pub(super) fn hashed(&self) -> u128 {
        self.account.ledger().total() + self.account.uncredited() + self.waiting_standby()
    }

    /// Returns the hashes of standby shares that nobody has credited.
    fn waiting_standby(&self) -> u128 {
        standby_work(&self.lease.terms) * self.account.standby().len() as u128
    }

    pub(super) fn note_work(&self) {
        let (accepted, standby) = (self.account.ledger().total(), self.waiting_standby());
        self.shared.statuses.update(self.lease.id, |status| {
            status.accepted_work = accepted;
            status.standby_work = standby;
        });
        if self.current.is_some() {
            self.shared.demands.set(&self.lease, self.hashed());
        }
    }

    fn note_in_flight(&self) {
        let in_flight = self.outstanding.len() as u64;
        self.shared.statuses.update(self.lease.id, |status| status.in_flight_shares = in_flight);
    }

    fn note_late(&self) {
        self.shared.statuses.update(self.lease.id, |status| status.late_shares += 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn above_three_percent_rejected_the_jobs_are_left() {
        let mut acceptance = Acceptance::default();
        for number in 0..VERDICTS * 2 {
            acceptance.add(number % 50 != 0);
        }
        assert!(!acceptance.is_poor(), "two of a hundred are the network's");
        for number in 0..VERDICTS {
            acceptance.add(number % 20 != 0);
        }
        assert!(acceptance.is_poor(), "five of a hundred are not");
    }

    #[test]
    fn a_few_rejected_shares_at_the_start_are_no_judgement() {
        let mut acceptance = Acceptance::default();
        for _ in 0..10 {
            acceptance.add(false);
        }
        assert!(!acceptance.is_poor());
    }
}
