//! The chain as the rest of the node sees it: own types, and traits narrow enough for a test to fake.

use std::future::Future;

use alloy_primitives::{Address, B256, U256};
use hashlease_domain::{EscrowEvent, OrderKey};
use serde::{Deserialize, Serialize};

use super::{call::Call, error::Error};

/// A block's header, as far as the node needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Height.
    pub number: u64,
    /// Hash of the block.
    pub hash: B256,
    /// Hash of the block before it.
    pub parent: B256,
    /// Unix seconds.
    pub time: u64,
}

/// An event of the escrow and where it stands. (block hash, transaction, index) names it for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedEvent {
    /// Height of the block.
    pub block_number: u64,
    /// Hash of the block.
    pub block_hash: B256,
    /// Transaction.
    pub tx_hash: B256,
    /// Index of the log in the block.
    pub log_index: u64,
    /// What the escrow said.
    pub event: EscrowEvent,
}

/// Symbol and unit of a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenMeta {
    /// Printable, at most [`TokenMeta::SYMBOL_CHARS`] characters. The token chose it: show the address beside it.
    pub symbol: String,
    /// Base units are `10^-decimals` of one token.
    pub decimals: u8,
}

impl TokenMeta {
    /// Longest symbol that is kept; a token may return any string.
    pub const SYMBOL_CHARS: usize = 16;
}

/// What the escrow keeps of an open lease (section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseState {
    /// Unix seconds; lowered by a cancellation.
    pub end: u64,
    /// Time that the last settled receipt reaches; the start before the first.
    pub through: u64,
    /// Hashes settled.
    pub work: u128,
    /// Proof shares counted.
    pub proof_count: u64,
}

/// What a transaction bids for its gas (EIP-1559), wei per gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fees {
    /// Most that is paid in all.
    pub max_fee: u128,
    /// Most that the block's producer gets.
    pub priority_fee: u128,
}

/// The fate of a mined transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TxReceipt {
    /// Height of the block.
    pub block_number: u64,
    /// Hash of the block: final only as long as that block is canonical.
    pub block_hash: B256,
    /// False where the transaction reverted.
    pub succeeded: bool,
    /// Gas.
    pub gas_used: u64,
    /// Wei per gas.
    pub effective_gas_price: u128,
}

/// What a call would do, if it were sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Simulation {
    /// It would succeed.
    Passes {
        /// Estimated gas.
        gas: u64,
    },
    /// It would revert.
    Refused(Refusal),
}

/// Why a contract refuses a call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{reason}")]
pub struct Refusal {
    /// Name of the contract's custom error, e.g. `ReceiptNotNewer`; none where it isn't known.
    pub error: Option<String>,
    /// A sentence for people.
    pub reason: String,
}

/// Headers and events: what the watcher needs.
pub trait Chain: Send + Sync {
    /// Returns the newest block.
    ///
    /// # Errors
    /// Where the RPC fails.
    fn head(&self) -> impl Future<Output = Result<Block, Error>> + Send;

    /// Returns the height of the newest block that can no longer be reorganised.
    ///
    /// # Errors
    /// Where the RPC fails.
    fn finalized_number(&self) -> impl Future<Output = Result<u64, Error>> + Send;

    /// Returns the canonical block of a height, or none where the chain is shorter.
    ///
    /// # Errors
    /// Where the RPC fails.
    fn block_at(&self, number: u64) -> impl Future<Output = Result<Option<Block>, Error>> + Send;

    /// Returns the block with a hash, or none where the RPC doesn't know it.
    ///
    /// # Errors
    /// Where the RPC fails.
    fn block_with(&self, hash: B256) -> impl Future<Output = Result<Option<Block>, Error>> + Send;

    /// Returns the escrow's events of the canonical blocks `from..=to`, in chain order.
    ///
    /// # Errors
    /// Where the RPC fails.
    fn events(&self, from: u64, to: u64) -> impl Future<Output = Result<Vec<LoggedEvent>, Error>> + Send;

    /// Returns the escrow's events of exactly this block, canonical or not, in chain order.
    ///
    /// # Errors
    /// Where the RPC fails or doesn't know the block.
    fn events_of(&self, block: &Block) -> impl Future<Output = Result<Vec<LoggedEvent>, Error>> + Send;
}

/// Contract state, read at the newest block.
pub trait Contracts: Send + Sync {
    /// Returns a free balance in the escrow, token base units.
    ///
    /// # Errors
    /// Where the RPC fails.
    fn escrow_balance(&self, account: Address, token: Address) -> impl Future<Output = Result<U256, Error>> + Send;

    /// Returns a token balance in base units.
    ///
    /// # Errors
    /// Where the RPC fails.
    fn token_balance(&self, account: Address, token: Address) -> impl Future<Output = Result<U256, Error>> + Send;

    /// Returns how much of a token the escrow may take from an account, base units.
    ///
    /// # Errors
    /// Where the RPC fails.
    fn token_allowance(&self, account: Address, token: Address) -> impl Future<Output = Result<U256, Error>> + Send;

    /// Returns a token's symbol and unit.
    ///
    /// # Errors
    /// Where the RPC fails, or the contract isn't a token.
    fn token_meta(&self, token: Address) -> impl Future<Output = Result<TokenMeta, Error>> + Send;

    /// Returns the epoch that a maker's orders must carry.
    ///
    /// # Errors
    /// Where the RPC fails.
    fn epoch(&self, maker: Address) -> impl Future<Output = Result<u64, Error>> + Send;

    /// Returns the hashrate filled of a capacity, hashes per second; [`U256::MAX`] where its orders are cancelled.
    ///
    /// # Errors
    /// Where the RPC fails.
    fn filled(&self, key: &OrderKey) -> impl Future<Output = Result<U256, Error>> + Send;

    /// Returns the state of a lease, or none where it was never opened or is closed.
    ///
    /// # Errors
    /// Where the RPC fails.
    fn lease_state(&self, id: B256) -> impl Future<Output = Result<Option<LeaseState>, Error>> + Send;
}

/// What sending a transaction needs.
pub trait Transactions: Send + Sync {
    /// Returns an account's wei.
    ///
    /// # Errors
    /// Where the RPC fails.
    fn native_balance(&self, account: Address) -> impl Future<Output = Result<U256, Error>> + Send;

    /// Returns the number of an account's transactions that are mined, and with `pending` also those that wait: its next nonce.
    ///
    /// # Errors
    /// Where the RPC fails.
    fn transaction_count(&self, account: Address, pending: bool) -> impl Future<Output = Result<u64, Error>> + Send;

    /// Tries a call on the newest state without sending it.
    ///
    /// # Errors
    /// Where the RPC fails; a revert is no error, but a [`Simulation::Refused`].
    fn simulate(&self, from: Address, call: &Call) -> impl Future<Output = Result<Simulation, Error>> + Send;

    /// Returns fees that get a transaction into one of the next blocks.
    ///
    /// # Errors
    /// Where the RPC fails.
    fn fees(&self) -> impl Future<Output = Result<Fees, Error>> + Send;

    /// Broadcasts a signed transaction and returns its hash. One that the RPC has already, waiting or mined, is a success.
    ///
    /// # Errors
    /// Where the RPC fails or refuses it.
    fn send_raw(&self, raw: &[u8]) -> impl Future<Output = Result<B256, Error>> + Send;

    /// Returns the receipt of a mined transaction.
    ///
    /// # Errors
    /// Where the RPC fails.
    fn transaction_receipt(&self, hash: B256) -> impl Future<Output = Result<Option<TxReceipt>, Error>> + Send;
}
