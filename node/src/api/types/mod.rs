//! JSON of the REST API, shared by the server and the command line.
//!
//! Members are camelCase. Money, work, hashrates and epochs are decimal strings: token base units, hashes, hashes per second.
//! Times are RFC 3339 in UTC, save in signed structs, which stay as they were signed. Answers may gain members; requests with
//! unknown ones are refused.

mod destination;
mod lease;
mod signed;
mod values;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use alloy_primitives::hex;
use hashlease_domain::{Address, Ask, B256, Bid, U256};
use serde::{Deserialize, Serialize};

pub use destination::{DestinationReport, DestinationTest, IdlePoolView};
pub use lease::{
    DeliveryView, DestinationKind, DestinationView, FoundBlock, LeaseDetail, LeaseSummary, LeaseTransaction, Party,
    Payouts, ReceiptView, Stage, TransactionKind, WorkView,
};
use signed::{AskJson, BidJson};
pub use values::{NotATime, Time, decimal, optional_decimal};

/// Version of the protocol that this node speaks.
pub const PROTOCOL: u32 = 1;

/// `GET /v1/status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Version of the program.
    pub version: String,
    /// [`PROTOCOL`].
    pub protocol: u32,
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// Escrow contract.
    pub escrow: Address,
    /// Account of the node's key.
    pub address: Address,
    /// libp2p peer id.
    pub peer_id: String,
    /// Multiaddresses at which peers reach the node.
    pub listen: Vec<String>,
    /// Connected peers.
    pub peers: u32,
    /// Orders of peers and callers that were refused since the node started, by reason.
    pub refused_orders: BTreeMap<String, u64>,
    /// The pool of miners without a lease; null where the node has none.
    pub idle_pool: Option<IdlePoolView>,
    /// Newest block; none before the chain was first seen.
    pub head: Option<HeadView>,
    /// What the node is.
    pub roles: Vec<Role>,
    /// The node's peer document, byte for byte: orders commit to its hash.
    pub details: String,
    /// Seconds since the newest block's time.
    pub last_block_age_s: Option<u64>,
    /// Public key by which Stratum V2 miners know the farm, in the form that they are configured with; none where it serves none.
    pub authority_key: Option<String>,
}

/// The newest block of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeadView {
    /// Height.
    pub number: u64,
    /// Block time.
    pub time: Time,
}

/// What a node is, as its configuration says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// Sells the hashpower of its farm.
    Seller,
    /// Works for buyers.
    Agent,
    /// Opens leases.
    Matcher,
}

/// One page of a list, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The entries.
    pub items: Vec<T>,
    /// Give this as `cursor` for the next page; none on the last.
    pub next_cursor: Option<String>,
}

/// `GET /v1/book`: both sides in price-time order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BookView {
    /// Sellers' offers, cheapest first.
    pub asks: Vec<BookAsk>,
    /// Buyers' orders, dearest first.
    pub bids: Vec<BookBid>,
}

/// A live ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BookAsk {
    /// EIP-712 hash.
    pub id: B256,
    /// What the seller signed.
    #[serde(with = "AskJson")]
    pub ask: Ask,
    /// Hashrate that is not leased yet, hashes per second.
    #[serde(with = "decimal")]
    pub remaining: u64,
    /// Detail document.
    pub details: String,
}

/// A live bid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BookBid {
    /// EIP-712 hash.
    pub id: B256,
    /// What the buyer signed.
    #[serde(with = "BidJson")]
    pub bid: Bid,
    /// Hashrate that is not leased yet, hashes per second.
    #[serde(with = "decimal")]
    pub remaining: u64,
    /// Detail document.
    pub details: String,
}

/// Side of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OrderSide {
    /// An offer.
    Ask,
    /// A demand.
    Bid,
}

/// Entry of `GET /v1/orders`: an order of the node's own, or of a buyer that posted it here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnOrder {
    /// Side.
    pub side: OrderSide,
    /// EIP-712 hash of the newest version.
    pub id: B256,
    /// Who signed it.
    pub maker: Address,
    /// Names the capacity.
    pub salt: B256,
    /// Token.
    pub token: Address,
    /// Price, or highest price of a bid, token base units per PH/s·day.
    #[serde(with = "decimal")]
    pub price: u128,
    /// What its maker offers in all, hashes per second.
    #[serde(with = "decimal")]
    pub offered: u64,
    /// Hashes per second of its newest version: of an ask no more than the farm's miners can do.
    #[serde(with = "decimal")]
    pub hashrate: u64,
    /// Of it, leased.
    #[serde(with = "decimal")]
    pub filled: u64,
    /// Whether it can still be matched.
    pub state: OrderState,
    /// When its newest version becomes void.
    pub expires_at: Time,
}

/// Whether an order can still be matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OrderState {
    /// It can.
    Live,
    /// All of it is leased.
    Filled,
    /// Its maker ended it.
    Cancelled,
    /// The farm's miners cannot do its smallest lease: the ask is held back until they can.
    Withdrawn,
    /// Nobody signed it again.
    Expired,
}

/// `POST /v1/asks`: what the node shall offer. The node adds its own account, epoch, salt and expiry, and signs the ask again
/// before it expires until it is cancelled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AskRequest {
    /// Token.
    pub token: Address,
    /// Token base units per PH/s·day.
    #[serde(with = "decimal")]
    pub price: u128,
    /// Hashes per second.
    #[serde(with = "decimal")]
    pub hashrate: u64,
    /// Smallest hashrate of one lease.
    #[serde(with = "decimal")]
    pub min_hashrate: u64,
    /// Shortest lease.
    pub min_duration_s: u32,
    /// Longest lease.
    pub max_duration_s: u32,
    /// Service level.
    pub sla_bps: u16,
    /// Bond as a share of the lock.
    pub bond_bps: u16,
    /// Pay for proven work.
    pub proof_bps: u16,
    /// Notice of a cancellation.
    pub cancel_notice_s: u32,
    /// Time for receipts, then proofs.
    pub proof_window_s: u32,
    /// Expected number of proof shares.
    pub proof_shares: u16,
    /// Declarations.
    #[serde(with = "decimal")]
    pub tags: U256,
    /// Where the machines stand, for the detail document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// What the machines are, for the detail document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rig: Option<String>,
}

/// `POST /v1/bids`: a bid that its buyer signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BidRequest {
    /// What the buyer signed.
    #[serde(with = "BidJson")]
    pub bid: Bid,
    /// The buyer's signature, 0x and hex: 65 bytes, or any number of a contract wallet's.
    #[serde(with = "hex")]
    pub signature: Vec<u8>,
    /// The detail document that the bid commits to.
    pub details: String,
}

/// Answer to a posted order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderPlaced {
    /// EIP-712 hash.
    pub id: B256,
    /// Names the order in `DELETE /v1/orders/{salt}`.
    pub salt: B256,
}

/// `GET /v1/balances?account=`: the node's own account where none is named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Balances {
    /// Whose.
    pub account: Address,
    /// Wei, which pay for gas.
    #[serde(with = "decimal")]
    pub native: U256,
    /// Of each configured token.
    pub tokens: Vec<TokenBalance>,
}

/// Base units of one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenBalance {
    /// Token.
    pub token: Address,
    /// Free balance in the escrow.
    #[serde(with = "decimal")]
    pub escrow: U256,
    /// Balance in the token itself.
    #[serde(with = "decimal")]
    pub wallet: U256,
}

/// `POST /v1/deposits` and `POST /v1/withdrawals`, of the node's own account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TransferRequest {
    /// Token.
    pub token: Address,
    /// Base units.
    #[serde(with = "decimal")]
    pub amount: u128,
    /// Who gets a withdrawal; the node's own account where nobody is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Address>,
}

/// Answer 202: a call that waits in the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallAccepted {
    /// Its number, for `GET /v1/calls/{number}`.
    pub call: u64,
}

/// `GET /v1/calls/{number}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallView {
    /// Number.
    pub number: u64,
    /// How far it is.
    pub state: CallState,
    /// Transaction, once sent.
    pub hash: Option<B256>,
    /// Gas, once mined.
    pub gas_used: Option<u64>,
    /// Why it was refused.
    pub reason: Option<String>,
}

/// How far a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CallState {
    /// It waits.
    Queued,
    /// Its transaction is under way.
    Sent,
    /// Its transaction succeeded.
    Mined,
    /// The chain refuses it.
    Refused,
}

/// Entry of `GET /v1/miners`: one connection of the farm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MinerView {
    /// Number of the connection.
    pub id: u64,
    /// Name that the miner gave.
    pub worker: String,
    /// Program that the miner runs, in its own words.
    pub user_agent: Option<String>,
    /// Address and port.
    pub remote: String,
    /// Lease that it works for.
    pub lease: Option<B256>,
    /// Stratum difficulty of its shares now; null before it was told any.
    pub difficulty: Option<f64>,
    /// When its last accepted share came; null before the first.
    pub last_share_at: Option<Time>,
    /// Shares accepted.
    pub accepted: u64,
    /// Shares rejected since they came after a new block.
    pub stale: u64,
    /// Shares rejected, by reason, the stale ones among them.
    pub rejected: BTreeMap<String, u64>,
    /// Work accepted, hashes.
    #[serde(with = "decimal")]
    pub work: u128,
    /// Estimate, hashes per second.
    #[serde(with = "decimal")]
    pub hashrate: u64,
    /// Standard error of the estimate, hashes per second.
    #[serde(with = "decimal")]
    pub hashrate_error: u64,
    /// When it connected.
    pub connected_at: Time,
}

/// `application/problem+json` (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Stable URI of the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in a few words.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What is wrong, and what to change.
    pub detail: String,
    /// Stable name for programs.
    pub code: String,
}
