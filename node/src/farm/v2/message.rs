//! Between the farm's values and those on the wire.

use binary_sv2::{B032Owned, Seq0255Owned, Str0255Owned, Sv2OptionOwned, U256Owned};
use hashlease_miner::pow::{Job, Target};
use mining_sv2::{
    NewExtendedMiningJobOwned, NewMiningJobOwned, OpenExtendedMiningChannelOwned,
    OpenExtendedMiningChannelSuccessOwned, OpenStandardMiningChannelOwned, OpenStandardMiningChannelSuccessOwned,
    SetNewPrevHashOwned, SubmitSharesExtendedOwned, SubmitSharesStandard,
};
use parsers_sv2::{AnyMessageOwned, MiningOwned};

use super::super::extranonce::Division;
use super::super::sent::Sent;
use super::super::session::SERVER_MASK;

/// The group that every channel of a connection is said to be in. Nothing is ever sent to it; no channel has its number.
pub(super) const GROUP: u32 = 1;

/// A target on the wire is little-endian.
pub(super) fn wire_target(target: Target) -> U256Owned {
    let mut bytes = target.to_be_bytes();
    bytes.reverse();
    bytes.into()
}

pub(super) fn read_target(wire: &U256Owned) -> Target {
    let mut bytes = wire.to_array();
    bytes.reverse();
    Target::from_be_bytes(bytes)
}

/// An error code or a reason.
pub(super) fn text(code: &'static str) -> Str0255Owned {
    code.try_into().expect("codes have less than 255 bytes")
}

/// The connection's part of an extranonce.
pub(super) fn prefix(division: Division) -> B032Owned {
    division.part1().try_into().expect("the part has four bytes at most")
}

pub(super) fn mining(message: MiningOwned) -> AnyMessageOwned {
    AnyMessageOwned::Mining(message)
}

/// Who chooses the extranonce of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The farm: the miner knows the merkle root alone.
    Standard,
    /// The miner, as far as its part goes.
    Extended,
}

/// What a miner asks for with a channel of either kind.
pub(super) struct Opening {
    pub(super) request_id: u32,
    pub(super) user: Str0255Owned,
    pub(super) hashrate: f32,
    pub(super) max_target: U256Owned,
    pub(super) kind: Kind,
    /// Bytes of the extranonce that it wants for itself; 0 for whatever there is.
    pub(super) size2: u16,
}

impl From<OpenStandardMiningChannelOwned> for Opening {
    fn from(asked: OpenStandardMiningChannelOwned) -> Self {
        Self {
            request_id: asked.request_id,
            user: asked.user_identity,
            hashrate: asked.nominal_hash_rate,
            max_target: asked.max_target,
            kind: Kind::Standard,
            size2: 0,
        }
    }
}

impl From<OpenExtendedMiningChannelOwned> for Opening {
    fn from(asked: OpenExtendedMiningChannelOwned) -> Self {
        Self {
            request_id: asked.request_id,
            user: asked.user_identity,
            hashrate: asked.nominal_hash_rate,
            max_target: asked.max_target,
            kind: Kind::Extended,
            size2: asked.min_extranonce_size,
        }
    }
}

/// Says that a channel is open, and its first target.
pub(super) fn opened(opening: &Opening, channel_id: u32, target: Target, division: Division) -> MiningOwned {
    let (request_id, target, extranonce_prefix) = (opening.request_id, wire_target(target), prefix(division));
    let group_channel_id = GROUP;
    match opening.kind {
        Kind::Standard => MiningOwned::OpenStandardMiningChannelSuccess(OpenStandardMiningChannelSuccessOwned {
            request_id,
            channel_id,
            target,
            extranonce_prefix,
            group_channel_id,
        }),
        Kind::Extended => MiningOwned::OpenExtendedMiningChannelSuccess(OpenExtendedMiningChannelSuccessOwned {
            request_id,
            channel_id,
            target,
            extranonce_size: division.size2.into(),
            extranonce_prefix,
            group_channel_id,
        }),
    }
}

/// Whether a message is a submit of either kind.
pub(super) fn is_submit(message: &AnyMessageOwned) -> bool {
    let AnyMessageOwned::Mining(message) = message else { return false };
    matches!(message, MiningOwned::SubmitSharesStandard(_) | MiningOwned::SubmitSharesExtended(_))
}

/// A submit of either kind.
pub(super) struct Submitted {
    pub(super) sequence_number: u32,
    pub(super) job_id: u32,
    pub(super) nonce: u32,
    pub(super) time: u32,
    pub(super) version: u32,
    /// The miner's part of the extranonce; none on a standard channel.
    pub(super) part2: Option<Vec<u8>>,
}

impl From<SubmitSharesStandard> for Submitted {
    fn from(submit: SubmitSharesStandard) -> Self {
        Self {
            sequence_number: submit.sequence_number,
            job_id: submit.job_id,
            nonce: submit.nonce,
            time: submit.ntime,
            version: submit.version,
            part2: None,
        }
    }
}

impl From<SubmitSharesExtendedOwned> for Submitted {
    fn from(submit: SubmitSharesExtendedOwned) -> Self {
        Self {
            sequence_number: submit.sequence_number,
            job_id: submit.job_id,
            nonce: submit.nonce,
            time: submit.ntime,
            version: submit.version,
            part2: Some(submit.extranonce.into_bytes()),
        }
    }
}

/// A job as a channel is told it, and what must follow it.
pub(super) struct Told {
    pub(super) channel_id: u32,
    pub(super) job_id: u32,
    /// Whether it waits for a `SetNewPrevHash` message.
    pub(super) future: bool,
}

impl Told {
    /// The job's earliest time; a job that waits gets it with the previous block.
    fn min_ntime(&self, sent: &Sent) -> Sv2OptionOwned<u32> {
        Sv2OptionOwned::new((!self.future).then_some(sent.time))
    }

    /// The job of a standard channel, whose whole extranonce the farm chooses. `None` where the job can't be told.
    pub(super) fn standard(&self, sent: &Sent, extranonce: &[u8]) -> Option<MiningOwned> {
        let merkle_root = sent.job.merkle_root(extranonce).ok()?;
        Some(MiningOwned::NewMiningJob(NewMiningJobOwned {
            channel_id: self.channel_id,
            job_id: self.job_id,
            min_ntime: self.min_ntime(sent),
            version: sent.job.version,
            merkle_root: merkle_root.into(),
        }))
    }

    /// The job of an extended channel, with the zeros in front of its extranonce. `None` where the job can't be told.
    pub(super) fn extended(&self, sent: &Sent) -> Option<MiningOwned> {
        let job: &Job = &sent.job;
        let prefix = [&job.coinbase_prefix[..], &vec![0; sent.division.padding(job.extranonce_size)]].concat();
        let branch = job.branch.iter().map(U256Owned::from).collect();
        Some(MiningOwned::NewExtendedMiningJob(NewExtendedMiningJobOwned {
            channel_id: self.channel_id,
            job_id: self.job_id,
            min_ntime: self.min_ntime(sent),
            version: job.version,
            version_rolling_allowed: may_roll(sent),
            merkle_path: Seq0255Owned::new(branch).ok()?,
            coinbase_tx_prefix: prefix.try_into().ok()?,
            coinbase_tx_suffix: job.coinbase_suffix.clone().try_into().ok()?,
        }))
    }

    /// The previous block that a job waits for.
    pub(super) fn new_prev_hash(&self, sent: &Sent) -> MiningOwned {
        MiningOwned::SetNewPrevHash(SetNewPrevHashOwned {
            channel_id: self.channel_id,
            job_id: self.job_id,
            prev_hash: sent.job.prev_hash.into(),
            min_ntime: sent.time,
            nbits: sent.job.bits,
        })
    }
}

/// Whether a job lets miners roll all the version bits that devices do: the protocol knows all of them or none.
pub(super) fn may_roll(sent: &Sent) -> bool {
    sent.mask & SERVER_MASK == SERVER_MASK
}
