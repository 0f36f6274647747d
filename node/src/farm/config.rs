//! Limits of the server.

use std::time::Duration;

/// Limits that protect the server from its clients. The defaults suit farms of some thousand miners.
#[derive(Clone, Debug)]
pub struct FarmConfig {
    /// Connections at a time; by V2, connections and channels, each.
    pub max_connections: usize,
    /// Channels of one V2 connection; each also counts as a connection.
    pub max_channels: usize,
    /// Messages before the first authorization; real devices need five at most.
    pub max_messages_before_authorize: u32,
    /// Messages in any second after that; only what never was a miner sends more.
    pub max_messages_per_s: u32,
    /// Rejected shares in a row after which a device must connect again: it works on something that it wasn't given.
    pub max_rejected_in_a_row: u32,
    /// Time in which a device must subscribe and authorize, and in which one by V2 must open a channel.
    pub handshake_timeout: Duration,
    /// Time without a byte from a device after which it is taken for gone. A slow miner finds no share for long.
    pub idle_timeout: Duration,
    /// Time in which a device must take what it is sent.
    pub write_timeout: Duration,
    /// How far a device may roll nTime ahead of its job's time and the seconds since, in seconds. Agents refuse shares
    /// over 60 s ahead of their clock (PROTOCOL.md, section 4).
    pub time_roll_s: u32,
    /// Work of the easiest share that a miner is given, in hashes, where its lease's aren't easier still. By default a slow
    /// core's 1 MH/s makes one in four seconds; what is slower than that by much is of no use to a lease.
    pub easiest_share: u128,
    /// Shares of leases that wait for the delivery; miners wait where it is full.
    pub share_queue: usize,
}

impl Default for FarmConfig {
    fn default() -> Self {
        Self {
            max_connections: 4_096,
            max_channels: 256,
            max_messages_before_authorize: 16,
            max_messages_per_s: 1_000,
            max_rejected_in_a_row: 256,
            handshake_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(30 * 60),
            write_timeout: Duration::from_secs(5),
            time_roll_s: 50,
            easiest_share: 1 << 22,
            share_queue: 1_024,
        }
    }
}
