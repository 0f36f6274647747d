//! The main job end to end, on real processes. Each scenario sets its own stage.
#![allow(clippy::unwrap_used)]

mod access;
mod buyer_vanishes;
mod honest_lease;
mod lease;
mod orders;
mod pool;
mod restarts;
mod seller_vanishes;
