//! How numbers and times are written in JSON.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The last second of the year 9999, which RFC 3339 ends with.
const LAST: u64 = 253_402_300_799;

/// A time, unix seconds; RFC 3339 in UTC in JSON and on the terminal: `2026-01-31T12:00:00Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

/// A text that is not a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a time is written in UTC as in 2026-01-31T12:00:00Z")]
pub struct NotATime;

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.min(LAST);
        let (year, month, day) = civil(seconds / 86_400);
        let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

impl FromStr for Time {
    type Err = NotATime;

    fn from_str(text: &str) -> Result<Self, NotATime> {
        let number = |from: usize, to: usize| {
            let digits = text.get(from..to).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()))?;
            digits.parse::<u64>().ok()
        };
        let read = || {
            let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
            let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
            let in_day = hour.checked_mul(3_600)? + minute * 60 + second;
            Some(Self(days(year, month, day)? * 86_400 + in_day))
        };
        // Whatever is out of range comes out as another text than it went in.
        read().filter(|time| time.to_string() == text).ok_or(NotATime)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Year, month and day of a day since 1970-01-01 (Hinnant, "chrono-compatible low-level date algorithms": years begin in
/// March there, so that the leap day comes last).
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// The inverse of [`civil`], from 1970 on.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let year = year.checked_sub(u64::from(month <= 2))?;
    let (era, year_of_era) = (year / 400, year % 400);
    let from_march = (month + 9) % 12;
    let day_of_year = (153 * from_march + 2) / 5 + day.checked_sub(1)?;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era).checked_sub(719_468)
}

/// Integers that may not fit the 53 bits of a JSON number: decimal strings.
pub mod decimal {
    use super::{Deserialize, Deserializer, FromStr, Serializer, fmt};

    /// Writes the digits.
    ///
    /// # Errors
    /// Where the serializer fails.
    pub fn serialize<T: fmt::Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    /// Reads the digits.
    ///
    /// # Errors
    /// Where the text is not digits alone, or the number does not fit.
    pub fn deserialize<'de, T: FromStr, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        let text = String::deserialize(deserializer)?;
        super::digits(&text)
            .ok_or_else(|| serde::de::Error::custom("expected digits in a string, of a number that fits"))
    }
}

/// As [`decimal`], where the value may be missing.
pub mod optional_decimal {
    use super::{Deserialize, Deserializer, FromStr, Serializer, fmt};

    /// Writes the digits, or null.
    ///
    /// # Errors
    /// Where the serializer fails.
    pub fn serialize<T: fmt::Display, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.collect_str(value),
            None => serializer.serialize_none(),
        }
    }

    /// Reads the digits, or null.
    ///
    /// # Errors
    /// Where the text is not digits alone, or the number does not fit.
    pub fn deserialize<'de, T: FromStr, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
        let expected = || serde::de::Error::custom("expected digits in a string, of a number that fits");
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| super::digits(&text).ok_or_else(expected)).transpose()
    }
}

fn digits<T: FromStr>(text: &str) -> Option<T> {
    let plain = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_in_utc_and_read_back() {
        let known = [
            (0, "1970-01-01T00:00:00Z"),
            (951_827_696, "2000-02-29T12:34:56Z"),
            (1_709_251_199, "2024-02-29T23:59:59Z"),
            (1_735_689_600, "2025-01-01T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (LAST, "9999-12-31T23:59:59Z"),
        ];
        for (seconds, text) in known {
            assert_eq!(Time(seconds).to_string(), text);
            assert_eq!(text.parse(), Ok(Time(seconds)));
        }
        for day in 0..60_000 {
            assert_eq!(Time(day * 86_400 + 1).to_string().parse(), Ok(Time(day * 86_400 + 1)));
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let wrong = [
            "",
            "2025-01-01",
            "2025-01-01T00:00:00",
            "2025-01-01T00:00:00+01:00",
            "2025-02-29T00:00:00Z",
            "2025-13-01T00:00:00Z",
            "2025-01-01T24:00:00Z",
            "2025-01-00T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "2025-01-01t00:00:00z",
            "ÿÿÿÿ-01-01T00:00:00Z",
        ];
        for text in wrong {
            assert_eq!(text.parse::<Time>(), Err(NotATime), "{text}");
        }
    }

    #[test]
    fn numbers_are_digits_in_a_string() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Both(#[serde(with = "decimal")] u128, #[serde(with = "optional_decimal")] Option<u64>);
        let largest = Both(u128::MAX, None);
        let json = r#"["340282366920938463463374607431768211455",null]"#;
        assert_eq!(serde_json::to_string(&largest).unwrap(), json);
        assert_eq!(serde_json::from_str::<Both>(json).unwrap(), largest);
        for wrong in
            [r#"["+1",null]"#, r#"["0x1",null]"#, r#"[1,null]"#, r#"["",null]"#, r#"["1","18446744073709551616"]"#]
        {
            assert!(serde_json::from_str::<Both>(wrong).is_err(), "{wrong}");
        }
    }
}
