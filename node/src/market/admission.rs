//! Whether an order may stand in the book, and be forwarded (section 4). Everything is checked against the
//! node's own index of escrow events; no message costs a call.

use std::fmt;

use alloy_primitives::{Address, B256, U256};
use hashlease_domain::{
    Ask, Bid, Domain, Index, Order, OrderKey, Signature, Signed,
    book::{Book, BookRefusal, Listed},
    cancellation::OrderCancellation,
    details::{Details, DetailsError},
    order::{OrderFault, check_ask, check_bid, max_bond, max_lock},
    signature::SignatureError,
};

use super::makers::{MAKER_ORDERS, MAKER_WINDOW_S, Makers};
use crate::net::{Verdict, wire::OrderMessage};

/// Why an order does not come into the book.
#[derive(Debug, thiserror::Error)]
pub enum OrderRefusal {
    /// Not an order that can become a lease.
    #[error(transparent)]
    Fault(#[from] OrderFault),
    /// Not its maker's.
    #[error("the order is not signed by its maker")]
    Signature(#[source] SignatureError),
    /// The document is another one.
    #[error("the detail document is not the one that the order names")]
    OtherDetails,
    /// The document cannot be read.
    #[error(transparent)]
    Details(#[from] DetailsError),
    /// The maker's orders of this epoch are void.
    #[error("the order is of epoch {order}, its maker's is {maker}: sign it again")]
    WrongEpoch {
        /// The order's.
        order: u64,
        /// The maker's.
        maker: u64,
    },
    /// The salt was ended.
    #[error("the order's salt was cancelled: sign it again under a new one")]
    Cancelled,
    /// The maker's free balance is too low.
    #[error(
        "the maker's free balance of {balance} base units does not cover its live orders, which may take {needed}: deposit more"
    )]
    Uncovered {
        /// Free balance in the escrow.
        balance: U256,
        /// What all live orders may take.
        needed: U256,
    },
    /// Without a bond or a capacity proof anybody could offer anything.
    #[error("an ask needs a bond: raise --bond above zero")]
    NoBond,
    /// Too many of one maker.
    #[error("more than {MAKER_ORDERS} orders of this maker within {MAKER_WINDOW_S} s: wait a moment")]
    TooMany,
    /// The book does not take it.
    #[error(transparent)]
    Book(#[from] BookRefusal),
}

impl OrderRefusal {
    /// Returns what it is counted as.
    pub fn reason(&self) -> RefusalReason {
        match self {
            Self::Fault(OrderFault::Expired { .. }) => RefusalReason::Expired,
            Self::Fault(_) | Self::NoBond => RefusalReason::Faulty,
            Self::Signature(_) => RefusalReason::Forged,
            Self::OtherDetails | Self::Details(_) | Self::Book(BookRefusal::DetailsTooLong { .. }) => {
                RefusalReason::Details
            }
            Self::WrongEpoch { .. } => RefusalReason::WrongEpoch,
            Self::Cancelled => RefusalReason::Cancelled,
            Self::Uncovered { .. } => RefusalReason::Unfunded,
            Self::Book(BookRefusal::NotNewer { .. }) => RefusalReason::NotNewer,
            Self::TooMany | Self::Book(BookRefusal::MakerFull(_) | BookRefusal::Full) => RefusalReason::TooMany,
        }
    }

    /// Returns what gossip makes of the order: an honest peer may forward what this node knows to be
    /// uncovered or old, but never what no maker can have meant.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Fault(OrderFault::Expired { .. }) => Verdict::Ignore,
            Self::Fault(_) | Self::Signature(_) | Self::OtherDetails | Self::Details(_) | Self::NoBond => {
                Verdict::Reject
            }
            Self::WrongEpoch { .. } | Self::Cancelled | Self::Uncovered { .. } | Self::TooMany | Self::Book(_) => {
                Verdict::Ignore
            }
        }
    }
}

/// What a refused order is counted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefusalReason {
    /// No lease can come of it.
    Faulty,
    /// Its time is over.
    Expired,
    /// Its maker did not sign it for this escrow.
    Forged,
    /// Its detail document is another one, or none.
    Details,
    /// Its maker's orders of that epoch are void.
    WrongEpoch,
    /// Its maker ended it.
    Cancelled,
    /// Its maker's free balance does not cover it.
    Unfunded,
    /// The book has it, or a version that lives as long.
    NotNewer,
    /// Too many, of its maker or in all.
    TooMany,
}

impl fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Faulty => "faulty",
            Self::Expired => "expired",
            Self::Forged => "forged",
            Self::Details => "details",
            Self::WrongEpoch => "wrong epoch",
            Self::Cancelled => "cancelled",
            Self::Unfunded => "unfunded",
            Self::NotNewer => "not newer",
            Self::TooMany => "too many",
        })
    }
}

/// Checks an order and puts it into the book at `now`, unix seconds; returns its id.
pub(super) fn admit(
    book: &mut Book,
    index: &Index,
    makers: &mut Makers,
    domain: &Domain,
    message: &OrderMessage,
    now: u64,
) -> Result<B256, OrderRefusal> {
    match message {
        OrderMessage::Ask { signed, details } => {
            check_ask(&signed.order, now)?;
            if signed.order.bond_bps == 0 {
                return Err(OrderRefusal::NoBond);
            }
            let filled = check_maker(index, makers, domain, signed, &details.0, now)?;
            let needed = asks_need(book, &signed.order, filled);
            check_cover(index, &signed.order, needed)?;
            Ok(book.insert_ask(signed.clone(), details.0.clone(), filled)?)
        }
        OrderMessage::Bid { signed, details } => {
            check_bid(&signed.order, now)?;
            let filled = check_maker(index, makers, domain, signed, &details.0, now)?;
            let needed = bids_need(book, &signed.order, filled);
            check_cover(index, &signed.order, needed)?;
            Ok(book.insert_bid(signed.clone(), details.0.clone(), filled)?)
        }
        OrderMessage::Cancel { signed } => {
            check_signature(domain, &signed.order, signed.order.maker, &signed.signature)?;
            let OrderCancellation { maker, salt } = signed.order;
            let ended = book.cancel(maker, salt).first().copied();
            // Only what was listed is remembered: it had a price, so that nobody makes the market forget by a flood.
            if ended.is_some() {
                makers.end(maker, salt, now);
            }
            Ok(ended.unwrap_or(salt))
        }
    }
}

/// Checks what is common to both sides and returns what is filled of the order's capacity.
fn check_maker<T: Order>(
    index: &Index,
    makers: &mut Makers,
    domain: &Domain,
    signed: &Signed<T>,
    details: &[u8],
    now: u64,
) -> Result<u64, OrderRefusal> {
    let order = &signed.order;
    let maker = order.maker();
    if Details::hash(details) != order.details() {
        return Err(OrderRefusal::OtherDetails);
    }
    Details::parse(details)?;
    check_signature(domain, order, maker, &signed.signature)?;
    if !makers.take(maker, now) {
        return Err(OrderRefusal::TooMany);
    }
    let epoch = index.epoch(maker);
    if order.epoch() != epoch {
        return Err(OrderRefusal::WrongEpoch { order: order.epoch(), maker: epoch });
    }
    if index.is_cancelled(maker, order.salt()) || makers.has_ended(maker, order.salt()) {
        return Err(OrderRefusal::Cancelled);
    }
    Ok(index.filled(&OrderKey { side: T::SIDE, maker, salt: order.salt() }))
}

fn check_signature<T: hashlease_domain::Eip712>(
    domain: &Domain,
    message: &T,
    maker: Address,
    signature: &[u8],
) -> Result<(), OrderRefusal> {
    let signature = Signature::from_slice(signature).map_err(OrderRefusal::Signature)?;
    signature.verify(domain, message, maker).map_err(OrderRefusal::Signature)
}

fn check_cover<T: Order>(index: &Index, order: &T, needed: U256) -> Result<(), OrderRefusal> {
    let balance = index.balance(order.maker(), order.token());
    if balance >= needed { Ok(()) } else { Err(OrderRefusal::Uncovered { balance, needed }) }
}

/// Returns the bonds that the seller's live asks and this one may take.
fn asks_need(book: &Book, ask: &Ask, filled: u64) -> U256 {
    let others = book.asks_of(ask.seller).filter(|listed| is_other(*listed, ask));
    let bond = |ask: &Ask, hashrate| U256::from(max_bond(ask, hashrate).unwrap_or(u128::MAX));
    let needed = others.fold(U256::ZERO, |sum, listed| sum.saturating_add(bond(listed.order(), listed.remaining())));
    needed.saturating_add(bond(ask, ask.hashrate.saturating_sub(filled)))
}

/// Returns the locks that the buyer's live bids and this one may take.
fn bids_need(book: &Book, bid: &Bid, filled: u64) -> U256 {
    let others = book.bids_of(bid.buyer).filter(|listed| is_other(*listed, bid));
    let lock = |bid: &Bid, hashrate| U256::from(max_lock(bid, hashrate).unwrap_or(u128::MAX));
    let needed = others.fold(U256::ZERO, |sum, listed| sum.saturating_add(lock(listed.order(), listed.remaining())));
    needed.saturating_add(lock(bid, bid.hashrate.saturating_sub(filled)))
}

/// Whether a listed order counts beside `order`: in the same token, and not an older version of it.
fn is_other<T: Order>(listed: &Listed<T>, order: &T) -> bool {
    listed.order().token() == order.token() && listed.order().salt() != order.salt()
}
