//! Leases in JSON.

use std::collections::BTreeMap;

pub use hashlease_domain::lease::{Party, Stage};
use hashlease_domain::{Address, B256, Signature, Terms};
use serde::{Deserialize, Serialize};

use super::{
    signed::TermsJson,
    values::{Time, decimal, optional_decimal},
};

/// Entry of `GET /v1/leases`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeaseSummary {
    /// Lease.
    pub id: B256,
    /// The key of the lease that the node holds.
    pub party: Party,
    /// How far it has come.
    pub stage: Stage,
    /// Token.
    pub token: Address,
    /// Token base units per PH/s·day.
    #[serde(with = "decimal")]
    pub price: u128,
    /// Hashes per second.
    #[serde(with = "decimal")]
    pub hashrate: u64,
    /// Start.
    pub starts_at: Time,
    /// End, after any cancellation.
    pub ends_at: Time,
    /// Work to deliver until then, hashes.
    #[serde(with = "decimal")]
    pub contracted: u128,
    /// Work of the newest receipt, hashes.
    #[serde(with = "decimal")]
    pub receipted: u128,
    /// What the seller did of it.
    pub delivery: DeliveryView,
    /// Paid so far, token base units.
    #[serde(with = "decimal")]
    pub paid: u128,
}

/// `GET /v1/leases/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeaseDetail {
    /// Lease.
    pub id: B256,
    /// What was agreed.
    #[serde(with = "TermsJson")]
    pub terms: Terms,
    /// The key of the lease that the node holds.
    pub party: Party,
    /// How far it has come.
    pub stage: Stage,
    /// End, after any cancellation.
    pub ends_at: Time,
    /// What the seller did of it.
    pub delivery: DeliveryView,
    /// Work as the node and the chain count it.
    pub work: WorkView,
    /// Newest receipt that both sides signed.
    pub receipt: Option<ReceiptView>,
    /// Money.
    pub payouts: Payouts,
    /// What the leased hashpower mines, on the buyer's node; null on the seller's.
    pub destination: Option<DestinationView>,
    /// Blocks that the lease's work found.
    pub blocks: Vec<FoundBlock>,
    /// Transactions of this node for the lease.
    pub transactions: Vec<LeaseTransaction>,
}

/// What the seller did of a lease so far, against what was due until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryView {
    /// Work of accepted shares, and of standby shares that the agent has not credited, hashes.
    #[serde(with = "decimal")]
    pub delivered: u128,
    /// Work contracted until now, or until the end, hashes.
    #[serde(with = "decimal")]
    pub due: u128,
    /// Delivered work over that time, hashes per second.
    #[serde(with = "decimal")]
    pub hashrate: u64,
    /// Delivered of what was due, basis points, rounded down.
    pub bps: u16,
}

/// Work of a lease, hashes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WorkView {
    /// To be delivered.
    #[serde(with = "decimal")]
    pub contracted: u128,
    /// Of accepted shares.
    #[serde(with = "decimal")]
    pub accepted: u128,
    /// Of the newest claim.
    #[serde(with = "decimal")]
    pub claimed: u128,
    /// Of the newest receipt.
    #[serde(with = "decimal")]
    pub receipted: u128,
    /// Settled on chain.
    #[serde(with = "decimal")]
    pub settled: u128,
    /// Proven on chain.
    #[serde(with = "decimal")]
    pub proven: u128,
    /// Of standby shares that the agent has not credited: proven on chain, if it never does.
    #[serde(with = "decimal")]
    pub standby: u128,
    /// Whether the seller's miners are on standby now.
    pub on_standby: bool,
    /// Proof shares kept that no settled receipt counts.
    pub proof_shares: u64,
    /// Proof shares counted on chain.
    pub proven_shares: u64,
    /// Shares rejected, by reason.
    pub rejected_shares: BTreeMap<String, u64>,
    /// Jobs of the agent's that the seller refused, by reason.
    pub refused_jobs: BTreeMap<String, u64>,
    /// Claims that were refused, by reason.
    pub refused_claims: BTreeMap<String, u64>,
    /// Of them, too late for their job.
    pub stale_shares: u64,
    /// Shares sent that are not answered yet.
    pub in_flight_shares: u64,
}

/// A receipt that both sides signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptView {
    /// Cumulative work, hashes.
    #[serde(with = "decimal")]
    pub work: u128,
    /// Last nTime that it counts, unix seconds as signed.
    pub through: u64,
    /// The seller's signature.
    pub seller_signature: Signature,
    /// The agent's signature.
    pub agent_signature: Signature,
}

/// Money of a lease, token base units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Payouts {
    /// The buyer's, for work.
    #[serde(with = "decimal")]
    pub lock: u128,
    /// The buyer's, for the matcher.
    #[serde(with = "decimal")]
    pub fee_lock: u128,
    /// The seller's collateral.
    #[serde(with = "decimal")]
    pub bond: u128,
    /// Paid to the payee so far.
    #[serde(with = "decimal")]
    pub paid: u128,
    /// Earned by the payee in all; null until the lease is closed.
    #[serde(with = "optional_decimal")]
    pub earned: Option<u128>,
    /// To the matcher; null until the lease is closed.
    #[serde(with = "optional_decimal")]
    pub fee: Option<u128>,
    /// Back to the buyer, of the locks; null until the lease is closed.
    #[serde(with = "optional_decimal")]
    pub refund: Option<u128>,
    /// To the buyer, of the bond; null until the lease is closed.
    #[serde(with = "optional_decimal")]
    pub penalty: Option<u128>,
}

/// What a buyer's destination made of a lease's finds since the node started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DestinationView {
    /// What is found goes to a pool, or to a Bitcoin node.
    pub kind: DestinationKind,
    /// Shares that the pool took, or blocks that the Bitcoin node took.
    pub accepted: u64,
    /// Those it did not take, by reason.
    pub refused: BTreeMap<String, u64>,
}

/// Where what is found goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DestinationKind {
    /// Blocks to the buyer's Bitcoin node.
    Solo,
    /// Shares to the buyer's pool.
    Pool,
}

/// A block that leased hashpower found and the Bitcoin node accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FoundBlock {
    /// Hash as Bitcoin shows it: hex, most significant byte first.
    pub hash: String,
    /// Height.
    pub height: u32,
}

/// A transaction of this node for a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeaseTransaction {
    /// Transaction.
    pub hash: B256,
    /// What it did.
    pub kind: TransactionKind,
    /// Gas, once mined.
    pub gas_used: Option<u64>,
}

/// What a transaction of a lease does (section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TransactionKind {
    /// Opens the lease.
    Open,
    /// Settles a receipt.
    Settle,
    /// Settles the last receipt and closes.
    SettleAndClose,
    /// Shows proof shares.
    Prove,
    /// Brings the end forward.
    Cancel,
    /// Closes.
    Close,
}
