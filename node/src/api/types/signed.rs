//! Orders and terms in JSON: the members and units of the signed structs, in which integers that may not fit 53 bits are
//! decimal strings. Times in them are unix seconds, as they were signed.

use hashlease_domain::{Address, Ask, B256, Bid, Terms, U256};
use serde::{Deserialize, Serialize};

use super::values::decimal;

/// JSON of an [`Ask`]: use as `#[serde(with = "AskJson")]`.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Ask", rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AskJson {
    seller: Address,
    payee: Address,
    token: Address,
    #[serde(with = "decimal")]
    price: u128,
    #[serde(with = "decimal")]
    hashrate: u64,
    #[serde(with = "decimal")]
    min_hashrate: u64,
    min_duration: u32,
    max_duration: u32,
    sla_bps: u16,
    bond_bps: u16,
    proof_bps: u16,
    cancel_notice: u32,
    proof_window: u32,
    proof_shares: u16,
    #[serde(with = "decimal")]
    tags: U256,
    details: B256,
    expiry: u64,
    #[serde(with = "decimal")]
    epoch: u64,
    salt: B256,
}

/// JSON of a [`Bid`]: use as `#[serde(with = "BidJson")]`.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Bid", rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BidJson {
    buyer: Address,
    agent: Address,
    token: Address,
    #[serde(with = "decimal")]
    max_price: u128,
    #[serde(with = "decimal")]
    hashrate: u64,
    #[serde(with = "decimal")]
    min_hashrate: u64,
    duration: u32,
    min_sla_bps: u16,
    min_bond_bps: u16,
    max_proof_bps: u16,
    max_cancel_notice: u32,
    max_proof_window: u32,
    min_proof_shares: u16,
    #[serde(with = "decimal")]
    required_tags: U256,
    seller: Address,
    matcher: Address,
    matcher_fee_bps: u16,
    details: B256,
    expiry: u64,
    #[serde(with = "decimal")]
    epoch: u64,
    salt: B256,
}

/// JSON of [`Terms`]: use as `#[serde(with = "TermsJson")]`.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Terms", rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TermsJson {
    buyer: Address,
    agent: Address,
    seller: Address,
    payee: Address,
    matcher: Address,
    token: Address,
    #[serde(with = "decimal")]
    price: u128,
    #[serde(with = "decimal")]
    hashrate: u64,
    start: u64,
    end: u64,
    sla_bps: u16,
    proof_bps: u16,
    matcher_fee_bps: u16,
    proof_shares: u16,
    cancel_notice: u32,
    proof_window: u32,
    #[serde(with = "decimal")]
    bond: u128,
    ask_id: B256,
    bid_id: B256,
    entropy: B256,
}
