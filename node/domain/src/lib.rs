//! The Hashlease protocol as pure functions: orders, matching, terms, receipts, jobs and pay.
//!
//! Nothing here knows a clock, a runtime, a network or a store; time is always an argument. Section
//! numbers in the documentation refer to `node/PROTOCOL.md`.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod ask;
pub mod bid;
pub mod book;
pub mod cancellation;
pub mod details;
pub mod eip712;
pub mod event;
pub mod index;
pub mod job;
pub mod lease;
pub mod ledger;
pub mod matching;
pub mod order;
pub mod pay;
pub mod proof;
pub mod receipt;
pub mod session;
pub mod signature;
pub mod tags;
pub mod terms;
pub mod units;

#[cfg(test)]
mod testing;

pub use alloy_primitives::{Address, B256, U256, keccak256};
pub use ask::Ask;
pub use bid::Bid;
pub use book::Book;
pub use eip712::{Domain, Eip712};
pub use event::EscrowEvent;
pub use index::Index;
pub use job::LeaseJob;
pub use ledger::Ledger;
pub use order::{Order, OrderKey, Side};
pub use proof::ProofShare;
pub use receipt::Receipt;
pub use signature::{Signature, SignatureError, Signed};
pub use tags::Tags;
pub use terms::Terms;
