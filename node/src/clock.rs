//! The only place that reads the system's time.

use std::time::{SystemTime, UNIX_EPOCH};

/// Returns the system's time, unix seconds; zero where the system's clock stands before 1970.
pub fn now_s() -> u64 {
    since_epoch().as_secs()
}

/// Returns the system's time, unix milliseconds; zero where the system's clock stands before 1970.
pub fn now_ms() -> u64 {
    u64::try_from(since_epoch().as_millis()).unwrap_or(u64::MAX)
}

fn since_epoch() -> std::time::Duration {
    #[expect(clippy::disallowed_methods, reason = "this is the clock room")]
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_milliseconds_tell_the_same_time() {
        let before_s = now_s();
        let between_s = now_ms() / 1000;
        assert!((before_s..=now_s()).contains(&between_s));
        assert!(before_s > 1_700_000_000);
    }
}
