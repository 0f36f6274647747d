//! Book sync (section 4): digests first, then what is missing.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use super::{OrderMessage, Wire, WireError, within};

/// Most order ids in an answer: a whole book.
pub const MAX_DIGESTS: usize = 4096;
/// Most orders in one request, so that an answer stays below a mebibyte.
pub const MAX_ORDERS: usize = 64;

/// What a node asks of another's book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BookRequest {
    /// The ids of all live orders.
    Digests,
    /// The orders with these ids, at most [`MAX_ORDERS`].
    Orders(Vec<B256>),
}

/// The answer of the kind that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum BookResponse {
    /// EIP-712 hashes of live orders, at most [`MAX_DIGESTS`].
    Digests(Vec<B256>),
    /// Those of the orders asked for that are still live.
    Orders(Vec<OrderMessage>),
}

impl Wire for BookRequest {
    const MAX_BYTES: usize = 4 * 1024;

    fn check(&self) -> Result<(), WireError> {
        match self {
            Self::Digests => Ok(()),
            Self::Orders(ids) => within("orders asked for", ids.len(), MAX_ORDERS),
        }
    }
}

impl Wire for BookResponse {
    const MAX_BYTES: usize = 1024 * 1024;

    fn check(&self) -> Result<(), WireError> {
        match self {
            Self::Digests(ids) => within("digests", ids.len(), MAX_DIGESTS),
            Self::Orders(orders) => {
                within("orders", orders.len(), MAX_ORDERS)?;
                orders.iter().try_for_each(Wire::check)
            }
        }
    }
}
