//! The main job end to end, on real processes. Each scenario sets its own stage.
#![allow(clippy::unwrap_used)]

mod access;
mod honest_lease;
mod orders;
mod pool;
mod restarts;
