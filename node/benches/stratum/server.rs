//! The farm under load, and what a node does with one.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use alloy_primitives::B256;
use hashlease_miner::pow::{Job, Target};
use hashlease_node::farm::{self, Allocator, Assignment, Demand, Farm, FarmConfig, FarmJob, FarmShare};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::interval;
use tokio_util::sync::CancellationToken;

use crate::spread::{Spread, nanos};

/// Leases that the miners work for.
const LEASES: u8 = 4;
/// Time between two looks of the allocator, as in a node.
const ALLOCATE_EVERY: Duration = Duration::from_millis(100);
/// Unix time of the first job.
const START: u32 = 1_800_000_000;
/// Bytes of a coinbase before and after its extranonce, and transactions' hashes beside it: those of a full block.
const COINBASE_BYTES: [usize; 2] = [150, 150];
const BRANCH: usize = 12;
/// Hostile clients beside the miners.
const STRANGERS: usize = 2_000;

/// A farm with jobs, an allocator that looks at it, and a delivery that takes its shares.
pub(crate) struct Server {
    farm: Farm,
    pub(crate) address: SocketAddr,
    time: u32,
    delivered: Arc<AtomicU64>,
    looks: Arc<Mutex<Vec<u64>>>,
}

impl Server {
    /// Starts the farm with a job for every lease.
    pub(crate) async fn start(miners: usize) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let config = FarmConfig { max_connections: miners + STRANGERS, ..FarmConfig::default() };
        let (farm, shares) = farm::start(listener, config, CancellationToken::new());
        let mut server = Self { farm, address, time: START, delivered: Arc::default(), looks: Arc::default() };
        server.post()?;
        tokio::spawn(deliver(shares, Arc::clone(&server.delivered)));
        tokio::spawn(allocate(server.farm.clone(), Arc::clone(&server.looks)));
        Ok(server)
    }

    /// nTime of the next jobs.
    pub(crate) fn next_time(&self) -> u32 {
        self.time + 1
    }

    /// Gives every lease a job on a new block, at which every hash is a share.
    pub(crate) fn post(&mut self) -> io::Result<()> {
        self.time = self.next_time();
        for lease in leases() {
            let job = FarmJob {
                lease,
                job_id: self.time.into(),
                job: Arc::new(job(lease, self.time)),
                share_target: Target::MAX,
                time: self.time,
                clean: true,
            };
            self.farm.set_job(job).map_err(io::Error::other)?;
        }
        Ok(())
    }

    /// Shares that came out so far.
    pub(crate) fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    /// Shares that the farm says it accepted so far.
    pub(crate) fn accepted(&self) -> u64 {
        self.farm.sessions().iter().map(|session| session.accepted).sum()
    }

    /// How long the allocator looked since the last call, in nanoseconds.
    pub(crate) fn looks(&self) -> Spread {
        Spread::of(std::mem::take(&mut *self.looks.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn leases() -> impl Iterator<Item = B256> {
    (1..=LEASES).map(B256::repeat_byte)
}

fn job(lease: B256, time: u32) -> Job {
    let mut prev_hash = lease.0;
    prev_hash[..4].copy_from_slice(&time.to_le_bytes());
    let [prefix, suffix] = COINBASE_BYTES;
    Job {
        version: 0x2000_0000,
        version_mask: 0x1fff_e000,
        prev_hash,
        coinbase_prefix: vec![0xab; prefix],
        coinbase_suffix: vec![0xcd; suffix],
        extranonce_size: 8,
        branch: vec![[0xef; 32]; BRANCH],
        bits: 0x1702_3456,
        min_time: time,
    }
}

async fn deliver(mut shares: mpsc::Receiver<FarmShare>, delivered: Arc<AtomicU64>) {
    while shares.recv().await.is_some() {
        delivered.fetch_add(1, Ordering::Relaxed);
    }
}

/// Looks as often as a node does. Its word isn't taken, since it tries out miners of unknown rate one by one: each miner
/// keeps the lease that it begins with.
async fn allocate(farm: Farm, looks: Arc<Mutex<Vec<u64>>>) {
    let demand = |lease| Demand { lease, hashrate: 5_000, due: 0, delivered: 0, share_work: 1, start: 0 };
    let demands: Vec<Demand> = leases().map(demand).collect();
    let mut allocator = Allocator::default();
    let mut ticks = interval(ALLOCATE_EVERY);
    loop {
        ticks.tick().await;
        let began = Instant::now();
        let miners = farm.miners();
        allocator.allocate(ALLOCATE_EVERY, ALLOCATE_EVERY, &miners, &demands);
        let took = nanos(began.elapsed());
        looks.lock().unwrap_or_else(PoisonError::into_inner).push(took);
        for miner in miners.iter().filter(|miner| miner.lease.is_none()) {
            let lease = u8::try_from(miner.session % u64::from(LEASES)).unwrap_or(0) + 1;
            farm.assign(Assignment { session: miner.session, lease: Some(B256::repeat_byte(lease)) });
        }
    }
}
