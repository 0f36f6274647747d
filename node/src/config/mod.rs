//! The configuration: written as TOML, checked once, then passed on as values that cannot be wrong.
//!
//! A flag beats the environment (`HASHLEASE_SECTION_KEY`), which beats the file, which beats the default. Which roles
//! a node plays follows from its sections: `[farm]` sells, `[bitcoin]` or `[pool]` works for a buyer, `[market]` opens leases.

mod check;
pub mod datadir;
mod destination;
mod env;
pub mod error;
pub mod init;
mod raw;
mod show;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fs, io::Read, net::SocketAddr, path::Path, path::PathBuf, time::Duration};

use hashlease_domain::{Address, Domain};
use hashlease_miner::client::PoolUrl;
use reqwest::Url;
use serde::Deserialize;
use toml::{Table, Value};

use crate::{destination::DestinationUrl, farm::Shortfall};
pub use datadir::{DataDir, DataDirError};
pub use destination::{ProbeArgs, ProbeError};
pub use error::ConfigError;
pub use init::{Init, init};

/// Largest file that is read, bytes: the sample with every comment has a twentieth of it.
pub const MAX_FILE_BYTES: u64 = 64 * 1024;

/// A configuration that a node can run with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where the node keeps everything.
    pub datadir: DataDir,
    /// The chain and its escrow.
    pub chain: Chain,
    /// The tokens that the operator trades in, by symbol.
    pub tokens: BTreeMap<String, Token>,
    /// Peers.
    pub net: Net,
    /// The REST API.
    pub api: Api,
    /// File that holds the passphrase of the node's key.
    pub passphrase_file: PathBuf,
    /// The seller's miners, where the node sells.
    pub farm: Option<Farm>,
    /// The Bitcoin node, where the node works for a buyer who mines solo.
    pub bitcoin: Option<Bitcoin>,
    /// The pools, where the node works for a buyer who mines for one.
    pub pool: Option<Pool>,
    /// Destinations in private networks that may be looked at, beside those that are mined for.
    pub allow_private: Vec<DestinationUrl>,
    /// Whether the node opens leases for bids that name it as their matcher.
    pub opens: bool,
}

/// `[chain]`: the chain and its escrow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// JSON-RPC server, http or https. May hold a secret: never printed whole.
    pub rpc: Url,
    /// EIP-155 chain id and escrow.
    pub domain: Domain,
    /// First block whose events are read.
    pub from_block: u64,
    /// Blocks on top of an opening before work starts.
    pub confirmations: u64,
    /// Pause between two looks at the chain.
    pub poll: Duration,
}

/// `[tokens.SYMBOL]`: a token that the operator trades in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// ERC-20 contract.
    pub address: Address,
    /// One token is `10^decimals` base units.
    pub decimals: u8,
}

/// `[net]`: peers. Multiaddresses are kept as text; the net room reads them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Net {
    /// Where to listen.
    pub listen: Vec<String>,
    /// Peers to meet others by.
    pub bootstrap: Vec<String>,
    /// Whether peers of the local network are looked for.
    pub mdns: bool,
}

/// `[api]`: the REST API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Api {
    /// Where it listens.
    pub addr: SocketAddr,
}

/// `[farm]`: the seller's miners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Farm {
    /// Where miners connect by Stratum V1.
    pub stratum: SocketAddr,
    /// Where miners connect by Stratum V2, where they may.
    pub stratum_v2: Option<SocketAddr>,
    /// Threads of the node's own worker.
    pub mine: u16,
    /// Receives the earnings; the node's own account where none is set.
    pub payee: Option<Address>,
    /// Age of an agent's newest job from which miners work on it no longer.
    pub standby_after: Duration,
    /// Time after the start and after each new ask in which asks stand as offered though miners are missing or unknown.
    pub grace: Duration,
    /// Which leases bear it when the miners do not suffice for all.
    pub shortfall: Shortfall,
    /// What miners without a lease mine; they wait where it is not set.
    pub idle: Option<Pool>,
}

/// `[bitcoin]`: what a buyer's node mines, solo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bitcoin {
    /// JSON-RPC server of a Bitcoin node.
    pub rpc: Url,
    /// User of the server.
    pub user: String,
    /// File that holds the password.
    pub password_file: PathBuf,
    /// Bitcoin address that found blocks pay. The destination room checks it against the network.
    pub payout: String,
}

/// `[pool]`: the pools that a buyer's node mines for; and `[farm.idle]`: those that a seller's miners mine for without a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Stratum V1 servers, the preferred one first.
    pub urls: Vec<PoolUrl>,
    /// Account or worker there.
    pub user: String,
    /// File that holds the password; where none is set, the password is the `x` that pools take for none.
    pub password_file: Option<PathBuf>,
    /// Age of a pool's newest job from which it is left for the next one.
    pub stale_after: Duration,
}

/// Keys that flags set: they beat all else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--mine`: threads of the node's own worker, which makes the node a seller.
    pub mine: Option<u16>,
    /// `--api-addr`.
    pub api_addr: Option<SocketAddr>,
}

impl Config {
    /// Reads the configuration of `datadir`, with `variables` of the environment and flags laid over it.
    ///
    /// # Errors
    /// Where there is no file, or a key is unknown, missing or wrong; the message names the key and what it must be.
    pub fn load(
        datadir: DataDir,
        variables: impl Iterator<Item = (String, String)>,
        overrides: Overrides,
    ) -> Result<Self, ConfigError> {
        let path = datadir.config();
        Self::read(datadir, &file(&path)?, variables, overrides)
    }

    /// As [`Config::load`], with the file's text given.
    fn read(
        datadir: DataDir,
        text: &str,
        variables: impl Iterator<Item = (String, String)>,
        overrides: Overrides,
    ) -> Result<Self, ConfigError> {
        let place = datadir.config().display().to_string();
        // The text is read as what it must be, so that errors carry the line, and once more as what can be laid over.
        toml::from_str::<raw::Raw>(text).map_err(|source| malformed_at(&place, text, &source))?;
        let mut merged: Table = toml::from_str(text).map_err(|source| malformed_at(&place, text, &source))?;
        for env::Setting { variable, table } in env::settings(variables)? {
            raw::Raw::deserialize(table.clone()).map_err(|source| {
                match source.message().contains("unknown field") {
                    true => ConfigError::UnknownVariable { name: variable.clone() },
                    false => malformed(&format!("environment variable {variable}"), &source),
                }
            })?;
            lay_over(&mut merged, table);
        }
        lay_over(&mut merged, overrides.table());
        let raw = raw::Raw::deserialize(merged).map_err(|source| malformed(&place, &source))?;
        check::check(datadir, raw)
    }

    /// Returns the token that `symbol` names, in any case of letters.
    pub fn token(&self, symbol: &str) -> Option<(&str, Token)> {
        let found = self.tokens.iter().find(|(name, _)| name.eq_ignore_ascii_case(symbol))?;
        Some((found.0, *found.1))
    }

    /// Returns the symbol and unit of the token at `address`.
    pub fn token_at(&self, address: Address) -> Option<(&str, Token)> {
        let found = self.tokens.iter().find(|(_, token)| token.address == address)?;
        Some((found.0, *found.1))
    }
}

impl Overrides {
    fn table(self) -> Table {
        let mut table = Table::new();
        if let Some(threads) = self.mine {
            table.insert(
                "farm".to_owned(),
                Table::from_iter([("mine".to_owned(), Value::from(i64::from(threads)))]).into(),
            );
        }
        if let Some(addr) = self.api_addr {
            table.insert(
                "api".to_owned(),
                Table::from_iter([("addr".to_owned(), Value::from(addr.to_string()))]).into(),
            );
        }
        table
    }
}

/// As [`malformed`], with the line of `text`.
fn malformed_at(place: &str, text: &str, source: &toml::de::Error) -> ConfigError {
    let before = source.span().and_then(|span| text.get(..span.start)).unwrap_or(text);
    malformed(&format!("{place}, line {}", before.matches('\n').count() + 1), source)
}

/// The error's own display would show the line itself, and with it a password that was put under a wrong key.
fn malformed(place: &str, source: &toml::de::Error) -> ConfigError {
    let message = source.message();
    let value = message.split_once("string \"").zip(message.rsplit_once("\", expected"));
    let fault = match value {
        Some(((before, _), (_, after))) => format!("{before}text, expected{after}"),
        None => message.to_owned(),
    };
    ConfigError::Malformed { place: place.to_owned(), fault }
}

fn file(path: &Path) -> Result<String, ConfigError> {
    let io = |source| ConfigError::Io { path: path.to_owned(), source };
    let file = fs::File::open(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => ConfigError::NotInitialised { path: path.to_owned() },
        _ => io(source),
    })?;
    let mut text = String::new();
    file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text).map_err(io)?;
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(ConfigError::TooLarge { path: path.to_owned(), limit: MAX_FILE_BYTES });
    }
    Ok(text)
}

/// Lays the keys of `upper` over those of `lower`, section by section.
fn lay_over(lower: &mut Table, upper: Table) {
    for (key, value) in upper {
        match (lower.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => lay_over(below, above),
            (_, value) => {
                lower.insert(key, value);
            }
        }
    }
}
