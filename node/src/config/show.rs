//! The configuration in force, without its secrets.

use reqwest::Url;
use toml::{Table, Value};

use super::{Bitcoin, Config, Farm, Pool};

impl Config {
    /// Returns the values in force, as the file has them. Of URLs only scheme, host and port are shown: the rest may hold a secret.
    pub fn redacted(&self) -> Table {
        let mut root = Table::new();
        let mut section = |name: &str, keys: Vec<(&str, Value)>| {
            root.insert(
                name.to_owned(),
                keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Table>().into(),
            );
        };
        section(
            "chain",
            vec![
                ("rpc", without_secret(&self.chain.rpc)),
                ("chain_id", number(self.chain.domain.chain_id)),
                ("escrow", self.chain.domain.escrow.to_string().into()),
                ("from_block", number(self.chain.from_block)),
                ("confirmations", number(self.chain.confirmations)),
                ("poll_ms", number(u64::try_from(self.chain.poll.as_millis()).unwrap_or(u64::MAX))),
            ],
        );
        let tokens = self.tokens.iter().map(|(symbol, token)| {
            let keys = [("address", token.address.to_string().into()), ("decimals", number(token.decimals.into()))];
            let keys: Table = keys.into_iter().map(|(key, value): (_, Value)| (key.to_owned(), value)).collect();
            (symbol.as_str(), keys.into())
        });
        section("tokens", tokens.collect());
        section(
            "net",
            vec![
                ("listen", self.net.listen.clone().into()),
                ("bootstrap", self.net.bootstrap.clone().into()),
                ("mdns", self.net.mdns.into()),
            ],
        );
        section("api", vec![("addr", self.api.addr.to_string().into())]);
        section("key", vec![("passphrase_file", self.passphrase_file.display().to_string().into())]);
        if let Some(farm) = &self.farm {
            section("farm", farm_keys(farm));
        }
        if let Some(bitcoin) = &self.bitcoin {
            section("bitcoin", bitcoin_keys(bitcoin));
        }
        if let Some(pool) = &self.pool {
            section("pool", pool_keys(pool));
        }
        let allowed: Vec<String> = self.allow_private.iter().map(ToString::to_string).collect();
        section("destinations", vec![("allow_private", allowed.into())]);
        section("market", vec![("open", self.opens.into())]);
        root
    }
}

fn farm_keys(farm: &Farm) -> Vec<(&'static str, Value)> {
    let mut keys = vec![
        ("stratum", farm.stratum.to_string().into()),
        ("mine", number(farm.mine.into())),
        ("standby_after_s", number(farm.standby_after.as_secs())),
        ("grace_s", number(farm.grace.as_secs())),
        ("shortfall", farm.shortfall.to_string().into()),
    ];
    keys.extend(farm.stratum_v2.map(|addr| ("stratum_v2", addr.to_string().into())));
    let idle = |pool| {
        let keys = pool_keys(pool).into_iter().map(|(key, value)| (key.to_owned(), value));
        ("idle", Value::Table(keys.collect()))
    };
    keys.extend(farm.idle.as_ref().map(idle));
    keys.extend(farm.payee.map(|payee| ("payee", payee.to_string().into())));
    keys
}

fn bitcoin_keys(bitcoin: &Bitcoin) -> Vec<(&'static str, Value)> {
    vec![
        ("rpc", without_secret(&bitcoin.rpc)),
        ("user", bitcoin.user.clone().into()),
        ("password_file", bitcoin.password_file.display().to_string().into()),
        ("payout", bitcoin.payout.clone().into()),
    ]
}

fn pool_keys(pool: &Pool) -> Vec<(&'static str, Value)> {
    let urls: Vec<String> = pool.urls.iter().map(ToString::to_string).collect();
    let mut keys = vec![
        ("urls", urls.into()),
        ("user", pool.user.clone().into()),
        ("stale_after_s", number(pool.stale_after.as_secs())),
    ];
    keys.extend(pool.password_file.as_ref().map(|path| ("password_file", path.display().to_string().into())));
    keys
}

fn without_secret(url: &Url) -> Value {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let open = format!("{}://{}{port}", url.scheme(), url.host_str().unwrap_or_default());
    let is_open = url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.path() == "/";
    Value::String(if is_open { open } else { format!("{open}/…") })
}

/// TOML's integers are signed.
fn number(value: u64) -> Value {
    i64::try_from(value).map_or_else(|_| Value::String(value.to_string()), Value::Integer)
}
