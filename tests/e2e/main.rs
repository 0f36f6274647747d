//! The main job end to end, on real processes. Each scenario sets its own stage.
#![allow(clippy::unwrap_used)]

mod access;
mod bad_orders;
mod bad_start;
mod bad_work;
mod buyer_vanishes;
mod deploy;
mod farm;
mod honest_lease;
mod hostile;
mod idle;
mod lease;
mod orders;
mod party;
mod pool;
mod restarts;
mod rogue;
mod seller_vanishes;
