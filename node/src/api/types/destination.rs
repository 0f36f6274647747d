//! JSON of a look at a destination.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::DestinationKind;
use crate::destination::{DestinationUrl, Findings};

/// `POST /v1/destinations/test`: what to look at. No member is shown in logs.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DestinationTest {
    /// `stratum+tcp://HOST:PORT` for a pool, `http://HOST:PORT` for a Bitcoin node.
    pub url: String,
    /// Account at the pool, or user of the RPC; the configured one for a configured URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Its password; of a pool "x" where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// Bitcoin address that found blocks would pay; the configured one where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payout: Option<String>,
}

/// The pool that a seller's miners mine for without a lease, since the node started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IdlePoolView {
    /// The pool of the list that gave work last; null before any did.
    pub url: Option<String>,
    /// Shares that it took.
    pub accepted: u64,
    /// Shares that it did not take, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Seconds since its work was last known to be current; null before any came.
    pub job_age_s: Option<u64>,
    /// What stands in the way of mining there, and what to change.
    pub problem: Option<String>,
}

/// What a destination showed of itself; null where it did not get so far, or a destination of its kind has none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DestinationReport {
    /// Scheme, host and port.
    pub url: String,
    /// Pool or Bitcoin node.
    pub kind: DestinationKind,
    /// Whether it can be mined for.
    pub usable: bool,
    /// What stands in the way, and what to change.
    pub problem: Option<String>,
    /// Whether a connection was made, or the RPC answered.
    pub reachable: bool,
    /// Address and port that the connection went to.
    pub address: Option<String>,
    /// Whether it takes the user.
    pub authorized: Option<bool>,
    /// Bytes of extranonce that the pool leaves to its miners.
    pub extranonce_size: Option<u8>,
    /// Stratum difficulty of the pool's shares at first.
    pub difficulty: Option<f64>,
    /// Version bits that may be rolled, 8 hex digits.
    pub version_mask: Option<String>,
    /// Age of the newest job by its own nTime, seconds.
    pub job_age_s: Option<u64>,
    /// Name of the Bitcoin node's chain, as `main` or `regtest`.
    pub chain: Option<String>,
    /// Its height.
    pub height: Option<u32>,
    /// Whether the payout address belongs to that chain.
    pub payout_valid: Option<bool>,
    /// Whether it tells of new work by itself (BIP 22).
    pub long_polling: Option<bool>,
}

impl DestinationReport {
    /// Writes down what was found at `url`.
    pub fn new(url: &DestinationUrl, found: Findings) -> Self {
        Self {
            url: url.to_string(),
            kind: match url {
                DestinationUrl::Pool(_) => DestinationKind::Pool,
                DestinationUrl::Bitcoin(_) => DestinationKind::Solo,
            },
            usable: found.problem.is_none(),
            problem: found.problem,
            reachable: found.reachable,
            address: found.address.map(|address| address.to_string()),
            authorized: found.authorized,
            extranonce_size: found.extranonce_size,
            difficulty: found.difficulty,
            version_mask: found.version_mask.map(|mask| format!("{mask:08x}")),
            job_age_s: found.job_age_s,
            chain: found.chain.map(|chain| chain.to_core_arg().to_owned()),
            height: found.height,
            payout_valid: found.payout_valid,
            long_polling: found.long_polling,
        }
    }
}
