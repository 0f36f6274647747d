//! The handle by which work reaches the miners.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alloy_primitives::B256;
use tokio::time::Instant;

use super::allocate::{Assignment, Miner};
use super::error::JobError;
use super::extranonce::MAX_SIZE;
use super::job::{FarmJob, Posted, UNLEASED, Work};
use super::numbers::Numbers;
use super::record::{Record, SessionStatus};
use super::strength::Strength;

/// The seller's miners. Clones are the same farm.
#[derive(Clone, Debug)]
pub struct Farm(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    leases: HashMap<B256, Arc<Posted>>,
    sessions: BTreeMap<u64, Seat>,
    last_session: u64,
    numbers: Numbers,
}

#[derive(Debug)]
struct Seat {
    record: Arc<Record>,
    lease: Option<B256>,
}

impl State {
    /// What a session of a lease, or of none, is to mine now.
    fn work_for(&self, lease: Option<B256>) -> Work {
        let posted = self.leases.get(&lease.unwrap_or(UNLEASED));
        posted.map_or(Work::None, |posted| Work::Lease(Arc::clone(posted)))
    }
}

impl Seat {
    fn works_for(&self) -> B256 {
        self.lease.unwrap_or(UNLEASED)
    }
}

impl Farm {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            leases: HashMap::new(),
            sessions: BTreeMap::new(),
            last_session: 0,
            numbers: Numbers::new(),
        })))
    }

    /// Gives a lease's sessions its newest job, or with [`UNLEASED`] those that have no lease. The same job with a newer time
    /// refreshes it.
    pub fn set_job(&self, job: FarmJob) -> Result<(), JobError> {
        job.check()?;
        let (lease, now) = (job.lease, Instant::now());
        let mut state = self.state();
        let posted = Arc::new(Posted::after(state.leases.get(&lease).map(Arc::as_ref), job, now));
        for seat in state.sessions.values().filter(|seat| seat.works_for() == lease) {
            seat.record.work.send_replace(Work::Lease(Arc::clone(&posted)));
        }
        if let Some(bytes) = posted.job.long_coinbase()
            && !state.leases.contains_key(&lease)
        {
            tracing::warn!(%lease, bytes, "the lease's coinbase is so long that some devices refuse its jobs");
        }
        state.leases.insert(lease, posted);
        Ok(())
    }

    /// Ends a lease: its sessions are free and stop working on it. Shares that are still under way come out as before.
    pub fn end_lease(&self, lease: B256) {
        let mut state = self.state();
        state.leases.remove(&lease);
        let unleased = state.work_for(None);
        for seat in state.sessions.values_mut().filter(|seat| seat.works_for() == lease) {
            seat.lease = None;
            seat.record.work.send_replace(unleased.clone());
        }
    }

    /// Assigns a session to a lease or to none; nothing happens where it is so already, or the session is gone.
    ///
    /// A session whose lease has no job yet waits for it.
    pub fn assign(&self, assignment: Assignment) {
        let mut state = self.state();
        let work = state.work_for(assignment.lease);
        let Some(seat) = state.sessions.get_mut(&assignment.session) else { return };
        if seat.lease != assignment.lease {
            seat.lease = assignment.lease;
            seat.record.work.send_replace(work);
        }
    }

    /// All sessions, oldest first.
    pub fn sessions(&self) -> Vec<SessionStatus> {
        let now = Instant::now();
        self.state().sessions.values().map(|seat| seat.record.status(seat.lease, now)).collect()
    }

    /// All sessions as the allocator sees them.
    pub fn miners(&self) -> Vec<Miner> {
        let now = Instant::now();
        let miner = |(session, seat): (&u64, &Seat)| {
            let estimate = seat.record.live().rate.estimate(now);
            Miner { session: *session, hashrate: estimate.hashrate, busy: estimate.busy, lease: seat.lease }
        };
        self.state().sessions.iter().map(miner).collect()
    }

    /// What all miners can do together; a connection without a worker is none.
    pub fn strength(&self) -> Strength {
        let now = Instant::now();
        let estimate = |seat: &Seat| {
            let mut live = seat.record.live();
            (!live.worker.is_empty()).then(|| live.rate.estimate(now))
        };
        Strength::of(self.state().sessions.values().filter_map(estimate))
    }

    /// The smallest nTime that shares of a lease may still have; `None` where no session works on it.
    ///
    /// A claim's `through` stays below it (PROTOCOL.md, section 4); shares that wait in the channel may be older.
    pub fn oldest_time(&self, lease: B256) -> Option<u32> {
        let now = Instant::now();
        self.state().sessions.values().filter_map(|seat| seat.record.live().oldest_time(lease, now)).min()
    }

    /// Seats a new connection; `None` where there are too many.
    pub(super) fn enter(&self, remote: SocketAddr, max_connections: usize) -> Option<Guest> {
        let mut state = self.state();
        if state.sessions.len() >= max_connections {
            return None;
        }
        let number = state.numbers.take()?;
        state.last_session += 1;
        let id = state.last_session;
        // A miner that doesn't know `mining.set_extranonce` comes back to what every lease has room for.
        let smallest = state.leases.values().map(|posted| posted.job.job.extranonce_size).min().unwrap_or(MAX_SIZE);
        let record = Arc::new(Record::new(id, number, smallest, remote, Instant::now()));
        record.work.send_replace(state.work_for(None));
        state.sessions.insert(id, Seat { record: Arc::clone(&record), lease: None });
        Some(Guest { farm: self.clone(), record })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A seat for as long as a connection lives.
pub(super) struct Guest {
    farm: Farm,
    record: Arc<Record>,
}

impl Guest {
    pub(super) fn record(&self) -> Arc<Record> {
        Arc::clone(&self.record)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut state = self.farm.state();
        state.sessions.remove(&self.record.id);
        state.numbers.give_back(self.record.number);
    }
}
