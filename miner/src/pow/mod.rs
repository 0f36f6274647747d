//! SHA-256d proof of work: pure functions over bytes and integers, without I/O, and without a clock but where
//! [`kernels`] are measured.
//!
//! A [`Job`] and a [`Solution`] make a [`Header`]; a header has a [`Hash256`]; a hash that meets a [`Target`] counts the
//! target's work. [`share::check`] decides all of it in one call, a [`Batch`] for many shares at a time, and [`kernels`]
//! look for the nonces.

pub mod batch;
mod encoding;
pub mod hash;
pub mod header;
pub mod job;
pub mod kernels;
mod lanes;
pub mod merkle;
pub mod prepared;
mod roots;
pub mod share;
pub mod solution;
pub mod target;

pub use batch::Batch;
pub use hash::{Hash256, sha256d};
pub use header::Header;
pub use job::Job;
pub use prepared::Prepared;
pub use solution::{Rejection, Solution};
pub use target::Target;
