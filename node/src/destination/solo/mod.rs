//! Mining on a Bitcoin node's own templates.

mod poller;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alloy_primitives::B256;
use bitcoin::consensus::encode::{VarInt, serialize};
use hashlease_miner::pow::share::Checked;
use hashlease_miner::pow::{Hash256, Job, Solution};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::bitcoin_rpc::{BitcoinRpc, RpcConfig};
use super::coinbase::{self, EXTRANONCE_SIZE, TAG_SIZE};
use super::template::Template;
use super::{DestinationError, Health, Payout};
use poller::Poller;

/// First pause between tries to submit a block; it doubles.
const SUBMIT_PAUSE: Duration = Duration::from_millis(100);
/// Longest such pause: each second may cost the block.
const MAX_SUBMIT_PAUSE: Duration = Duration::from_secs(2);
/// Time after which a block that can't be submitted is given up: others will have found the next by then.
const SUBMIT_DEADLINE: Duration = Duration::from_secs(600);

/// The newest template, `None` before the first; ends with the poller.
pub type Templates = watch::Receiver<Option<Arc<Template>>>;

/// How to mine solo.
#[derive(Clone, Debug)]
pub struct SoloConfig {
    /// The Bitcoin node.
    pub rpc: RpcConfig,
    /// Where the coins go.
    pub payout: Payout,
}

/// A Bitcoin node as a destination. Clones share one connection and one poller.
#[derive(Clone, Debug)]
pub struct Solo {
    rpc: BitcoinRpc,
    payout: Payout,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Wakes the poller.
    look: Notify,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    current_at: Option<Instant>,
    failure: Option<String>,
}

/// A job with what it takes to make a block of it.
#[derive(Clone, Debug)]
pub struct SoloJob {
    /// The job, its coinbase tagged with the lease.
    pub job: Job,
    template: Arc<Template>,
}

/// What the Bitcoin node made of a block, or the pool of a share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubmitOutcome {
    /// The node took it.
    Accepted {
        /// The block's hash.
        hash: Hash256,
        /// The block's height.
        height: u32,
    },
    /// The node has it already, as after an answer that was lost.
    Duplicate {
        /// The block's hash.
        hash: Hash256,
        /// The block's height.
        height: u32,
    },
    /// The node turned it down.
    Refused {
        /// The node's own words, shortened.
        reason: String,
    },
    /// The pool took the share.
    ShareAccepted,
    /// The pool turned the share down, or it was lost on the way.
    ShareRefused {
        /// One of few: the pool's words without figures, or what it was lost by.
        reason: String,
    },
}

impl Solo {
    /// Starts to follow a Bitcoin node until shutdown; the receiver always holds the newest template. A node that
    /// fails is asked again and again; [`Solo::health`] tells.
    ///
    /// Must be called inside a tokio runtime.
    pub fn start(config: SoloConfig, shutdown: CancellationToken) -> Result<(Self, Templates), DestinationError> {
        let solo = Self { rpc: BitcoinRpc::new(config.rpc)?, payout: config.payout, shared: Arc::default() };
        let (sender, receiver) = watch::channel(None);
        let poller = Poller::new(solo.clone(), sender);
        TaskTracker::new().spawn(shutdown.run_until_cancelled_owned(poller.run()));
        Ok((solo, receiver))
    }

    /// Makes a lease's job of a template. The lease's first 8 bytes stand in the coinbase, so that no two leases mine the same one.
    pub fn job(&self, template: &Arc<Template>, lease: B256) -> SoloJob {
        let mut tag = [0; TAG_SIZE];
        tag.copy_from_slice(&lease[..TAG_SIZE]);
        let coinbase = coinbase::split(template, self.payout.script(), tag);
        let job = Job {
            version: template.version,
            version_mask: template.version_mask,
            prev_hash: template.prev_hash,
            coinbase_prefix: coinbase.prefix,
            coinbase_suffix: coinbase.suffix,
            extranonce_size: EXTRANONCE_SIZE,
            branch: template.branch.clone(),
            bits: template.bits,
            min_time: template.min_time,
        };
        SoloJob { job, template: Arc::clone(template) }
    }

    /// Submits a block, again and again while the node can't be reached. A solution that is no block isn't sent.
    pub async fn submit(&self, job: &SoloJob, solution: &Solution) -> Result<SubmitOutcome, DestinationError> {
        let (hash, block) = job.block(solution)?;
        let height = job.template.height;
        let outcome = self.submit_until_answered(&block).await.map(|reason| match reason.as_deref() {
            None => SubmitOutcome::Accepted { hash, height },
            // bcoin puts a word of its own before the reason.
            Some("duplicate" | "rejected: duplicate") => SubmitOutcome::Duplicate { hash, height },
            Some(reason) => SubmitOutcome::Refused { reason: reason.to_owned() },
        });
        self.shared.look.notify_one();
        outcome
    }

    async fn submit_until_answered(&self, block: &[u8]) -> Result<Option<String>, DestinationError> {
        let deadline = Instant::now() + SUBMIT_DEADLINE;
        let mut pause = SUBMIT_PAUSE;
        loop {
            match self.rpc.submit_block(block).await {
                Err(error) if error.is_transient() && Instant::now() + pause < deadline => {
                    tracing::warn!(error = error.with_causes(), "a block couldn't be submitted; trying again");
                    sleep(pause).await;
                    pause = (pause * 2).min(MAX_SUBMIT_PAUSE);
                }
                answer => return answer,
            }
        }
    }

    /// How fresh the newest template is, and what is wrong where it isn't.
    pub fn health(&self) -> Health {
        let state = self.shared.state();
        Health { age: state.current_at.map(|instant| instant.elapsed()), failure: state.failure.clone() }
    }
}

impl SoloJob {
    /// The template that the job was made of.
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// The whole block and its hash; an error where the solution doesn't complete one.
    fn block(&self, solution: &Solution) -> Result<(Hash256, Vec<u8>), DestinationError> {
        let header = self.job.header(solution).map_err(|_| DestinationError::NotABlock)?;
        let checked = Checked::of(header);
        let coinbase = self.job.coinbase(&solution.extranonce).map_err(|_| DestinationError::NotABlock)?;
        let coinbase = match self.template.witness_commitment {
            Some(_) => coinbase::with_witness(&coinbase).ok_or(DestinationError::NotABlock)?,
            None => coinbase,
        };
        if !checked.is_block() {
            return Err(DestinationError::NotABlock);
        }
        let transactions = &self.template.transactions;
        let mut block = header.to_bytes().to_vec();
        block.extend(serialize(&VarInt::from(transactions.len() + 1)));
        block.extend(coinbase);
        transactions.iter().for_each(|transaction| block.extend_from_slice(&transaction.bytes));
        Ok((checked.hash, block))
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
