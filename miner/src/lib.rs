//! SHA-256d proof of work, Stratum V1 and a CPU mining worker.
//!
//! - [`pow`]: hashes, targets, headers, jobs, shares and the scanning kernels. Pure, but for the clock
//!   that kernels are measured with.
//! - [`stratum`]: V1 messages and their codec, without I/O, shared by a client and by a server for miners.
//! - [`worker`]: threads that mine, for this crate's binary and for a node that embeds them.
//! - [`client`]: a Stratum V1 client on tokio that keeps the threads at work for a pool.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod client;
pub mod pow;
pub mod stratum;
pub mod worker;
