//! A Stratum V1 client that mines for a pool, and comes back whenever the pool is gone.
//!
//! [`Client::run`] does all of it; a [`Stats`] watch tells what happens. Nothing is printed. [`Upstream`] is one
//! connection to a pool by itself, for whoever has the mining done elsewhere.

mod back_off;
mod config;
mod connection;
mod run;
mod session;
mod stats;
mod upstream;

pub use back_off::BackOff;
pub use config::{Config, PoolUrl, Timeouts, UrlError};
pub use run::{Client, ClientError};
pub use session::SessionError;
pub use stats::{State, Stats};
pub use upstream::{Event, Upstream, UpstreamError};
