//! The protocols that this node speaks, with their limits.

use std::{net::IpAddr, time::Duration};

use alloy_primitives::keccak256;
use libp2p::{
    PeerId, StreamProtocol, Swarm, SwarmBuilder,
    connection_limits::{self, ConnectionLimits},
    gossipsub::{
        self, ConfigBuilder, IdentTopic, MessageAuthenticity, MessageId, PeerScoreParams, PeerScoreThresholds,
        TopicScoreParams, ValidationMode,
    },
    identify,
    identity::Keypair,
    kad::{self, StoreInserts, store::MemoryStore},
    mdns, noise, ping,
    swarm::{NetworkBehaviour, behaviour::toggle::Toggle},
    tcp, yamux,
};

use super::{NetConfig, NetError, book};

/// Longest gossip frame, bytes. Orders are shorter still; see `OrderMessage`.
const MAX_FRAME_BYTES: usize = 16 * 1024;
/// Connections in all. A quarter of them is kept for peers that this node chooses itself.
const MAX_CONNECTIONS: u32 = 128;
const MAX_INBOUND: u32 = 96;
/// Handshakes under way, in each direction.
const MAX_PENDING: u32 = 32;
/// Two nodes that dial each other at once have two.
const MAX_PER_PEER: u32 = 4;
/// Time after which a connection closes that nothing uses. Gossip keeps those of its mesh.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// All protocols of the node.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    pub(super) limits: connection_limits::Behaviour,
    pub(super) gossip: gossipsub::Behaviour,
    pub(super) book: book::Behaviour,
    pub(super) work: libp2p_stream::Behaviour,
    pub(super) identify: identify::Behaviour,
    pub(super) ping: ping::Behaviour,
    pub(super) kad: Toggle<kad::Behaviour<MemoryStore>>,
    pub(super) mdns: Toggle<mdns::tokio::Behaviour>,
}

/// Returns the name of one market: orders of different chains or escrows never meet.
pub(super) fn market(config: &NetConfig) -> String {
    format!("hashlease/1/{}/{:#x}", config.chain_id, config.escrow)
}

/// Returns the topic of a market's orders.
pub(super) fn topic(config: &NetConfig) -> IdentTopic {
    IdentTopic::new(format!("{}/orders", market(config)))
}

/// Builds the swarm: TCP with Noise and Yamux, and every protocol.
pub(super) fn swarm(key: Keypair, config: &NetConfig) -> Result<Swarm<Behaviour>, NetError> {
    let behaviour = behaviour(&key, config)?;
    let builder = SwarmBuilder::with_existing_identity(key)
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)
        .map_err(setup)?
        .with_dns()
        .map_err(setup)?;
    let Ok(builder) = builder.with_behaviour(|_| behaviour);
    Ok(builder.with_swarm_config(|config| config.with_idle_connection_timeout(IDLE_TIMEOUT)).build())
}

fn behaviour(key: &Keypair, config: &NetConfig) -> Result<Behaviour, NetError> {
    let peer = key.public().to_peer_id();
    let limits = ConnectionLimits::default()
        .with_max_pending_incoming(Some(MAX_PENDING))
        .with_max_pending_outgoing(Some(MAX_PENDING))
        .with_max_established_incoming(Some(MAX_INBOUND))
        .with_max_established(Some(MAX_CONNECTIONS))
        .with_max_established_per_peer(Some(MAX_PER_PEER));
    let identify = identify::Config::new(market(config), key.public())
        .with_agent_version(concat!("hashlease/", env!("CARGO_PKG_VERSION")).into())
        .with_push_listen_addr_updates(true);
    let mdns = config.mdns.then(|| mdns::tokio::Behaviour::new(mdns::Config::default(), peer));
    Ok(Behaviour {
        limits: connection_limits::Behaviour::new(limits),
        gossip: gossip(key.clone(), config)?,
        book: book::behaviour(),
        work: libp2p_stream::Behaviour::new(),
        identify: identify::Behaviour::new(identify),
        ping: ping::Behaviour::default(),
        kad: config.kad.then(|| kad(peer, config)).transpose()?.into(),
        mdns: mdns.transpose().map_err(setup)?.into(),
    })
}

/// Orders are forwarded only after the market's verdict, and known by the hash of their bytes.
fn gossip(key: Keypair, config: &NetConfig) -> Result<gossipsub::Behaviour, NetError> {
    let gossip = ConfigBuilder::default()
        .validate_messages()
        .validation_mode(ValidationMode::Strict)
        .max_transmit_size(MAX_FRAME_BYTES)
        .message_id_fn(|message| MessageId::from(keccak256(&message.data).to_vec()))
        .flood_publish(true)
        .build()
        .map_err(setup)?;
    let mut gossip = gossipsub::Behaviour::new(MessageAuthenticity::Signed(key), gossip).map_err(setup)?;
    let topic = topic(config);
    gossip.with_peer_score(scores(&topic), PeerScoreThresholds::default()).map_err(setup)?;
    gossip.subscribe(&topic).map_err(setup)?;
    Ok(gossip)
}

/// Holds peers to what they forward, and to nothing that honest peers of a quiet market fail at:
/// three invalid orders within a few seconds and a peer is not heard for about half a minute.
fn scores(topic: &IdentTopic) -> PeerScoreParams {
    let orders = TopicScoreParams {
        topic_weight: 1.0,
        time_in_mesh_weight: 0.0,
        first_message_deliveries_weight: 0.0,
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        invalid_message_deliveries_weight: -10.0,
        invalid_message_deliveries_decay: 0.98,
        ..TopicScoreParams::default()
    };
    PeerScoreParams {
        topics: [(topic.hash(), orders)].into(),
        behaviour_penalty_threshold: 6.0,
        // Several nodes on one machine are a test or a demonstration, not a crowd of false identities.
        ip_colocation_factor_whitelist: [IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])].into(),
        ..PeerScoreParams::default()
    }
}

/// Finds peers of the same market and stores nothing for others.
fn kad(peer: PeerId, config: &NetConfig) -> Result<kad::Behaviour<MemoryStore>, NetError> {
    let protocol = format!("/{}/kad", market(config));
    let protocol = StreamProtocol::try_from_owned(protocol).map_err(setup)?;
    let mut kad_config = kad::Config::new(protocol);
    kad_config.set_record_filtering(StoreInserts::FilterBoth);
    let mut kad = kad::Behaviour::with_config(peer, MemoryStore::new(peer), kad_config);
    kad.set_mode(Some(kad::Mode::Server));
    Ok(kad)
}

fn setup(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> NetError {
    NetError::Setup(source.into())
}
