//! The only room that knows libp2p: what this node and its peers say to each other (section 4).
//!
//! [`start`] spawns one task that owns the swarm. [`Net`] is the handle to it, [`NetEvent`]s are
//! what it brings. Every queue is bounded; where one is full, what a peer sent is dropped and what
//! this node sends waits.

mod behaviour;
mod book;
mod bucket;
mod event_loop;
mod framed;
mod key;
mod peers;
mod verdict;
pub mod wire;
mod work;

#[cfg(test)]
mod tests;

use std::{io, path::PathBuf, time::Duration};

use alloy_primitives::{Address, B256};
use libp2p::{StreamProtocol, TransportError, identity, request_response, swarm};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

pub use framed::FrameError;
pub use libp2p::{Multiaddr, PeerId};
pub use peers::{OrderCounts, PeerInfo};
pub use verdict::{MessageToken, Verdict};
pub use work::{WorkReader, WorkStream, WorkWriter};

use event_loop::{Command, EventLoop};
use wire::{BookRequest, BookResponse, OrderMessage, WireError};

/// Protocol of a lease's stream.
const WORK: StreamProtocol = StreamProtocol::new("/hashlease/work/1");
/// Commands that may wait for the event loop.
const MAX_COMMANDS: usize = 64;
/// Events that may wait for the node: room for every order that may await its verdict, every work
/// stream that peers may open, every peer and every book request, so that none crowds out another.
const MAX_EVENTS: usize = 1024;
/// Time to dial a peer and to open a stream to it.
const OPEN_TIMEOUT: Duration = Duration::from_secs(20);

/// How the node takes part in the network.
#[derive(Clone, Debug)]
pub struct NetConfig {
    /// EIP-155 chain id of the market.
    pub chain_id: u64,
    /// Escrow contract of the market.
    pub escrow: Address,
    /// Addresses to listen on; none for a node that only dials.
    pub listen: Vec<Multiaddr>,
    /// Addresses under which the node is reached from outside, where they differ.
    pub announce: Vec<Multiaddr>,
    /// Peers to begin with, each ending in `/p2p/<peer id>`.
    pub bootstrap: Vec<Multiaddr>,
    /// Whether to look for peers on the local network.
    pub mdns: bool,
    /// Whether to look for peers by way of peers; off, only bootstrap and earlier peers are dialled.
    pub kad: bool,
    /// The node's identity; made at the first start.
    pub key_file: PathBuf,
    /// Peers of the last run; made by the node.
    pub peers_file: PathBuf,
}

/// What the network brings. All but [`NetEvent::PeerJoined`] wants an answer.
#[derive(Debug)]
pub enum NetEvent {
    /// An order that waits for [`Net::report`] before it is forwarded.
    Order {
        /// Peer that forwarded it, which need not be its maker.
        from: PeerId,
        /// Names the order in the verdict.
        token: MessageToken,
        /// The order, of which only size and shape are checked.
        message: Box<OrderMessage>,
    },
    /// A peer opened a stream for a lease. Who it is for, its first message says.
    WorkStream {
        /// The peer, authenticated.
        peer: PeerId,
        /// The stream.
        stream: WorkStream,
    },
    /// A peer that follows this market's orders is connected: time to sync books.
    PeerJoined(PeerId),
    /// A peer asks for the ids of all live orders, at most [`wire::MAX_DIGESTS`].
    BookDigests {
        /// Where the EIP-712 hashes go, within five seconds.
        reply: oneshot::Sender<Vec<B256>>,
    },
    /// A peer asks for orders.
    BookOrders {
        /// Ids of the orders, at most [`wire::MAX_ORDERS`].
        ids: Vec<B256>,
        /// Where those that are live go, within five seconds.
        reply: oneshot::Sender<Vec<OrderMessage>>,
    },
}

/// What can go wrong in the network room.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The identity can't be read or written.
    #[error("peer key {} can't be read or made: check the folder and its owner", path.display())]
    KeyFile {
        /// The key's file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others may read the identity.
    #[error("peer key {} has mode {mode:03o} and others may read it: run chmod 600 on it", path.display())]
    KeyFileOpen {
        /// The key's file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The identity's file holds something else.
    #[error("peer key {} is damaged: restore it, or move it away to start under a new identity", path.display())]
    KeyMalformed {
        /// The key's file.
        path: PathBuf,
        /// Why.
        source: identity::DecodingError,
    },
    /// A bootstrap address that does not say whose it is.
    #[error("bootstrap address {address} names no peer: add /p2p/<peer id> to it")]
    BootstrapWithoutPeer {
        /// The address.
        address: Multiaddr,
    },
    /// A protocol or transport can't be set up.
    #[error("the peer-to-peer network can't be set up")]
    Setup(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// An address that can't be listened on.
    #[error("can't listen on {address}: choose another address or stop what uses it")]
    Listen {
        /// The address.
        address: Multiaddr,
        /// Why.
        source: TransportError<io::Error>,
    },
    /// No listener came up in time.
    #[error("no listening address came up within {} s", .0.as_secs())]
    ListenTimeout(Duration),
    /// A message that no peer would take.
    #[error("the message can't be sent")]
    Wire(#[from] WireError),
    /// Nobody to publish to.
    #[error("no connected peer follows this market: add a bootstrap peer, or wait for one")]
    NoPeers,
    /// Gossip refused to publish.
    #[error("the order can't be published")]
    Publish(#[source] libp2p::gossipsub::PublishError),
    /// Too much is under way.
    #[error("too many requests are under way: try again in a moment")]
    Busy,
    /// A peer can't be reached.
    #[error("peer {peer} can't be reached")]
    Dial {
        /// The peer.
        peer: PeerId,
        /// Why.
        source: Box<swarm::DialError>,
    },
    /// A peer took no stream.
    #[error("peer {peer} takes no work stream")]
    OpenStream {
        /// The peer.
        peer: PeerId,
        /// Why.
        source: libp2p_stream::OpenStreamError,
    },
    /// A peer did not answer in time.
    #[error("peer {peer} did not answer within {} s", after.as_secs())]
    Timeout {
        /// The peer.
        peer: PeerId,
        /// How long was waited.
        after: Duration,
    },
    /// A peer did not answer a book request.
    #[error("peer {peer} did not answer a book request")]
    Book {
        /// The peer.
        peer: PeerId,
        /// Why.
        source: request_response::OutboundFailure,
    },
    /// A peer's answer does not fit the request.
    #[error("peer {peer} answered a book request with something else")]
    WrongAnswer {
        /// The peer.
        peer: PeerId,
    },
    /// The node is stopping.
    #[error("the network has stopped")]
    Stopped,
}

/// Starts the network: reads or makes the identity, listens, and dials what it knows.
///
/// Events must be drained. The task ends, and saves its peers, when `shutdown` is cancelled or the
/// last handle is dropped.
///
/// # Errors
/// Where the key, an address or a protocol can't be set up.
pub async fn start(
    config: NetConfig,
    shutdown: CancellationToken,
) -> Result<(Net, mpsc::Receiver<NetEvent>, JoinHandle<()>), NetError> {
    let key = key::load_or_create(&config.key_file)?;
    let peer_id = key.public().to_peer_id();
    let swarm = behaviour::swarm(key, &config)?;
    let control = swarm.behaviour().work.new_control();
    let (commands, command_queue) = mpsc::channel(MAX_COMMANDS);
    let (verdicts, verdict_queue) = mpsc::channel(verdict::MAX_AWAITING);
    let (events, event_queue) = mpsc::channel(MAX_EVENTS);
    let mut event_loop = EventLoop::new(swarm, &config, command_queue, verdict_queue, events)?;
    event_loop.listen(&config).await?;
    let task = tokio::spawn(event_loop.run(shutdown));
    Ok((Net { peer_id, commands, verdicts, control }, event_queue, task))
}

/// The handle to the network.
#[derive(Clone)]
pub struct Net {
    peer_id: PeerId,
    commands: mpsc::Sender<Command>,
    verdicts: mpsc::Sender<(MessageToken, Verdict)>,
    control: libp2p_stream::Control,
}

impl std::fmt::Debug for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Net").field("peer_id", &self.peer_id).finish_non_exhaustive()
    }
}

impl Net {
    /// Returns this node's peer id.
    pub fn peer_id(&self) -> PeerId {
        self.peer_id
    }

    /// Returns the addresses at which this node can be dialled, each ending in its peer id; none
    /// once the network has stopped.
    pub async fn listen_addrs(&self) -> Vec<Multiaddr> {
        self.ask(|reply| Command::ListenAddrs { reply }).await.unwrap_or_default()
    }

    /// Returns the connected peers; none once the network has stopped.
    pub async fn peers(&self) -> Vec<PeerInfo> {
        self.ask(|reply| Command::Peers { reply }).await.unwrap_or_default()
    }

    /// Returns what became of all orders that peers forwarded since the start; zeros once the network has stopped.
    pub async fn orders(&self) -> OrderCounts {
        self.ask(|reply| Command::Orders { reply }).await.unwrap_or_default()
    }

    /// Publishes an order of this node to every peer that follows the market. Publishing the same
    /// bytes again within a minute does nothing.
    ///
    /// # Errors
    /// Where the order is beyond its bounds, or no peer is there to take it.
    pub async fn publish(&self, message: &OrderMessage) -> Result<(), NetError> {
        let bytes = wire::encode(message)?;
        self.ask(|reply| Command::Publish { bytes, reply }).await?
    }

    /// Says what becomes of an order. Only an accepted one is forwarded.
    pub fn report(&self, token: MessageToken, verdict: Verdict) {
        // There is room for the verdict of every token, and none is needed once the loop is gone.
        let _ = self.verdicts.try_send((token, verdict));
    }

    /// Opens a work stream, dialling the peer first where it is not connected, at `addresses` and
    /// those known already.
    ///
    /// # Errors
    /// Where the peer can't be reached, or does not take the stream in time.
    pub async fn open_work_stream(&self, peer: PeerId, addresses: Vec<Multiaddr>) -> Result<WorkStream, NetError> {
        let open = async {
            self.ask(|reply| Command::Connect { peer, addresses, reply }).await??;
            let stream = self.control.clone().open_stream(peer, WORK).await;
            stream.map_err(|source| NetError::OpenStream { peer, source })
        };
        let stream = timeout(OPEN_TIMEOUT, open).await;
        let stream = stream.map_err(|_| NetError::Timeout { peer, after: OPEN_TIMEOUT })??;
        Ok(WorkStream::new(stream, None))
    }

    /// Returns the ids of a peer's live orders, at most [`wire::MAX_DIGESTS`].
    ///
    /// # Errors
    /// Where the peer does not answer, or answers something else.
    pub async fn book_digests(&self, peer: PeerId) -> Result<Vec<B256>, NetError> {
        match self.book(peer, BookRequest::Digests).await? {
            BookResponse::Digests(ids) => Ok(ids),
            BookResponse::Orders(_) => Err(NetError::WrongAnswer { peer }),
        }
    }

    /// Returns those of the orders that a peer still has, unverified: at most as many as asked for,
    /// which is at most [`wire::MAX_ORDERS`].
    ///
    /// # Errors
    /// Where the peer does not answer, or answers something else.
    pub async fn book_orders(&self, peer: PeerId, ids: Vec<B256>) -> Result<Vec<OrderMessage>, NetError> {
        let asked = ids.len();
        match self.book(peer, BookRequest::Orders(ids)).await? {
            BookResponse::Orders(orders) if orders.len() <= asked => Ok(orders),
            _ => Err(NetError::WrongAnswer { peer }),
        }
    }

    async fn book(&self, peer: PeerId, request: BookRequest) -> Result<BookResponse, NetError> {
        wire::Wire::check(&request)?;
        self.ask(|reply| Command::Book { peer, request, reply }).await?
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, NetError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| NetError::Stopped)?;
        answer.await.map_err(|_| NetError::Stopped)
    }
}
