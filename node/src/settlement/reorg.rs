//! Reorganisations as values: what the chain says now, compared with the headers that were kept.
//!
//! A [`Cursor`] is nothing but the fold of all [`ChainUpdate`]s: who stores each update together with what it caused can
//! resume from there after any crash, and sees a reorganisation that happened in between.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::port::{Block, LoggedEvent};

/// A block and the escrow's events in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockEvents {
    /// Header.
    pub block: Block,
    /// Events in chain order; often none.
    pub events: Vec<LoggedEvent>,
}

/// How the chain went on. Blocks ascend; those between them hold no events, and the last one is the chain's new tip as far
/// as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ChainUpdate {
    /// Blocks were added to the tip.
    Extended {
        /// At least one.
        blocks: Vec<BlockEvents>,
    },
    /// Blocks were replaced.
    Reorged {
        /// Newest kept block that still stands.
        fork: Block,
        /// Kept blocks that no longer stand, newest first: undo them in this order.
        dropped: Vec<Block>,
        /// At least one.
        added: Vec<BlockEvents>,
    },
    /// No kept block stands any more: forget all that was learnt from the chain. It is read anew from the cursor's start.
    Restarted {
        /// Kept blocks that no longer stand, newest first.
        dropped: Vec<Block>,
    },
}

impl ChainUpdate {
    /// Returns the new tip, or none after a restart.
    pub fn tip(&self) -> Option<&Block> {
        self.added().last().map(|added| &added.block)
    }

    /// Returns the blocks to apply, ascending.
    pub fn added(&self) -> &[BlockEvents] {
        match self {
            Self::Extended { blocks } => blocks,
            Self::Reorged { added, .. } => added,
            Self::Restarted { .. } => &[],
        }
    }

    /// Returns the blocks to undo first, newest first.
    pub fn dropped(&self) -> &[Block] {
        match self {
            Self::Extended { .. } => &[],
            Self::Reorged { dropped, .. } | Self::Restarted { dropped } => dropped,
        }
    }
}

/// How far the chain was read: the newest headers, so that a reorganisation shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    start: u64,
    depth: usize,
    kept: VecDeque<Block>,
}

/// What to read next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Nothing is new.
    Rest,
    /// Blocks too old to be reorganised: by number range.
    Range { from: u64, to: u64 },
    /// The newest blocks: from the head by parent hash down to `from`.
    Walk { from: u64 },
}

impl Cursor {
    /// Headers to keep: two epochs of Ethereum, after which a block is final.
    pub const DEPTH: usize = 64;

    /// Makes a cursor that has read nothing yet. `start` is the first block to read, `depth` (at least 1) the number of headers
    /// to keep.
    pub fn new(start: u64, depth: usize) -> Self {
        Self { start, depth: depth.max(1), kept: VecDeque::new() }
    }

    /// Returns the newest block read.
    pub fn tip(&self) -> Option<&Block> {
        self.kept.back()
    }

    /// Returns the kept headers, newest first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = &Block> {
        self.kept.iter().rev()
    }

    /// Returns what to read next, given the newest kept block that still stands and the chain's head. At most `range` blocks
    /// are read at once.
    pub(super) fn plan(&self, fork: Option<&Block>, head: &Block, range: u64) -> Plan {
        let from = fork.map_or(self.start, |fork| fork.number.saturating_add(1));
        if head.number < from {
            return Plan::Rest;
        }
        let recent = head.number.saturating_sub((self.depth as u64).saturating_sub(1));
        if from < recent {
            Plan::Range { from, to: (recent - 1).min(from.saturating_add(range - 1)) }
        } else {
            Plan::Walk { from }
        }
    }

    /// Returns the update that puts `added` on top of `fork`; nothing was read before where that is none.
    pub(super) fn update(&self, fork: Option<Block>, added: Vec<BlockEvents>) -> ChainUpdate {
        match fork {
            Some(fork) if self.tip() != Some(&fork) => {
                let dropped = self.newest_first().copied().take_while(|block| block.number > fork.number).collect();
                ChainUpdate::Reorged { fork, dropped, added }
            }
            _ => ChainUpdate::Extended { blocks: added },
        }
    }

    /// Returns the update that forgets everything.
    pub(super) fn restart(&self) -> ChainUpdate {
        ChainUpdate::Restarted { dropped: self.newest_first().copied().collect() }
    }

    /// Moves on past an update.
    pub fn apply(&mut self, update: &ChainUpdate) {
        let dropped = update.dropped().len().min(self.kept.len());
        self.kept.truncate(self.kept.len() - dropped);
        self.kept.extend(update.added().iter().map(|added| added.block));
        self.kept.drain(..self.kept.len().saturating_sub(self.depth));
    }
}
