//! One channel of a V2 miner: a seat of the farm's with its jobs and shares.

use std::mem;

use hashlease_miner::pow::{Solution, Target};
use mining_sv2::{
    ERROR_CODE_SUBMIT_SHARES_BAD_EXTRANONCE_SIZE, ERROR_CODE_SUBMIT_SHARES_DIFFICULTY_TOO_LOW,
    ERROR_CODE_SUBMIT_SHARES_DUPLICATE_SHARE, ERROR_CODE_SUBMIT_SHARES_INVALID_CHANNEL_ID,
    ERROR_CODE_SUBMIT_SHARES_INVALID_JOB_ID, ERROR_CODE_SUBMIT_SHARES_INVALID_NON_ROLLABLE_VERSION_BIT,
    ERROR_CODE_SUBMIT_SHARES_INVALID_SHARE, ERROR_CODE_SUBMIT_SHARES_STALE_SHARE,
    ERROR_CODE_VERSION_ROLLING_NOT_ALLOWED, SetExtranoncePrefixOwned, SetTargetOwned, SubmitSharesErrorOwned,
    SubmitSharesSuccess,
};
use parsers_sv2::{AnyMessageOwned, MiningOwned};
use tokio::time::Instant;

use super::super::config::FarmConfig;
use super::super::error::Hangup;
use super::super::extranonce::Division;
use super::super::handle::Guest;
use super::super::idle;
use super::super::job::{FarmShare, Work};
use super::super::pending::{self, Formed};
use super::super::record::RejectReason;
use super::super::sent::Sent;
use super::super::station::{REPEAT, Station};
use super::super::submit::{Rejected, malformed};
use super::super::verifier::Outcome;
use super::message::{Kind, Submitted, Told, may_roll, mining, prefix, text, wire_target};

/// Version bits that may roll as far as the protocol is concerned; each job has a mask of its own.
const ANY_BITS: u32 = u32::MAX;

/// A channel can't do the work that it was given, and must be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Misfit;

/// A submit, which is answered by its channel and its place there.
pub(super) type Pending = pending::Pending<Ticket, Coded>;

/// Names a submit on its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) channel_id: u32,
    pub(super) sequence_number: u32,
}

/// The reason that a rejection is counted under, and its code on the wire.
pub(super) type Coded = (RejectReason, &'static str);

pub(super) struct Channel {
    pub(super) id: u32,
    pub(super) kind: Kind,
    pub(super) station: Station,
    told_target: Target,
    /// The earliest time that came with the last block: no job may go back behind it.
    told_time: u32,
    /// Accepted shares that the miner wasn't told of yet.
    accepted: Option<SubmitSharesSuccess>,
    /// Holds the seat.
    _guest: Guest,
}

impl Channel {
    /// Opens a channel on a seat; `None` where some lease's job has no room for an extended one's extranonce.
    ///
    /// `size2` is how many bytes of it the miner asks for.
    pub(super) fn open(id: u32, kind: Kind, size2: u8, guest: Guest, limits: FarmConfig, now: Instant) -> Option<Self> {
        let record = guest.record();
        let (number, room) = (record.number, record.room);
        let mut station = Station::new(record, limits, now);
        if kind == Kind::Extended && size2 > 0 {
            station.division = Division::for_channel(number, room, size2.max(2))?;
        }
        Some(Self { id, kind, station, told_target: idle::target(), told_time: 0, accepted: None, _guest: guest })
    }

    /// The target that the miner knows of: at first the idle work's, or its own limit where that is harder.
    pub(super) fn begin_at(&mut self, max_target: Target) -> Target {
        self.note_target(self.told_target.min(max_target));
        self.told_target
    }

    fn note_target(&mut self, target: Target) {
        self.told_target = target;
        self.station.record.live().difficulty = Some(target.difficulty());
    }

    /// Gives the miner other work.
    pub(super) fn on_work(&mut self, work: Work, now: Instant, out: &mut Vec<AnyMessageOwned>) -> Result<(), Misfit> {
        self.station.work = work;
        self.announce(now, out)
    }

    /// Judges the miner's difficulty, and sends its work again where it is to change.
    pub(super) fn retune(&mut self, now: Instant, out: &mut Vec<AnyMessageOwned>) -> Result<(), Misfit> {
        if self.station.is_to_retune(now) { self.announce(now, out) } else { Ok(()) }
    }

    /// Repeats the miner's work where it is time to: its earliest time moves on.
    pub(super) fn on_deadline(&mut self, now: Instant, out: &mut Vec<AnyMessageOwned>) -> Result<(), Misfit> {
        if now >= self.station.due_at() {
            self.retune(now, out)?;
        }
        if now >= self.station.told_at + REPEAT { self.announce(now, out) } else { Ok(()) }
    }

    /// Sends the work that the miner is to do. What the work needs precedes it, and only what changed.
    ///
    /// On the same previous block a job is one message, and takes effect at once; else, or where its time goes back, it waits
    /// for the message with the block, which follows and makes the miner drop all other jobs.
    fn announce(&mut self, now: Instant, out: &mut Vec<AnyMessageOwned>) -> Result<(), Misfit> {
        self.station.told_at = now;
        let divides_anew = self.divide()?;
        let newest = self.station.sent.newest().cloned();
        let Some((next, _)) = self.station.next(ANY_BITS, now) else { return Ok(()) };
        if divides_anew {
            let extranonce_prefix = prefix(self.station.division);
            let message = SetExtranoncePrefixOwned { channel_id: self.id, extranonce_prefix };
            out.push(mining(MiningOwned::SetExtranoncePrefix(message)));
        }
        if self.told_target != next.target {
            self.note_target(next.target);
            let message = SetTargetOwned { channel_id: self.id, maximum_target: wire_target(next.target) };
            out.push(mining(MiningOwned::SetTarget(message)));
        }
        self.station.record.live().announce(next.origin.lease(), next.time, now);
        let number = self.station.sent.add(next.clone());
        let told = Told {
            channel_id: self.id,
            job_id: number.try_into().map_err(|_| Misfit)?,
            future: next.time < self.told_time || newest.is_none_or(|last| needs_block(&last, &next)),
        };
        let job = match self.kind {
            Kind::Standard => told.standard(&next, &whole(&next, &own_part(&next, number))),
            Kind::Extended => told.extended(&next),
        };
        out.push(mining(job.ok_or(Misfit)?));
        if told.future {
            self.told_time = next.time;
            out.push(mining(told.new_prev_hash(&next)));
        }
        Ok(())
    }

    /// Divides the extranonce for the work that there is; tells whether the miner must know.
    fn divide(&mut self) -> Result<bool, Misfit> {
        let Work::Lease(posted) = &self.station.work else { return Ok(false) };
        let (number, size) = (self.station.record.number, posted.job.job.extranonce_size);
        match self.kind {
            // The miner never sees any of it.
            Kind::Standard => self.station.division = Division::for_job(number, size),
            Kind::Extended if self.station.division.fits(size) => {}
            Kind::Extended => {
                let size2 = self.station.division.size2;
                self.station.division = Division::for_channel(number, size, size2).ok_or(Misfit)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Checks a submit in the order of Stratum V1, as far as no hash is needed.
    pub(super) fn form(&self, submitted: &Submitted, now: Instant) -> Result<Formed, Coded> {
        let sent = self.station.sent.find_number(submitted.job_id.into(), now).cloned();
        let sent = sent.ok_or((RejectReason::JobNotFound, ERROR_CODE_SUBMIT_SHARES_INVALID_JOB_ID))?;
        let part2 = match (self.kind, &submitted.part2) {
            (Kind::Standard, None) => own_part(&sent, submitted.job_id.into()),
            (Kind::Extended, Some(part2)) => part2.clone(),
            _ => return Err((RejectReason::Malformed, ERROR_CODE_SUBMIT_SHARES_INVALID_CHANNEL_ID)),
        };
        if part2.len() != usize::from(sent.division.size2) {
            return Err((RejectReason::Malformed, ERROR_CODE_SUBMIT_SHARES_BAD_EXTRANONCE_SIZE));
        }
        if (submitted.version ^ sent.job.version) & !sent.mask != 0 {
            return Err((RejectReason::Version, version_code(&sent)));
        }
        let solution = Solution {
            version: submitted.version,
            extranonce: whole(&sent, &part2),
            time: self.station.time(&sent, submitted.time, now).map_err(coded)?,
            nonce: submitted.nonce,
        };
        Ok(Formed { sent, solution })
    }

    /// Goes on where [`Channel::form`] ended, and answers; gives a share where it is one.
    pub(super) fn on_checked(
        &mut self,
        pending: Pending,
        checked: Option<Outcome>,
        out: &mut Vec<AnyMessageOwned>,
    ) -> Result<Option<FarmShare>, Hangup> {
        let (now, mut share) = (pending.came_at, None);
        let verdict = match (pending.formed, checked) {
            (Err(rejected), _) => Err(rejected),
            (Ok(Formed { sent, solution }), Some(Ok(checked))) => {
                let judged = self.station.judge(&sent, solution, &checked, now, &mut share);
                judged.map(|()| sent.target).map_err(coded)
            }
            (Ok(_), Some(Err(rejection))) => Err(coded(malformed(rejection.to_string()))),
            (Ok(_), None) => return Err(Hangup::Unchecked),
        };
        self.station.note(verdict.err().map(|(reason, _)| reason));
        match verdict {
            Ok(target) => self.accept(pending.answer.sequence_number, target),
            Err((_, code)) => out.push(refusal(pending.answer, code)),
        }
        Ok(share)
    }

    /// Adds to what the miner is told at the next write: many shares take one message.
    fn accept(&mut self, sequence_number: u32, target: Target) {
        let difficulty = u64::try_from(target.work() >> 32).unwrap_or(u64::MAX);
        let success = self.accepted.get_or_insert(SubmitSharesSuccess {
            channel_id: self.id,
            last_sequence_number: sequence_number,
            new_submits_accepted_count: 0,
            new_shares_sum: 0,
        });
        success.last_sequence_number = sequence_number;
        success.new_submits_accepted_count = success.new_submits_accepted_count.saturating_add(1);
        success.new_shares_sum = success.new_shares_sum.saturating_add(difficulty);
    }

    /// Takes what the miner is to be told of accepted shares.
    pub(super) fn take_accepted(&mut self) -> Option<AnyMessageOwned> {
        mem::take(&mut self.accepted).map(|success| mining(MiningOwned::SubmitSharesSuccess(success)))
    }
}

/// Refuses a submit.
pub(super) fn refusal(Ticket { channel_id, sequence_number }: Ticket, code: &'static str) -> AnyMessageOwned {
    let error_code = text(code);
    mining(MiningOwned::SubmitSharesError(SubmitSharesErrorOwned { channel_id, sequence_number, error_code }))
}

/// The miner's part on a standard channel, of which it knows nothing: the number of the job as it was sent, so that the same
/// job sent again is other work.
fn own_part(sent: &Sent, number: u64) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    bytes[bytes.len().saturating_sub(sent.division.size2.into())..].to_vec()
}

fn whole(sent: &Sent, part2: &[u8]) -> Vec<u8> {
    sent.division.whole(sent.job.extranonce_size, part2)
}

/// Whether a job needs the message with its previous block: another block, or a clean job of the lease.
fn needs_block(last: &Sent, next: &Sent) -> bool {
    let is_cleaned = last.origin.lease() == next.origin.lease() && last.cleans != next.cleans;
    is_cleaned || last.job.prev_hash != next.job.prev_hash || last.job.bits != next.job.bits
}

fn version_code(sent: &Sent) -> &'static str {
    if may_roll(sent) {
        ERROR_CODE_SUBMIT_SHARES_INVALID_NON_ROLLABLE_VERSION_BIT
    } else {
        ERROR_CODE_VERSION_ROLLING_NOT_ALLOWED
    }
}

fn coded((reason, _): Rejected) -> Coded {
    let code = match reason {
        RejectReason::JobNotFound => ERROR_CODE_SUBMIT_SHARES_INVALID_JOB_ID,
        RejectReason::Stale => ERROR_CODE_SUBMIT_SHARES_STALE_SHARE,
        RejectReason::LowDifficulty => ERROR_CODE_SUBMIT_SHARES_DIFFICULTY_TOO_LOW,
        RejectReason::Duplicate => ERROR_CODE_SUBMIT_SHARES_DUPLICATE_SHARE,
        _ => ERROR_CODE_SUBMIT_SHARES_INVALID_SHARE,
    };
    (reason, code)
}
