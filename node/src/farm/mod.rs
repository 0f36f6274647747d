//! The seller's miners: a Stratum V1 server that moves whole miners between leases, and one for Stratum V2.
//!
//! Every connection keeps one extranonce1, and what a lease's job has beyond is padding in front of it; so a miner changes
//! its lease by a single `mining.notify`, which any device understands. Only a job with less room than that needs
//! `mining.set_extranonce`, or a new connection of a miner that doesn't know it. What real devices are promised stands in
//! `session_contract.txt`. [`start`] serves a listener;
//! the [`Farm`] handle takes jobs and assignments; accepted shares come out of a bounded channel, named by the lease and
//! job that they were mined for, however late. Each connection has a difficulty of its own, so that every device shows its
//! hashrate; only shares that meet the lease's target come out. An [`Allocator`] decides who mines for whom; miners without a
//! lease mine the jobs of [`UNLEASED`], where there are any.

mod allocate;
mod announce;
mod config;
mod connection;
mod error;
mod extranonce;
mod handle;
mod idle;
mod job;
mod numbers;
mod pending;
mod rate;
mod record;
mod sent;
mod server;
mod session;
mod station;
mod strength;
mod submit;
mod v2;
mod vardiff;
mod verifier;

pub use allocate::{Allocator, Assignment, Demand, Miner, Shortfall, UnknownShortfall};
pub use config::FarmConfig;
pub use error::JobError;
pub use handle::Farm;
pub use idle::job_for_nobody;
pub use job::{FarmJob, FarmShare, UNLEASED};
pub use record::{RejectReason, SessionStatus};
pub use server::{Listeners, start};
pub use strength::Strength;
pub use v2::{AuthorityKey, AuthorityKeyError};
