//! The double SHA-256 hash and its two byte orders.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use super::encoding;

/// A 256-bit hash in internal byte order, the order in which it is computed and lies in headers.
///
/// `Display`, `FromStr` and human-readable serde use the *reversed* order, as Bitcoin shows hashes; binary serde uses
/// the 32 internal bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Hash256([u8; 32]);

/// Text that is not 64 hex digits.
#[derive(Debug, thiserror::Error)]
#[error("a hash is 64 hex digits")]
pub struct ParseHashError(#[source] hex::FromHexError);

impl Hash256 {
    /// Wraps 32 bytes in internal order.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes in internal order.
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }

    /// The 32 bytes in internal order, borrowed.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads 64 hex digits in internal order.
    pub fn from_internal_hex(text: &str) -> Result<Self, ParseHashError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(ParseHashError)?;
        Ok(Self(bytes))
    }

    /// Writes 64 lower-case hex digits in internal order.
    pub fn to_internal_hex(self) -> String {
        hex::encode(self.0)
    }

    /// Reads 64 hex digits in the reversed order that Bitcoin shows.
    pub fn from_display_hex(text: &str) -> Result<Self, ParseHashError> {
        Self::from_internal_hex(text).map(Self::reversed)
    }

    /// Writes 64 lower-case hex digits in the reversed order that Bitcoin shows.
    pub fn to_display_hex(self) -> String {
        hex::encode(self.reversed().0)
    }

    fn reversed(mut self) -> Self {
        self.0.reverse();
        self
    }
}

/// Takes SHA-256 twice, as Bitcoin does for headers, transactions and merkle nodes.
pub fn sha256d(data: &[u8]) -> Hash256 {
    Hash256(Sha256::digest(Sha256::digest(data)).into())
}

impl fmt::Display for Hash256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_display_hex())
    }
}

impl fmt::Debug for Hash256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash256({self})")
    }
}

impl FromStr for Hash256 {
    type Err = ParseHashError;

    fn from_str(text: &str) -> Result<Self, ParseHashError> {
        Self::from_display_hex(text)
    }
}

impl Serialize for Hash256 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ordered = if serializer.is_human_readable() { self.reversed() } else { *self };
        encoding::serialize(ordered.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Hash256 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let readable = deserializer.is_human_readable();
        let hash = Self(encoding::deserialize(deserializer)?);
        Ok(if readable { hash.reversed() } else { hash })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha256d_of_nist_messages_is_the_known_digest() {
        // The inner digests of "" and "abc" are FIPS 180-4's; the outer ones are Bitcoin's well-known double hashes.
        let cases: [(&[u8], &str); 3] = [
            (b"", "5df6e0e2761359d30a8275058e299fcc0381534545f55cf43e41983f5d4c9456"),
            (b"abc", "4f8b42c22dd3729b519ba6f68d2da7cc5b2d606d05daed5ad5128cc03e6c6358"),
            (b"hello", "9595c9df90075148eb06860365df33584b75bff782a510c6cd4883a419833d50"),
        ];
        for (message, digest) in cases {
            assert_eq!(sha256d(message).to_internal_hex(), digest);
        }
    }

    #[test]
    fn display_reverses_the_internal_bytes_and_parses_back() {
        let shown = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f";
        let hash: Hash256 = shown.parse().unwrap();
        assert_eq!(hash.to_internal_hex(), "6fe28c0ab6f1b372c1a6a246ae63f74f931e8365e15a089c68d6190000000000");
        assert_eq!(hash.to_string(), shown);
        assert_eq!(serde_json::to_string(&hash).unwrap(), format!("\"{shown}\""));
        assert_eq!(serde_json::from_str::<Hash256>(&format!("\"{shown}\"")).unwrap(), hash);
    }

    #[test]
    fn text_of_another_length_is_refused() {
        for text in ["", "00", &"0".repeat(63), &"0".repeat(66), &"g".repeat(64)] {
            assert!(text.parse::<Hash256>().is_err(), "{text:?}");
        }
    }
}
