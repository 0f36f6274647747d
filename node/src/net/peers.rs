//! Peers: those that are connected, and those that are worth dialling.
//!
//! Bootstrap peers come from the configuration, anchors from a file: the peers of the last run, so
//! that whoever surrounds a starting node with peers of his own does not have it to himself.

use std::{
    collections::HashMap,
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};
use rand::seq::IteratorRandom as _;

/// Anchors in the file.
const MAX_ANCHORS: usize = 16;
/// Addresses kept of one peer.
pub(super) const MAX_ADDRESSES: usize = 8;
/// Longest file that is read.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// What is known of a connected peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerInfo {
    /// The peer.
    pub peer: PeerId,
    /// Where it can be dialled, as far as known.
    pub addresses: Vec<Multiaddr>,
    /// Whether this node dialled it.
    pub outbound: bool,
    /// Whether it follows this market's orders.
    pub joined: bool,
    /// What became of the orders that it forwarded to this node since it connected.
    pub orders: OrderCounts,
}

/// Orders that peers forwarded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderCounts {
    /// Passed to the market.
    pub passed: u64,
    /// Refused because their bytes are no order.
    pub malformed: u64,
    /// Ignored because the peer sent more than its share.
    pub limited: u64,
    /// Ignored because the market was busy.
    pub crowded: u64,
}

impl std::ops::AddAssign for OrderCounts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.malformed += other.malformed;
        self.limited += other.limited;
        self.crowded += other.crowded;
    }
}

/// The connected peers and the address book.
#[derive(Debug)]
pub(super) struct Peers {
    connected: HashMap<PeerId, PeerInfo>,
    /// Orders of peers that left.
    past_orders: OrderCounts,
    known: HashMap<PeerId, Vec<Multiaddr>>,
    anchors: Vec<Multiaddr>,
    file: PathBuf,
}

impl Peers {
    /// Reads the anchors. A file that can't be read is only said so: it is a convenience.
    pub(super) fn load(file: PathBuf, bootstrap: &[(PeerId, Multiaddr)]) -> Self {
        let anchors = read(&file).unwrap_or_else(|error| {
            tracing::warn!(file = %file.display(), %error, "saved peers can't be read and are left out");
            Vec::new()
        });
        let past_orders = OrderCounts::default();
        let mut peers = Self { connected: HashMap::new(), past_orders, known: HashMap::new(), anchors, file };
        let anchors: Vec<_> = peers.anchors.iter().filter_map(with_peer).collect();
        for (peer, address) in bootstrap.iter().cloned().chain(anchors) {
            add(peers.known.entry(peer).or_default(), address);
        }
        peers
    }

    /// Returns how many peers are connected.
    pub(super) fn count(&self) -> usize {
        self.connected.len()
    }

    pub(super) fn infos(&self) -> Vec<PeerInfo> {
        self.connected.values().cloned().collect()
    }

    /// Returns what became of all orders that peers forwarded since the start.
    pub(super) fn orders(&self) -> OrderCounts {
        let mut orders = self.past_orders;
        self.connected.values().for_each(|info| orders += info.orders);
        orders
    }

    pub(super) fn get_mut(&mut self, peer: &PeerId) -> Option<&mut PeerInfo> {
        self.connected.get_mut(peer)
    }

    /// Notes a connection; `dialled` is the address where this node made it.
    pub(super) fn on_connected(&mut self, peer: PeerId, dialled: Option<Multiaddr>) {
        let info = self.connected.entry(peer).or_insert_with(|| PeerInfo {
            peer,
            addresses: Vec::new(),
            outbound: false,
            joined: false,
            orders: OrderCounts::default(),
        });
        if let Some(address) = dialled {
            info.outbound = true;
            add(&mut info.addresses, address);
        }
    }

    /// Notes that a peer's last connection closed.
    pub(super) fn on_disconnected(&mut self, peer: &PeerId) {
        if let Some(info) = self.connected.remove(peer) {
            self.past_orders += info.orders;
        }
    }

    /// Notes the addresses at which a connected peer says that it listens.
    pub(super) fn on_addresses(&mut self, peer: &PeerId, addresses: &[Multiaddr]) {
        if let Some(info) = self.connected.get_mut(peer) {
            addresses.iter().for_each(|address| add(&mut info.addresses, address.clone()));
        }
    }

    /// Notes that a connected peer follows the orders, and tells whether that is new.
    pub(super) fn on_joined(&mut self, peer: &PeerId) -> bool {
        self.connected.get_mut(peer).is_some_and(|info| !std::mem::replace(&mut info.joined, true))
    }

    /// Forgets a peer that is of no use here.
    pub(super) fn forget(&mut self, peer: &PeerId) {
        self.known.remove(peer);
        self.anchors.retain(|address| with_peer(address).is_none_or(|(anchor, _)| anchor != *peer));
    }

    /// Picks at most `count` bootstrap peers and anchors that are not connected.
    pub(super) fn candidates(&self, count: usize) -> Vec<(PeerId, Vec<Multiaddr>)> {
        let away = self.known.iter().filter(|(peer, _)| !self.connected.contains_key(peer));
        let away = away.map(|(peer, addresses)| (*peer, addresses.clone()));
        away.choose_multiple(&mut rand::rng(), count)
    }

    /// Writes the anchors, where they changed: connected peers, those that this node chose first,
    /// then earlier anchors as far as there is room.
    pub(super) fn save(&mut self) {
        let mut peers: Vec<_> = self.connected.values().filter(|info| info.joined).collect();
        peers.sort_by_key(|info| (!info.outbound, info.peer));
        let connected = peers.iter().filter_map(|info| info.addresses.first()?.clone().with_p2p(info.peer).ok());
        let mut anchors: Vec<Multiaddr> = Vec::new();
        for anchor in connected.chain(self.anchors.iter().cloned()) {
            let same =
                |other: &Multiaddr| with_peer(other).map(|(peer, _)| peer) == with_peer(&anchor).map(|(peer, _)| peer);
            if anchors.len() < MAX_ANCHORS && !anchors.iter().any(same) {
                anchors.push(anchor);
            }
        }
        if anchors == self.anchors {
            return;
        }
        match write(&self.file, &anchors) {
            Ok(()) => self.anchors = anchors,
            Err(error) => tracing::warn!(file = %self.file.display(), %error, "peers can't be saved"),
        }
    }
}

/// Splits an address that ends in `/p2p/…`.
pub(super) fn with_peer(address: &Multiaddr) -> Option<(PeerId, Multiaddr)> {
    let mut address = address.clone();
    match address.pop()? {
        Protocol::P2p(peer) if !address.is_empty() => Some((peer, address)),
        _ => None,
    }
}

/// Tells whether an address is of use only on its own machine.
pub(super) fn is_loopback(address: &Multiaddr) -> bool {
    match address.iter().next() {
        Some(Protocol::Ip4(ip)) => ip.is_loopback(),
        Some(Protocol::Ip6(ip)) => ip.is_loopback(),
        _ => false,
    }
}

fn add(addresses: &mut Vec<Multiaddr>, address: Multiaddr) {
    if addresses.len() < MAX_ADDRESSES && !addresses.contains(&address) {
        addresses.push(address);
    }
}

fn read(file: &Path) -> io::Result<Vec<Multiaddr>> {
    let file = match fs::File::open(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        file => file?,
    };
    let mut text = String::new();
    file.take(MAX_FILE_BYTES).read_to_string(&mut text)?;
    let addresses = text.lines().filter_map(|line| line.trim().parse().ok());
    Ok(addresses.filter(|address| with_peer(address).is_some()).take(MAX_ANCHORS).collect())
}

/// Replaces the file as a whole. Not flushed to the disk: losing it costs a slower start.
fn write(file: &Path, anchors: &[Multiaddr]) -> io::Result<()> {
    let beside = file.with_extension("new");
    let lines: String = anchors.iter().map(|address| format!("{address}\n")).collect();
    fs::write(&beside, lines)?;
    fs::rename(&beside, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> Multiaddr {
        format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap()
    }

    fn joined(peers: &mut Peers, dialled: Option<Multiaddr>, listens: &[Multiaddr]) -> PeerId {
        let peer = PeerId::random();
        peers.on_connected(peer, dialled);
        peers.on_addresses(&peer, listens);
        assert!(peers.on_joined(&peer));
        peer
    }

    #[test]
    fn anchors_are_the_last_runs_peers_those_that_were_dialled_first() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("peers");
        let mut peers = Peers::load(file.clone(), &[]);
        let inbound = joined(&mut peers, None, &[address(1)]);
        let outbound = joined(&mut peers, Some(address(2)), &[address(3)]);
        peers.on_connected(PeerId::random(), Some(address(4)));
        peers.save();
        let expected = [(outbound, 2), (inbound, 1)].map(|(peer, port)| address(port).with_p2p(peer).unwrap());
        assert_eq!(read(&file).unwrap(), expected);

        let mut next = Peers::load(file.clone(), &[]);
        assert_eq!(next.candidates(9).len(), 2);
        next.on_connected(outbound, Some(address(2)));
        assert_eq!(next.candidates(9), [(inbound, vec![address(1)])]);
    }

    #[test]
    fn a_run_without_peers_keeps_the_anchors_and_too_many_are_cut() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("peers");
        let mut peers = Peers::load(file.clone(), &[]);
        for port in 0..20 {
            joined(&mut peers, Some(address(port)), &[]);
        }
        peers.save();
        assert_eq!(read(&file).unwrap().len(), MAX_ANCHORS);
        let mut alone = Peers::load(file.clone(), &[]);
        alone.save();
        assert_eq!(read(&file).unwrap(), peers.anchors);
        let stranger = with_peer(&alone.anchors[0]).unwrap().0;
        alone.forget(&stranger);
        alone.save();
        assert!(alone.candidates(99).iter().all(|(peer, _)| *peer != stranger));
    }

    #[test]
    fn the_orders_of_a_peer_that_left_still_count() {
        let folder = tempfile::tempdir().unwrap();
        let mut peers = Peers::load(folder.path().join("peers"), &[]);
        for malformed in [2, 3] {
            let peer = joined(&mut peers, None, &[]);
            peers.get_mut(&peer).unwrap().orders.malformed += malformed;
            if malformed == 2 {
                peers.on_disconnected(&peer);
            }
        }
        assert_eq!(peers.orders(), OrderCounts { malformed: 5, ..OrderCounts::default() });
    }

    #[test]
    fn a_file_of_nonsense_is_as_good_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("peers");
        fs::write(&file, format!("\n/ip4/1.2.3.4/tcp/1\nnonsense\n{}\n", "x".repeat(100_000))).unwrap();
        assert_eq!(Peers::load(file.clone(), &[]).candidates(9), []);
        fs::write(&file, [0xff; 64]).unwrap();
        assert_eq!(Peers::load(file, &[]).candidates(9), []);
    }

    #[test]
    fn the_addresses_of_one_peer_are_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let mut peers = Peers::load(folder.path().join("peers"), &[]);
        let many: Vec<_> = (0..100).map(address).collect();
        let peer = joined(&mut peers, None, &many);
        assert_eq!(peers.get_mut(&peer).unwrap().addresses.len(), MAX_ADDRESSES);
    }
}
