//! A Bitcoin node's block template, checked.

use bitcoin::consensus::encode::deserialize;
use bitcoin::hashes::Hash as _;
use bitcoin::{ScriptBuf, Transaction};
use hashlease_miner::pow::{Hash256, Target, merkle};
use serde::Deserialize;

use super::DestinationError;

/// Version bits that miners may roll (BIP 320).
const ROLLING_MASK: u32 = 0x1fff_e000;
/// Rules that a block builder needs to know and this one does (BIP 9, 145, 341); others only limit transactions.
const KNOWN_RULES: [&str; 3] = ["csv", "segwit", "taproot"];
/// Longest id of a long poll in characters; real ones have 72 and more.
const MAX_LONG_POLL_ID_CHARS: usize = 256;
/// All coins that will ever be, in satoshi: no block pays more.
const MAX_MONEY: u64 = 21_000_000 * 100_000_000;
/// Start of a witness commitment's script (BIP 141).
const COMMITMENT_START: [u8; 6] = [0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed];
/// Length of a witness commitment's script in bytes, as nodes write it.
const COMMITMENT_BYTES: usize = 38;

/// What `getblocktemplate` answers, as far as it is used.
#[derive(Debug, Deserialize)]
pub(super) struct RawTemplate {
    height: u32,
    previousblockhash: String,
    version: u32,
    bits: String,
    mintime: u32,
    curtime: u32,
    coinbasevalue: u64,
    #[serde(default)]
    rules: Vec<String>,
    #[serde(default)]
    vbrequired: u32,
    #[serde(default)]
    default_witness_commitment: Option<String>,
    #[serde(default)]
    longpollid: Option<String>,
    transactions: Vec<RawTemplateTransaction>,
}

#[derive(Debug, Deserialize)]
struct RawTemplateTransaction {
    data: String,
}

/// A transaction of the template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawTransaction {
    /// The whole transaction as it goes into a block, witness included.
    pub bytes: Vec<u8>,
    /// Its id in internal order.
    pub txid: [u8; 32],
}

/// Everything of the next block but coinbase, time and nonce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Height of the block to be.
    pub height: u32,
    /// Hash of the previous block in internal order.
    pub prev_hash: [u8; 32],
    /// Header version.
    pub version: u32,
    /// Version bits that miners may roll.
    pub version_mask: u32,
    /// nBits.
    pub bits: u32,
    /// The target that nBits stands for.
    pub target: Target,
    /// Earliest nTime in unix seconds.
    pub min_time: u32,
    /// The Bitcoin node's clock in unix seconds.
    pub cur_time: u32,
    /// What the coinbase may pay out, in satoshi.
    pub coinbase_value: u64,
    /// The block's transactions after the coinbase.
    pub transactions: Vec<RawTransaction>,
    /// Merkle branch of the coinbase, in internal order.
    pub branch: Vec<[u8; 32]>,
    /// Script of the coinbase output that commits to the witnesses; `None` while segwit isn't active.
    pub witness_commitment: Option<ScriptBuf>,
}

impl RawTemplate {
    /// What to ask the node for the next template with, where it answers such a call once there is one (BIP 22).
    pub(super) fn take_long_poll_id(&mut self) -> Option<String> {
        self.longpollid.take().filter(|id| (1..=MAX_LONG_POLL_ID_CHARS).contains(&id.len()))
    }
}

impl Template {
    /// Tells whether both lead to the same blocks; the node's clock doesn't count.
    pub fn is_same_work(&self, other: &Self) -> bool {
        // The branch and the commitment stand for the transactions.
        let essence = |template: &Self| {
            (
                (template.height, template.prev_hash, template.min_time),
                (template.version, template.version_mask, template.bits),
                template.coinbase_value,
            )
        };
        essence(self) == essence(other)
            && self.branch == other.branch
            && self.witness_commitment == other.witness_commitment
    }
}

impl TryFrom<RawTemplate> for Template {
    type Error = DestinationError;

    fn try_from(raw: RawTemplate) -> Result<Self, DestinationError> {
        let bits = parse_bits(&raw.bits)?;
        let target = Target::from_compact(bits)
            .ok()
            .filter(|target| *target > Target::from_be_bytes([0; 32]))
            .ok_or(DestinationError::Template("its bits are no target"))?;
        if raw.coinbasevalue > MAX_MONEY {
            return Err(DestinationError::Template("its coinbase value is above all coins"));
        }
        let segwit = check_rules(&raw.rules)?;
        // A node may send a commitment before segwit is active; blocks must not carry a witness then.
        let witness_commitment = match raw.default_witness_commitment {
            Some(text) if segwit => Some(parse_commitment(&text)?),
            None if segwit => return Err(DestinationError::Template("its witness commitment is missing")),
            _ => None,
        };
        let transactions = raw.transactions.iter().map(parse_transaction).collect::<Result<Vec<_>, _>>()?;
        let txids: Vec<_> = transactions.iter().map(|transaction| transaction.txid).collect();
        Ok(Self {
            height: raw.height,
            prev_hash: parse_hash(&raw.previousblockhash)?,
            version: raw.version,
            version_mask: ROLLING_MASK & !raw.vbrequired,
            bits,
            target,
            min_time: raw.mintime,
            cur_time: raw.curtime,
            coinbase_value: raw.coinbasevalue,
            branch: merkle::branch_of(&txids),
            transactions,
            witness_commitment,
        })
    }
}

/// Refuses rules that must be known and aren't; tells whether segwit is active.
fn check_rules(rules: &[String]) -> Result<bool, DestinationError> {
    let unknown = rules.iter().find(|rule| rule.strip_prefix('!').is_some_and(|name| !KNOWN_RULES.contains(&name)));
    if let Some(rule) = unknown {
        return Err(DestinationError::UnknownRule(rule.chars().take(32).collect()));
    }
    Ok(rules.iter().any(|rule| rule.trim_start_matches('!') == "segwit"))
}

fn parse_bits(text: &str) -> Result<u32, DestinationError> {
    let digits = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits
        .then(|| u32::from_str_radix(text, 16).ok())
        .flatten()
        .ok_or(DestinationError::Template("its bits aren't 8 hex digits"))
}

/// Reads a block's hash as nodes show it.
pub(super) fn parse_hash(text: &str) -> Result<[u8; 32], DestinationError> {
    Hash256::from_display_hex(text)
        .map(Hash256::to_bytes)
        .map_err(|_| DestinationError::Template("its previous block's hash isn't 64 hex digits"))
}

fn parse_commitment(text: &str) -> Result<ScriptBuf, DestinationError> {
    let bytes = hex::decode(text).unwrap_or_default();
    if bytes.len() == COMMITMENT_BYTES && bytes.starts_with(&COMMITMENT_START) {
        Ok(ScriptBuf::from_bytes(bytes))
    } else {
        Err(DestinationError::Template("its witness commitment isn't BIP 141's"))
    }
}

/// Decodes a transaction and computes its id, rather than trusting the id that comes along.
fn parse_transaction(raw: &RawTemplateTransaction) -> Result<RawTransaction, DestinationError> {
    let undecodable = DestinationError::Template("one of its transactions can't be decoded");
    let Ok(bytes) = hex::decode(&raw.data) else { return Err(undecodable) };
    let Ok(transaction) = deserialize::<Transaction>(&bytes) else { return Err(undecodable) };
    let txid = transaction.compute_txid().to_raw_hash().to_byte_array();
    Ok(RawTransaction { bytes, txid })
}

#[cfg(test)]
#[path = "template_tests.rs"]
pub(super) mod tests;
