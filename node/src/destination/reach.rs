//! Where a destination is, and whether this node may be made to look there.
//!
//! Whoever calls the API must not turn the node into a window on its operator's network: names are resolved once, what
//! lies in a private network is refused, and the connection goes to the very address that was judged.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use hashlease_miner::client::PoolUrl;
use reqwest::Url;

use super::DestinationError;

/// Ports below 1024 that pools use, to be reached from behind firewalls.
const LOW_PORTS: [u16; 2] = [80, 443];

/// A destination's address: `stratum+tcp://HOST:PORT` is a pool's, `http://HOST:PORT` a Bitcoin node's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DestinationUrl {
    /// A pool's.
    Pool(PoolUrl),
    /// A Bitcoin node's.
    Bitcoin(Url),
}

impl FromStr for DestinationUrl {
    type Err = DestinationError;

    fn from_str(text: &str) -> Result<Self, DestinationError> {
        if let Ok(pool) = text.parse() {
            return Ok(Self::Pool(pool));
        }
        let url = Url::parse(text).map_err(|_| DestinationError::NoDestination)?;
        let is_plain = url.username().is_empty() && url.password().is_none();
        if url.scheme() == "http" && url.has_host() && is_plain {
            Ok(Self::Bitcoin(url))
        } else {
            Err(DestinationError::NoDestination)
        }
    }
}

/// Scheme, host and port alone: the rest may hold a secret.
impl fmt::Display for DestinationUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pool(url) => url.fmt(f),
            Self::Bitcoin(url) => f.write_str(&url.origin().ascii_serialization()),
        }
    }
}

impl DestinationUrl {
    /// Whether both lead to the same port of the same host.
    pub fn is_same_place(&self, other: &Self) -> bool {
        self.place() == other.place()
    }

    /// Host, an IPv6 address without its brackets, and port.
    fn place(&self) -> (&str, u16) {
        match self {
            Self::Pool(url) => (&url.host, url.port),
            Self::Bitcoin(url) => {
                let host = url.host_str().unwrap_or_default();
                let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
                (bare, url.port_or_known_default().unwrap_or_default())
            }
        }
    }

    /// Resolves the host and returns an address to connect to. Where `private` isn't allowed, none of the host's addresses
    /// may lie in a private network.
    pub(super) async fn reach(&self, private: bool) -> Result<SocketAddr, DestinationError> {
        let (host, port) = self.place();
        if !private && port < 1024 && !LOW_PORTS.contains(&port) {
            return Err(DestinationError::Port(port));
        }
        let unresolved = |source| DestinationError::Unresolved { host: host.to_owned(), source };
        let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await.map_err(unresolved)?.collect();
        let hidden = addresses.iter().map(SocketAddr::ip).find(|address| !private && !is_public(*address));
        if let Some(address) = hidden {
            return Err(DestinationError::Private { host: host.to_owned(), address });
        }
        addresses.first().copied().ok_or_else(|| unresolved(std::io::ErrorKind::NotFound.into()))
    }
}

/// Tells whether an address is one that anybody on the internet may have (IANA's special-purpose registries).
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = match (a, b, c) {
        // This network, loopback, private, multicast and all above it.
        (0 | 10 | 127 | 224..=255, _, _) => true,
        // Shared by carriers (RFC 6598), link-local, private.
        (100, 64..=127, _) | (169, 254, _) | (172, 16..=31, _) | (192, 168, _) => true,
        // Protocol assignments, documentation, benchmarks, the relays of 6to4.
        (192, 0, 0 | 2) | (192, 88, 99) | (198, 18..=19, _) | (198, 51, 100) | (203, 0, 113) => true,
        _ => false,
    };
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let [.., high, low] = segments;
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    match segments {
        // Translated from IPv4 by a gateway of this network (RFC 6052).
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] => is_public_v4(Ipv4Addr::new(a, b, c, d)),
        // Protocol assignments with Teredo, documentation twice, 6to4: what carries an IPv4 address carries a private one too.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // Global unicast; unique local, link-local, loopback and multicast lie outside.
        [first, ..] => (0x2000..=0x3fff).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_private_networks_are_told_from_public_ones() {
        for (address, public) in [
            ("127.0.0.1", false),
            ("127.255.255.254", false),
            ("0.0.0.0", false),
            ("10.1.2.3", false),
            ("172.15.0.1", true),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("172.32.0.1", true),
            ("192.168.0.1", false),
            ("169.254.169.254", false),
            ("100.63.255.255", true),
            ("100.64.0.1", false),
            ("100.127.255.255", false),
            ("100.128.0.1", true),
            ("192.0.0.8", false),
            ("192.0.2.1", false),
            ("192.0.3.1", true),
            ("198.18.0.1", false),
            ("198.51.100.7", false),
            ("203.0.113.9", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("1.1.1.1", true),
            ("::", false),
            ("::1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:10.0.0.1", false),
            ("::ffff:169.254.169.254", false),
            ("::ffff:1.1.1.1", true),
            ("::127.0.0.1", false),
            ("64:ff9b::7f00:1", false),
            ("64:ff9b::a00:1", false),
            ("64:ff9b::101:101", true),
            ("64:ff9b:1::101:101", false),
            ("fe80::1", false),
            ("fec0::1", false),
            ("fc00::1", false),
            ("fd12:3456:789a::1", false),
            ("ff02::1", false),
            ("2001::1", false),
            ("2001:db8::1", false),
            ("2002:7f00:1::", false),
            ("3fff::1", false),
            ("2606:4700:4700::1111", true),
            ("2a01:4f8::1", true),
        ] {
            assert_eq!(is_public(address.parse().unwrap()), public, "{address}");
        }
    }

    async fn refused(url: &str) -> String {
        url.parse::<DestinationUrl>().unwrap().reach(false).await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn what_leads_into_a_private_network_is_refused_however_it_is_written() {
        for url in [
            "stratum+tcp://127.0.0.1:3333",
            "stratum+tcp://127.1:3333",
            "stratum+tcp://2130706433:3333",
            "stratum+tcp://0x7f000001:3333",
            "stratum+tcp://localhost:3333",
            "stratum+tcp://[::1]:3333",
            "stratum+tcp://[::ffff:192.168.0.1]:3333",
            "http://127.0.0.1:8332",
            "http://0x7f.1:8332",
            "http://[::ffff:7f00:1]:8332",
            "http://169.254.169.254",
        ] {
            let told = refused(url).await;
            assert!(told.contains("private network") && told.contains("destinations.allow_private"), "{url}: {told}");
        }
        assert!(refused("stratum+tcp://1.1.1.1:25").await.contains("port 25 belongs to other services"));
        let allowed: DestinationUrl = "stratum+tcp://127.0.0.1:22".parse().unwrap();
        assert_eq!(allowed.reach(true).await.unwrap(), "127.0.0.1:22".parse().unwrap());
        let public: DestinationUrl = "stratum+tcp://1.1.1.1:3333".parse().unwrap();
        assert_eq!(public.reach(false).await.unwrap(), "1.1.1.1:3333".parse().unwrap());
    }

    #[test]
    fn a_url_is_shown_without_its_secrets_and_names_one_place() {
        let url = |text: &str| text.parse::<DestinationUrl>();
        for text in
            ["", "pool.example:3333", "https://1.1.1.1", "http://u:hush@1.1.1.1", "stratum+ssl://a:1", "http://"]
        {
            let told = url(text).unwrap_err().to_string();
            assert!(told.contains("stratum+tcp://") && !told.contains("hush"), "{told}");
        }
        let secret = url("http://node.example:8332/hush?key=hush#hush").unwrap();
        assert_eq!(secret.to_string(), "http://node.example:8332");
        assert!(secret.is_same_place(&url("http://node.example:8332").unwrap()));
        assert!(!secret.is_same_place(&url("http://node.example:8333").unwrap()));
        assert_eq!(url("http://[::1]").unwrap().place(), ("::1", 80));
    }
}
