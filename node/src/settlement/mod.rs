//! The chain: the only room that knows ethers. Everything else sees the types of [`port`], [`call`] and [`reorg`].
//!
//! Reading: [`Evm`] speaks to a JSON-RPC server, [`watch`] follows the chain and says each step, reorganisations included.
//! Writing: a [`Call`] becomes an [`Unsigned`] transaction, is signed by the guard or by a wallet, and is broadcast.

mod bindings;
pub mod call;
mod convert;
mod decode;
pub mod deploy;
pub mod error;
pub mod evm;
pub mod port;
pub mod reorg;
mod rpc;
pub mod transaction;
pub mod watcher;

#[cfg(test)]
mod tests;

pub use call::Call;
pub use deploy::{Contract, Deployed, deploy};
pub use error::Error;
pub use evm::Evm;
pub use port::{
    Block, Chain, Contracts, Fees, LeaseState, LoggedEvent, Refusal, Simulation, TokenMeta, Transactions, TxReceipt,
};
pub use reorg::{BlockEvents, ChainUpdate, Cursor};
pub use transaction::{Raw, Unsigned};
pub use watcher::watch;
