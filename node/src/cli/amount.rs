//! Amounts and prices in the tokens of the configuration.

use hashlease_domain::units::{self, TokenUnit, UnitError};

use super::error::Error;
use crate::config::{Config, Token};

/// Reads an amount such as `100 USDC`; returns the token and base units.
pub(super) fn parse_amount(config: &Config, text: &str) -> Result<(Token, u128), Error> {
    parse(config, text, units::parse_amount)
}

/// Reads a price such as `0.05 USDC/PH/day`; returns the token and base units per PH/s·day.
pub(super) fn parse_price(config: &Config, text: &str) -> Result<(Token, u128), Error> {
    parse(config, text, units::parse_price)
}

type Read = fn(&str, TokenUnit<'_>) -> Result<u128, UnitError>;

fn parse(config: &Config, text: &str, read: Read) -> Result<(Token, u128), Error> {
    let written = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.' || c.is_whitespace());
    let written = written.split('/').next().unwrap_or_default().trim();
    let Some((_, token)) = config.token(written) else {
        let known = config.tokens.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let known = if known.is_empty() { "none".to_owned() } else { known };
        return Err(Error::Usage(format!(
            "no token is called {written:?} in {text:?}: write one that the configuration names ({known}), or add [tokens.SYMBOL]"
        )));
    };
    Ok((token, read(text, TokenUnit { symbol: written, decimals: token.decimals })?))
}
