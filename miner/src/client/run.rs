//! The client: connection after connection, until it is told to stop.

use std::error::Error;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::back_off::BackOff;
use super::config::Config;
use super::connection::{Ended, converse};
use super::stats::{State, Stats};
use crate::worker::{Miner, StartError};

/// Why a client ended by itself. Trouble with the pool never ends it.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The mining threads couldn't be started.
    #[error("mining can't start")]
    Start(#[from] StartError),
}

/// A Stratum V1 client with its mining threads.
#[derive(Debug)]
pub struct Client {
    config: Config,
    stats: watch::Sender<Stats>,
}

impl Client {
    /// Prepares a client and gives the watch on its statistics.
    pub fn new(config: Config) -> (Self, watch::Receiver<Stats>) {
        let (stats, watch) = watch::channel(Stats::default());
        (Self { config, stats }, watch)
    }

    /// Mines until `shutdown` is cancelled; reconnects for as long as it takes.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), ClientError> {
        let (miner, mut found) = Miner::start(self.config.threads)?;
        let timeouts = self.config.timeouts;
        let mut back_off = BackOff::new(timeouts.back_off_min, timeouts.back_off_max);
        let mut configure = true;
        loop {
            self.stats.send_modify(|stats| stats.state = State::Connecting);
            let conversation = converse(&self.config, &miner, &mut found, &self.stats, configure);
            let Some(ended) = shutdown.run_until_cancelled(conversation).await else { break };
            // Whether it was the request or a passing fault shows in the connection after the next.
            configure = !ended.disliked_configure;
            if ended.was_ready {
                back_off.reset();
            }
            let wait = back_off.step(&mut rand::rng()).max(ended.wait.min(timeouts.back_off_max));
            self.report(&ended, wait, &miner);
            if shutdown.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
                break;
            }
        }
        // Without work nothing is counted any more, so that the last figures belong together.
        miner.clear_work();
        self.stats.send_modify(|stats| stats.refresh(&miner));
        // Not here: a runtime of one thread must still hear a signal if the threads should hang.
        if let Err(error) = tokio::task::spawn_blocking(|| miner.stop()).await {
            tracing::error!(%error, "the mining threads didn't stop in order");
        }
        self.stats.send_modify(|stats| stats.state = State::Stopped);
        Ok(())
    }

    fn report(&self, ended: &Ended, wait: Duration, miner: &Miner) {
        let reason = match &ended.error {
            Some(error) => chain(error),
            None => "the pool asked to reconnect".to_owned(),
        };
        tracing::warn!(reason, wait_ms = wait.as_millis(), "connecting again after a wait");
        self.stats.send_modify(|stats| {
            stats.state = State::Waiting;
            stats.refresh(miner);
            stats.last_error = Some(reason);
        });
    }
}

/// An error and its causes on one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
