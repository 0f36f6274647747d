//! One view, two forms: a table for people, JSON for programs.

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
};

use alloy_primitives::{Address, U256};
use comfy_table::{Cell, ContentArrangement, Table, presets};
use hashlease_domain::units::{self, TokenUnit};
use serde_json::{Map, Value, json};

use crate::config::Config;

/// A value with the text that people read.
#[derive(Clone, Debug)]
pub(super) struct Field {
    json: Value,
    text: String,
}

/// Named values, in order; the names are JSON's, in camelCase.
pub(super) type Record = Vec<(&'static str, Field)>;

/// What a command prints on success.
#[derive(Clone, Debug)]
pub(super) enum View {
    /// One thing.
    One(Record),
    /// Several of a kind; the text says what to do where there is none.
    Many(Vec<Record>, &'static str),
    /// Several lists of their own, by name.
    Lists(Vec<(&'static str, Vec<Record>, &'static str)>),
    /// A whole document.
    Document(toml::Table),
    /// One thing, and whether it is as it should be.
    Verdict(Record, bool),
}

impl Field {
    /// A value that both read alike.
    pub(super) fn text(value: impl Display) -> Self {
        // What a peer or a miner chose must not steer the terminal.
        let text: String = value.to_string().chars().filter(|c| !c.is_control()).collect();
        Self { json: text.clone().into(), text }
    }

    /// A count.
    pub(super) fn number(value: u64) -> Self {
        Self { json: value.into(), text: value.to_string() }
    }

    /// Yes or no.
    pub(super) fn flag(value: bool) -> Self {
        Self { json: value.into(), text: if value { "yes" } else { "no" }.to_owned() }
    }

    /// A number that need not be whole.
    pub(super) fn decimal(value: f64) -> Self {
        Self { json: value.into(), text: value.to_string() }
    }

    /// A value that may be missing.
    pub(super) fn optional(value: Option<Self>) -> Self {
        value.unwrap_or_else(|| Self { json: Value::Null, text: "–".to_owned() })
    }

    /// Several values.
    pub(super) fn list(values: impl IntoIterator<Item = Self>) -> Self {
        let (json, text): (Vec<_>, Vec<_>) = values.into_iter().map(|field| (field.json, field.text)).unzip();
        Self { json: json.into(), text: if text.is_empty() { "none".to_owned() } else { text.join("\n") } }
    }

    /// A part with names of its own.
    pub(super) fn record(record: Record) -> Self {
        let lines = record.iter().map(|(name, field)| format!("{}: {}", words(name), field.text));
        Self { text: lines.collect::<Vec<_>>().join("\n"), json: object(record) }
    }

    /// Counts by name.
    pub(super) fn counts(counts: &BTreeMap<String, u64>) -> Self {
        let text = counts.iter().map(|(name, count)| Self::text(format!("{name}: {count}")).text).collect::<Vec<_>>();
        Self { json: json!(counts), text: if text.is_empty() { "none".to_owned() } else { text.join("\n") } }
    }

    /// Token base units.
    pub(super) fn amount(amount: U256, token: Address, config: &Config) -> Self {
        let human = match (u128::try_from(amount), unit(config, token)) {
            (Ok(amount), Some(unit)) => units::format_amount(amount, unit),
            _ => format!("{amount} base units of {token}"),
        };
        Self { json: json!({ "base": amount.to_string(), "human": human }), text: human }
    }

    /// Token base units per PH/s·day.
    pub(super) fn price(price: u128, token: Address, config: &Config) -> Self {
        let human = match unit(config, token) {
            Some(unit) => units::format_price(price, unit),
            None => format!("{price} base units of {token}/PH/day"),
        };
        Self { json: json!({ "base": price.to_string(), "human": human }), text: human }
    }

    /// Hashes per second.
    pub(super) fn hashrate(hashrate: u64) -> Self {
        let human = units::format_hashrate(hashrate);
        Self { json: json!({ "base": hashrate.to_string(), "human": human }), text: human }
    }

    /// Hashes.
    pub(super) fn work(work: u128) -> Self {
        let human = hashes(work);
        Self { json: json!({ "base": work.to_string(), "human": human }), text: human }
    }

    /// Wei.
    pub(super) fn native(wei: U256) -> Self {
        let unit = TokenUnit { symbol: "native", decimals: 18 };
        let human = u128::try_from(wei).map_or_else(|_| format!("{wei} wei"), |wei| units::format_amount(wei, unit));
        Self { json: json!({ "base": wei.to_string(), "human": human }), text: human }
    }
}

impl Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl View {
    /// Returns whether what is shown is as it should be.
    pub(super) fn is_good(&self) -> bool {
        !matches!(self, Self::Verdict(_, false))
    }

    /// Returns what is printed.
    pub(super) fn render(self, as_json: bool) -> String {
        if as_json { self.json() } else { self.tables() }
    }

    fn json(self) -> String {
        let array = |records: Vec<Record>| Value::Array(records.into_iter().map(object).collect());
        let value = match self {
            Self::One(record) | Self::Verdict(record, _) => object(record),
            Self::Many(records, _) => array(records),
            Self::Lists(lists) => {
                lists.into_iter().map(|(name, records, _)| (name.to_owned(), array(records))).collect()
            }
            Self::Document(document) => json!(document),
        };
        format!("{value:#}")
    }

    fn tables(self) -> String {
        match self {
            Self::One(record) | Self::Verdict(record, _) => one(record),
            Self::Many(records, none) => many(records, none),
            Self::Lists(lists) => {
                let lists =
                    lists.into_iter().map(|(name, records, none)| format!("{}\n{}", words(name), many(records, none)));
                lists.collect::<Vec<_>>().join("\n\n")
            }
            Self::Document(document) => document.to_string().trim_end().to_owned(),
        }
    }
}

/// Returns how amounts of a configured token are written.
pub(super) fn unit(config: &Config, token: Address) -> Option<TokenUnit<'_>> {
    config.token_at(token).map(|(symbol, token)| TokenUnit { symbol, decimals: token.decimals })
}

/// Writes work to four digits, rounded down, with the prefixes of hashrates: `1.234 PH`.
fn hashes(work: u128) -> String {
    const PREFIXES: [&str; 11] = ["", "k", "M", "G", "T", "P", "E", "Z", "Y", "R", "Q"];
    let digits = work.to_string();
    let group = (digits.len() - 1) / 3;
    let (whole, rest) = digits.split_at(digits.len() - 3 * group);
    let fraction = rest.get(..3).unwrap_or_default().trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    match PREFIXES.get(group) {
        Some(prefix) => format!("{whole}{point}{fraction} {prefix}H"),
        None => format!("{digits} H"),
    }
}

fn object(record: Record) -> Value {
    Value::Object(record.into_iter().map(|(name, field)| (name.to_owned(), field.json)).collect::<Map<_, _>>())
}

fn table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    table
}

fn one(record: Record) -> String {
    let mut table = table();
    for (name, field) in record {
        table.add_row([Cell::new(words(name)), Cell::new(field.text)]);
    }
    table.to_string()
}

fn many(records: Vec<Record>, none: &str) -> String {
    let Some(first) = records.first() else { return none.to_owned() };
    let mut table = table();
    table.set_header(first.iter().map(|(name, _)| words(name)));
    for record in records {
        table.add_row(record.into_iter().map(|(_, field)| Cell::new(field.text)));
    }
    table.to_string()
}

/// Turns a name in camelCase into words.
fn words(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_written_to_four_digits_rounded_down() {
        let known = [
            (0, "0 H"),
            (999, "999 H"),
            (1_000, "1 kH"),
            (1_234_999, "1.234 MH"),
            (10_500_000_000, "10.5 GH"),
            (u128::MAX, "340282366920938463463374607431768211455 H"),
        ];
        for (work, text) in known {
            assert_eq!(hashes(work), text);
        }
    }

    #[test]
    fn names_become_words_and_control_characters_vanish() {
        assert_eq!(words("lastBlockAge"), "last block age");
        let record = vec![("workerName", Field::text("rig\u{1b}[2J1"))];
        assert_eq!(View::One(record.clone()).render(true), "{\n  \"workerName\": \"rig[2J1\"\n}");
        assert!(View::One(record).render(false).contains("rig[2J1"));
    }

    #[test]
    fn an_empty_list_says_what_to_do() {
        let view = View::Many(Vec::new(), "no leases yet");
        assert_eq!(view.clone().render(false), "no leases yet");
        assert_eq!(view.render(true), "[]");
    }
}
