//! What can be wrong with a pool, said so that its user knows what to change.

use std::time::Duration;

use hashlease_miner::client::{SessionError, UpstreamError};
use hashlease_miner::stratum::Refusal;

/// Most characters of a pool's own words that are passed on.
const MAX_REASON_CHARS: usize = 48;
/// Bytes of extranonce that sellers take (PROTOCOL.md, section 4): with the fewest, each miner of a farm has two of its own.
const MIN_EXTRANONCE_SIZE: u8 = 4;
const MAX_EXTRANONCE_SIZE: u8 = 16;

/// Why a connection gives no work.
#[derive(Debug, thiserror::Error)]
pub(in crate::destination) enum PoolError {
    #[error(transparent)]
    Upstream(UpstreamError),
    #[error("the pool gave no job within {0:?} of the connection")]
    NoFirstJob(Duration),
    #[error("the pool refuses the user ({0}): correct pool.user or pool.password_file")]
    Unauthorized(String),
    #[error("the pool refuses the subscription ({0}): it may be full, or ban this address")]
    Subscribe(String),
    #[error(
        "the pool leaves {0} bytes of extranonce2 where sellers' miners need {MIN_EXTRANONCE_SIZE} to \
         {MAX_EXTRANONCE_SIZE}: choose another pool in pool.urls, or a port of it that is made for proxies and rented hashpower"
    )]
    ExtranonceSize(u8),
    #[error("the pool's job has no valid nBits: pool.urls must name pools for SHA-256d")]
    Bits,
    #[error("the pool gave this lease the coinbase of another: it must give each connection an extranonce1 of its own")]
    SharedCoinbase,
}

impl From<UpstreamError> for PoolError {
    fn from(error: UpstreamError) -> Self {
        match error {
            UpstreamError::Session(SessionError::Unauthorized(refusal)) => Self::Unauthorized(reason(&refusal)),
            UpstreamError::Session(SessionError::Subscribe(refusal)) => Self::Subscribe(reason(&refusal)),
            other => Self::Upstream(other),
        }
    }
}

impl PoolError {
    /// The message with all its causes, for a log line.
    pub(in crate::destination) fn with_causes(&self) -> String {
        let causes = std::iter::successors(std::error::Error::source(self), |cause| cause.source());
        causes.fold(self.to_string(), |text, cause| format!("{text}: {cause}"))
    }

    /// As [`PoolError::with_causes`], of a pool that stands in another section than `[pool]`.
    pub(super) fn with_keys_of(&self, section: &str) -> String {
        self.with_causes().replace("pool.", &format!("{section}."))
    }
}

/// Checks the size of what a pool leaves to its miners.
pub(super) fn check_extranonce_size(size: usize) -> Result<u8, PoolError> {
    let size = u8::try_from(size).unwrap_or(u8::MAX);
    let fits = (MIN_EXTRANONCE_SIZE..=MAX_EXTRANONCE_SIZE).contains(&size);
    if fits { Ok(size) } else { Err(PoolError::ExtranonceSize(size)) }
}

/// A pool's reason, short and of few kinds: letters and single spaces. Some pools put figures of the share into it.
pub(super) fn reason(refusal: &Refusal) -> String {
    let letters: String = refusal
        .reason
        .chars()
        .map(|char| if char.is_ascii_alphabetic() { char.to_ascii_lowercase() } else { ' ' })
        .collect();
    let words: Vec<&str> = letters.split_whitespace().collect();
    let words: String = words.join(" ").chars().take(MAX_REASON_CHARS).collect();
    let words = if words.is_empty() { "no reason given".to_owned() } else { words };
    refusal.code.map_or_else(|| words.clone(), |code| format!("{words} ({code})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_short_and_of_few_kinds() {
        for (code, words, expected) in [
            (Some(21), "Job not found", "job not found (21)"),
            (Some(23), "low difficulty share of 0.000123", "low difficulty share of (23)"),
            (Some(23), "low difficulty share of 0.000099", "low difficulty share of (23)"),
            (None, "Above target", "above target"),
            (None, "\u{1b}[31m<script>", "m script"),
            (Some(-3), "", "no reason given (-3)"),
            (None, &"ab ".repeat(100), "ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab "),
        ] {
            assert_eq!(reason(&Refusal { code, reason: words.to_owned() }), expected);
        }
    }

    #[test]
    fn an_extranonce_must_hold_what_miners_need_and_no_more_than_sellers_take() {
        for (size, fits) in [(0, false), (3, false), (4, true), (16, true), (17, false), (300, false)] {
            assert_eq!(check_extranonce_size(size).is_ok(), fits, "{size}");
        }
        let told = PoolError::Unauthorized("banned (24)".to_owned()).with_keys_of("farm.idle");
        assert!(told.ends_with("correct farm.idle.user or farm.idle.password_file"), "{told}");
        let told = check_extranonce_size(3).unwrap_err().to_string();
        assert!(told.contains("leaves 3 bytes") && told.contains("choose another pool"), "{told}");
    }
}
