//! Threads that mine: give a [`Miner`] some [`Work`], take what it [`Found`].
//!
//! Usable inside another program; nothing is printed.

mod cores;
mod miner;
mod search;
mod threads;
mod throttle;
mod tuner;
mod work;

pub use cores::PinError;
pub use miner::{Miner, StartError};
pub use threads::{Load, LoadError, Pinning, Threads};
pub use work::{Found, Work, WorkError};
