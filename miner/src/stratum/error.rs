//! Rejection codes that pools share, and the array that carries them.

use serde_json::{Value, json};

use super::field::Malformed;
use crate::pow::Rejection;

/// Numbers on which pools agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// 20: anything without a number of its own; malformed requests, unknown methods.
    Other = 20,
    /// 21: the job is unknown, expired, or of an older block.
    JobNotFound = 21,
    /// 22: the share was submitted before.
    Duplicate = 22,
    /// 23: the hash is above the share target.
    LowDifficulty = 23,
    /// 24: the worker isn't authorized.
    Unauthorized = 24,
    /// 25: the connection isn't subscribed.
    NotSubscribed = 25,
}

/// A rejection as a server sends it: `[code, text, null]`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct StratumError {
    /// The number.
    pub code: Code,
    /// The reason, for people; never a peer's own bytes.
    pub text: String,
}

impl StratumError {
    /// Makes a rejection with its own text.
    pub fn new(code: Code, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    /// The share names a job that isn't known here.
    pub fn job_not_found() -> Self {
        Self::new(Code::JobNotFound, "Job not found")
    }

    /// The share's job is of an older block.
    pub fn stale() -> Self {
        Self::new(Code::JobNotFound, "Stale")
    }

    /// The share came before.
    pub fn duplicate() -> Self {
        Self::new(Code::Duplicate, "Duplicate share")
    }

    /// The share's hash is above its target.
    pub fn low_difficulty() -> Self {
        Self::new(Code::LowDifficulty, "Low difficulty share")
    }

    /// The worker isn't authorized.
    pub fn unauthorized() -> Self {
        Self::new(Code::Unauthorized, "Unauthorized worker")
    }

    /// The connection isn't subscribed.
    pub fn not_subscribed() -> Self {
        Self::new(Code::NotSubscribed, "Not subscribed")
    }

    /// The method is unknown here.
    pub fn method_not_found() -> Self {
        Self::new(Code::Other, "Method not found")
    }

    /// The array on the wire.
    pub fn to_value(&self) -> Value {
        json!([self.code as u8, self.text, null])
    }
}

impl From<Rejection> for StratumError {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::AboveTarget => Self::low_difficulty(),
            malformed => Self::new(Code::Other, malformed.to_string()),
        }
    }
}

impl From<Malformed> for StratumError {
    fn from(malformed: Malformed) -> Self {
        Self::new(Code::Other, malformed.0)
    }
}
