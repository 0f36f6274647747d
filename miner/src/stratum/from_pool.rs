//! What pools send, read by a client.

use std::fmt;

use serde_json::{Map, Value};

use super::field::{self, Malformed, ParseError};
use super::notify::Notify;

/// Most characters of a pool's own words that are kept, for logs and the terminal.
const MAX_REASON_CHARS: usize = 200;

/// One line from a pool.
#[derive(Debug, Clone, PartialEq)]
pub enum FromPool {
    /// The answer to a request.
    Response(Response),
    /// A message on the pool's own account; some carry an id and want an answer.
    Notification {
        /// The id, verbatim; null where no answer is wanted.
        id: Value,
        /// What is said.
        notification: Notification,
    },
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// The request's id.
    pub id: Value,
    /// What came of it: neither null nor `false` where it's good.
    pub outcome: Result<Value, Refusal>,
}

/// Why a pool refused, in any of the dialects that pools speak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The number, from pools that send one.
    pub code: Option<i64>,
    /// The pool's words, shortened, without control characters.
    pub reason: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "{} ({code})", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

/// A message on the pool's own account.
#[derive(Debug, Clone, PartialEq)]
pub enum Notification {
    /// `mining.set_difficulty`: applies from the next job.
    SetDifficulty(f64),
    /// `mining.notify`: a job.
    Notify(Notify),
    /// `mining.set_extranonce`: applies from the next job.
    SetExtranonce {
        /// The connection's part of the extranonce.
        extranonce1: Vec<u8>,
        /// Size of the miner's part in bytes.
        extranonce2_size: u8,
    },
    /// `mining.set_version_mask` (BIP 310): applies at once.
    SetVersionMask(u32),
    /// `mining.ping`: wants `pong`.
    Ping,
    /// `client.reconnect`: the pool wants this connection closed and opened again.
    Reconnect {
        /// Seconds to wait first.
        wait_s: u64,
    },
    /// `client.show_message`: words for the operator.
    ShowMessage(String),
    /// `client.get_version`: wants the client's name.
    GetVersion,
    /// A known method with unusable parameters.
    Malformed(Malformed),
    /// Anything else.
    Unknown(String),
}

/// The result of `mining.subscribe`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribed {
    /// The connection's part of the extranonce.
    pub extranonce1: Vec<u8>,
    /// Size of the miner's part in bytes.
    pub extranonce2_size: u8,
}

impl FromPool {
    /// Reads a line; unknown keys and any order of keys are fine.
    pub fn parse(line: &str) -> Result<Self, ParseError> {
        let mut object = field::object(line)?;
        let id = field::take_id(&mut object);
        Ok(match object.remove("method") {
            Some(Value::String(method)) => {
                let params = field::take_params(&mut object);
                let notification = notification(method, &params).unwrap_or_else(Notification::Malformed);
                Self::Notification { id, notification }
            }
            _ => Self::Response(Response { id, outcome: outcome(object) }),
        })
    }
}

impl Subscribed {
    /// Reads the result of `mining.subscribe`, whose first element (the subscriptions) nobody needs.
    pub fn parse(result: &Value) -> Result<Self, Malformed> {
        let (extranonce1, extranonce2_size) = extranonce(result.get(1), result.get(2))?;
        Ok(Self { extranonce1, extranonce2_size })
    }
}

/// Reads the version mask that the result of `mining.configure` grants; `None` where it grants no version rolling, zero
/// where a granted mask is missing or unreadable (it may follow as `mining.set_version_mask`).
pub fn granted_version_mask(result: &Value) -> Option<u32> {
    let granted = result.get("version-rolling") == Some(&Value::Bool(true));
    granted.then(|| field::hex_u32(result.get("version-rolling.mask"), "mask").unwrap_or(0))
}

fn outcome(mut object: Map<String, Value>) -> Result<Value, Refusal> {
    let result = object.remove("result").unwrap_or(Value::Null);
    match object.remove("error") {
        None | Some(Value::Null) if !matches!(result, Value::Null | Value::Bool(false)) => Ok(result),
        None | Some(Value::Null | Value::Bool(_)) => Err(refusal(None, object.get("reject-reason"))),
        Some(Value::Array(error)) => Err(refusal(error.first(), error.get(1))),
        Some(Value::Object(error)) => Err(refusal(error.get("code"), error.get("message"))),
        Some(words) => Err(refusal(None, Some(&words))),
    }
}

fn refusal(code: Option<&Value>, reason: Option<&Value>) -> Refusal {
    let reason = reason.and_then(Value::as_str).map_or_else(|| "no reason given".to_owned(), printable);
    Refusal { code: code.and_then(Value::as_i64), reason }
}

/// A pool's words, fit for a terminal.
fn printable(text: &str) -> String {
    text.chars().filter(|char| !char.is_control()).take(MAX_REASON_CHARS).collect()
}

fn notification(method: String, params: &[Value]) -> Result<Notification, Malformed> {
    Ok(match method.as_str() {
        "mining.set_difficulty" => Notification::SetDifficulty(field::difficulty(params.first())?),
        "mining.notify" => Notification::Notify(Notify::parse(params)?),
        "mining.set_extranonce" => {
            let (extranonce1, extranonce2_size) = extranonce(params.first(), params.get(1))?;
            Notification::SetExtranonce { extranonce1, extranonce2_size }
        }
        "mining.set_version_mask" => {
            Notification::SetVersionMask(field::hex_u32(params.first(), "version mask must be hex")?)
        }
        "mining.ping" => Notification::Ping,
        "client.reconnect" => {
            let wait = field::string(params.get(2)).and_then(|wait| wait.parse().ok());
            Notification::Reconnect { wait_s: wait.unwrap_or(0) }
        }
        "client.show_message" => {
            Notification::ShowMessage(params.first().and_then(Value::as_str).map(printable).unwrap_or_default())
        }
        "client.get_version" => Notification::GetVersion,
        _ => Notification::Unknown(printable(&method)),
    })
}

/// Reads extranonce1 and the size of extranonce2, which together stay within the 32 bytes of a solution.
fn extranonce(extranonce1: Option<&Value>, size: Option<&Value>) -> Result<(Vec<u8>, u8), Malformed> {
    const SIZE: Malformed = Malformed("extranonce1 and extranonce2 must be 1 to 32 bytes together");
    let extranonce1 = field::hex_bytes(extranonce1, "extranonce1 must be hex")?;
    let size = size.and_then(Value::as_u64).and_then(|size| u8::try_from(size).ok()).ok_or(SIZE)?;
    match extranonce1.len() + usize::from(size) {
        1..=32 => Ok((extranonce1, size)),
        _ => Err(SIZE),
    }
}

#[cfg(test)]
#[path = "from_pool_tests.rs"]
mod tests;
