//! What goes over the wire: CBOR (RFC 8949), bounded, and one encoding for each value.
//!
//! A message whose bytes differ from its own re-encoding is refused. Gossip tells messages apart by
//! the hash of their bytes, so a second encoding of an order would travel as another order.

mod book;
mod bytes;
mod order;
mod work;

use serde::{Serialize, de::DeserializeOwned};

pub use book::{BookRequest, BookResponse, MAX_DIGESTS, MAX_ORDERS};
pub use bytes::Blob;
pub use order::{MAX_SIGNATURE_BYTES, OrderMessage};
pub use work::{
    ClaimRefusal, Hello, JobMessage, MAX_BATCH, Role, ShareMessage, ShareRefusal, ShareVerdict, StandbyMessage,
    WorkMessage, session,
};

/// A message with a largest encoding.
pub trait Wire: Serialize + DeserializeOwned {
    /// Longest encoding, bytes.
    const MAX_BYTES: usize;

    /// Checks what the type alone does not bound.
    ///
    /// # Errors
    /// [`WireError::OutOfBounds`] for the first member beyond its bound.
    fn check(&self) -> Result<(), WireError>;
}

/// Why bytes are not a message, or a message may not be sent.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// Longer than the protocol allows.
    #[error("message has {bytes} bytes, at most {limit} are allowed")]
    TooLong {
        /// Length of the message.
        bytes: usize,
        /// Longest allowed.
        limit: usize,
    },
    /// Not CBOR of the expected shape.
    #[error("message is not CBOR of the expected shape")]
    Malformed(#[source] ciborium::de::Error<std::io::Error>),
    /// A value that CBOR cannot carry.
    #[error("message cannot be encoded")]
    Unencodable(#[source] ciborium::ser::Error<std::io::Error>),
    /// Another encoding of the same value exists, and is the one to send.
    #[error("message is not in its canonical encoding")]
    NotCanonical,
    /// A member is beyond its bound.
    #[error("{member} has {found}, at most {limit} are allowed")]
    OutOfBounds {
        /// Name of the member.
        member: &'static str,
        /// What it has.
        found: usize,
        /// What it may have.
        limit: usize,
    },
}

/// Encodes a message.
///
/// # Errors
/// Where it is beyond its bounds, so that no peer would take it.
pub fn encode<T: Wire>(message: &T) -> Result<Vec<u8>, WireError> {
    message.check()?;
    let bytes = to_cbor(message)?;
    short_enough(bytes.len(), T::MAX_BYTES)?;
    Ok(bytes)
}

/// Decodes a message.
///
/// # Errors
/// Where it is too long, malformed, beyond its bounds, or in a second encoding.
pub fn decode<T: Wire>(bytes: &[u8]) -> Result<T, WireError> {
    short_enough(bytes.len(), T::MAX_BYTES)?;
    let message: T = ciborium::from_reader(bytes).map_err(WireError::Malformed)?;
    message.check()?;
    if to_cbor(&message)? == bytes { Ok(message) } else { Err(WireError::NotCanonical) }
}

fn to_cbor<T: Serialize>(message: &T) -> Result<Vec<u8>, WireError> {
    let mut bytes = Vec::new();
    ciborium::into_writer(message, &mut bytes).map_err(WireError::Unencodable)?;
    Ok(bytes)
}

fn short_enough(bytes: usize, limit: usize) -> Result<(), WireError> {
    if bytes <= limit { Ok(()) } else { Err(WireError::TooLong { bytes, limit }) }
}

fn within(member: &'static str, found: usize, limit: usize) -> Result<(), WireError> {
    if found <= limit { Ok(()) } else { Err(WireError::OutOfBounds { member, found, limit }) }
}

#[cfg(test)]
mod tests;
