//! What the farm knows of a session, shared between its connection and the handle.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alloy_primitives::B256;
use tokio::sync::watch;
use tokio::time::Instant;

use super::extranonce::{Division, Number};
use super::job::{GRACE, Work};
use super::rate::Rate;

/// Why a share was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RejectReason {
    /// The connection isn't subscribed.
    NotSubscribed,
    /// The worker isn't authorized.
    Unauthorized,
    /// A parameter has a wrong form.
    Malformed,
    /// The job is unknown or long over.
    JobNotFound,
    /// Version bits outside the mask, or never negotiated.
    Version,
    /// nTime before the job's or too far ahead.
    Time,
    /// The job's previous block isn't the lease's any more.
    Stale,
    /// The hash is above the connection's target.
    LowDifficulty,
    /// The share was submitted before.
    Duplicate,
}

impl fmt::Display for RejectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotSubscribed => "not subscribed",
            Self::Unauthorized => "unauthorized",
            Self::Malformed => "malformed",
            Self::JobNotFound => "job not found",
            Self::Version => "version bits",
            Self::Time => "time out of range",
            Self::Stale => "stale",
            Self::LowDifficulty => "low difficulty",
            Self::Duplicate => "duplicate",
        })
    }
}

/// A session as people see it.
#[derive(Clone, Debug)]
pub struct SessionStatus {
    /// Number of the session, never used again.
    pub id: u64,
    /// Name of the first worker that was authorized; empty before.
    pub worker: String,
    /// Name and version of the device; empty where it doesn't say.
    pub user_agent: String,
    /// Address of the device.
    pub remote: SocketAddr,
    /// Lease that the session is assigned to.
    pub lease: Option<B256>,
    /// Accepted shares, at the session's own difficulty.
    pub accepted: u64,
    /// Rejected shares by reason.
    pub rejected: BTreeMap<RejectReason, u64>,
    /// Expected number of hashes behind the accepted shares. For display.
    pub work: u128,
    /// Hashes per second over the last ten minutes of work, or since it changed, rounded down; 0 while unknown.
    pub hashrate: u64,
    /// Standard error of that.
    pub hashrate_error: u64,
    /// Time since the device connected.
    pub connected_for: Duration,
    /// Time since its last accepted share; `None` before the first.
    pub last_share: Option<Duration>,
    /// The Stratum difficulty that the device was last told; `None` before any.
    pub difficulty: Option<f64>,
}

/// The shared part of a session.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) id: u64,
    /// Bytes of the smallest extranonce that any lease's job had when the connection came.
    pub(super) room: u8,
    /// What the connection is told first; a job that is too small for it changes it.
    pub(super) division: Division,
    /// The connection's number.
    pub(super) number: Number,
    pub(super) remote: SocketAddr,
    pub(super) connected_at: Instant,
    pub(super) work: watch::Sender<Work>,
    live: Mutex<Live>,
}

/// The part that its connection keeps up to date.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) worker: String,
    pub(super) user_agent: String,
    pub(super) accepted: u64,
    pub(super) rejected: BTreeMap<RejectReason, u64>,
    pub(super) work: u128,
    pub(super) rate: Rate,
    pub(super) last_share: Option<Instant>,
    pub(super) difficulty: Option<f64>,
    announced: Vec<Announced>,
}

/// A notify that the miner may be working on.
#[derive(Debug)]
struct Announced {
    lease: Option<B256>,
    time: u32,
    superseded_at: Option<Instant>,
}

impl Record {
    pub(super) fn new(id: u64, number: Number, job_size: u8, remote: SocketAddr, now: Instant) -> Self {
        let live = Live {
            worker: String::new(),
            user_agent: String::new(),
            accepted: 0,
            rejected: BTreeMap::new(),
            work: 0,
            rate: Rate::new(now),
            last_share: None,
            difficulty: None,
            announced: Vec::new(),
        };
        let work = watch::Sender::new(Work::None);
        Self {
            id,
            room: job_size,
            division: Division::for_job(number, job_size),
            number,
            remote,
            connected_at: now,
            work,
            live: Mutex::new(live),
        }
    }

    pub(super) fn live(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn status(&self, lease: Option<B256>, now: Instant) -> SessionStatus {
        let mut live = self.live();
        let estimate = live.rate.estimate(now);
        SessionStatus {
            id: self.id,
            worker: live.worker.clone(),
            user_agent: live.user_agent.clone(),
            remote: self.remote,
            lease,
            accepted: live.accepted,
            rejected: live.rejected.clone(),
            work: live.work,
            hashrate: estimate.hashrate,
            hashrate_error: estimate.error,
            connected_for: now.duration_since(self.connected_at),
            last_share: live.last_share.map(|at| now.duration_since(at)),
            difficulty: live.difficulty,
        }
    }
}

impl Live {
    /// Notes a notify before it is written: from then on the miner may be working on it.
    pub(super) fn announce(&mut self, lease: Option<B256>, time: u32, now: Instant) {
        self.announced.retain(|announced| announced.is_open(now));
        self.announced.push(Announced { lease, time, superseded_at: None });
        self.rate.set_busy(lease.is_some(), now);
    }

    /// Notes that everything was written: the newest notify supersedes all others.
    pub(super) fn written(&mut self, now: Instant) {
        let older = self.announced.len().saturating_sub(1);
        for announced in &mut self.announced[..older] {
            announced.superseded_at.get_or_insert(now);
        }
    }

    /// The smallest nTime for a lease that the miner may still be working on.
    pub(super) fn oldest_time(&self, lease: B256, now: Instant) -> Option<u32> {
        let open = self.announced.iter().filter(|announced| announced.lease == Some(lease) && announced.is_open(now));
        open.map(|announced| announced.time).min()
    }
}

impl Announced {
    fn is_open(&self, now: Instant) -> bool {
        self.superseded_at.is_none_or(|instant| now.duration_since(instant) < GRACE)
    }
}
