//! One task that owns the book: it judges what peers bring, keeps this node's own orders alive, and queues
//! the opening of leases.

use std::{collections::HashMap, sync::Arc, time::Duration};

use alloy_primitives::{Address, B256, keccak256};
use hashlease_domain::{
    Ask, Bid, Index, OrderKey, Side, Signed,
    book::{AnyListed, Book, Listed},
    cancellation::OrderCancellation,
    details::Details,
    lease::{Lease, Party, Stage},
    matching::{Match, matches},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{MissedTickBehavior, interval},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    admission::{MakerRate, OrderRefusal, admit},
    offers::{AskTerms, OWN_ORDERS, Offer, OwnOrder, OwnView},
};
use crate::{
    clock,
    net::{Net, NetError, NetEvent, PeerId, Verdict, WorkStream, wire},
    registry::{Origin, Registry, RegistryError},
    settlement::Call,
    store::{Batch, Guard, NotSafe, Store, StoreError, guard::Statement},
};
use wire::{Blob, OrderMessage};

/// Commands and synced orders that may wait.
const QUEUE: usize = 256;
/// Time between looks at the book.
const TICK: Duration = Duration::from_secs(1);
/// Seconds between announcements of the same own bid.
const ANNOUNCE_EVERY_S: u64 = 120;
/// Seconds before a match that could not be opened is tried again.
const RETRY_OPEN_S: u64 = 30;
/// Longest head start of other nodes where anyone may open, seconds.
const MAX_STAGGER_S: u64 = 30;

/// Why the market did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum MarketError {
    /// The order cannot stand.
    #[error("the order is not taken")]
    Refused(#[from] OrderRefusal),
    /// There is no such order of this node.
    #[error("this node has no order with salt {0}")]
    UnknownOrder(B256),
    /// The guard did not sign.
    #[error("the guard did not sign the order")]
    Guard(#[from] NotSafe),
    /// The order could not be stored.
    #[error("the order could not be stored")]
    Store(#[from] StoreError),
    /// The call could not be queued.
    #[error("the lease could not be opened")]
    Registry(#[from] RegistryError),
    /// The node stops.
    #[error("the market has stopped")]
    Stopped,
}

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
}

/// The book at one moment, best first.
#[derive(Clone, Debug)]
pub struct BookView {
    /// Sellers' offers.
    pub asks: Vec<Listed<Ask>>,
    /// Buyers' orders.
    pub bids: Vec<Listed<Bid>>,
}

type Reply<T> = oneshot::Sender<Result<T, MarketError>>;

#[derive(Debug)]
enum Command {
    Offer(Box<AskTerms>, Reply<(B256, B256)>),
    Bid(Box<Signed<Bid>>, Vec<u8>, Reply<B256>),
    Cancel(B256, Reply<()>),
    Book(Reply<BookView>),
    Own(Reply<Vec<OwnView>>),
    /// Orders that a peer's book had and this one had not.
    Synced(Vec<OrderMessage>),
    /// Which of these ids the book lacks.
    Missing(Vec<B256>, Reply<Vec<B256>>),
}

/// A handle on the market.
#[derive(Clone, Debug)]
pub struct Market {
    commands: mpsc::Sender<Command>,
}

impl Market {
    /// Offers hashpower from now on, and returns the ask's id and salt.
    ///
    /// # Errors
    /// Where the offer cannot stand, as when the bond is not covered.
    pub async fn offer(&self, terms: AskTerms) -> Result<(B256, B256), MarketError> {
        self.ask(|reply| Command::Offer(Box::new(terms), reply)).await
    }

    /// Takes a buyer's bid with its detail document, and returns its id.
    ///
    /// # Errors
    /// Where the bid cannot stand.
    pub async fn bid(&self, signed: Signed<Bid>, details: Vec<u8>) -> Result<B256, MarketError> {
        self.ask(|reply| Command::Bid(Box::new(signed), details, reply)).await
    }

    /// Ends an order of this node: no more is signed, and peers are told. Versions that are out stay valid
    /// on chain until they expire; `cancelOrder` ends them at once.
    ///
    /// # Errors
    /// Where there is no such order.
    pub async fn cancel(&self, salt: B256) -> Result<(), MarketError> {
        self.ask(|reply| Command::Cancel(salt, reply)).await
    }

    /// Returns the book.
    ///
    /// # Errors
    /// Where the node stops.
    pub async fn book(&self) -> Result<BookView, MarketError> {
        self.ask(Command::Book).await
    }

    /// Returns this node's own orders.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub async fn own_orders(&self) -> Result<Vec<OwnView>, MarketError> {
        self.ask(Command::Own).await
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, MarketError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| MarketError::Stopped)?;
        answer.await.map_err(|_| MarketError::Stopped)?
    }
}

/// Starts the market; its task ends with `shutdown`.
pub fn start(parts: Parts, tasks: &TaskTracker, shutdown: CancellationToken) -> Market {
    let (commands, queue) = mpsc::channel(QUEUE);
    let market = Market { commands };
    let engine = Engine {
        book: Book::new(*parts.guard.domain()),
        rate: MakerRate::default(),
        announced: HashMap::new(),
        tried: HashMap::new(),
        market: market.clone(),
        tasks: tasks.clone(),
        parts,
    };
    tasks.spawn(async move {
        shutdown.run_until_cancelled(engine.run(queue)).await;
    });
    market
}

struct Engine {
    parts: Parts,
    book: Book,
    rate: MakerRate,
    /// When own bids were announced last, by salt.
    announced: HashMap<B256, u64>,
    /// When a match may be tried, by match id.
    tried: HashMap<B256, u64>,
    market: Market,
    tasks: TaskTracker,
}

impl Engine {
    async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Some(event) = self.parts.events.recv() => self.hear(event).await,
                Some(command) = commands.recv() => self.obey(command).await,
                _ = ticks.tick() => {
                    if let Err(error) = self.tick().await {
                        let source = std::error::Error::source(&error).map(ToString::to_string);
                        tracing::warn!(%error, source, "the market could not look after its orders");
                    }
                }
            }
        }
    }

    async fn hear(&mut self, event: NetEvent) {
        match event {
            NetEvent::Order { from, token, message } => {
                let verdict = match self.admit(&message).await {
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

    async fn admit(&mut self, message: &OrderMessage) -> Result<B256, OrderRefusal> {
        let now = clock::now_s();
        let Self { book, rate, parts, .. } = self;
        let domain = parts.guard.domain();
        let admitted = parts.registry.with_index(|index| admit(book, index, rate, domain, message, now)).await?;
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
            Command::Missing(ids, reply) => {
                let missing = ids.into_iter().filter(|id| self.book.get(id).is_none()).collect();
                drop(reply.send(Ok(missing)));
            }
            Command::Synced(messages) => {
                for message in &messages {
                    if let Err(refusal) = self.admit(message).await {
                        tracing::debug!(%refusal, "a synced order was not taken");
                    }
                }
            }
        }
    }

    fn view(&self) -> BookView {
        BookView { asks: self.book.asks().cloned().collect(), bids: self.book.bids().cloned().collect() }
    }

    async fn own(&self) -> Result<Vec<OwnView>, MarketError> {
        let orders = self.parts.store.all(&OWN_ORDERS)?;
        let view = |index: &Index| orders.iter().map(|(_, own)| self.own_view(own, index)).collect();
        Ok(self.parts.registry.with_index(view).await)
    }

    fn own_view(&self, own: &OwnOrder, index: &Index) -> OwnView {
        let (side, maker, salt, token, price, hashrate) = match own {
            OwnOrder::Ask(Offer { terms, salt, hashrate }) => {
                (Side::Ask, self.parts.guard.address(), *salt, terms.token, terms.price, *hashrate)
            }
            OwnOrder::Bid { signed, .. } => {
                let bid = &signed.order;
                (Side::Bid, bid.buyer, bid.salt, bid.token, bid.max_price, bid.hashrate)
            }
        };
        let listed = match side {
            Side::Ask => {
                self.book.asks_of(maker).find(|ask| ask.order().salt == salt).map(|ask| (ask.id, ask.order().expiry))
            }
            Side::Bid => {
                self.book.bids_of(maker).find(|bid| bid.order().salt == salt).map(|bid| (bid.id, bid.order().expiry))
            }
        };
        let (id, expiry) = listed.unwrap_or_default();
        let filled = index.filled(&OrderKey { side, maker, salt });
        OwnView {
            side,
            id,
            maker,
            salt,
            token,
            price,
            hashrate,
            filled,
            expiry,
            cancelled: index.is_cancelled(maker, salt),
        }
    }

    async fn offer(&mut self, terms: AskTerms) -> Result<(B256, B256), MarketError> {
        let hashrate = terms.hashrate;
        let offer = Offer { terms, salt: B256::random(), hashrate };
        let (id, salt) = (self.sign_and_publish(&offer).await?, offer.salt);
        self.parts.store.commit(Batch::new().put(&OWN_ORDERS, &salt, &OwnOrder::Ask(offer))).await?;
        Ok((id, salt))
    }

    async fn bid(&mut self, signed: Signed<Bid>, details: Vec<u8>) -> Result<B256, MarketError> {
        let salt = signed.order.salt;
        let message = OrderMessage::Bid { signed: signed.clone(), details: Blob(details.clone()) };
        let id = self.admit(&message).await?;
        let own = OwnOrder::Bid { signed: Box::new(signed), details };
        self.parts.store.commit(Batch::new().put(&OWN_ORDERS, &salt, &own)).await?;
        self.publish(&message).await;
        self.announced.insert(salt, clock::now_s());
        Ok(id)
    }

    async fn cancel(&mut self, salt: B256) -> Result<(), MarketError> {
        let own = self.parts.store.get(&OWN_ORDERS, &salt)?.ok_or(MarketError::UnknownOrder(salt))?;
        self.parts.store.commit(Batch::new().delete(&OWN_ORDERS, &salt)).await?;
        match own {
            OwnOrder::Ask(_) => {
                let order = OrderCancellation { maker: self.parts.guard.address(), salt };
                let signature = self.parts.guard.check_and_sign(Statement::Cancellation(order)).await?;
                self.book.cancel(order.maker, salt);
                let signed = Signed { order, signature: signature.as_bytes().to_vec() };
                self.publish(&OrderMessage::Cancel { signed }).await;
            }
            // Only the buyer's wallet could tell the peers; here it is over.
            OwnOrder::Bid { signed, .. } => drop(self.book.cancel(signed.order.buyer, salt)),
        }
        Ok(())
    }

    async fn sign_and_publish(&mut self, offer: &Offer) -> Result<B256, MarketError> {
        let seller = self.parts.guard.address();
        let document = offer.details(&self.parts.details).map_err(OrderRefusal::from)?;
        let epoch = self.parts.registry.with_index(|index| index.epoch(seller)).await;
        let order = offer.ask(seller, epoch, Details::hash(&document), clock::now_s());
        let signature = self.parts.guard.check_and_sign(Statement::Ask(Box::new(order.clone()))).await?;
        let signed = Signed { order, signature: signature.as_bytes().to_vec() };
        let message = OrderMessage::Ask { signed, details: Blob(document) };
        let id = self.admit(&message).await?;
        self.publish(&message).await;
        Ok(id)
    }

    async fn publish(&self, message: &OrderMessage) {
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
        for (salt, own) in self.parts.store.all(&OWN_ORDERS)? {
            match own {
                OwnOrder::Ask(offer) => self.keep_offer(offer, now).await?,
                OwnOrder::Bid { signed, details } => self.keep_bid(salt, *signed, details, now).await?,
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

    /// Signs an own ask anew before it expires, and under a new salt when its capacity was used and is free again.
    async fn keep_offer(&mut self, offer: Offer, now: u64) -> Result<(), MarketError> {
        let seller = self.parts.guard.address();
        let key = OrderKey { side: Side::Ask, maker: seller, salt: offer.salt };
        let filled = self.parts.registry.with_index(|index| index.filled(&key)).await;
        let open = self.parts.registry.leases().await;
        let at_work =
            |lease: &&Lease| lease.party == Party::Seller && !matches!(lease.stage, Stage::Closed | Stage::Retracted);
        let leased = open.iter().filter(at_work).map(|lease| lease.terms.hashrate).sum();
        if let Some(renewed) = offer.renewed(filled, leased, B256::random()) {
            let (old, new) = (offer.salt, renewed.salt);
            let batch = Batch::new().delete(&OWN_ORDERS, &old).put(&OWN_ORDERS, &new, &OwnOrder::Ask(renewed));
            self.parts.store.commit(batch).await?;
            return Ok(());
        }
        let expiry = self.book.asks_of(seller).find(|ask| ask.order().salt == offer.salt).map(|ask| ask.order().expiry);
        if offer.hashrate > filled && expiry.is_none_or(|expiry| Offer::is_due(expiry, now)) {
            self.sign_and_publish(&offer).await?;
        }
        Ok(())
    }

    /// Brings an own bid back after a restart, announces it now and then, and drops it when it is void.
    async fn keep_bid(
        &mut self,
        salt: B256,
        signed: Signed<Bid>,
        details: Vec<u8>,
        now: u64,
    ) -> Result<(), MarketError> {
        if signed.order.expiry <= now {
            self.announced.remove(&salt);
            return Ok(self.parts.store.commit(Batch::new().delete(&OWN_ORDERS, &salt)).await?);
        }
        if self.announced.get(&salt).is_some_and(|at| at + ANNOUNCE_EVERY_S > now) {
            return Ok(());
        }
        self.announced.insert(salt, now);
        let message = OrderMessage::Bid { signed, details: Blob(details) };
        if self.messages_lack(&message)
            && let Err(refusal) = self.admit(&message).await
        {
            tracing::warn!(%salt, %refusal, "an own bid does not stand any more");
            return Ok(());
        }
        self.publish(&message).await;
        Ok(())
    }

    fn messages_lack(&self, message: &OrderMessage) -> bool {
        match message {
            OrderMessage::Bid { signed, .. } => {
                !self.book.bids_of(signed.order.buyer).any(|bid| bid.order().salt == signed.order.salt)
            }
            OrderMessage::Ask { .. } | OrderMessage::Cancel { .. } => true,
        }
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
