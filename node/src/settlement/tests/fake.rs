//! A chain in memory that can be reorganised.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use alloy_primitives::{Address, B256, U256};
use hashlease_domain::EscrowEvent;

use crate::settlement::{
    error::Error,
    port::{Block, Chain, LoggedEvent},
};

/// All clones are the same chain.
#[derive(Clone, Default)]
pub(super) struct FakeChain(Arc<State>);

#[derive(Default)]
struct State {
    canonical: Mutex<Vec<Block>>,
    known: Mutex<HashMap<B256, (Block, Vec<LoggedEvent>)>>,
    made: AtomicU64,
    failures: AtomicUsize,
    /// Requests to answer before a reorganisation, and its depth.
    surprise: Mutex<Option<(usize, usize)>>,
}

impl FakeChain {
    /// Makes a chain of `length` empty blocks.
    pub(super) fn new(length: usize) -> Self {
        let chain = Self::default();
        for _ in 0..length {
            chain.mine(0);
        }
        chain
    }

    /// Adds a block with some events, each unlike any other.
    pub(super) fn mine(&self, events: u64) -> Block {
        let unique = |chain: &Self| B256::from(U256::from(chain.0.made.fetch_add(1, Ordering::Relaxed) + 1));
        let mut canonical = self.0.canonical.lock().unwrap();
        let parent = canonical.last().map_or(B256::ZERO, |parent| parent.hash);
        let number = canonical.len() as u64;
        let block = Block { number, hash: unique(self), parent, time: 1_700_000_000 + number };
        let event = |log_index| LoggedEvent {
            block_number: number,
            block_hash: block.hash,
            tx_hash: unique(self),
            log_index,
            event: EscrowEvent::OrderCancelled { maker: Address::ZERO, salt: unique(self) },
        };
        self.0.known.lock().unwrap().insert(block.hash, (block, (0..events).map(event).collect()));
        canonical.push(block);
        block
    }

    /// Takes the newest blocks away.
    pub(super) fn cut(&self, depth: usize) {
        let mut canonical = self.0.canonical.lock().unwrap();
        let length = canonical.len() - depth;
        canonical.truncate(length);
    }

    /// Replaces the newest `depth` blocks by `depth + 1` others, each with one event.
    pub(super) fn reorganise(&self, depth: usize) {
        self.cut(depth);
        for _ in 0..=depth {
            self.mine(1);
        }
    }

    /// Lets the chain be reorganised while it is read: once `requests` have been answered.
    pub(super) fn reorganise_after(&self, requests: usize, depth: usize) {
        *self.0.surprise.lock().unwrap() = Some((requests, depth));
    }

    /// Lets the next requests fail.
    pub(super) fn fail(&self, requests: usize) {
        self.0.failures.store(requests, Ordering::SeqCst);
    }

    /// Returns the requests that are still to fail.
    pub(super) fn failures_left(&self) -> usize {
        self.0.failures.load(Ordering::SeqCst)
    }

    pub(super) fn block(&self, number: usize) -> Block {
        self.0.canonical.lock().unwrap()[number]
    }

    /// Returns all events of the canonical blocks from a height on.
    pub(super) fn all_events(&self, from: usize) -> Vec<LoggedEvent> {
        let canonical = self.0.canonical.lock().unwrap();
        canonical[from..].iter().flat_map(|block| self.0.known.lock().unwrap()[&block.hash].1.clone()).collect()
    }

    fn answer(&self) -> Result<(), Error> {
        let due = self.0.surprise.lock().unwrap().take_if(|(requests, _)| {
            *requests = requests.saturating_sub(1);
            *requests == 0
        });
        if let Some((_, depth)) = due {
            self.reorganise(depth);
        }
        let left = self.0.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left.is_ok() { Err(Error::Url) } else { Ok(()) }
    }
}

impl Chain for FakeChain {
    async fn head(&self) -> Result<Block, Error> {
        self.answer()?;
        Ok(*self.0.canonical.lock().unwrap().last().unwrap())
    }

    async fn finalized_number(&self) -> Result<u64, Error> {
        Ok(0)
    }

    async fn block_at(&self, number: u64) -> Result<Option<Block>, Error> {
        self.answer()?;
        Ok(self.0.canonical.lock().unwrap().get(usize::try_from(number).unwrap()).copied())
    }

    async fn block_with(&self, hash: B256) -> Result<Option<Block>, Error> {
        self.answer()?;
        Ok(self.0.known.lock().unwrap().get(&hash).map(|(block, _)| *block))
    }

    async fn events(&self, from: u64, to: u64) -> Result<Vec<LoggedEvent>, Error> {
        self.answer()?;
        let events = self.all_events(usize::try_from(from).unwrap());
        Ok(events.into_iter().filter(|event| event.block_number <= to).collect())
    }

    async fn events_of(&self, block: &Block) -> Result<Vec<LoggedEvent>, Error> {
        self.answer()?;
        Ok(self.0.known.lock().unwrap()[&block.hash].1.clone())
    }
}
