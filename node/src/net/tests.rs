//! Whole networks in one process, on the loopback interface.

mod book;
mod gossip;
mod peering;
pub(crate) mod support;
mod work;
