//! Stratum V1 without I/O: lines, messages and their conversions, shared by the client and by a server for miners.
//!
//! Liberal in what is read, since devices and pools differ from the documents and from each other; strict in what is
//! written. Nothing here panics on a peer's bytes.
//!
//! - [`mod@line`]: bytes to lines, bounded.
//! - [`from_miner`]: what a miner sends, read by a server. - [`from_pool`]: what a pool sends, read by a client.
//! - [`encode`]: what either side writes. - [`notify`]: the job of a `mining.notify`. - [`error`]: rejection codes.

pub mod encode;
pub mod error;
mod field;
pub mod from_miner;
pub mod from_pool;
pub mod line;
pub mod notify;

pub use error::{Code, StratumError};
pub use field::{Malformed, ParseError};
pub use from_miner::{FromMiner, Method, Request};
pub use from_pool::{FromPool, Notification, Refusal, Response};
pub use line::{LineBuffer, LineError};
pub use notify::{JobText, Notify};
