//! What can go wrong on the way to a destination.

use std::net::IpAddr;

use bitcoin::Network;

use super::bitcoin_rpc::MAX_BODY_BYTES;

/// Why work couldn't be fetched or delivered.
#[derive(Debug, thiserror::Error)]
pub enum DestinationError {
    /// The configured URL can't be used.
    #[error(
        "bitcoin.rpc must look like http://127.0.0.1:8332, user and password in bitcoin.user and bitcoin.password_file"
    )]
    Url,
    /// The HTTP client couldn't be made.
    #[error("the HTTP client doesn't start")]
    Client(#[source] reqwest::Error),
    /// The payout address can't be read.
    #[error("bitcoin.payout is no Bitcoin address: copy it from the wallet once more")]
    Payout(#[source] bitcoin::address::ParseError),
    /// The payout address belongs to another chain than the Bitcoin node.
    #[error(
        "the Bitcoin node of bitcoin.rpc runs on {0}, where bitcoin.payout isn't valid: set an address of that chain"
    )]
    WrongChain(Network),
    /// The Bitcoin node runs on a chain that is unknown here.
    #[error("the Bitcoin node of bitcoin.rpc runs on a chain whose addresses are unknown here")]
    UnknownChain(#[source] bitcoin::network::ParseNetworkError),
    /// The Bitcoin node didn't answer.
    #[error("the Bitcoin node at {at} can't be reached: check that it runs and serves RPC at bitcoin.rpc")]
    Transport {
        /// Scheme, host and port.
        at: String,
        /// What failed, without the URL.
        #[source]
        source: reqwest::Error,
    },
    /// The Bitcoin node refuses user or password.
    #[error("the Bitcoin node refuses user or password: correct bitcoin.user or bitcoin.password_file")]
    Unauthorized,
    /// An HTTP status without a usable body.
    #[error("the Bitcoin node answered with HTTP status {0}: check that bitcoin.rpc is its RPC server")]
    Status(u16),
    /// An answer that is too long.
    #[error("the Bitcoin node's answer is over {MAX_BODY_BYTES} bytes: check that bitcoin.rpc is its RPC server")]
    BodyTooLong,
    /// An answer that isn't what the method promises.
    #[error("the Bitcoin node's answer to {method} can't be understood: check that bitcoin.rpc is its RPC server")]
    Malformed {
        /// The RPC method.
        method: &'static str,
        /// Where it stops making sense.
        #[source]
        source: serde_json::Error,
    },
    /// An answer without a result.
    #[error("the Bitcoin node's answer to {0} is empty: check that bitcoin.rpc is its RPC server")]
    Empty(&'static str),
    /// The method failed.
    #[error("the Bitcoin node can't do {method}: {message} ({code})")]
    Rpc {
        /// The RPC method.
        method: &'static str,
        /// Bitcoin Core's number for the failure.
        code: i64,
        /// The node's own words, shortened.
        message: String,
    },
    /// A template that no valid block can be built on.
    #[error("the Bitcoin node's template is unusable: {0}")]
    Template(&'static str),
    /// A template that demands a rule of consensus that isn't known here.
    #[error("the Bitcoin node's template demands the rule {0:?}, which is unknown here: update this program")]
    UnknownRule(String),
    /// A solution that doesn't fit its job, or isn't a block.
    #[error("the solution is no block of this job")]
    NotABlock,
    /// Neither a pool nor a Bitcoin node.
    #[error(
        "a destination must look like stratum+tcp://pool.example:3333, or http://127.0.0.1:8332 for a Bitcoin node; user and password go beside it"
    )]
    NoDestination,
    /// A name that leads nowhere.
    #[error("{host} can't be resolved: correct the destination's URL, or this machine's name server")]
    Unresolved {
        /// As it stands in the URL.
        host: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// An address that isn't for the public.
    #[error(
        "{address} of {host} lies in a private network: name the URL in destinations.allow_private of the configuration file if that is meant"
    )]
    Private {
        /// As it stands in the URL.
        host: String,
        /// Where it leads.
        address: IpAddr,
    },
    /// A port of other services.
    #[error(
        "port {0} belongs to other services: pools use 80, 443 and those above 1023; name the URL in destinations.allow_private if it is meant"
    )]
    Port(u16),
    /// A solution that doesn't fit its job, or whose hash the pool wouldn't take.
    #[error("the solution is no share of the pool's job")]
    NotAShare,
}

impl DestinationError {
    /// Bitcoin Core's code while it loads its chain (`RPC_IN_WARMUP`).
    const WARMING_UP: i64 = -28;

    /// Tells whether the same call may succeed a moment later.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Transport { .. } => true,
            Self::Status(status) => *status >= 500,
            Self::Rpc { code, .. } => *code == Self::WARMING_UP,
            _ => false,
        }
    }

    /// The message with all its causes, for a log line.
    pub(super) fn with_causes(&self) -> String {
        let causes = std::iter::successors(std::error::Error::source(self), |cause| cause.source());
        causes.fold(self.to_string(), |text, cause| format!("{text}: {cause}"))
    }
}
