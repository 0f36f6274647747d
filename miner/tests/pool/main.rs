//! The client and the binary against a scripted pool, over real sockets.
#![allow(clippy::unwrap_used)]

mod binary;
mod client;
mod kernel;
mod scripted_pool;
