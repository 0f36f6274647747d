//! The Hashlease node: seller, buyer's agent or matcher, as its configuration says.
//!
//! Rooms import only from lower floors, and rooms of one floor never see each other; the floors stand in
//! the README, and a test holds them.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod api;
pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod delivery;
pub mod destination;
pub mod farm;
pub mod keys;
pub mod market;
pub mod net;
pub mod registry;
pub mod settlement;
pub mod store;
