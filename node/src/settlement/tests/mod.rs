//! The room against a chain made up in memory, and against a real one: anvil.

mod anvil;
mod differential;
mod escrow;
mod fake;
mod following;
mod rpc;
mod watching;
