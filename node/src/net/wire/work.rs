//! What the two ends of a lease say to each other (section 4).

use alloy_primitives::{Address, B256, FixedBytes, keccak256};
use hashlease_domain::{
    Domain, LeaseJob, Signature, SignatureError,
    receipt::{Claim, SignedReceipt},
    session::Session,
};
use hashlease_miner::pow::{solution::Solution, target::Target};
use libp2p::PeerId;
use serde::{Deserialize, Serialize};

use super::{Wire, WireError, within};

/// Most shares, standby headers or verdicts in one message. At the protocol's rate limit of 100
/// shares a second this is more than a second's worth.
pub const MAX_BATCH: usize = 128;
/// Longest extranonce of a solution, bytes; jobs have at most 16.
const MAX_EXTRANONCE_BYTES: usize = 32;

/// One message of `/hashlease/work/1`. Which side sends which is said at each; the other side hangs
/// up when it gets a message that only it may send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum WorkMessage {
    /// Both ends, first: proves a key of the lease.
    Hello(Hello),
    /// Agent: a work template.
    Job(Box<JobMessage>),
    /// Agent: what became of shares and standby headers.
    Verdicts(Vec<ShareVerdict>),
    /// Agent: the seller's claim, countersigned.
    Receipt(SignedReceipt),
    /// Agent: why a claim is not countersigned.
    ClaimRefused {
        /// The claim's `through`, unix seconds.
        through: u64,
        /// Why.
        reason: ClaimRefusal,
    },
    /// Seller: work on the agent's jobs.
    Shares(Vec<ShareMessage>),
    /// Seller: work on the lease id itself.
    Standby(Vec<StandbyMessage>),
    /// Seller: what it wants countersigned.
    Claim(Claim),
}

/// Which side of a lease an end of the stream speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// The seller's node.
    Seller,
    /// The node that works for the buyer.
    Agent,
}

/// Proof that the sender's peer id speaks for a key of the lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hello {
    /// Lease that the stream is for.
    pub lease_id: B256,
    /// Whose key signed.
    pub role: Role,
    /// Signature of the [`session`] from the sender to the receiver.
    pub signature: Signature,
    /// The sender's newest receipt; both ends adopt the higher.
    pub newest: Option<SignedReceipt>,
}

/// A job, signed once for its life, and when it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobMessage {
    /// Names the job on this stream; never used twice.
    pub job_id: u64,
    /// What the agent signed.
    pub job: LeaseJob,
    /// The agent's signature.
    pub signature: Signature,
    /// Target of a share, frozen for the job.
    pub share_target: Target,
    /// The template's current nTime, unix seconds.
    pub time: u32,
    /// Whether shares of all earlier jobs are stale from now on.
    pub clean: bool,
}

/// A solution of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShareMessage {
    /// Names the share in its verdict. Rises on a stream.
    pub seq: u64,
    /// Job that it solves.
    pub job_id: u64,
    /// The miner's choice of header fields.
    pub solution: Solution,
}

/// A header that commits to the lease itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StandbyMessage {
    /// Names the header in its verdict. Shares the sequence of [`ShareMessage`].
    pub seq: u64,
    /// The whole block header.
    pub header: FixedBytes<80>,
}

/// What became of a share or a standby header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShareVerdict {
    /// The share's sequence number.
    pub seq: u64,
    /// Credited work in hashes, or why there is none.
    pub outcome: Result<u128, ShareRefusal>,
}

/// Why a share is not credited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
pub enum ShareRefusal {
    /// The agent never sent such a job, or has forgotten it.
    #[error("no such job")]
    UnknownJob,
    /// A clean job came since.
    #[error("the job is stale")]
    Stale,
    /// The version differs from the job's outside its mask.
    #[error("version bits outside the job's mask were changed")]
    BadVersion,
    /// Not the job's length.
    #[error("the extranonce does not have the job's length")]
    BadExtranonce,
    /// nTime is below the job's minimum.
    #[error("nTime is before the job's minimum")]
    TimeTooOld,
    /// nTime is at or below the last countersigned `through`.
    #[error("nTime is already settled by a receipt")]
    TimeSettled,
    /// nTime is too far ahead of the agent's clock.
    #[error("nTime is ahead of the agent's clock")]
    TimeTooNew,
    /// nTime is past the end of the lease.
    #[error("nTime is past the end of the lease")]
    PastEnd,
    /// The hash does not meet the share target.
    #[error("the hash is above the share target")]
    AboveTarget,
    /// The same header was credited before.
    #[error("the same share was sent before")]
    Duplicate,
}

/// Why a claim is not countersigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
pub enum ClaimRefusal {
    /// The receipt is for another lease.
    #[error("the claim is for another lease")]
    WrongLease,
    /// The seller's key did not sign it.
    #[error("the seller's key did not sign the claim")]
    BadSignature,
    /// `through` does not rise.
    #[error("the claim is not newer than the last receipt")]
    NotNewer,
    /// Its work is below the last receipt's.
    #[error("the claim's work is below the last receipt's")]
    BelowReceipt,
    /// It claims work that the agent did not see.
    #[error("the claim exceeds the agent's ledger of {ledger} hashes")]
    AboveLedger {
        /// The agent's work up to the claim's `through`, hashes.
        ledger: u128,
    },
    /// `through` is ahead of the agent's clock.
    #[error("the claim reaches ahead of the agent's clock")]
    TooNew,
    /// `through` is past the end of the lease.
    #[error("the claim reaches past the end of the lease")]
    PastEnd,
}

impl ClaimRefusal {
    /// Returns the reason without figures, to count by.
    pub fn kind(self) -> &'static str {
        match self {
            Self::WrongLease => "another lease",
            Self::BadSignature => "bad signature",
            Self::NotNewer => "not newer",
            Self::BelowReceipt => "below the last receipt",
            Self::AboveLedger { .. } => "above the ledger",
            Self::TooNew => "ahead of the clock",
            Self::PastEnd => "past the end",
        }
    }
}

/// Returns what `from` signs to prove a key of `lease_id` to `to`.
pub fn session(lease_id: B256, from: PeerId, to: PeerId) -> Session {
    Session { lease_id, from: keccak256(from.to_bytes()), to: keccak256(to.to_bytes()) }
}

impl Hello {
    /// Checks that `key` signed this hello for a stream from `from` to `to`. The peer ids are the
    /// transport's, which authenticated them.
    ///
    /// # Errors
    /// Where another key did, or none can have.
    pub fn verify(&self, domain: &Domain, from: PeerId, to: PeerId, key: Address) -> Result<(), SignatureError> {
        self.signature.verify(domain, &session(self.lease_id, from, to), key)
    }
}

impl Wire for WorkMessage {
    const MAX_BYTES: usize = 64 * 1024;

    fn check(&self) -> Result<(), WireError> {
        match self {
            Self::Verdicts(verdicts) => within("verdicts", verdicts.len(), MAX_BATCH),
            Self::Standby(headers) => within("standby headers", headers.len(), MAX_BATCH),
            Self::Shares(shares) => {
                within("shares", shares.len(), MAX_BATCH)?;
                let longest = shares.iter().map(|share| share.solution.extranonce.len()).max();
                within("extranonce", longest.unwrap_or(0), MAX_EXTRANONCE_BYTES)
            }
            Self::Hello(_) | Self::Job(_) | Self::Receipt(_) | Self::ClaimRefused { .. } | Self::Claim(_) => Ok(()),
        }
    }
}
