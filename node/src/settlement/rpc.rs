//! JSON-RPC over HTTP with a deadline and a bound on what is read: ethers' own client has neither.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use alloy_primitives::Bytes;
use reqwest::{Client, Response, Url, redirect};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::error::Error;

/// Most bytes of an answer that are read: 2,000 blocks hold a few thousand events of about a kilobyte.
const RESPONSE_BYTES: usize = 16 << 20;

/// Longest message of a server that is passed on, in characters.
const MESSAGE_CHARS: usize = 200;

/// A JSON-RPC server.
pub(super) struct Rpc {
    client: Client,
    url: Url,
    at: String,
    next_id: AtomicU64,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    result: Value,
    error: Option<Refused>,
}

#[derive(Deserialize)]
struct Refused {
    code: i64,
    #[serde(default)]
    message: String,
    data: Option<Value>,
}

impl Rpc {
    pub(super) fn new(url: &str, timeout: Duration) -> Result<Self, Error> {
        let url = Url::parse(url).ok().filter(|url| url.scheme() == "http").ok_or(Error::Url)?;
        let host = url.host_str().ok_or(Error::Url)?;
        let at = format!("{host}:{}", url.port_or_known_default().unwrap_or_default());
        let client = Client::builder().timeout(timeout).redirect(redirect::Policy::none()).build();
        Ok(Self { client: client.map_err(Error::Client)?, url, at, next_id: AtomicU64::new(1) })
    }

    /// Returns the server's host and port.
    pub(super) fn at(&self) -> &str {
        &self.at
    }

    pub(super) async fn request<R: DeserializeOwned>(&self, method: &'static str, params: Value) -> Result<R, Error> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        let sent = self.client.post(self.url.clone()).json(&request).send().await;
        let response = sent.map_err(|source| self.unreachable(method, source))?;
        let status = response.status();
        let body = self.body(method, response).await?;
        // Some servers send errors of the protocol with a status other than 200, so the body counts first.
        let answer: Answer = match serde_json::from_slice(&body) {
            Ok(answer) => answer,
            Err(_) if !status.is_success() => {
                return Err(Error::Status { at: self.at.clone(), method, status: status.as_u16() });
            }
            Err(source) => return Err(self.malformed(method, source)),
        };
        if let Some(refused) = answer.error {
            return Err(self.refused(method, refused));
        }
        serde_json::from_value(answer.result).map_err(|source| self.malformed(method, source))
    }

    async fn body(&self, method: &'static str, mut response: Response) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|source| self.unreachable(method, source))? {
            if body.len() + chunk.len() > RESPONSE_BYTES {
                return Err(Error::TooLarge { at: self.at.clone(), method, limit: RESPONSE_BYTES });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    pub(super) fn malformed(
        &self,
        method: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Error {
        Error::Malformed { at: self.at.clone(), method, source: source.into() }
    }

    fn unreachable(&self, method: &'static str, source: reqwest::Error) -> Error {
        Error::Unreachable { at: self.at.clone(), method, source: source.without_url() }
    }

    fn refused(&self, method: &'static str, refused: Refused) -> Error {
        let message = refused.message.chars().filter(|c| !c.is_control()).take(MESSAGE_CHARS).collect();
        let data = refused.data.as_ref().and_then(revert_data);
        Error::Rpc { at: self.at.clone(), method, code: refused.code, message, data }
    }
}

/// The URL may hold a secret.
impl fmt::Debug for Rpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rpc").field("at", &self.at).finish_non_exhaustive()
    }
}

/// Servers put revert data into `error.data` as a string, or into an object with a string `data`.
fn revert_data(data: &Value) -> Option<Bytes> {
    match data {
        Value::String(hex) => hex.parse().ok(),
        Value::Object(fields) => fields.get("data")?.as_str()?.parse().ok(),
        _ => None,
    }
}
