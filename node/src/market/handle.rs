//! The handle on the market, and what can be asked of it.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use hashlease_domain::{Ask, Bid, Signed, book::Listed};
use tokio::sync::{mpsc, oneshot};

use super::{
    admission::{OrderRefusal, RefusalReason},
    offers::{AskTerms, OwnView},
};
use crate::{
    net::wire::OrderMessage,
    registry::RegistryError,
    store::{NotSafe, StoreError},
};

/// Why the market did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum MarketError {
    /// The order cannot stand.
    #[error("the order is not taken")]
    Refused(#[from] OrderRefusal),
    /// There is no such order of this node.
    #[error("this node has no order with salt {0}")]
    UnknownOrder(B256),
    /// Nothing that could be leased.
    #[error(
        "the miners cannot do a lease of {least} H/s beside the leases and older asks of this node: connect more, or lower --min-hashrate"
    )]
    NoCapacity {
        /// The smallest lease that was to be offered, hashes per second.
        least: u64,
    },
    /// The guard did not sign.
    #[error("the guard did not sign the order")]
    Guard(#[from] NotSafe),
    /// The order could not be stored.
    #[error("the order could not be stored")]
    Store(#[from] StoreError),
    /// The call could not be queued.
    #[error("the lease could not be opened")]
    Registry(#[from] RegistryError),
    /// The node stops.
    #[error("the market has stopped")]
    Stopped,
}

/// The book at one moment, best first.
#[derive(Clone, Debug)]
pub struct BookView {
    /// Sellers' offers.
    pub asks: Vec<Listed<Ask>>,
    /// Buyers' orders.
    pub bids: Vec<Listed<Bid>>,
}

pub(super) type Reply<T> = oneshot::Sender<Result<T, MarketError>>;

#[derive(Debug)]
pub(super) enum Command {
    Offer(Box<AskTerms>, Reply<(B256, B256)>),
    Bid(Box<Signed<Bid>>, Vec<u8>, Reply<B256>),
    Cancel(B256, Reply<()>),
    Book(Reply<BookView>),
    Own(Reply<Vec<OwnView>>),
    Refused(Reply<BTreeMap<RefusalReason, u64>>),
    /// Orders that a peer's book had and this one had not.
    Synced(Vec<OrderMessage>),
    /// Which of these ids the book lacks.
    Missing(Vec<B256>, Reply<Vec<B256>>),
}

/// A handle on the market.
#[derive(Clone, Debug)]
pub struct Market {
    pub(super) commands: mpsc::Sender<Command>,
}

impl Market {
    /// Offers hashpower from now on, and returns the ask's id and salt.
    ///
    /// # Errors
    /// Where the offer cannot stand, as when the bond is not covered.
    pub async fn offer(&self, terms: AskTerms) -> Result<(B256, B256), MarketError> {
        self.ask(|reply| Command::Offer(Box::new(terms), reply)).await
    }

    /// Takes a buyer's bid with its detail document, and returns its id.
    ///
    /// # Errors
    /// Where the bid cannot stand.
    pub async fn bid(&self, signed: Signed<Bid>, details: Vec<u8>) -> Result<B256, MarketError> {
        self.ask(|reply| Command::Bid(Box::new(signed), details, reply)).await
    }

    /// Ends an order of this node: no more is signed, and peers are told. Versions that are out stay valid
    /// on chain until they expire; `cancelOrder` ends them at once.
    ///
    /// # Errors
    /// Where there is no such order.
    pub async fn cancel(&self, salt: B256) -> Result<(), MarketError> {
        self.ask(|reply| Command::Cancel(salt, reply)).await
    }

    /// Returns the book.
    ///
    /// # Errors
    /// Where the node stops.
    pub async fn book(&self) -> Result<BookView, MarketError> {
        self.ask(Command::Book).await
    }

    /// Returns this node's own orders.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub async fn own_orders(&self) -> Result<Vec<OwnView>, MarketError> {
        self.ask(Command::Own).await
    }

    /// Returns how many orders of peers and callers were refused since the node started, by reason.
    ///
    /// # Errors
    /// Where the node stops.
    pub async fn refused(&self) -> Result<BTreeMap<RefusalReason, u64>, MarketError> {
        self.ask(Command::Refused).await
    }

    pub(super) async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, MarketError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| MarketError::Stopped)?;
        answer.await.map_err(|_| MarketError::Stopped)?
    }
}
