//! From what is written to what holds: defaults, limits, and messages that name the key.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use hashlease_domain::{Address, Domain};
use hashlease_miner::client::PoolUrl;
use reqwest::Url;

use super::{Api, Bitcoin, Chain, Config, DataDir, Farm, Net, Pool, Token, error::ConfigError, raw};
use crate::{
    destination::DestinationUrl,
    farm::{Shortfall, UnknownShortfall},
};

/// First block read where none is named: the chain's first, so that no event is missed.
pub(super) const FROM_BLOCK: u64 = 0;
/// Blocks on top of an opening before work starts: one-block reorganisations are common, deeper ones rare.
pub(super) const CONFIRMATIONS: u64 = 2;
/// Most confirmations: the watcher keeps this many headers to find a fork by.
pub(super) const MAX_CONFIRMATIONS: u64 = 64;
/// Pause between two looks at the chain, milliseconds: below every chain's block time of note.
pub(super) const POLL_MS: u64 = 1_000;
/// Shortest pause, milliseconds: a shorter one makes public servers cut the node off.
pub(super) const MIN_POLL_MS: u64 = 100;
/// Longest pause, milliseconds: settlement windows are minutes long, so a slower look could miss one.
pub(super) const MAX_POLL_MS: u64 = 60_000;
/// Most decimals of a token: `10^36` base units leave room for `10^2` tokens in 128 bits.
pub(super) const MAX_DECIMALS: u64 = 36;
/// Most tokens: an operator lists those it knows.
pub(super) const MAX_TOKENS: usize = 64;
/// Longest symbol, as the settlement room shows at most.
pub(super) const MAX_SYMBOL_CHARS: usize = 16;
/// Where peers connect.
pub(super) const LISTEN: &str = "/ip4/0.0.0.0/tcp/7770";
/// Most multiaddresses of a list: the net room dials each one at start.
pub(super) const MAX_MULTIADDRS: usize = 64;
/// Longest multiaddress, bytes: relayed addresses with two peer ids have about 200.
pub(super) const MAX_MULTIADDR_BYTES: usize = 256;
/// Where the API listens: this machine alone.
pub(super) const API_ADDR: &str = "127.0.0.1:7780";
/// Where miners connect: they are other machines, and 3333 is the port that they expect.
pub(super) const STRATUM: &str = "0.0.0.0:3333";
/// Where V2 miners would connect, next to the port of V1: an example, since nobody is let in there unasked.
pub(super) const STRATUM_V2: &str = "0.0.0.0:3336";
/// Threads of the own worker: none, a farm has machines of its own.
pub(super) const MINE: u64 = 0;
/// Most threads: the largest machines have this many.
pub(super) const MAX_MINE: u64 = 1_024;
/// Age of the newest job from which the seller's miners go over to standby, seconds.
pub(super) const STANDBY_AFTER_S: u64 = 60;
/// Least such age, seconds: agents send a job that still stands every 20 s.
pub(super) const MIN_STANDBY_AFTER_S: u64 = 30;
/// Most such age, seconds: a bond is at stake meanwhile.
pub(super) const MAX_STANDBY_AFTER_S: u64 = 3_600;
/// Time in which miners connect and show themselves before asks follow what they can do, seconds: devices dial again within
/// a minute, and a rate shows itself in another.
pub(super) const GRACE_S: u64 = 180;
/// Most such time, seconds: a lease that nobody can deliver costs its bond.
pub(super) const MAX_GRACE_S: u64 = 3_600;
/// Longest Bitcoin address, characters (BIP 173).
pub(super) const MAX_PAYOUT_CHARS: usize = 90;
/// Longest user of a pool, characters: a Bitcoin address and the name of a worker have half of it.
pub(super) const MAX_POOL_USER_CHARS: usize = 256;
/// Most pools of a list: a lease that has none of them has none of more either.
pub(super) const MAX_POOLS: usize = 8;
/// Age of a pool's newest job from which it is left, seconds: pools repeat theirs every 20 to 60 seconds.
pub(super) const STALE_AFTER_S: u64 = 90;
/// Least such age, seconds: a shorter one leaves pools that are well.
pub(super) const MIN_STALE_AFTER_S: u64 = 30;
/// Most such age, seconds.
pub(super) const MAX_STALE_AFTER_S: u64 = 3_600;
/// Most destinations of a list.
pub(super) const MAX_DESTINATIONS: usize = 64;
/// Whether leases are opened for bids that name the node: a buyer's node opens its own.
pub(super) const OPENS: bool = true;

pub(super) fn check(datadir: DataDir, raw: raw::Raw) -> Result<Config, ConfigError> {
    let passphrase_file = match raw.key.passphrase_file {
        Some(path) => datadir.resolve(path),
        None => datadir.passphrase(),
    };
    if raw.bitcoin.is_some() && raw.pool.is_some() {
        return Err(ConfigError::TwoDestinations);
    }
    Ok(Config {
        chain: chain(raw.chain)?,
        tokens: tokens(raw.tokens)?,
        net: net(raw.net)?,
        api: Api { addr: socket("api.addr", raw.api.addr, API_ADDR)? },
        passphrase_file,
        farm: raw.farm.map(|farm| self::farm(&datadir, farm)).transpose()?,
        bitcoin: raw.bitcoin.map(|bitcoin| self::bitcoin(&datadir, bitcoin)).transpose()?,
        pool: raw.pool.map(|pool| self::pool("pool", &datadir, pool)).transpose()?,
        allow_private: allow_private(raw.destinations)?,
        opens: raw.market.open.unwrap_or(OPENS),
        datadir,
    })
}

fn chain(raw: raw::Chain) -> Result<Chain, ConfigError> {
    let missing = |name| ConfigError::missing("chain", name);
    let rpc = url("chain.rpc", &raw.rpc.ok_or_else(|| missing("rpc"))?)?;
    let chain_id = raw.chain_id.ok_or_else(|| missing("chain_id"))?;
    if chain_id == 0 {
        return Err(ConfigError::invalid("chain.chain_id", "the chain's EIP-155 id, which is never 0"));
    }
    let escrow = address("chain.escrow", &raw.escrow.ok_or_else(|| missing("escrow"))?)?;
    let confirmations = within("chain.confirmations", raw.confirmations, CONFIRMATIONS, 0, MAX_CONFIRMATIONS)?;
    let poll_ms = within("chain.poll_ms", raw.poll_ms, POLL_MS, MIN_POLL_MS, MAX_POLL_MS)?;
    Ok(Chain {
        rpc,
        domain: Domain { chain_id, escrow },
        from_block: raw.from_block.unwrap_or(FROM_BLOCK),
        confirmations,
        poll: Duration::from_millis(poll_ms),
    })
}

fn tokens(raw: BTreeMap<String, raw::Token>) -> Result<BTreeMap<String, Token>, ConfigError> {
    if raw.len() > MAX_TOKENS {
        return Err(ConfigError::invalid("tokens", format!("at most {MAX_TOKENS} tokens")));
    }
    let mut tokens = BTreeMap::<String, Token>::new();
    for (symbol, raw) in raw {
        let token = token(&symbol, raw)?;
        if let Some(other) =
            tokens.iter().find(|(name, known)| name.eq_ignore_ascii_case(&symbol) || known.address == token.address)
        {
            return Err(ConfigError::invalid(
                format!("tokens.{symbol}"),
                format!("another symbol and address than tokens.{}: amounts would be mistaken", other.0),
            ));
        }
        tokens.insert(symbol, token);
    }
    Ok(tokens)
}

/// Checks one token; a symbol is what amounts are written with, so it must not look like a number or a unit.
pub(super) fn token(symbol: &str, raw: raw::Token) -> Result<Token, ConfigError> {
    let starts_well = symbol.starts_with(|first: char| first.is_ascii_alphabetic());
    if !starts_well || symbol.len() > MAX_SYMBOL_CHARS || !symbol.chars().all(|c| c.is_ascii_alphanumeric()) {
        let expected = format!("named by a letter, then letters and digits, {MAX_SYMBOL_CHARS} at most");
        return Err(ConfigError::invalid(format!("tokens.{symbol}"), expected));
    }
    let section = format!("tokens.{symbol}");
    let missing = |name| ConfigError::missing(&section, name);
    let address = address(&format!("{section}.address"), &raw.address.ok_or_else(|| missing("address"))?)?;
    let decimals = raw.decimals.ok_or_else(|| missing("decimals"))?;
    let decimals = u8::try_from(decimals).ok().filter(|decimals| u64::from(*decimals) <= MAX_DECIMALS);
    let expected = || ConfigError::invalid(format!("{section}.decimals"), format!("between 0 and {MAX_DECIMALS}"));
    Ok(Token { address, decimals: decimals.ok_or_else(expected)? })
}

fn net(raw: raw::Net) -> Result<Net, ConfigError> {
    let listen = multiaddrs("net.listen", raw.listen.unwrap_or_else(|| vec![LISTEN.to_owned()]))?;
    let bootstrap = multiaddrs("net.bootstrap", raw.bootstrap.unwrap_or_default())?;
    Ok(Net { listen, bootstrap, mdns: raw.mdns.unwrap_or(false) })
}

fn multiaddrs(key: &str, texts: Vec<String>) -> Result<Vec<String>, ConfigError> {
    let plausible = |text: &String| text.starts_with('/') && text.len() <= MAX_MULTIADDR_BYTES;
    if texts.len() <= MAX_MULTIADDRS && texts.iter().all(plausible) {
        return Ok(texts);
    }
    Err(ConfigError::invalid(key, format!("at most {MAX_MULTIADDRS} multiaddresses such as \"{LISTEN}\"")))
}

fn farm(datadir: &DataDir, raw: raw::Farm) -> Result<Farm, ConfigError> {
    let mine = within("farm.mine", raw.mine, MINE, 0, MAX_MINE)?;
    let (least, most) = (MIN_STANDBY_AFTER_S, MAX_STANDBY_AFTER_S);
    let standby_after_s = within("farm.standby_after_s", raw.standby_after_s, STANDBY_AFTER_S, least, most)?;
    Ok(Farm {
        stratum: socket("farm.stratum", raw.stratum, STRATUM)?,
        stratum_v2: raw.stratum_v2.map(|addr| socket("farm.stratum_v2", Some(addr), STRATUM_V2)).transpose()?,
        mine: u16::try_from(mine).unwrap_or(u16::MAX),
        payee: raw.payee.map(|payee| address("farm.payee", &payee)).transpose()?,
        standby_after: Duration::from_secs(standby_after_s),
        grace: Duration::from_secs(within("farm.grace_s", raw.grace_s, GRACE_S, 0, MAX_GRACE_S)?),
        shortfall: raw.shortfall.map_or(Ok(Shortfall::default()), |policy| shortfall(&policy))?,
        idle: raw.idle.map(|idle| pool("farm.idle", datadir, idle)).transpose()?,
    })
}

fn shortfall(text: &str) -> Result<Shortfall, ConfigError> {
    text.parse().map_err(|expected: UnknownShortfall| ConfigError::invalid("farm.shortfall", expected.to_string()))
}

fn bitcoin(datadir: &DataDir, raw: raw::Bitcoin) -> Result<Bitcoin, ConfigError> {
    let missing = |name| ConfigError::missing("bitcoin", name);
    let rpc = url("bitcoin.rpc", &raw.rpc.ok_or_else(|| missing("rpc"))?)?;
    if !rpc.username().is_empty() || rpc.password().is_some() {
        return Err(ConfigError::invalid(
            "bitcoin.rpc",
            "a URL without user and password: they go into bitcoin.user and the file bitcoin.password_file",
        ));
    }
    let payout = raw.payout.ok_or_else(|| missing("payout"))?;
    let plausible = |text: &str| {
        text.len() <= MAX_PAYOUT_CHARS && !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric())
    };
    if !plausible(&payout) {
        return Err(ConfigError::invalid("bitcoin.payout", "a Bitcoin address: found blocks pay it"));
    }
    let password_file: PathBuf = datadir.resolve(raw.password_file.ok_or_else(|| missing("password_file"))?);
    Ok(Bitcoin { rpc, user: raw.user.ok_or_else(|| missing("user"))?, password_file, payout })
}

/// Checks the pools of a section.
fn pool(section: &str, datadir: &DataDir, raw: raw::Pool) -> Result<Pool, ConfigError> {
    let missing = |name| ConfigError::missing(section, name);
    let key = |name| format!("{section}.{name}");
    // What is wrong isn't told: a URL with a user in it may hold a password too.
    let expected = format!(
        "1 to {MAX_POOLS} different pools such as \"stratum+tcp://pool.example:3333\", user and password in keys of their own"
    );
    let texts = raw.urls.ok_or_else(|| missing("urls"))?;
    let urls: Vec<PoolUrl> = texts.iter().filter_map(|text| text.parse().ok()).collect();
    let is_repeated = |(place, url)| urls[..place].contains(url);
    let fits = (1..=MAX_POOLS).contains(&urls.len()) && !urls.iter().enumerate().any(is_repeated);
    if !fits || urls.len() != texts.len() {
        return Err(ConfigError::invalid(key("urls"), expected));
    }
    let (least, most) = (MIN_STALE_AFTER_S, MAX_STALE_AFTER_S);
    let stale_after_s = within(&key("stale_after_s"), raw.stale_after_s, STALE_AFTER_S, least, most)?;
    let user = raw.user.ok_or_else(|| missing("user"))?;
    let is_plausible = (1..=MAX_POOL_USER_CHARS).contains(&user.chars().count()) && !user.chars().any(char::is_control);
    if !is_plausible {
        let expected = format!("the account or worker at the pool, 1 to {MAX_POOL_USER_CHARS} characters");
        return Err(ConfigError::invalid(key("user"), expected));
    }
    Ok(Pool {
        urls,
        user,
        password_file: raw.password_file.map(|path| datadir.resolve(path)),
        stale_after: Duration::from_secs(stale_after_s),
    })
}

fn allow_private(raw: raw::Destinations) -> Result<Vec<DestinationUrl>, ConfigError> {
    let texts = raw.allow_private.unwrap_or_default();
    let urls: Vec<DestinationUrl> = texts.iter().filter_map(|text| text.parse().ok()).collect();
    if urls.len() == texts.len() && urls.len() <= MAX_DESTINATIONS {
        return Ok(urls);
    }
    let expected = format!(
        "at most {MAX_DESTINATIONS} URLs such as \"stratum+tcp://192.168.0.2:3333\" or \"http://127.0.0.1:8332\""
    );
    Err(ConfigError::invalid("destinations.allow_private", expected))
}

fn within(key: &str, given: Option<u64>, default: u64, least: u64, most: u64) -> Result<u64, ConfigError> {
    let value = given.unwrap_or(default);
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    Err(ConfigError::invalid(key, format!("between {least} and {most}")))
}

fn socket(key: &str, given: Option<String>, default: &str) -> Result<SocketAddr, ConfigError> {
    let text = given.as_deref().unwrap_or(default);
    text.parse().map_err(|_| ConfigError::invalid(key, format!("an IP address and a port such as \"{default}\"")))
}

/// Reads an http or https URL.
pub(super) fn url(key: &str, text: &str) -> Result<Url, ConfigError> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.ok_or_else(|| ConfigError::invalid(key, "an http or https URL such as \"http://127.0.0.1:8545\""))
}

/// Reads an account's or a contract's address.
pub(super) fn address(key: &str, text: &str) -> Result<Address, ConfigError> {
    let address = text.parse::<Address>().ok().filter(|address| !address.is_zero());
    address.ok_or_else(|| ConfigError::invalid(key, "an address of 0x and 40 hex digits, and not zero"))
}
