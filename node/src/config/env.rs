//! Keys from the environment: `HASHLEASE_SECTION_KEY`, as `HASHLEASE_CHAIN_RPC` or `HASHLEASE_TOKENS_USDC_DECIMALS`.

use toml::{Table, Value};

use super::error::ConfigError;

/// What every variable begins with.
pub(super) const PREFIX: &str = "HASHLEASE_";

/// The sections; a variable of none of them (as `HASHLEASE_DATADIR`) is not for the configuration.
const SECTIONS: [&str; 10] =
    ["chain", "tokens", "net", "api", "key", "farm", "bitcoin", "pool", "destinations", "market"];

/// Keys that hold whole numbers.
const INTEGERS: [&str; 9] = [
    "chain_id",
    "from_block",
    "confirmations",
    "poll_ms",
    "decimals",
    "mine",
    "standby_after_s",
    "grace_s",
    "stale_after_s",
];
/// Keys that are true or false.
const FLAGS: [&str; 2] = ["mdns", "open"];
/// Keys that hold several values: commas lie between them.
const LISTS: [&str; 4] = ["listen", "bootstrap", "urls", "allow_private"];

/// What the keys of `[farm.idle]` begin with in a variable of the farm's.
const IDLE: &str = "idle_";

/// One key that a variable sets.
pub(super) struct Setting {
    /// Name of the variable.
    pub(super) variable: String,
    /// The key and its section, as a table that can be laid over others.
    pub(super) table: Table,
}

/// Reads the variables that are for the configuration.
pub(super) fn settings(variables: impl Iterator<Item = (String, String)>) -> Result<Vec<Setting>, ConfigError> {
    let mut settings = Vec::new();
    for (variable, text) in variables {
        let Some((section, rest)) = variable.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_')) else {
            continue;
        };
        let section = section.to_lowercase();
        if !SECTIONS.contains(&section.as_str()) {
            continue;
        }
        let unknown = || ConfigError::UnknownVariable { name: variable.clone() };
        let table = if section == "tokens" {
            let (symbol, key) = rest.rsplit_once('_').ok_or_else(unknown)?;
            let key = key.to_lowercase();
            nested(symbol, nested(&key, value(&variable, &key, &text)?).into())
        } else if let ("farm", Some(key)) = (section.as_str(), rest.to_lowercase().strip_prefix(IDLE)) {
            nested("idle", nested(key, value(&variable, key, &text)?).into())
        } else {
            let key = rest.to_lowercase();
            nested(&key, value(&variable, &key, &text)?)
        };
        settings.push(Setting { variable, table: nested(&section, table.into()) });
    }
    Ok(settings)
}

fn nested(key: &str, value: Value) -> Table {
    Table::from_iter([(key.to_owned(), value)])
}

fn value(variable: &str, key: &str, text: &str) -> Result<Value, ConfigError> {
    let wrong = |expected| ConfigError::Variable { name: variable.to_owned(), expected };
    if INTEGERS.contains(&key) {
        return text.parse().map(Value::Integer).map_err(|_| wrong("a whole number"));
    }
    if FLAGS.contains(&key) {
        return text.parse().map(Value::Boolean).map_err(|_| wrong("true or false"));
    }
    if LISTS.contains(&key) {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        return Ok(Value::Array(items.map(|item| Value::String(item.to_owned())).collect()));
    }
    Ok(Value::String(text.to_owned()))
}
