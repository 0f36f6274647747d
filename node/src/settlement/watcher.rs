//! Follows the chain by polling, and says how it went on.

use std::{collections::BTreeMap, error::Error as _, future::Future, time::Duration};

use rand::Rng;
use tokio::sync::mpsc;
use tracing::{error, info, warn};

use super::{
    error::Error,
    port::{Block, Chain, LoggedEvent},
    reorg::{BlockEvents, ChainUpdate, Cursor, Plan},
};

/// Most blocks that are read at once while catching up: what public RPC servers grant for one `eth_getLogs`.
pub const RANGE_BLOCKS: u64 = 2_000;

/// Longest wait between two attempts while the RPC fails.
const MAX_BACKOFF: Duration = Duration::from_secs(60);

/// Follows the chain from `cursor` on until `shutdown` or until nobody listens. A failing RPC is retried for ever and reported
/// when that begins and when it ends. An update that was not delivered is made anew from the cursor of the next start.
pub async fn watch<C: Chain>(
    chain: C,
    cursor: Cursor,
    poll_interval: Duration,
    updates: mpsc::Sender<ChainUpdate>,
    shutdown: impl Future<Output = ()> + Send,
) {
    tokio::select! {
        () = follow(Watcher::new(chain, cursor), poll_interval, updates) => {}
        () = shutdown => {}
    }
}

async fn follow<C: Chain>(mut watcher: Watcher<C>, poll_interval: Duration, updates: mpsc::Sender<ChainUpdate>) {
    let mut health = Health::default();
    loop {
        match watcher.step().await {
            Ok(Some(update)) => {
                health.succeeded();
                if updates.send(update).await.is_err() {
                    return;
                }
            }
            Ok(None) => {
                health.succeeded();
                tokio::time::sleep(poll_interval).await;
            }
            Err(error) => tokio::time::sleep(health.failed(&error, poll_interval)).await,
        }
    }
}

/// Whether the RPC answers, so that each change is said once.
#[derive(Default)]
struct Health {
    failures: u32,
}

impl Health {
    fn succeeded(&mut self) {
        if self.failures > 0 {
            info!(failures = self.failures, "the chain is read again");
        }
        self.failures = 0;
    }

    /// Returns how long to wait: twice as long each time, up to a limit, and up to a quarter more so that nodes spread.
    fn failed(&mut self, error: &Error, poll_interval: Duration) -> Duration {
        if self.failures == 0 {
            warn!(cause = %causes(error), "the chain can't be read, trying again: {error}");
        }
        let wait = poll_interval.saturating_mul(1 << self.failures.min(16)).min(MAX_BACKOFF);
        self.failures = self.failures.saturating_add(1);
        wait + rand::rng().random_range(Duration::ZERO..=wait / 4)
    }
}

fn causes(error: &Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Reads the chain one update at a time.
pub(super) struct Watcher<C> {
    chain: C,
    cursor: Cursor,
}

/// Where the kept headers meet the chain as it is now.
enum Meeting {
    /// At the newest of them that still stands; none was kept yet where that is none.
    At(Option<Block>),
    /// All of them lie above the head: the RPC is behind, which says nothing about them.
    Above,
    /// Nowhere.
    Nowhere,
}

impl<C: Chain> Watcher<C> {
    pub(super) fn new(chain: C, cursor: Cursor) -> Self {
        Self { chain, cursor }
    }

    /// Returns how the chain went on since the last update, or none where it didn't.
    pub(super) async fn step(&mut self) -> Result<Option<ChainUpdate>, Error> {
        let head = self.chain.head().await?;
        let update = match self.meet(&head).await? {
            Meeting::Above => None,
            Meeting::At(fork) => self.read(fork, head).await?.map(|added| self.cursor.update(fork, added)),
            Meeting::Nowhere => {
                error!(
                    head = head.number,
                    "the chain was reorganised below every header that was kept: reading it anew from the configured start. \
                     Check that the RPC serves the right chain"
                );
                Some(self.cursor.restart())
            }
        };
        if let Some(update) = &update {
            self.cursor.apply(update);
        }
        Ok(update)
    }

    async fn meet(&self, head: &Block) -> Result<Meeting, Error> {
        let mut compared = self.cursor.tip().is_none();
        for kept in self.cursor.newest_first().filter(|kept| kept.number <= head.number) {
            compared = true;
            let canonical = if kept.number == head.number { *head } else { self.canonical(kept.number).await? };
            if canonical.hash == kept.hash {
                return Ok(Meeting::At(Some(*kept)));
            }
        }
        Ok(match self.cursor.tip() {
            None => Meeting::At(None),
            Some(_) if compared => Meeting::Nowhere,
            Some(_) => Meeting::Above,
        })
    }

    async fn read(&self, fork: Option<Block>, head: Block) -> Result<Option<Vec<BlockEvents>>, Error> {
        match self.cursor.plan(fork.as_ref(), &head, RANGE_BLOCKS) {
            Plan::Rest => Ok(None),
            Plan::Range { from, to } => self.range(from, to).await.map(Some),
            Plan::Walk { from } => self.walk(from, fork, head).await.map(Some),
        }
    }

    /// Blocks with events, and the last one. Each event must name the canonical block of its height.
    async fn range(&self, from: u64, to: u64) -> Result<Vec<BlockEvents>, Error> {
        let mut by_number = BTreeMap::<u64, Vec<LoggedEvent>>::from([(to, Vec::new())]);
        for event in self.chain.events(from, to).await? {
            if !(from..=to).contains(&event.block_number) {
                return Err(Error::Moved { number: event.block_number });
            }
            by_number.entry(event.block_number).or_default().push(event);
        }
        let mut blocks = Vec::with_capacity(by_number.len());
        for (number, events) in by_number {
            blocks.push(consistent(self.canonical(number).await?, events)?);
        }
        Ok(blocks)
    }

    /// Every block from `from` to the head, linked by parent hashes, each with its events by block hash: whatever the chain does
    /// meanwhile, this is one branch of it.
    async fn walk(&self, from: u64, fork: Option<Block>, head: Block) -> Result<Vec<BlockEvents>, Error> {
        let mut branch = vec![head];
        let mut oldest = head;
        while oldest.number > from {
            let parent = self.chain.block_with(oldest.parent).await?;
            let number = oldest.number - 1;
            let linked = parent.filter(|parent| parent.hash == oldest.parent && parent.number == number);
            oldest = linked.ok_or(Error::Moved { number })?;
            branch.push(oldest);
        }
        if fork.is_some_and(|fork| fork.hash != oldest.parent) {
            return Err(Error::Moved { number: from });
        }
        let mut blocks = Vec::with_capacity(branch.len());
        for block in branch.into_iter().rev() {
            blocks.push(consistent(block, self.chain.events_of(&block).await?)?);
        }
        Ok(blocks)
    }

    async fn canonical(&self, number: u64) -> Result<Block, Error> {
        let block = self.chain.block_at(number).await?.filter(|block| block.number == number);
        block.ok_or(Error::Moved { number })
    }
}

/// Puts events to their block, which each of them must name.
fn consistent(block: Block, events: Vec<LoggedEvent>) -> Result<BlockEvents, Error> {
    let belongs = |event: &LoggedEvent| event.block_hash == block.hash && event.block_number == block.number;
    if events.iter().all(belongs) {
        Ok(BlockEvents { block, events })
    } else {
        Err(Error::Moved { number: block.number })
    }
}
