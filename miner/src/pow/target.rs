//! Targets, the work they count, and Bitcoin's and Stratum's ways to write them.

use std::fmt;
use std::num::NonZeroU128;

use ruint::aliases::{U256, U512};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::encoding;
use super::hash::Hash256;

/// A 256-bit number that a hash, read as a little-endian number, must not exceed.
///
/// `Display` and human-readable serde are 64 hex digits, most significant first; binary serde is 32 big-endian bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target(U256);

/// A number that is no target.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum TargetError {
    /// The sign bit of a compact target is set.
    #[error("compact target {0:08x} is negative")]
    Negative(u32),
    /// A compact target needs more than 256 bits.
    #[error("compact target {0:08x} is over 256 bits")]
    Overflow(u32),
    /// A Stratum difficulty that is zero, negative, infinite or not a number.
    #[error("difficulty {0} is not a positive number")]
    Difficulty(f64),
}

impl Target {
    /// The easiest target: every hash meets it.
    pub const MAX: Self = Self(U256::MAX);

    /// Makes the target that counts `work` hashes: `(2^256 − 1) / work`, rounded down (PROTOCOL.md, section 1).
    pub fn from_work(work: NonZeroU128) -> Self {
        Self(U256::MAX / U256::from(work.get()))
    }

    /// The expected number of hashes to meet this target, `(2^256 − 1) / target` rounded down and clipped to 128 bits.
    ///
    /// For display: what a share counts is the work its target was made from, not this.
    pub fn work(self) -> u128 {
        U256::MAX.checked_div(self.0).map_or(u128::MAX, |work| work.saturating_to())
    }

    /// Reads the compact form of a header (nBits) as Bitcoin Core's `SetCompact` does.
    pub fn from_compact(bits: u32) -> Result<Self, TargetError> {
        let size = bits >> 24;
        let word = bits & 0x007f_ffff;
        let word = if size < 3 { word >> (8 * (3 - size)) } else { word };
        if word == 0 {
            return Ok(Self(U256::ZERO));
        }
        if bits & 0x0080_0000 != 0 {
            return Err(TargetError::Negative(bits));
        }
        if size > 34 || (word > 0xff && size > 33) || (word > 0xffff && size > 32) {
            return Err(TargetError::Overflow(bits));
        }
        Ok(Self(U256::from(word) << (8 * size.saturating_sub(3))))
    }

    /// Writes the compact form (nBits), which keeps the upper 15 to 23 bits, as Bitcoin Core's `GetCompact` does.
    pub fn to_compact(self) -> u32 {
        let bytes = self.0.to_be_bytes::<32>();
        let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
        // The mantissa is a signed 24-bit number: a leading byte of 80 or more takes a zero byte before it.
        let pad = usize::from(bytes.get(zeros).is_some_and(|&byte| byte >= 0x80));
        let digits = bytes[zeros..].iter().copied().chain([0; 3]);
        let mut mantissa = [0; 3];
        for (place, digit) in mantissa.iter_mut().skip(pad).zip(digits) {
            *place = digit;
        }
        let size = u8::try_from(32 - zeros + pad).unwrap_or(33);
        u32::from_be_bytes([size, mantissa[0], mantissa[1], mantissa[2]])
    }

    /// Makes the target of a Stratum difficulty, `0xffff · 2^208 / difficulty` rounded down (pool difficulty).
    ///
    /// Exact for every float; difficulties too small for 256 bits give [`Target::MAX`].
    pub fn from_difficulty(difficulty: f64) -> Result<Self, TargetError> {
        if !(difficulty.is_finite() && difficulty > 0.0) {
            return Err(TargetError::Difficulty(difficulty));
        }
        // difficulty = mantissa · 2^(exponent − 1075), by the layout of IEEE 754; subnormals have the exponent 1.
        let bits = difficulty.to_bits();
        let exponent = ((bits >> 52) & 0x7ff) as usize;
        let fraction = bits & ((1 << 52) - 1);
        let mantissa = if exponent == 0 { fraction } else { fraction | 1 << 52 };
        let exponent = exponent.max(1);

        let one = U512::from(difficulty_one());
        let quotient = if exponent <= 1075 {
            // 2^288 is more than enough to saturate, and keeps the 224-bit numerator inside 512 bits.
            (one << (1075 - exponent).min(288)) / U512::from(mantissa)
        } else {
            one / (U512::from(mantissa) << (exponent - 1075).min(448))
        };
        Ok(Self(quotient.saturating_to()))
    }

    /// The Stratum difficulty (pool difficulty) of this target, to the precision of a float. For display.
    pub fn difficulty(self) -> f64 {
        to_f64(difficulty_one()) / to_f64(self.0)
    }

    /// Tells whether a hash meets this target: `hash <= target`.
    pub fn is_met_by(&self, hash: &Hash256) -> bool {
        U256::from_le_bytes(hash.to_bytes()) <= self.0
    }

    /// Reads 32 big-endian bytes.
    pub const fn from_be_bytes(bytes: [u8; 32]) -> Self {
        Self(U256::from_be_bytes(bytes))
    }

    /// Writes 32 big-endian bytes.
    pub const fn to_be_bytes(self) -> [u8; 32] {
        self.0.to_be_bytes()
    }
}

/// The Stratum difficulty that a hash reaches. For display.
pub fn difficulty_of(hash: &Hash256) -> f64 {
    Target(U256::from_le_bytes(hash.to_bytes())).difficulty()
}

/// The target of difficulty 1: `0xffff · 2^208`.
fn difficulty_one() -> U256 {
    U256::from(0xffff) << 208
}

fn to_f64(number: U256) -> f64 {
    const TWO_POW_64: f64 = 18_446_744_073_709_551_616.0;
    number.as_limbs().iter().rev().fold(0.0, |sum, &limb| sum * TWO_POW_64 + limb as f64)
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:064x}", self.0)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({self})")
    }
}

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        encoding::serialize(self.to_be_bytes(), serializer)
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        encoding::deserialize(deserializer).map(Self::from_be_bytes).map_err(D::Error::custom)
    }
}

#[cfg(test)]
#[path = "target_tests.rs"]
mod tests;
