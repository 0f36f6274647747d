//! The bits by which an ask declares itself and a bid asks for declarations (section 2).

use std::{fmt, str::FromStr};

use alloy_primitives::U256;
use serde::{Deserialize, Serialize};

/// A set of declarations: written as names with commas between them, `bit200` for a bit without a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tags(pub U256);

/// Names of the declared bits. Kinds of lease lie in the first byte, sources of energy in the second.
const NAMES: [(&str, Tags); 9] = [
    ("leased", Tags::LEASED),
    ("hosted", Tags::HOSTED),
    ("virtual", Tags::VIRTUAL),
    ("hydro", Tags::HYDRO),
    ("solar", Tags::SOLAR),
    ("wind", Tags::WIND),
    ("nuclear", Tags::NUCLEAR),
    ("gas-flare", Tags::GAS_FLARE),
    ("grid", Tags::GRID),
];

/// A word that names no tag.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no tag is called {0:?}: choose from leased, hosted, virtual, hydro, solar, wind, nuclear, gas-flare, grid, or bit0 to bit255"
)]
pub struct UnknownTag(String);

impl Tags {
    /// No declaration.
    pub const NONE: Self = Self(U256::ZERO);
    /// Kind: machines of the seller, for the time of the lease.
    pub const LEASED: Self = Self::bit(0);
    /// Kind: machines that the seller hosts for others.
    pub const HOSTED: Self = Self::bit(1);
    /// Kind: hashpower that the seller buys elsewhere.
    pub const VIRTUAL: Self = Self::bit(2);
    /// Energy: water.
    pub const HYDRO: Self = Self::bit(8);
    /// Energy: sun.
    pub const SOLAR: Self = Self::bit(9);
    /// Energy: wind.
    pub const WIND: Self = Self::bit(10);
    /// Energy: nuclear.
    pub const NUCLEAR: Self = Self::bit(11);
    /// Energy: gas that would be flared.
    pub const GAS_FLARE: Self = Self::bit(12);
    /// Energy: the public grid's mix.
    pub const GRID: Self = Self::bit(13);

    const fn bit(index: u64) -> Self {
        Self(U256::from_limbs([1 << index, 0, 0, 0]))
    }

    /// Tells whether every one of `required` is declared.
    pub fn contains(self, required: Self) -> bool {
        required.without(self) == Self::NONE
    }

    /// Returns the tags that are not among `others`.
    #[must_use]
    pub fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }
}

impl std::ops::BitOr for Tags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl fmt::Display for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for index in (0..256).filter(|index| self.0.bit(*index)) {
            f.write_str(separator)?;
            match NAMES.iter().find(|(_, tag)| tag.0.bit(index)) {
                Some((name, _)) => f.write_str(name)?,
                None => write!(f, "bit{index}")?,
            }
            separator = ",";
        }
        Ok(())
    }
}

impl FromStr for Tags {
    type Err = UnknownTag;

    fn from_str(text: &str) -> Result<Self, UnknownTag> {
        text.split(',').map(str::trim).filter(|word| !word.is_empty()).try_fold(Self::NONE, |tags, word| {
            let named = NAMES.iter().find(|(name, _)| *name == word).map(|(_, tag)| *tag);
            Ok(tags | named.or_else(|| numbered(word)).ok_or_else(|| UnknownTag(word.chars().take(40).collect()))?)
        })
    }
}

/// Returns the tag of `bit0` to `bit255`.
fn numbered(word: &str) -> Option<Tags> {
    let index: u8 = word.strip_prefix("bit")?.parse().ok()?;
    Some(Tags(U256::from(1) << usize::from(index)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_bits_are_what_the_protocol_declares() {
        let bits = [1, 2, 4, 1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13];
        for ((name, tag), bit) in NAMES.iter().zip(bits) {
            assert_eq!(tag.0, U256::from(bit), "{name}");
            assert_eq!(name.parse(), Ok(*tag));
            assert_eq!(tag.to_string(), *name);
        }
    }

    #[test]
    fn a_list_is_read_and_written_back() {
        let tags: Tags = " hosted, hydro ,bit200".parse().unwrap();
        assert_eq!(tags, Tags::HOSTED | Tags::HYDRO | Tags(U256::from(1) << 200));
        assert_eq!(tags.to_string(), "hosted,hydro,bit200");
        assert_eq!(tags.to_string().parse(), Ok(tags));
        assert_eq!("".parse(), Ok(Tags::NONE));
        assert_eq!("bit8".parse(), Ok(Tags::HYDRO));
    }

    #[test]
    fn unknown_words_are_refused_with_the_choice() {
        for word in ["coal", "bit256", "bit-1", "HYDRO"] {
            let error = word.parse::<Tags>().unwrap_err().to_string();
            assert!(error.contains(word) && error.contains("gas-flare"), "{error}");
        }
    }

    #[test]
    fn containing_means_every_required_bit() {
        let declared = Tags::LEASED | Tags::HYDRO;
        assert!(declared.contains(Tags::NONE));
        assert!(declared.contains(Tags::HYDRO));
        assert!(!declared.contains(Tags::HYDRO | Tags::WIND));
        assert_eq!((Tags::HYDRO | Tags::WIND).without(declared), Tags::WIND);
    }
}
