//! The one task that owns the swarm. Its arms match, change maps and `try_send`; none waits.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::StreamExt as _;
use libp2p::{
    Multiaddr, PeerId, Swarm,
    core::ConnectedPoint,
    gossipsub::{self, IdentTopic, MessageAcceptance, MessageId, PublishError, TopicHash},
    identify, mdns, ping,
    swarm::{
        ConnectionError, ConnectionId, DialError, SwarmEvent,
        dial_opts::{DialOpts, PeerCondition},
    },
};
use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    time::{Interval, MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    NetConfig, NetError, NetEvent, WORK,
    behaviour::{self, Behaviour, BehaviourEvent},
    book::{Asked, BookDesk},
    bucket::{Buckets, Rate},
    peers::{MAX_ADDRESSES, OrderCounts, PeerInfo, Peers, is_loopback, with_peer},
    verdict::{MAX_AWAITING, MessageToken, Verdict},
    wire::{self, BookRequest, OrderMessage},
    work::{Places, WorkStream},
};

/// Orders of one peer: a market of 2,000 makers that re-sign every minute passes, and twice that
/// for a while after a pause.
const ORDER_RATE: Rate = Rate { burst: 256, refill: Duration::from_millis(25) };
/// Peers that the node strives for.
const WANTED_PEERS: usize = 8;
/// Time between two looks at whether there are enough.
const TICK: Duration = Duration::from_secs(5);
/// Peers dialled at one look, of each kind.
const DIALS_PER_TICK: usize = 4;
/// Looks between two saves of the peers: a minute.
const TICKS_PER_SAVE: u32 = 12;
/// Dials that callers may wait for.
const MAX_DIALS: usize = 32;
/// Time for the listeners to come up.
const LISTEN_TIMEOUT: Duration = Duration::from_secs(5);

/// What a [`super::Net`] asks of the loop. Replies whose caller has gone are dropped.
pub(super) enum Command {
    Publish { bytes: Vec<u8>, reply: oneshot::Sender<Result<(), NetError>> },
    ListenAddrs { reply: oneshot::Sender<Vec<Multiaddr>> },
    Peers { reply: oneshot::Sender<Vec<PeerInfo>> },
    Orders { reply: oneshot::Sender<OrderCounts> },
    Connect { peer: PeerId, addresses: Vec<Multiaddr>, reply: Connected },
    Book { peer: PeerId, request: BookRequest, reply: Asked },
}

type Connected = oneshot::Sender<Result<(), NetError>>;

pub(super) struct EventLoop {
    swarm: Swarm<Behaviour>,
    market: String,
    topic: IdentTopic,
    commands: mpsc::Receiver<Command>,
    verdicts: mpsc::Receiver<(MessageToken, Verdict)>,
    events: mpsc::Sender<NetEvent>,
    streams: libp2p_stream::IncomingStreams,
    places: Places,
    awaiting: Arc<Semaphore>,
    order_rates: Buckets,
    peers: Peers,
    desk: BookDesk,
    dials: HashMap<ConnectionId, (PeerId, Connected)>,
    ticks: u32,
}

impl EventLoop {
    pub(super) fn new(
        swarm: Swarm<Behaviour>,
        config: &NetConfig,
        commands: mpsc::Receiver<Command>,
        verdicts: mpsc::Receiver<(MessageToken, Verdict)>,
        events: mpsc::Sender<NetEvent>,
    ) -> Result<Self, NetError> {
        let named = |address: &Multiaddr| {
            with_peer(address).ok_or_else(|| NetError::BootstrapWithoutPeer { address: address.clone() })
        };
        let bootstrap = config.bootstrap.iter().map(named).collect::<Result<Vec<_>, _>>()?;
        let streams = swarm.behaviour().work.new_control().accept(WORK);
        Ok(Self {
            market: behaviour::market(config),
            topic: behaviour::topic(config),
            commands,
            verdicts,
            events,
            streams: streams.map_err(|error| NetError::Setup(error.to_string().into()))?,
            places: Places::new(),
            awaiting: Arc::new(Semaphore::new(MAX_AWAITING)),
            order_rates: Buckets::new(ORDER_RATE),
            peers: Peers::load(config.peers_file.clone(), &bootstrap),
            desk: BookDesk::new(),
            dials: HashMap::new(),
            ticks: 0,
            swarm,
        })
    }

    /// Listens on every address of the configuration, and returns when all are up.
    pub(super) async fn listen(&mut self, config: &NetConfig) -> Result<(), NetError> {
        config.announce.iter().for_each(|address| self.swarm.add_external_address(address.clone()));
        let mut waiting = Vec::new();
        for address in &config.listen {
            let listener = self.swarm.listen_on(address.clone());
            waiting.push(listener.map_err(|source| NetError::Listen { address: address.clone(), source })?);
        }
        let all_up = async {
            while !waiting.is_empty() {
                let event = self.swarm.select_next_some().await;
                if let SwarmEvent::NewListenAddr { listener_id, .. } = &event {
                    waiting.retain(|listener| listener != listener_id);
                }
                self.on_swarm(event);
            }
        };
        timeout(LISTEN_TIMEOUT, all_up).await.map_err(|_| NetError::ListenTimeout(LISTEN_TIMEOUT))
    }

    /// Runs until `shutdown` or until no handle is left, then saves the peers. What this node wants
    /// comes before what its peers want.
    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        let mut tick = ticker();
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some((token, verdict)) = self.verdicts.recv() => self.judge(&token.id, &token.from, verdict.into()),
                command = self.commands.recv() => match command {
                    Some(command) => self.on_command(command),
                    None => break,
                },
                _ = tick.tick() => self.on_tick(),
                answer = self.desk.answer() => BookDesk::send(&mut self.swarm.behaviour_mut().book, answer),
                Some((peer, stream)) = self.streams.next() => self.on_stream(peer, stream),
                event = self.swarm.select_next_some() => self.on_swarm(event),
            }
        }
        self.peers.save();
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Publish { bytes, reply } => {
                let _ = reply.send(self.publish(bytes));
            }
            Command::ListenAddrs { reply } => {
                let _ = reply.send(self.listen_addrs());
            }
            Command::Peers { reply } => {
                let _ = reply.send(self.peers.infos());
            }
            Command::Orders { reply } => {
                let _ = reply.send(self.peers.orders());
            }
            Command::Connect { peer, addresses, reply } => self.connect(peer, addresses, reply),
            Command::Book { peer, request, reply } => {
                self.desk.ask(&mut self.swarm.behaviour_mut().book, peer, request, reply);
            }
        }
    }

    fn publish(&mut self, bytes: Vec<u8>) -> Result<(), NetError> {
        match self.swarm.behaviour_mut().gossip.publish(self.topic.clone(), bytes) {
            Ok(_) | Err(PublishError::Duplicate) => Ok(()),
            Err(PublishError::NoPeersSubscribedToTopic) => Err(NetError::NoPeers),
            Err(error) => Err(NetError::Publish(error)),
        }
    }

    fn listen_addrs(&self) -> Vec<Multiaddr> {
        let me = *self.swarm.local_peer_id();
        let addresses = self.swarm.external_addresses().chain(self.swarm.listeners()).cloned();
        addresses.filter_map(|address| address.with_p2p(me).ok()).collect()
    }

    fn connect(&mut self, peer: PeerId, addresses: Vec<Multiaddr>, reply: Connected) {
        if self.swarm.is_connected(&peer) {
            let _ = reply.send(Ok(()));
            return;
        }
        if self.dials.len() >= MAX_DIALS {
            let _ = reply.send(Err(NetError::Busy));
            return;
        }
        let dial = DialOpts::peer_id(peer)
            .condition(PeerCondition::Disconnected)
            .addresses(addresses.into_iter().take(MAX_ADDRESSES).collect())
            .extend_addresses_through_behaviour()
            .build();
        let id = dial.connection_id();
        match self.swarm.dial(dial) {
            Ok(()) => {
                self.dials.insert(id, (peer, reply));
            }
            Err(source) => {
                let _ = reply.send(Err(NetError::Dial { peer, source: Box::new(source) }));
            }
        }
    }

    /// Dials more peers while there are too few, and saves those that there are.
    fn on_tick(&mut self) {
        self.ticks = self.ticks.wrapping_add(1);
        if self.ticks.is_multiple_of(TICKS_PER_SAVE) {
            self.peers.save();
        }
        if self.peers.count() >= WANTED_PEERS {
            return;
        }
        for (peer, addresses) in self.peers.candidates(DIALS_PER_TICK) {
            self.dial(DialOpts::peer_id(peer).addresses(addresses).build());
        }
        for peer in self.found_peers() {
            self.dial(peer.into());
        }
    }

    /// Picks peers that kad found; it knows their addresses.
    fn found_peers(&mut self) -> Vec<PeerId> {
        let Some(kad) = self.swarm.behaviour_mut().kad.as_mut() else { return Vec::new() };
        let found: Vec<PeerId> = kad
            .kbuckets()
            .flat_map(|bucket| bucket.iter().map(|entry| *entry.node.key.preimage()).collect::<Vec<_>>())
            .collect();
        let away = found.into_iter().filter(|peer| !self.swarm.is_connected(peer));
        rand::seq::IteratorRandom::choose_multiple(away, &mut rand::rng(), DIALS_PER_TICK)
    }

    /// Dials without waiting for it.
    fn dial(&mut self, dial: DialOpts) {
        match self.swarm.dial(dial) {
            Ok(()) | Err(DialError::DialPeerConditionFalse(_)) => {}
            Err(error) => tracing::debug!(%error, "peer not dialled"),
        }
    }

    fn on_stream(&mut self, peer: PeerId, stream: libp2p::Stream) {
        let Some(place) = self.places.take(peer) else {
            tracing::debug!(%peer, "too many work streams");
            return;
        };
        self.emit(NetEvent::WorkStream { peer, stream: WorkStream::new(stream, Some(place)) });
    }

    /// Passes an event on, or drops it where the node does not keep up.
    fn emit(&self, event: NetEvent) {
        if let Err(error) = self.events.try_send(event) {
            tracing::warn!(%error, "network event dropped");
        }
    }

    fn on_swarm(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour(event),
            SwarmEvent::ConnectionEstablished { peer_id, endpoint, .. } => self.on_connected(peer_id, endpoint),
            SwarmEvent::ConnectionClosed { peer_id, num_established: 0, .. } => self.peers.on_disconnected(&peer_id),
            SwarmEvent::ConnectionClosed { peer_id, cause, .. } => self.on_half_lost(peer_id, cause.as_ref()),
            SwarmEvent::OutgoingConnectionError { connection_id, peer_id, error } => {
                tracing::debug!(?peer_id, %error, "dial failed");
                if let Some((peer, reply)) = self.dials.remove(&connection_id) {
                    let _ = reply.send(Err(NetError::Dial { peer, source: Box::new(error) }));
                }
            }
            SwarmEvent::NewListenAddr { address, .. } => tracing::info!(%address, "listening"),
            SwarmEvent::ListenerClosed { addresses, reason: Err(error), .. } => {
                tracing::error!(?addresses, %error, "no longer listening");
            }
            _ => {}
        }
    }

    fn on_connected(&mut self, peer: PeerId, endpoint: ConnectedPoint) {
        let dialled = match endpoint {
            ConnectedPoint::Dialer { address, .. } => Some(with_peer(&address).map_or(address, |(_, bare)| bare)),
            ConnectedPoint::Listener { .. } => None,
        };
        self.peers.on_connected(peer, dialled);
        for (_, (_, reply)) in self.dials.extract_if(|_, (dialled, _)| *dialled == peer) {
            let _ = reply.send(Ok(()));
        }
    }

    /// Parts with a peer that lost one of its connections, so that it comes back afresh. It may have
    /// restarted, and gossip tells what it follows on the first connection only, which was the old one.
    fn on_half_lost(&mut self, peer: PeerId, cause: Option<&ConnectionError>) {
        if !matches!(cause, Some(ConnectionError::KeepAliveTimeout)) {
            // Fails only where the peer has gone already.
            let _ = self.swarm.disconnect_peer_id(peer);
        }
    }

    fn on_behaviour(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Gossip(gossipsub::Event::Message { propagation_source, message_id, message }) => {
                self.on_order(propagation_source, message_id, &message.data);
            }
            BehaviourEvent::Gossip(gossipsub::Event::Subscribed { peer_id, topic }) => {
                self.on_subscribed(peer_id, &topic)
            }
            BehaviourEvent::Book(event) => self.desk.on_event(event, &self.events),
            BehaviourEvent::Identify(identify::Event::Received { peer_id, info, connection_id: _ }) => {
                self.on_identified(peer_id, info);
            }
            BehaviourEvent::Ping(ping::Event { peer, connection, result: Err(error) }) => {
                tracing::debug!(%peer, %error, "connection is dead");
                self.swarm.close_connection(connection);
            }
            BehaviourEvent::Mdns(mdns::Event::Discovered(found)) => self.on_neighbours(found),
            _ => {}
        }
    }

    fn on_subscribed(&mut self, peer: PeerId, topic: &TopicHash) {
        if *topic == self.topic.hash() && self.peers.on_joined(&peer) {
            self.emit(NetEvent::PeerJoined(peer));
        }
    }

    /// Checks in order of cost: the peer's share, the bytes, the room. The rest is the market's.
    fn on_order(&mut self, from: PeerId, id: MessageId, bytes: &[u8]) {
        let Some(peer) = self.peers.get_mut(&from) else {
            return self.judge(&id, &from, MessageAcceptance::Ignore);
        };
        if !self.order_rates.take(from, Instant::now()) {
            peer.orders.limited += 1;
            return self.judge(&id, &from, MessageAcceptance::Ignore);
        }
        let message: Box<OrderMessage> = match wire::decode(bytes) {
            Ok(message) => Box::new(message),
            Err(error) => {
                tracing::debug!(%from, %error, "malformed order");
                peer.orders.malformed += 1;
                return self.judge(&id, &from, MessageAcceptance::Reject);
            }
        };
        let Ok(place) = Arc::clone(&self.awaiting).try_acquire_owned() else {
            peer.orders.crowded += 1;
            return self.judge(&id, &from, MessageAcceptance::Ignore);
        };
        let token = MessageToken { id: id.clone(), from, _place: place };
        match self.events.try_send(NetEvent::Order { from, token, message }) {
            Ok(()) => peer.orders.passed += 1,
            Err(_) => {
                peer.orders.crowded += 1;
                self.judge(&id, &from, MessageAcceptance::Ignore);
            }
        }
    }

    fn judge(&mut self, id: &MessageId, from: &PeerId, acceptance: MessageAcceptance) {
        if !self.swarm.behaviour_mut().gossip.report_message_validation_result(id, from, acceptance) {
            tracing::debug!(%id, "the verdict came too late for the order to be forwarded");
        }
    }

    /// Keeps the addresses of a peer of this market, and parts with one of another.
    fn on_identified(&mut self, peer: PeerId, info: identify::Info) {
        if info.protocol_version != self.market {
            tracing::info!(%peer, market = %printable(&info.protocol_version), "peer follows another market");
            self.peers.forget(&peer);
            // Fails only where the peer has gone already.
            let _ = self.swarm.disconnect_peer_id(peer);
            return;
        }
        let local = is_loopback(&info.observed_addr);
        let addresses: Vec<Multiaddr> = info
            .listen_addrs
            .into_iter()
            .filter(|address| local || !is_loopback(address))
            .filter(|address| with_peer(address).is_none_or(|(named, _)| named == peer))
            .map(|address| with_peer(&address).map_or(address, |(_, bare)| bare))
            .take(MAX_ADDRESSES)
            .collect();
        self.peers.on_addresses(&peer, &addresses);
        if let Some(kad) = self.swarm.behaviour_mut().kad.as_mut() {
            for address in addresses {
                kad.add_address(&peer, address);
            }
        }
    }

    fn on_neighbours(&mut self, found: Vec<(PeerId, Multiaddr)>) {
        let room = WANTED_PEERS.saturating_sub(self.peers.count());
        for (peer, address) in found.into_iter().take(room) {
            self.dial(DialOpts::peer_id(peer).addresses(vec![address]).build());
        }
    }
}

fn ticker() -> Interval {
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick
}

/// Cuts what a stranger wrote down to what a log line may carry.
fn printable(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_graphic()).take(96).collect()
}
