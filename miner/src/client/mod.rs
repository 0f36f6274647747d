//! A Stratum V1 client that mines for a pool, and comes back whenever the pool is gone.
//!
//! [`Client::run`] does all of it; a [`Stats`] watch tells what happens. Nothing is printed.

mod back_off;
mod config;
mod connection;
mod run;
mod session;
mod stats;

pub use config::{Config, PoolUrl, Timeouts, UrlError};
pub use run::{Client, ClientError};
pub use stats::{State, Stats};
