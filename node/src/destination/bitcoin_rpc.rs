//! The few calls to a Bitcoin node that mining needs, as JSON-RPC over HTTP.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Client, Response, StatusCode, Url, redirect};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::DestinationError;
use super::template::RawTemplate;

/// Longest answer in bytes: a template of 4 MB of transactions in hex, twice over.
pub(super) const MAX_BODY_BYTES: usize = 16 << 20;
/// Time to reach a node that is near by design.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for a whole call; checking a full block takes a node some seconds.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Time that a node may hold a long poll: Bitcoin Core answers after a minute where there are new fees, and where there are
/// none only on the next block.
const LONG_POLL_TIMEOUT: Duration = Duration::from_secs(900);
/// Longest text of the node's that is passed on.
const MAX_MESSAGE_CHARS: usize = 200;

/// A password that no log line shows.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes a password over.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The password itself, for the one who sends it.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// How to reach a Bitcoin node.
#[derive(Clone, Debug)]
pub struct RpcConfig {
    /// `http://HOST:PORT`, without user or password.
    pub url: String,
    /// User of the RPC.
    pub user: String,
    /// Password of the RPC.
    pub password: Password,
}

/// A client of a Bitcoin node's RPC.
#[derive(Clone, Debug)]
pub struct BitcoinRpc {
    http: Client,
    url: Url,
    user: String,
    password: Password,
}

/// The part of `getblockchaininfo` that mining needs.
#[derive(Clone, Debug, Deserialize)]
pub struct ChainInfo {
    /// Name of the chain: `main`, `test`, `testnet4`, `signet` or `regtest`.
    pub chain: String,
    /// Height of the best block.
    pub blocks: u32,
}

#[derive(Deserialize)]
struct Reply<T> {
    #[serde(default = "Option::default")]
    result: Option<T>,
    #[serde(default)]
    error: Option<Failure>,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    message: String,
}

impl BitcoinRpc {
    /// Makes a client; nothing is sent yet. Neither redirects nor proxies are followed, since the password goes along.
    pub fn new(config: RpcConfig) -> Result<Self, DestinationError> {
        Self::make(config, None)
    }

    /// As [`BitcoinRpc::new`], with the address given that the URL's host has: it isn't resolved again.
    pub(super) fn pinned(config: RpcConfig, address: SocketAddr) -> Result<Self, DestinationError> {
        Self::make(config, Some(address))
    }

    fn make(config: RpcConfig, pinned: Option<SocketAddr>) -> Result<Self, DestinationError> {
        let url = Url::parse(&config.url).map_err(|_| DestinationError::Url)?;
        let plain = url.username().is_empty() && url.password().is_none();
        if url.scheme() != "http" || !url.has_host() || !plain {
            return Err(DestinationError::Url);
        }
        let mut http = Client::builder().connect_timeout(CONNECT_TIMEOUT).redirect(redirect::Policy::none()).no_proxy();
        if let Some((host, address)) = url.host_str().zip(pinned) {
            http = http.resolve(host, address);
        }
        let http = http.build().map_err(DestinationError::Client)?;
        Ok(Self { http, url, user: config.user, password: config.password })
    }

    /// `getblockchaininfo`.
    pub async fn chain_info(&self) -> Result<ChainInfo, DestinationError> {
        self.demand("getblockchaininfo", json!([])).await
    }

    /// `getbestblockhash`, as the node shows it.
    pub(super) async fn best_block_hash(&self) -> Result<String, DestinationError> {
        self.demand("getbestblockhash", json!([])).await
    }

    /// `getblocktemplate` by the rules of segwit (BIP 22, 23, 145).
    pub(super) async fn block_template(&self) -> Result<RawTemplate, DestinationError> {
        self.demand("getblocktemplate", json!([{ "rules": ["segwit"] }])).await
    }

    /// The same once there is other work than that of `id`, a template's `longpollid` (BIP 22). Nodes answer whenever they
    /// like.
    pub(super) async fn next_block_template(&self, id: &str) -> Result<RawTemplate, DestinationError> {
        let params = json!([{ "rules": ["segwit"], "longpollid": id }]);
        let template = self.call_within(LONG_POLL_TIMEOUT, "getblocktemplate", params).await?;
        template.ok_or(DestinationError::Empty("getblocktemplate"))
    }

    /// `submitblock`; `None` where the block was taken, else the node's reason.
    pub(super) async fn submit_block(&self, block: &[u8]) -> Result<Option<String>, DestinationError> {
        let reason: Option<String> = self.call("submitblock", json!([hex::encode(block)])).await?;
        Ok(reason.map(|text| shortened(&text)))
    }

    async fn demand<T: DeserializeOwned>(&self, method: &'static str, params: Value) -> Result<T, DestinationError> {
        self.call(method, params).await?.ok_or(DestinationError::Empty(method))
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<Option<T>, DestinationError> {
        self.call_within(CALL_TIMEOUT, method, params).await
    }

    async fn call_within<T: DeserializeOwned>(
        &self,
        timeout: Duration,
        method: &'static str,
        params: Value,
    ) -> Result<Option<T>, DestinationError> {
        let request = self
            .http
            .post(self.url.clone())
            .timeout(timeout)
            .basic_auth(&self.user, Some(self.password.reveal()))
            .json(&json!({ "id": 1, "method": method, "params": params }));
        let at = self.url.origin().ascii_serialization();
        // The URL's path and query may hold a secret.
        let unreachable =
            |error: reqwest::Error| DestinationError::Transport { at: at.clone(), source: error.without_url() };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Err(DestinationError::Unauthorized);
        }
        let body = read_bounded(response, unreachable).await?;
        // Bitcoin Core sends a failed call's error with status 500 or 404, and plain text when it is overloaded.
        let reply: Reply<T> = match serde_json::from_slice(&body) {
            Ok(reply) => reply,
            Err(_) if !status.is_success() => return Err(DestinationError::Status(status.as_u16())),
            Err(source) => return Err(DestinationError::Malformed { method, source }),
        };
        match reply.error {
            None => Ok(reply.result),
            Some(Failure { code, message }) => {
                Err(DestinationError::Rpc { method, code, message: shortened(&message) })
            }
        }
    }
}

async fn read_bounded(
    mut response: Response,
    broken: impl Fn(reqwest::Error) -> DestinationError,
) -> Result<Vec<u8>, DestinationError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(&broken)? {
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(DestinationError::BodyTooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The node's own words, fit for a log line.
fn shortened(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(MAX_MESSAGE_CHARS).collect()
}

#[cfg(test)]
#[path = "bitcoin_rpc_tests.rs"]
mod tests;
