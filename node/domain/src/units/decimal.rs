//! Decimal numbers as digits and the place of the point.

use super::{UnitError, too_large};

/// The number `digits · 10^−decimals`, without trailing zeros after the point.
pub(super) struct Decimal {
    digits: String,
    decimals: u32,
}

/// Why a number can't be brought to a unit.
pub(super) enum Unfit {
    /// It has digits below the unit: so many after the point are allowed, or so many zeros needed before it where negative.
    TooFine(i64),
    /// It exceeds 128 bits.
    TooLarge,
}

impl Decimal {
    /// Reads the number that `text` starts with; returns it and the rest. Digits on at least one side of the point.
    pub(super) fn read(text: &str) -> Option<(Self, &str)> {
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, rest) = text.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let has_digits = whole.len() + fraction.len() > 0;
        let is_number = has_digits && !fraction.contains('.') && !rest.starts_with(',');
        let fraction = fraction.trim_end_matches('0');
        let decimals = u32::try_from(fraction.len()).ok()?;
        is_number.then(|| (Self { digits: format!("{whole}{fraction}"), decimals }, rest))
    }

    /// Returns the number times `10^exponent`, which must be whole.
    pub(super) fn shifted(&self, exponent: i64) -> Result<u128, Unfit> {
        let digits = self.digits.trim_start_matches('0');
        let significant = digits.trim_end_matches('0');
        if significant.is_empty() {
            return Ok(0);
        }
        let trailing = i64::try_from(digits.len() - significant.len()).map_err(|_| Unfit::TooLarge)?;
        let zeros =
            u32::try_from(trailing + exponent - i64::from(self.decimals)).map_err(|_| Unfit::TooFine(exponent))?;
        let value = significant.parse::<u128>().ok();
        let scaled = value.and_then(|value| value.checked_mul(10_u128.checked_pow(zeros)?));
        scaled.ok_or(Unfit::TooLarge)
    }
}

impl Unfit {
    /// Says what to change in `text`, given the largest value.
    pub(super) fn explain(self, text: &str, max: impl FnOnce() -> String) -> UnitError {
        let text = text.to_owned();
        match self {
            Self::TooLarge => too_large(&text, max()),
            Self::TooFine(exponent) => match u32::try_from(exponent) {
                Ok(decimals) => UnitError::TooManyDecimals { text, decimals },
                Err(_) => UnitError::TooFine { text, multiple: power_of_ten(exponent.unsigned_abs()) },
            },
        }
    }
}

fn power_of_ten(exponent: u64) -> String {
    std::iter::once('1').chain((0..exponent).map(|_| '0')).collect()
}

/// Writes `value · 10^−decimals` without trailing zeros.
pub(super) fn format(value: u128, decimals: u32) -> String {
    let decimals = usize::try_from(decimals).unwrap_or(usize::MAX);
    let digits = format!("{value:0>width$}", width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    match fraction.trim_end_matches('0') {
        "" => whole.to_owned(),
        fraction => format!("{whole}.{fraction}"),
    }
}
