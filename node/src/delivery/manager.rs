//! One task for each lease, and what they share: streams, shares and miners are brought to the right one.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use alloy_primitives::B256;
use hashlease_domain::lease::{Lease, Party, Stage};
use tokio::{
    sync::{broadcast::error::RecvError, mpsc},
    time::{Instant, MissedTickBehavior, interval, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    DeliveryError, FoundBlock, Status,
    account::Account,
    agent::Agent,
    handshake::{adopt_newest, check_hello, receive_hello, send_hello},
    idle::{self, Idle, IdlePool},
    limits::standby_work,
    seen::Seen,
    seller::Seller,
    status::Statuses,
};
use crate::{
    clock,
    destination::{Destination, Pool},
    farm::{Allocator, Demand, Farm, FarmShare, Shortfall, UNLEASED},
    net::{Net, PeerId, WorkStream},
    registry::{Notice, Registry},
    store::{Guard, Store, StoreError},
};

/// Shares of one lease that wait for its task.
const LEASE_SHARES: usize = 1024;
/// Streams of one lease that wait for its task: the newest wins.
const LEASE_STREAMS: usize = 4;
/// Time for the other end to say hello.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// Time between looks at who mines for whom.
const ALLOCATE_EVERY: Duration = Duration::from_millis(100);

/// What delivery is made of.
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
    /// The seller's miners and the shares that they find.
    pub farm: Option<(Farm, mpsc::Receiver<FarmShare>)>,
    /// Age from which a seller works on an agent's newest job no longer.
    pub standby_after: Duration,
    /// Which of a seller's leases bear it when the miners do not suffice.
    pub shortfall: Shortfall,
    /// What the seller's miners mine without a lease; they wait where there is none.
    pub idle: Option<Pool>,
    /// What the buyer mines.
    pub destination: Option<Destination>,
    /// Work streams that peers open.
    pub streams: mpsc::Receiver<(PeerId, WorkStream)>,
}

/// What the lease tasks share.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) store: Store,
    pub(super) registry: Arc<Registry>,
    pub(super) guard: Arc<Guard>,
    pub(super) net: Net,
    pub(super) farm: Option<Farm>,
    pub(super) seen: Seen,
    pub(super) statuses: Statuses,
    pub(super) demands: Demands,
    pub(super) tasks: TaskTracker,
    pub(super) shutdown: CancellationToken,
}

/// Cumulative work of the leases that can use miners now.
#[derive(Clone, Debug, Default)]
pub(super) struct Demands(Arc<Mutex<BTreeMap<B256, (Lease, u128)>>>);

impl Demands {
    /// Says that a lease can use miners, and the work that it has.
    pub(super) fn set(&self, lease: &Lease, delivered: u128) {
        self.lock().insert(lease.id, (lease.clone(), delivered));
    }

    /// Says that a lease can use none.
    pub(super) fn clear(&self, lease: B256) {
        self.lock().remove(&lease);
    }

    /// Returns what each lease is due and has at `now`, unix seconds.
    fn at(&self, now: u64) -> Vec<Demand> {
        let demand = |(id, (lease, delivered)): (&B256, &(Lease, u128))| Demand {
            lease: *id,
            hashrate: lease.terms.hashrate,
            due: lease.terms.contracted(now.min(lease.on_chain.end)),
            delivered: *delivered,
            share_work: standby_work(&lease.terms),
            start: lease.terms.start,
        };
        self.lock().iter().map(demand).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<B256, (Lease, u128)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A handle on the leases at work.
#[derive(Clone, Debug)]
pub struct Delivery {
    statuses: Statuses,
    idle: Option<idle::Shared>,
}

impl Delivery {
    /// Returns how a lease is doing.
    pub fn status(&self, lease: B256) -> Status {
        self.statuses.get(lease)
    }

    /// Returns how the pool for miners without a lease is doing; `None` where the seller has none.
    pub fn idle_pool(&self) -> Option<IdlePool> {
        Some(self.idle.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Returns the blocks that a lease's work found.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn blocks(&self, lease: B256) -> Result<Vec<FoundBlock>, StoreError> {
        self.statuses.blocks(lease)
    }
}

/// Starts delivery; its tasks end with `shutdown`, and `tasks` waits for them.
pub fn start(parts: Parts, tasks: &TaskTracker, shutdown: CancellationToken) -> Delivery {
    let statuses = Statuses::new(parts.store.clone());
    let (farm, shares) = parts.farm.unzip();
    let (unleased, unleased_shares) = mpsc::channel(LEASE_SHARES);
    let idle = farm.clone().zip(parts.idle).map(|(farm, pool)| {
        let status = idle::Shared::default();
        let idle = Idle::new(farm, pool, unleased_shares, Arc::clone(&status), tasks.clone());
        tasks.spawn(idle.run(shutdown.clone()));
        status
    });
    let shared = Shared {
        store: parts.store,
        registry: parts.registry,
        guard: parts.guard,
        net: parts.net,
        farm,
        seen: Seen::default(),
        statuses: statuses.clone(),
        demands: Demands::default(),
        tasks: tasks.clone(),
        shutdown,
    };
    let manager = Manager {
        shared,
        standby_after: parts.standby_after,
        destination: parts.destination,
        leases: HashMap::new(),
        streams: parts.streams,
        shares,
        unleased,
        allocator: Allocator::new(parts.shortfall),
        allocated: Instant::now(),
    };
    tasks.spawn(manager.run());
    Delivery { statuses, idle }
}

/// The way to a lease's task.
struct Running {
    streams: mpsc::Sender<WorkStream>,
    shares: mpsc::Sender<FarmShare>,
}

struct Manager {
    shared: Shared,
    standby_after: Duration,
    destination: Option<Destination>,
    leases: HashMap<B256, Running>,
    streams: mpsc::Receiver<(PeerId, WorkStream)>,
    shares: Option<mpsc::Receiver<FarmShare>>,
    /// The way to the pool for miners without a lease.
    unleased: mpsc::Sender<FarmShare>,
    allocator: Allocator,
    /// When miners were last placed.
    allocated: Instant,
}

impl Manager {
    async fn run(mut self) {
        let mut notices = self.shared.registry.subscribe();
        let (greeted, mut welcome) = mpsc::channel(LEASE_STREAMS);
        let mut allocating = interval(ALLOCATE_EVERY);
        allocating.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.start_missing().await;
        loop {
            tokio::select! {
                () = self.shared.shutdown.cancelled() => break,
                notice = notices.recv() => match notice {
                    Ok(Notice::Lease(_)) | Err(RecvError::Lagged(_)) => self.start_missing().await,
                    Ok(_) => {}
                    Err(RecvError::Closed) => break,
                },
                Some((peer, stream)) = self.streams.recv() => self.greet(peer, stream, greeted.clone()),
                Some((lease, stream)) = welcome.recv() => self.bring_stream(lease, stream),
                Some(share) = next_share(&mut self.shares) => self.bring_share(share),
                _ = allocating.tick() => self.allocate(),
            }
        }
    }

    /// Starts a task for each lease that needs one and has none.
    async fn start_missing(&mut self) {
        self.leases.retain(|_, running| !running.shares.is_closed());
        for lease in self.shared.registry.leases().await {
            if matches!(lease.stage, Stage::Active | Stage::Ended) && !self.leases.contains_key(&lease.id) {
                let id = lease.id;
                match self.start_lease(lease) {
                    Ok(Some(running)) => drop(self.leases.insert(id, running)),
                    Ok(None) => {}
                    Err(error) => tracing::error!(lease = %id, %error, "the lease cannot be worked on"),
                }
            }
        }
    }

    fn start_lease(&self, lease: Lease) -> Result<Option<Running>, StoreError> {
        let (streams, stream_queue) = mpsc::channel(LEASE_STREAMS);
        let (shares, share_queue) = mpsc::channel(LEASE_SHARES);
        let account = Account::open(self.shared.store.clone(), &lease)?;
        let (id, party) = (lease.id, lease.party);
        match (party, &self.destination, &self.shared.farm) {
            (Party::Seller, _, Some(farm)) => {
                let (shared, queues) = (self.shared.clone(), (stream_queue, share_queue));
                let seller = Seller::new(shared, farm.clone(), self.standby_after, lease, account, queues);
                self.shared.tasks.spawn(seller.run());
            }
            (Party::Agent, Some(destination), _) => {
                let agent = Agent::new(self.shared.clone(), destination.lease_work(id), lease, account, share_queue);
                self.shared.tasks.spawn(agent.run());
            }
            (Party::Seller, _, None) => {
                tracing::warn!(lease = %id, "no [farm] in the configuration: the lease is not delivered");
                return Ok(None);
            }
            (Party::Agent, None, _) => {
                tracing::warn!(lease = %id, "neither [bitcoin] nor [pool] in the configuration: the lease has no jobs");
                return Ok(None);
            }
        }
        tracing::info!(lease = %id, ?party, "lease at work");
        Ok(Some(Running { streams, shares }))
    }

    /// Finds out which lease a stream is for.
    fn greet(&self, peer: PeerId, stream: WorkStream, greeted: mpsc::Sender<(B256, WorkStream)>) {
        let shared = self.shared.clone();
        self.shared.tasks.spawn(async move {
            match timeout(HELLO_TIMEOUT, welcome(&shared, peer, stream)).await {
                Ok(Ok((lease, stream))) => {
                    // The manager is gone only when the node stops.
                    let _ = greeted.send((lease, stream)).await;
                }
                Ok(Err(error)) => tracing::warn!(%peer, %error, "a work stream was turned down"),
                Err(_) => tracing::warn!(%peer, "a work stream brought no hello in time"),
            }
        });
    }

    fn bring_stream(&self, lease: B256, stream: WorkStream) {
        let brought = self.leases.get(&lease).is_some_and(|running| running.streams.try_send(stream).is_ok());
        if !brought {
            tracing::debug!(%lease, "a work stream came for a lease that is not at work");
        }
    }

    fn bring_share(&self, share: FarmShare) {
        let lease = share.lease;
        if lease == UNLEASED {
            // Where its task is busy or gone, the share is lost to its pool alone.
            let _ = self.unleased.try_send(share);
            return;
        }
        let brought = self.leases.get(&lease).is_some_and(|running| running.shares.try_send(share).is_ok());
        if !brought {
            self.shared.statuses.update(lease, |status| status.late_shares += 1);
        }
    }

    fn allocate(&mut self) {
        let Some(farm) = &self.shared.farm else { return };
        let elapsed = self.allocated.elapsed();
        self.allocated = Instant::now();
        let demands = self.shared.demands.at(clock::now_s());
        let assignments = self.allocator.allocate(elapsed, ALLOCATE_EVERY, &farm.miners(), &demands);
        assignments.into_iter().for_each(|assignment| farm.assign(assignment));
    }
}

async fn next_share(shares: &mut Option<mpsc::Receiver<FarmShare>>) -> Option<FarmShare> {
    match shares {
        Some(shares) => shares.recv().await,
        None => std::future::pending().await,
    }
}

/// Answers an agent's hello, where the lease is one of this node's as a seller.
async fn welcome(shared: &Shared, peer: PeerId, mut stream: WorkStream) -> Result<(B256, WorkStream), DeliveryError> {
    let hello = receive_hello(&mut stream).await?;
    let lease = shared.registry.lease(hello.lease_id).await.filter(|lease| lease.party == Party::Seller);
    let lease = lease.ok_or(DeliveryError::Stranger("agent's"))?;
    check_hello(shared, &lease, peer, &hello)?;
    // The answer carries this end's receipt as it was, so that both ends adopt the higher one.
    send_hello(shared, &lease, peer, &mut stream).await?;
    adopt_newest(shared, &lease, hello.newest).await?;
    Ok((lease.id, stream))
}
