//! The node's rooms against real parts: processes, sockets, chains.
#![allow(clippy::unwrap_used)]

mod bitcoin;
mod dialects;
mod failover;
mod farm;
mod floors;
mod pool;
mod probe;
/// The pool of the miner's own tests.
#[allow(dead_code, reason = "the miner's tests ask more of it")]
#[path = "../../../miner/tests/pool/scripted_pool.rs"]
mod scripted_pool;
mod solo;
mod together;
