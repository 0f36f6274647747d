//! One task that owns the book: it judges what peers bring, keeps this node's own orders alive, and queues
//! the opening of leases.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use alloy_primitives::{Address, B256, keccak256};
use hashlease_domain::{
    Ask, Bid, Index, OrderKey, Side,
    book::{AnyListed, Book, Listed},
    details::Details,
    lease::{Lease, Party, Stage},
    matching::{Match, matches},
};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    admission::{OrderRefusal, RefusalReason, admit},
    capacity::{Gauge, Share},
    handle::{BookView, Command, Market, MarketError},
    makers::Makers,
    offers::{OWN_ORDERS, OwnOrder},
};
use crate::{
    clock,
    farm::Farm,
    net::{Net, NetError, NetEvent, PeerId, Verdict, WorkStream, wire},
    registry::{Origin, Registry},
    settlement::Call,
    store::{Guard, Store},
};
use wire::{Blob, OrderMessage};

/// Commands and synced orders that may wait.
const QUEUE: usize = 256;
/// Time between looks at the book.
const TICK: Duration = Duration::from_secs(1);
/// Seconds before a match that could not be opened is tried again.
const RETRY_OPEN_S: u64 = 30;
/// Longest head start of other nodes where anyone may open, seconds.
const MAX_STAGGER_S: u64 = 30;

/// What the market is made of.
#[derive(Debug)]
pub struct Parts {
    /// The store.
    pub store: Store,
    /// Chain, leases and calls.
    pub registry: Arc<Registry>,
    /// The node's key.
    pub guard: Arc<Guard>,
    /// The network.
    pub net: Net,
    /// What the network brings.
    pub events: mpsc::Receiver<NetEvent>,
    /// Where work streams go.
    pub streams: mpsc::Sender<(PeerId, WorkStream)>,
    /// Where this node is: travels with its asks.
    pub details: Details,
    /// Whether this node opens leases.
    pub open: bool,
    /// The seller's miners, whose hashpower the asks offer.
    pub farm: Option<Farm>,
    /// Time after the start and after each new ask in which asks stand as offered though miners are missing or unknown.
    pub grace: Duration,
}

/// Starts the market; its task ends with `shutdown`.
pub fn start(parts: Parts, tasks: &TaskTracker, shutdown: CancellationToken) -> Market {
    let (commands, queue) = mpsc::channel(QUEUE);
    let market = Market { commands };
    let engine = Engine {
        book: Book::new(*parts.guard.domain()),
        makers: Makers::default(),
        refused: BTreeMap::new(),
        announced: HashMap::new(),
        tried: HashMap::new(),
        gauge: Gauge::new(parts.grace, Instant::now()),
        shares: HashMap::new(),
        market: market.clone(),
        tasks: tasks.clone(),
        parts,
    };
    tasks.spawn(async move {
        shutdown.run_until_cancelled(engine.run(queue)).await;
    });
    market
}

pub(super) struct Engine {
    pub(super) parts: Parts,
    pub(super) book: Book,
    pub(super) makers: Makers,
    /// Refused orders of peers and callers, by reason.
    pub(super) refused: BTreeMap<RefusalReason, u64>,
    /// When own bids were announced last, by salt.
    pub(super) announced: HashMap<B256, u64>,
    /// When a match may be tried, by match id.
    tried: HashMap<B256, u64>,
    /// What the farm is held to do.
    pub(super) gauge: Gauge,
    /// What each own ask may offer of it, by salt.
    pub(super) shares: HashMap<B256, Share>,
    market: Market,
    tasks: TaskTracker,
}

impl Engine {
    async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        if let Err(error) = self.remember_ended() {
            warn(&error);
        }
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Some(event) = self.parts.events.recv() => self.hear(event).await,
                Some(command) = commands.recv() => self.obey(command).await,
                _ = ticks.tick() => {
                    if let Err(error) = self.tick().await {
                        warn(&error);
                    }
                }
            }
        }
    }

    async fn hear(&mut self, event: NetEvent) {
        match event {
            NetEvent::Order { from, token, message } => {
                let verdict = match self.admit_counted(&message).await {
                    Ok(_) => Verdict::Accept,
                    Err(refusal) => {
                        tracing::debug!(%from, %refusal, "an order was not taken");
                        refusal.verdict()
                    }
                };
                self.parts.net.report(token, verdict);
            }
            NetEvent::WorkStream { peer, stream } => {
                if self.parts.streams.try_send((peer, stream)).is_err() {
                    tracing::debug!(%peer, "too many work streams wait: one was dropped");
                }
            }
            NetEvent::PeerJoined(peer) => self.sync(peer),
            // A peer that stopped waiting has no use for the answer.
            NetEvent::BookDigests { reply } => drop(reply.send(self.book.digests())),
            NetEvent::BookOrders { ids, reply } => drop(reply.send(self.messages(&ids))),
        }
    }

    /// Admits an order that a peer or a caller brought, and counts it where it is refused.
    pub(super) async fn admit_counted(&mut self, message: &OrderMessage) -> Result<B256, OrderRefusal> {
        let admitted = self.admit(message).await;
        if let Err(refusal) = &admitted {
            *self.refused.entry(refusal.reason()).or_default() += 1;
        }
        admitted
    }

    pub(super) async fn admit(&mut self, message: &OrderMessage) -> Result<B256, OrderRefusal> {
        let now = clock::now_s();
        let Self { book, makers, parts, .. } = self;
        let domain = parts.guard.domain();
        let admitted = parts.registry.with_index(|index| admit(book, index, makers, domain, message, now)).await?;
        if let OrderMessage::Ask { signed, details } = message {
            self.refresh_contact(signed.order.seller, &details.0).await;
        }
        Ok(admitted)
    }

    /// A seller of a lease at work may say that its node is elsewhere now.
    async fn refresh_contact(&self, seller: Address, details: &[u8]) {
        let concerns =
            |lease: &Lease| lease.party == Party::Agent && lease.terms.seller == seller && lease.stage != Stage::Closed;
        if self.parts.registry.leases().await.iter().any(concerns)
            && let Err(error) = self.parts.registry.keep_contact(seller, details).await
        {
            tracing::error!(%seller, %error, "a seller's address could not be stored");
        }
    }

    fn messages(&self, ids: &[B256]) -> Vec<OrderMessage> {
        let message = |id| {
            Some(match self.book.get(id)? {
                AnyListed::Ask(ask) => {
                    OrderMessage::Ask { signed: ask.signed.clone(), details: Blob(ask.details.clone()) }
                }
                AnyListed::Bid(bid) => {
                    OrderMessage::Bid { signed: bid.signed.clone(), details: Blob(bid.details.clone()) }
                }
            })
        };
        ids.iter().filter_map(message).collect()
    }

    /// Fetches what a new peer's book has and this one lacks.
    fn sync(&self, peer: PeerId) {
        let (net, market) = (self.parts.net.clone(), self.market.clone());
        self.tasks.spawn(async move {
            if let Err(error) = fetch_missing(&net, &market, peer).await {
                tracing::debug!(%peer, %error, "the book was not synced");
            }
        });
    }

    async fn obey(&mut self, command: Command) {
        // Who asked may be gone, which changes nothing.
        match command {
            Command::Offer(terms, reply) => drop(reply.send(self.offer(*terms).await)),
            Command::Bid(signed, details, reply) => drop(reply.send(self.bid(*signed, details).await)),
            Command::Cancel(salt, reply) => drop(reply.send(self.cancel(salt).await)),
            Command::Book(reply) => drop(reply.send(Ok(self.view()))),
            Command::Own(reply) => drop(reply.send(self.own().await)),
            Command::Refused(reply) => drop(reply.send(Ok(self.refused.clone()))),
            Command::Missing(ids, reply) => {
                let missing = ids.into_iter().filter(|id| self.book.get(id).is_none()).collect();
                drop(reply.send(Ok(missing)));
            }
            Command::Synced(messages) => {
                for message in &messages {
                    if let Err(refusal) = self.admit_counted(message).await {
                        tracing::debug!(%refusal, "a synced order was not taken");
                    }
                }
            }
        }
    }

    fn view(&self) -> BookView {
        BookView { asks: self.book.asks().cloned().collect(), bids: self.book.bids().cloned().collect() }
    }

    pub(super) async fn publish(&self, message: &OrderMessage) {
        match self.parts.net.publish(message).await {
            Ok(()) => {}
            // Peers that come later fetch it from the book.
            Err(NetError::NoPeers) => tracing::debug!("no peer to publish an order to yet"),
            Err(error) => tracing::warn!(%error, "an order was not published"),
        }
    }

    async fn tick(&mut self) -> Result<(), MarketError> {
        let now = clock::now_s();
        self.book.expire(now);
        self.refresh_fills().await;
        let offers = self.offers()?;
        self.shares = self.shares(offers, now).await;
        for (salt, own) in self.parts.store.all(&OWN_ORDERS)? {
            let kept = match own {
                OwnOrder::Ask(offer) => self.keep_offer(*offer, now).await,
                OwnOrder::Bid { signed, details } => self.keep_bid(salt, *signed, details, now).await,
                OwnOrder::Ended { until, .. } if until > now => Ok(()),
                OwnOrder::Ended { .. } => self.drop_own(&salt).await,
            };
            // One that cannot stand, as for want of funds, holds up neither the others nor what is to be opened.
            if let Err(error) = kept {
                warn(&error);
            }
        }
        if self.parts.open {
            self.open_matches(now).await?;
        }
        Ok(())
    }

    async fn refresh_fills(&mut self) {
        let book = &mut self.book;
        let refresh = |index: &Index| {
            let asks = book
                .asks()
                .map(|ask| (ask.signed.order.seller, ask.signed.order.salt, ask.signed.order.epoch, Side::Ask));
            let bids = book
                .bids()
                .map(|bid| (bid.signed.order.buyer, bid.signed.order.salt, bid.signed.order.epoch, Side::Bid));
            for (maker, salt, epoch, side) in asks.chain(bids).collect::<Vec<_>>() {
                if index.is_cancelled(maker, salt) {
                    book.cancel(maker, salt);
                } else if index.epoch(maker) != epoch {
                    book.keep_epoch(maker, index.epoch(maker));
                } else {
                    let key = OrderKey { side, maker, salt };
                    book.set_filled(&key, index.filled(&key));
                }
            }
        };
        self.parts.registry.with_index(refresh).await;
    }

    async fn open_matches(&mut self, now: u64) -> Result<(), MarketError> {
        self.tried.retain(|_, at| *at + 10 * RETRY_OPEN_S > now);
        for found in matches(&self.book, now, self.parts.guard.address()) {
            let (Some(AnyListed::Ask(ask)), Some(AnyListed::Bid(bid))) =
                (self.book.get(&found.ask_id), self.book.get(&found.bid_id))
            else {
                continue;
            };
            let match_id = keccak256([found.ask_id.as_slice(), found.bid_id.as_slice()].concat());
            let head_start = if bid.order().matcher.is_zero() { self.stagger(match_id) } else { 0 };
            let due = *self.tried.entry(match_id).or_insert(now + head_start);
            if due <= now {
                self.tried.insert(match_id, now + RETRY_OPEN_S);
                self.open(&found, ask, bid).await?;
            }
        }
        Ok(())
    }

    /// Where anyone may open, nodes try one after another: by the XOR distance of match and peer.
    fn stagger(&self, match_id: B256) -> u64 {
        let distance = keccak256(self.parts.net.peer_id().to_bytes()) ^ match_id;
        u64::from(distance[0]) * MAX_STAGGER_S / 256
    }

    async fn open(&self, found: &Match, ask: &Listed<Ask>, bid: &Listed<Bid>) -> Result<(), MarketError> {
        if bid.order().agent == self.parts.guard.address() {
            self.parts.registry.keep_contact(ask.order().seller, &ask.details).await?;
        }
        let call = Call::Open {
            ask: Box::new(ask.signed.clone()),
            bid: Box::new(bid.signed.clone()),
            hashrate: found.hashrate,
        };
        let origin = Origin::Match { ask_id: found.ask_id, bid_id: found.bid_id };
        let number = self.parts.registry.queue(origin, call).await?;
        tracing::info!(call = number, ask = %found.ask_id, bid = %found.bid_id, hashrate = found.hashrate, "opening a lease");
        Ok(())
    }
}

fn warn(error: &MarketError) {
    let source = std::error::Error::source(error).map(ToString::to_string);
    tracing::warn!(%error, source, "the market could not look after its orders");
}

async fn fetch_missing(
    net: &Net,
    market: &Market,
    peer: PeerId,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let ids = net.book_digests(peer).await?;
    let missing = market.ask(|reply| Command::Missing(ids, reply)).await?;
    for ids in missing.chunks(wire::MAX_ORDERS) {
        let orders = net.book_orders(peer, ids.to_vec()).await?;
        market.commands.send(Command::Synced(orders)).await?;
    }
    Ok(())
}
