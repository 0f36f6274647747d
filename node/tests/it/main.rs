//! The node's rooms against real parts: processes, sockets, chains.
#![allow(clippy::unwrap_used)]

mod bitcoin;
mod farm;
mod floors;
mod solo;
