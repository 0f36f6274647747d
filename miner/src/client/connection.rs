//! One connection of the miner's, from the handshake to its end.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};

use super::config::Config;
use super::stats::{State, Stats};
use super::upstream::{Event, Upstream, UpstreamError};
use crate::worker::{Found, Miner, WorkError};

/// How often the hash counter is published.
const STATS_INTERVAL: Duration = Duration::from_secs(1);

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectionError {
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    #[error("the pool's job can't be mined")]
    Work(#[from] WorkError),
}

/// How a connection ended, and what that means for the next.
pub(super) struct Ended {
    pub(super) error: Option<ConnectionError>,
    /// The pool asked to wait so long.
    pub(super) wait: Duration,
    /// The handshake came to its end.
    pub(super) was_ready: bool,
    /// The pool refused `mining.configure`, or went away over it.
    pub(super) disliked_configure: bool,
}

/// A connection and what it uses of its client.
pub(super) struct Connection<'a> {
    config: &'a Config,
    miner: &'a Miner,
    stats: &'a watch::Sender<Stats>,
    upstream: Upstream,
    /// Shares of earlier generations are stale.
    oldest_live: u64,
    ready: bool,
    reconnect: Option<Duration>,
}

/// Connects, shakes hands and mines until the connection ends. Afterwards the miner is without work.
pub(super) async fn converse(
    config: &Config,
    miner: &Miner,
    found: &mut mpsc::Receiver<Found>,
    stats: &watch::Sender<Stats>,
    configure: bool,
) -> Ended {
    let opened =
        Upstream::open(&config.url, config.user.clone(), config.password.clone(), config.timeouts, configure).await;
    let upstream = match opened {
        Ok(upstream) => upstream,
        Err(error) => {
            let error = Some(error.into());
            return Ended { error, wait: Duration::ZERO, was_ready: false, disliked_configure: false };
        }
    };
    // Whatever is still in the channel was found for another connection.
    let oldest_live = miner.clear_work();
    let mut connection = Connection { config, miner, stats, upstream, oldest_live, ready: false, reconnect: None };
    let error = connection.run(found).await.err();
    miner.clear_work();
    stats.send_modify(|stats| stats.unanswered += connection.upstream.unanswered());
    let disliked_configure = connection.upstream.disliked_configure();
    Ended { error, wait: connection.reconnect.unwrap_or_default(), was_ready: connection.ready, disliked_configure }
}

impl Connection<'_> {
    /// Runs until the pool asks to reconnect (`Ok`) or something fails.
    async fn run(&mut self, found: &mut mpsc::Receiver<Found>) -> Result<(), ConnectionError> {
        let mut ticks = interval(STATS_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while self.reconnect.is_none() {
            tokio::select! {
                // What the pool said comes first, so that no share goes out that it has just voided.
                biased;
                event = self.upstream.next() => self.take(event?)?,
                Some(share) = found.recv() => self.offer(&share),
                _ = ticks.tick() => self.stats.send_modify(|stats| stats.refresh(self.miner)),
            }
        }
        Ok(())
    }

    fn offer(&mut self, share: &Found) {
        if share.generation < self.oldest_live {
            self.stats.send_modify(|stats| stats.stale += 1);
        } else {
            self.upstream.submit(share);
        }
    }

    fn take(&mut self, event: Event) -> Result<(), ConnectionError> {
        match event {
            Event::Ready => {
                self.ready = true;
                tracing::info!(pool = %self.config.url, "authorized");
                self.stats.send_modify(|stats| {
                    stats.state = State::Mining;
                    stats.connections += 1;
                    stats.last_error = None;
                });
            }
            Event::Job { work, difficulty, clean } => {
                let generation = self.miner.set_work(work)?;
                if clean {
                    self.oldest_live = generation;
                }
                self.stats.send_modify(|stats| stats.difficulty = difficulty);
            }
            Event::Accepted { work, difficulty, .. } => {
                self.stats.send_modify(|stats| stats.accept(work, difficulty));
            }
            Event::Refused { refusal, .. } => {
                tracing::warn!(%refusal, "the pool rejected a share");
                self.stats.send_modify(|stats| {
                    stats.rejected += 1;
                    stats.last_rejection = Some(refusal.to_string());
                });
            }
            Event::Unanswered { .. } => self.stats.send_modify(|stats| stats.unanswered += 1),
            Event::Reconnect { wait_s } => self.reconnect = Some(Duration::from_secs(wait_s)),
        }
        Ok(())
    }
}
