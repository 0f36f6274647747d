//! The configuration as it is written: every key optional, none unknown.

use std::collections::BTreeMap;

use serde::Deserialize;

/// All sections.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Raw {
    pub(super) chain: Chain,
    pub(super) tokens: BTreeMap<String, Token>,
    pub(super) net: Net,
    pub(super) api: Api,
    pub(super) key: Key,
    pub(super) farm: Option<Farm>,
    pub(super) bitcoin: Option<Bitcoin>,
    pub(super) pool: Option<Pool>,
    pub(super) destinations: Destinations,
    pub(super) market: Market,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Chain {
    pub(super) rpc: Option<String>,
    pub(super) chain_id: Option<u64>,
    pub(super) escrow: Option<String>,
    pub(super) from_block: Option<u64>,
    pub(super) confirmations: Option<u64>,
    pub(super) poll_ms: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Token {
    pub(super) address: Option<String>,
    pub(super) decimals: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Net {
    pub(super) listen: Option<Vec<String>>,
    pub(super) bootstrap: Option<Vec<String>>,
    pub(super) mdns: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Api {
    pub(super) addr: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Key {
    pub(super) passphrase_file: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Farm {
    pub(super) stratum: Option<String>,
    pub(super) stratum_v2: Option<String>,
    pub(super) mine: Option<u64>,
    pub(super) payee: Option<String>,
    pub(super) standby_after_s: Option<u64>,
    pub(super) grace_s: Option<u64>,
    pub(super) shortfall: Option<String>,
    pub(super) idle: Option<Pool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bitcoin {
    pub(super) rpc: Option<String>,
    pub(super) user: Option<String>,
    pub(super) password_file: Option<String>,
    pub(super) payout: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pool {
    pub(super) urls: Option<Vec<String>>,
    pub(super) user: Option<String>,
    pub(super) password_file: Option<String>,
    pub(super) stale_after_s: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Destinations {
    pub(super) allow_private: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Market {
    pub(super) open: Option<bool>,
}
