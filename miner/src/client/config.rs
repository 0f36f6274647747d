//! Where to mine, for whom, and how patiently.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::worker::Threads;

/// All that a client needs to know.
#[derive(Clone)]
pub struct Config {
    /// The pool.
    pub url: PoolUrl,
    /// The worker's name at the pool.
    pub user: String,
    /// The worker's password; most pools take any.
    pub password: String,
    /// Mining threads.
    pub threads: Threads,
    /// When to give a connection up.
    pub timeouts: Timeouts,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, user, password: _, threads, timeouts } = self;
        f.debug_struct("Config")
            .field("url", url)
            .field("user", user)
            .field("threads", threads)
            .field("timeouts", timeouts)
            .finish_non_exhaustive()
    }
}

/// When a connection counts as dead, and how long to wait before the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For opening a TCP connection, and for a write to be taken.
    pub network: Duration,
    /// From the connection to the end of the handshake.
    pub handshake: Duration,
    /// Without any line; pools repeat themselves every half minute or so.
    pub silence: Duration,
    /// Without a job: a pool that talks but has no work is dead too.
    pub job: Duration,
    /// First wait before another connection; doubles up to [`Timeouts::back_off_max`].
    pub back_off_min: Duration,
    /// Longest wait before another connection.
    pub back_off_max: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            network: Duration::from_secs(10),
            handshake: Duration::from_secs(20),
            silence: Duration::from_secs(180),
            job: Duration::from_secs(600),
            back_off_min: Duration::from_secs(1),
            back_off_max: Duration::from_secs(60),
        }
    }
}

/// A pool's address, written `stratum+tcp://HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PoolUrl {
    /// Name or address; an IPv6 address without its brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// Text that is no pool's address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Another scheme, or none.
    #[error("only stratum+tcp is spoken here: write stratum+tcp://HOST:PORT")]
    Scheme,
    /// No host.
    #[error("the host is missing or malformed: write stratum+tcp://HOST:PORT, an IPv6 address in brackets")]
    Host,
    /// No port, or none from 1 to 65535.
    #[error("the port is missing or not from 1 to 65535: write stratum+tcp://HOST:PORT")]
    Port,
}

impl FromStr for PoolUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let authority = text.strip_prefix("stratum+tcp://").ok_or(UrlError::Scheme)?;
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let (host, port) = authority.rsplit_once(':').ok_or(UrlError::Port)?;
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let plausible = match bracketed {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && host.chars().all(|char| char.is_ascii_alphanumeric() || "-._".contains(char)),
        };
        if !plausible {
            return Err(UrlError::Host);
        }
        let port = port.parse().ok().filter(|&port| port != 0).ok_or(UrlError::Port)?;
        Ok(Self { host: bracketed.unwrap_or(host).to_owned(), port })
    }
}

impl fmt::Display for PoolUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "stratum+tcp://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "stratum+tcp://{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pool_urls_are_read_and_written() {
        for (text, host, port) in [
            ("stratum+tcp://pool.example:3333", "pool.example", 3333),
            ("stratum+tcp://127.0.0.1:1", "127.0.0.1", 1),
            ("stratum+tcp://[::1]:65535", "::1", 65535),
        ] {
            let url: PoolUrl = text.parse().unwrap();
            assert_eq!(url, PoolUrl { host: host.into(), port });
            assert_eq!(url.to_string(), text);
            assert_eq!(format!("{text}/").parse::<PoolUrl>().unwrap(), url);
        }
    }

    #[test]
    fn other_addresses_are_refused_with_what_to_change() {
        for (text, error) in [
            ("pool.example:3333", UrlError::Scheme),
            ("http://pool.example:3333", UrlError::Scheme),
            ("stratum+tcp://pool.example", UrlError::Port),
            ("stratum+tcp://pool.example:0", UrlError::Port),
            ("stratum+tcp://pool.example:65536", UrlError::Port),
            ("stratum+tcp://pool.example:1/path", UrlError::Port),
            ("stratum+tcp://:3333", UrlError::Host),
            ("stratum+tcp://::1:3333", UrlError::Host),
            ("stratum+tcp://user@pool.example:3333", UrlError::Host),
        ] {
            assert_eq!(text.parse::<PoolUrl>(), Err(error), "{text}");
        }
    }

    #[test]
    fn a_password_is_never_printed() {
        let config = Config {
            url: "stratum+tcp://pool.example:3333".parse().unwrap(),
            user: "u".into(),
            password: "hunter2".into(),
            threads: Threads::new(std::num::NonZeroUsize::MIN),
            timeouts: Timeouts::default(),
        };
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
