//! What a buyer's leased hashpower mines.
//!
//! A destination gives each lease jobs of its own ([`LeaseWork`]) and takes what hashpower finds for them. [`Solo`] builds
//! on a Bitcoin node's own templates and submits whole blocks to it; found coins go straight to the buyer's address.
//! [`Pool`] mines for the first of a list of pools that gives work, by one Stratum V1 connection for each lease. A [`Probe`]
//! looks at either before anything is leased for it.

mod bitcoin_rpc;
mod coinbase;
mod error;
mod payout;
mod pool;
mod probe;
mod reach;
mod solo;
mod template;
mod work;

use std::time::Duration;

pub use bitcoin_rpc::{BitcoinRpc, ChainInfo, Password, RpcConfig};
pub use error::DestinationError;
pub use payout::Payout;
pub use pool::{Patience, Pool, PoolConfig, PoolWork};
pub use probe::{Findings, Probe};
pub use reach::DestinationUrl;
pub use solo::{Solo, SoloConfig, SoloJob, SubmitOutcome, Templates};
pub use template::{RawTransaction, Template};
pub use work::{LeaseWork, WorkJob};

/// A place where work becomes coins. Clones are the same place.
#[derive(Clone, Debug)]
pub enum Destination {
    /// Blocks of the buyer's own, through a Bitcoin node.
    Solo(Box<Solo>, Templates),
    /// Shares for a pool.
    Pool(Pool),
}

/// Freshness of a destination's work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Time since the work was last known to be current; `None` before the first.
    pub age: Option<Duration>,
    /// What fails at present, for people.
    pub failure: Option<String>,
}
