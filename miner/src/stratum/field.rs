//! Reading single parameters, tolerantly.

use serde_json::{Map, Value};

/// A parameter that can't be understood; the text says which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub &'static str);

/// Reads a 32-bit number from one to eight hex digits of any case, with or without `0x`.
pub(super) fn hex_u32(value: Option<&Value>, what: &'static str) -> Result<u32, Malformed> {
    let text = value.and_then(Value::as_str).ok_or(Malformed(what))?;
    parse_hex_u32(text).ok_or(Malformed(what))
}

/// The same over plain text.
pub(super) fn parse_hex_u32(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let plausible = digits.len() <= 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    plausible.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

/// Reads a byte string from hex digits of any case.
pub(super) fn hex_bytes(value: Option<&Value>, what: &'static str) -> Result<Vec<u8>, Malformed> {
    let text = value.and_then(Value::as_str).ok_or(Malformed(what))?;
    hex::decode(text).map_err(|_| Malformed(what))
}

/// Reads a 32-byte hash from hex, its bytes as they stand.
pub(super) fn hex_hash(value: Option<&Value>, what: &'static str) -> Result<[u8; 32], Malformed> {
    hex_bytes(value, what)?.try_into().map_err(|_| Malformed(what))
}

/// Reads a string; a number is taken as its digits, since some pools send numeric job ids and ports.
pub(super) fn string(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Reads a positive, finite difficulty from a number or a string (`"512.000000"`, cpuminer-opt).
pub(super) fn difficulty(value: Option<&Value>) -> Result<f64, Malformed> {
    let number = match value {
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        _ => None,
    };
    let positive = number.filter(|number: &f64| number.is_finite() && *number > 0.0);
    positive.ok_or(Malformed("difficulty must be a positive number"))
}

/// A line that holds no message at all. Servers close the connection on it.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// Not JSON.
    #[error("the peer sent a line that is no JSON")]
    Json(#[source] serde_json::Error),
    /// JSON, but not an object.
    #[error("the peer sent JSON that is no object")]
    NotObject,
}

/// Parses a line to a JSON object.
pub(super) fn object(line: &str) -> Result<Map<String, Value>, ParseError> {
    match serde_json::from_str(line).map_err(ParseError::Json)? {
        Value::Object(object) => Ok(object),
        _ => Err(ParseError::NotObject),
    }
}

/// Takes the id, absent as null, to be echoed as it came.
pub(super) fn take_id(object: &mut Map<String, Value>) -> Value {
    object.remove("id").unwrap_or(Value::Null)
}

/// Takes the parameter list; absent, null or anything but a list counts as empty.
pub(super) fn take_params(object: &mut Map<String, Value>) -> Vec<Value> {
    match object.remove("params") {
        Some(Value::Array(params)) => params,
        _ => Vec::new(),
    }
}
