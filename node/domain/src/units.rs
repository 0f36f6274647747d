//! Amounts and rates as people write them: `12 PH/s`, `0.05 USDC/PH/day`, `100 USDC`, `1h30m`, `12.5%`.
//!
//! Exact decimal arithmetic: what can't be held to the last unit is refused, and what is written reads back the same.

mod decimal;

use decimal::Decimal;

use crate::pay::ONE_BPS;

/// Longest text that is read, bytes: 39 digits on both sides of the point, a token's symbol and a unit.
pub const MAX_TEXT_BYTES: usize = 128;

/// Decimals of a PH/s, the hashrate that prices are for, in H/s.
const PRICE_EXPONENT: u32 = 15;

/// SI prefixes with their power of ten, largest first.
const PREFIXES: [(&str, u32); 9] =
    [("Y", 24), ("Z", 21), ("E", 18), ("P", 15), ("T", 12), ("G", 9), ("M", 6), ("k", 3), ("", 0)];

/// Parts of a duration in seconds, largest first.
const DURATIONS: [(char, u32); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

const HASHRATE_FORM: &str = "a hashrate such as 12 PH/s, with a prefix k, M, G, T, P, E or none";
const DURATION_FORM: &str = "a duration such as 90s, 30m, 6h, 2d or 1h30m";
const PERCENT_FORM: &str = "a percentage such as 12.5%";

/// Why a text isn't the quantity that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// Nothing that can be a quantity.
    #[error("text of {bytes} bytes: a quantity has at most {MAX_TEXT_BYTES}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// It doesn't start with a number.
    #[error("{text:?} doesn't start with a number: write {expected}, in digits with at most one point and no commas")]
    NotANumber {
        /// What was written.
        text: String,
        /// What to write.
        expected: String,
    },
    /// The unit is missing or another.
    #[error("unit {unit:?} of {text:?} doesn't fit: write {expected}")]
    Unit {
        /// What was written.
        text: String,
        /// Its unit.
        unit: String,
        /// What to write.
        expected: String,
    },
    /// Finer than the smallest unit.
    #[error("{text:?} is too fine: write at most {decimals} digits after the point with this unit")]
    TooManyDecimals {
        /// What was written.
        text: String,
        /// Digits after the point that the unit allows.
        decimals: u32,
    },
    /// Finer than the smallest unit, and so is one of the unit written.
    #[error("{text:?} is too fine: write a multiple of {multiple} with this unit")]
    TooFine {
        /// What was written.
        text: String,
        /// Power of ten that the number must be a multiple of.
        multiple: String,
    },
    /// Larger than the protocol holds.
    #[error("{text:?} is too large: at most {max}")]
    TooLarge {
        /// What was written.
        text: String,
        /// The largest value, with its unit.
        max: String,
    },
    /// Parts of a duration out of order.
    #[error("parts of {text:?} are out of order: write each of d, h, m, s at most once, largest first, as in 1h30m")]
    DurationOrder {
        /// What was written.
        text: String,
    },
}

/// How amounts of an ERC-20 token are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenUnit<'a> {
    /// Symbol, as the token has it.
    pub symbol: &'a str,
    /// Digits after the point.
    pub decimals: u8,
}

/// Reads a hashrate such as `12 PH/s` in hashes per second.
///
/// # Errors
/// Says what to write instead.
pub fn parse_hashrate(text: &str) -> Result<u64, UnitError> {
    let (number, unit) = split(text, HASHRATE_FORM)?;
    let exponent =
        unit.strip_suffix("H/s").and_then(exponent_of).ok_or_else(|| wrong_unit(text, unit, HASHRATE_FORM))?;
    let value = number.shifted(exponent.into()).map_err(|error| error.explain(text, || format_hashrate(u64::MAX)))?;
    u64::try_from(value).map_err(|_| too_large(text, format_hashrate(u64::MAX)))
}

/// Writes hashes per second with the largest prefix that keeps a digit before the point: `3.2 MH/s`.
pub fn format_hashrate(hashrate: u64) -> String {
    let digits = u32::try_from(hashrate.to_string().len()).unwrap_or(u32::MAX);
    let (prefix, exponent) = PREFIXES.into_iter().find(|(_, exponent)| digits > *exponent).unwrap_or(("", 0));
    format!("{} {prefix}H/s", decimal::format(hashrate.into(), exponent))
}

/// Reads an amount such as `100 USDC` in token base units.
///
/// # Errors
/// Says what to write instead.
pub fn parse_amount(text: &str, token: TokenUnit<'_>) -> Result<u128, UnitError> {
    let expected = format!("an amount such as 100 {}", token.symbol);
    let (number, unit) = split(text, &expected)?;
    if unit != token.symbol {
        return Err(wrong_unit(text, unit, &expected));
    }
    number.shifted(token.decimals.into()).map_err(|error| error.explain(text, || format_amount(u128::MAX, token)))
}

/// Writes token base units without trailing zeros: `100 USDC`.
pub fn format_amount(amount: u128, token: TokenUnit<'_>) -> String {
    format!("{} {}", decimal::format(amount, token.decimals.into()), token.symbol)
}

/// Reads a price such as `0.05 USDC/PH/day` in token base units per PH/s·day; `TH`, `EH` and the other prefixes are brought to PH.
///
/// # Errors
/// Says what to write instead; a price that isn't a whole number of base units per PH/s·day is refused.
pub fn parse_price(text: &str, token: TokenUnit<'_>) -> Result<u128, UnitError> {
    let expected = format!("a price such as 0.05 {}/PH/day", token.symbol);
    let (number, unit) = split(text, &expected)?;
    let per = unit.strip_prefix(token.symbol).and_then(|rest| rest.strip_prefix('/')?.strip_suffix("H/day"));
    let per = per.and_then(exponent_of).ok_or_else(|| wrong_unit(text, unit, &expected))?;
    let shift = i64::from(token.decimals) + i64::from(PRICE_EXPONENT) - i64::from(per);
    number.shifted(shift).map_err(|error| error.explain(text, || format_price(u128::MAX, token)))
}

/// Writes a price in token base units per PH/s·day: `0.05 USDC/PH/day`.
pub fn format_price(price: u128, token: TokenUnit<'_>) -> String {
    format!("{}/PH/day", format_amount(price, token))
}

/// Reads a duration such as `90s`, `30m`, `6h`, `2d` or `1h30m` in seconds.
///
/// # Errors
/// Says what to write instead.
pub fn parse_duration(text: &str) -> Result<u32, UnitError> {
    bounded(text)?;
    let mut rest = text.trim();
    let mut seconds: u32 = 0;
    let mut smaller_units = DURATIONS.as_slice();
    while !rest.is_empty() || smaller_units.len() == DURATIONS.len() {
        let (number, unit) = split(rest, DURATION_FORM)?;
        let unit = unit.chars().next().ok_or_else(|| wrong_unit(text, "", DURATION_FORM))?;
        if !DURATIONS.iter().any(|(known, _)| *known == unit) {
            return Err(wrong_unit(text, &unit.to_string(), DURATION_FORM));
        }
        let Some(place) = smaller_units.iter().position(|(known, _)| *known == unit) else {
            return Err(UnitError::DurationOrder { text: text.to_owned() });
        };
        let max = || format_duration(u32::MAX);
        let count = number.shifted(0).map_err(|error| error.explain(text, max))?;
        let part = u32::try_from(count).ok().and_then(|count| count.checked_mul(smaller_units[place].1));
        seconds = part.and_then(|part| seconds.checked_add(part)).ok_or_else(|| too_large(text, max()))?;
        smaller_units = &smaller_units[place + 1..];
        rest = rest.split_once(unit).map_or("", |(_, rest)| rest).trim_start();
    }
    Ok(seconds)
}

/// Writes seconds in days, hours, minutes and seconds: `1h30m`.
pub fn format_duration(seconds: u32) -> String {
    let mut rest = seconds;
    let mut text = String::new();
    for (unit, length) in DURATIONS {
        if rest >= length {
            text.push_str(&format!("{}{unit}", rest / length));
            rest %= length;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// Reads a percentage such as `12.5%` of at most 100 % in basis points.
///
/// # Errors
/// Says what to write instead.
pub fn parse_percent(text: &str) -> Result<u16, UnitError> {
    let (number, unit) = split(text, PERCENT_FORM)?;
    if unit != "%" {
        return Err(wrong_unit(text, unit, PERCENT_FORM));
    }
    let max = || format_percent(ONE_BPS);
    let bps = number.shifted(2).map_err(|error| error.explain(text, max))?;
    u16::try_from(bps).ok().filter(|bps| *bps <= ONE_BPS).ok_or_else(|| too_large(text, max()))
}

/// Writes basis points as a percentage: `12.5%`.
pub fn format_percent(bps: u16) -> String {
    format!("{}%", decimal::format(bps.into(), 2))
}

fn bounded(text: &str) -> Result<(), UnitError> {
    if text.len() <= MAX_TEXT_BYTES { Ok(()) } else { Err(UnitError::TooLong { bytes: text.len() }) }
}

/// Splits a text into its number and what follows.
fn split<'a>(text: &'a str, expected: &str) -> Result<(Decimal, &'a str), UnitError> {
    bounded(text)?;
    Decimal::read(text.trim())
        .map(|(number, rest)| (number, rest.trim_start()))
        .ok_or_else(|| UnitError::NotANumber { text: text.to_owned(), expected: expected.to_owned() })
}

fn exponent_of(prefix: &str) -> Option<u32> {
    PREFIXES.iter().find(|(known, _)| *known == prefix).map(|(_, exponent)| *exponent)
}

fn wrong_unit(text: &str, unit: &str, expected: &str) -> UnitError {
    UnitError::Unit { text: text.to_owned(), unit: unit.to_owned(), expected: expected.to_owned() }
}

fn too_large(text: &str, max: String) -> UnitError {
    UnitError::TooLarge { text: text.to_owned(), max }
}

#[cfg(test)]
mod tests;
