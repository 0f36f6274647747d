//! What can go wrong between the node and its chain.

use alloy_primitives::{Address, B256, Bytes};
use hashlease_domain::SignatureError;

use super::port::Refusal;

/// Why the chain could not be read or written. `at` is the RPC's host and port: the rest of its URL may hold a secret.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configured address is not one.
    #[error("chain.rpc must be an http:// URL such as http://127.0.0.1:8545")]
    Url,
    /// The HTTP client can't be built.
    #[error("no HTTP client: check the system's network settings")]
    Client(#[source] reqwest::Error),
    /// No connection, no answer in time, or an answer that broke off.
    #[error("{at} does not answer {method}: check that the Ethereum node runs there, and chain.rpc")]
    Unreachable {
        /// Host and port.
        at: String,
        /// JSON-RPC method.
        method: &'static str,
        /// Cause, without the URL.
        #[source]
        source: reqwest::Error,
    },
    /// Not a JSON-RPC server, a rate limit, or a missing credential.
    #[error("{at} answers {method} with HTTP status {status}: check chain.rpc and its credentials or limits")]
    Status {
        /// Host and port.
        at: String,
        /// JSON-RPC method.
        method: &'static str,
        /// HTTP status.
        status: u16,
    },
    /// The server's own words.
    #[error("{at} refuses {method}: {message} (code {code})")]
    Rpc {
        /// Host and port.
        at: String,
        /// JSON-RPC method.
        method: &'static str,
        /// JSON-RPC error code.
        code: i64,
        /// The server's message, cut to a line.
        message: String,
        /// Revert data, where a call reverted.
        data: Option<Bytes>,
    },
    /// The body is over the limit.
    #[error("{at} answers {method} with more than {limit} bytes: set chain.rpc to another server")]
    TooLarge {
        /// Host and port.
        at: String,
        /// JSON-RPC method.
        method: &'static str,
        /// Most bytes that are read.
        limit: usize,
    },
    /// The answer is not JSON-RPC, or its result is not of the method's type.
    #[error("{at} answers {method} with something else than an Ethereum node does: set chain.rpc to one")]
    Malformed {
        /// Host and port.
        at: String,
        /// JSON-RPC method.
        method: &'static str,
        /// What did not fit.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another chain than the configured one.
    #[error("{at} serves chain {found}, the configuration says {expected}: change chain.rpc or chain.chain_id")]
    WrongChain {
        /// Host and port.
        at: String,
        /// Chain id of the server.
        found: u64,
        /// Chain id of the configuration.
        expected: u64,
    },
    /// Nothing is deployed there.
    #[error("no contract at {escrow} on chain {chain_id}: change chain.escrow, or deploy the escrow")]
    NoCode {
        /// Configured escrow.
        escrow: Address,
        /// Configured chain.
        chain_id: u64,
    },
    /// Some other contract is deployed there.
    #[error(
        "the contract at {escrow} is not the escrow that this version knows (code hash {found}, expected {expected}): \
         change chain.escrow, or use the version of the node that was made for it"
    )]
    UnknownCode {
        /// Configured escrow.
        escrow: Address,
        /// Keccak-256 of its code.
        found: B256,
        /// Keccak-256 of the code that is checked in.
        expected: B256,
    },
    /// The contract signs for another domain.
    #[error(
        "the escrow at {escrow} names another EIP-712 domain than Hashlease 1 on chain {chain_id}: change chain.escrow"
    )]
    WrongDomain {
        /// Configured escrow.
        escrow: Address,
        /// Configured chain.
        chain_id: u64,
    },
    /// The signature is not the sender's.
    #[error("the transaction is not signed by its sender: sign it with the sender's key")]
    Signature(#[from] SignatureError),
    /// Two answers contradict each other; a later attempt reads one chain again.
    #[error("the chain changed while it was read, at block {number}")]
    Moved {
        /// Where the answers differ.
        number: u64,
    },
    /// A deployment would fail.
    #[error("the contract can't be deployed: check the chain's EVM version (cancun or later)")]
    Undeployable(#[source] Refusal),
    /// A deployment failed on chain.
    #[error("transaction {hash} reverted: check the deployer's balance and the chain's EVM version (cancun or later)")]
    Reverted {
        /// Transaction.
        hash: B256,
    },
    /// A deployment was not mined in time.
    #[error("transaction {hash} is not mined after {waited_s} s: check that the chain makes blocks, and the fee")]
    NotMined {
        /// Transaction.
        hash: B256,
        /// Seconds.
        waited_s: u64,
    },
}

impl Error {
    /// Returns whether the same request may succeed later without any change here.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Status { .. })
    }

    /// Returns whether the configuration must change before any request can succeed.
    pub fn is_configuration(&self) -> bool {
        matches!(
            self,
            Self::Url
                | Self::WrongChain { .. }
                | Self::NoCode { .. }
                | Self::UnknownCode { .. }
                | Self::WrongDomain { .. }
        )
    }
}
