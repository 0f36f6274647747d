//! The node's rooms against real parts: processes, sockets, chains.
#![allow(clippy::unwrap_used)]

mod asks;
mod bitcoin;
mod dialects;
mod failover;
mod farm;
mod farm_v2;
mod floors;
mod idle;
mod pool;
mod probe;
/// The pool of the miner's own tests.
#[allow(dead_code, reason = "the miner's tests ask more of it")]
#[path = "../../../miner/tests/pool/scripted_pool.rs"]
mod scripted_pool;
mod seller;
mod solo;
mod together;
