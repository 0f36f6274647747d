//! Threads that mine: give a [`Miner`] some [`Work`], take what it [`Found`].
//!
//! Usable inside another program; nothing is printed.

mod miner;
mod search;
mod tuner;
mod work;

pub use miner::{Miner, StartError};
pub use work::{Found, Work, WorkError};
