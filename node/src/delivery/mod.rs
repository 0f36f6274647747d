//! One lease at work: the seller's side, the agent's side, and what they agree on.
//!
//! [`Delivery`] keeps a task for each lease that this node is a party of. The seller's task turns the
//! agent's jobs into farm work and its miners' shares into claims; the agent's task turns templates into
//! jobs, checks every share, and countersigns what its own ledger shows. What a seller has not leased mines for a pool of its
//! own, where it names one.

mod account;
mod agent;
mod handshake;
mod idle;
mod limits;
mod manager;
mod seen;
mod seller;
mod status;
#[cfg(test)]
mod testing;

pub use idle::IdlePool;
pub use manager::{Delivery, Parts, start};
pub use status::{DestinationCounts, FoundBlock, Status};

/// Why a lease's task stopped, or a stream ended.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The stream is of no more use.
    #[error("the work stream failed")]
    Stream(#[from] crate::net::FrameError),
    /// The other end takes nothing any more.
    #[error("the other side does not read")]
    Stuck,
    /// The other end closed it.
    #[error("the other side closed the work stream")]
    Closed,
    /// The other end is not who it says.
    #[error("the other side did not prove the {0} key of the lease")]
    Stranger(&'static str),
    /// A message that only this side may send.
    #[error("the other side sent {0}, which is not its to send")]
    OutOfTurn(&'static str),
    /// The other side could not be reached.
    #[error("the seller's node cannot be reached")]
    Unreachable(#[from] crate::net::NetError),
    /// Nothing says where the seller is.
    #[error("no order of the seller says where its node is: waiting for one")]
    NoContact,
    /// The key did not sign.
    #[error("the guard refused to sign")]
    Guard(#[from] crate::store::NotSafe),
    /// What was agreed could not be stored.
    #[error("the store failed")]
    Store(#[from] crate::store::StoreError),
    /// The registry did not take what was agreed.
    #[error("the registry refused")]
    Registry(#[from] crate::registry::RegistryError),
}

/// Returns the seconds between claims: 10, or a twentieth of a short lease (section 4).
fn receipt_interval_s(duration_s: u64) -> u64 {
    (duration_s / 20).clamp(1, 10)
}
