//! What a client tells about itself.

use serde::Serialize;

/// What the client is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Opens a connection and shakes hands.
    #[default]
    Connecting,
    /// Authorized; mines as soon as there is a job.
    Mining,
    /// Waits before another connection.
    Waiting,
    /// Has ended.
    Stopped,
}

/// Counters since the start, over all connections.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Stats {
    /// What the client is doing.
    pub state: State,
    /// Hashes computed, refreshed every second while connected.
    pub hashes: u64,
    /// Shares that the pool accepted.
    pub accepted: u64,
    /// Shares that the pool rejected.
    pub rejected: u64,
    /// Shares that were found too late and never sent.
    pub stale: u64,
    /// Shares that the pool never answered.
    pub unanswered: u64,
    /// Stratum difficulty of the current job's shares; zero before the first.
    pub difficulty: f64,
    /// Highest difficulty of an accepted share.
    pub best_difficulty: f64,
    /// Connections that reached the end of the handshake.
    pub connections: u64,
    /// The pool's words on its last rejection.
    pub last_rejection: Option<String>,
    /// Why the last connection ended.
    pub last_error: Option<String>,
}
