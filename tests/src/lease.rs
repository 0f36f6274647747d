//! What became of a lease, each figure from its own source, and whether all sources agree.

use alloy_primitives::{B256, U256};
use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{Closed, Opened, Settled, Stage, until};

/// One party's view of a lease, from its node's API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    /// Work of the newest co-signed receipt, hashes.
    pub receipted: U256,
    /// Last nTime that it counts.
    pub through: u64,
    /// Work in the node's own ledger, hashes.
    pub accepted: U256,
    /// Shares too late.
    pub stale_shares: u64,
    /// Shares sent and not answered.
    pub in_flight_shares: u64,
    /// Earned by the payee, base units.
    pub earned: U256,
    /// Refunded to the buyer, base units.
    pub refund: U256,
    /// Blocks that the lease's work found.
    pub blocks: Vec<String>,
}

/// A closed lease as all sources show it.
#[derive(Clone, Debug)]
pub struct Agreement {
    /// From the chain.
    pub opened: Opened,
    /// From the chain.
    pub settled: Vec<Settled>,
    /// From the chain.
    pub closed: Closed,
    /// From the seller's node.
    pub seller: Figures,
    /// From the buyer's node.
    pub buyer: Figures,
    /// From the Bitcoin node: hashes of its blocks that pay the buyer's address.
    pub blocks: Vec<String>,
    /// Gas by transaction, from the chain: opening, settlements, closing.
    pub gas: Vec<(&'static str, u64)>,
}

impl Stage {
    /// Waits until the chain closed a lease, and gathers what all sources say of it.
    ///
    /// # Errors
    /// Where it is not closed within `seconds`, or a source does not answer.
    pub async fn agreement(&self, opened: Opened, seconds: u64) -> Result<Agreement> {
        let id = opened.id;
        let closed = until("a lease to close", seconds, || self.chain.closed(self.escrow, id)).await;
        let closed =
            closed.with_context(|| format!("buyer:\n{}\nseller:\n{}", self.buyer.tail(), self.seller.tail()))?;
        let settled = self.chain.settled(self.escrow, id).await?;
        let seller = until("the seller's node to see the end", 30, || self.figures_once_closed(true, id)).await?;
        let buyer = until("the buyer's node to see the end", 30, || self.figures_once_closed(false, id)).await?;
        let mut gas = vec![("open", self.chain.gas_used(opened.transaction).await?)];
        for settlement in settled.iter().filter(|settlement| settlement.transaction != closed.transaction) {
            gas.push(("settle", self.chain.gas_used(settlement.transaction).await?));
        }
        let last = if settled.iter().any(|settlement| settlement.transaction == closed.transaction) {
            "settleAndClose"
        } else {
            "close"
        };
        gas.push((last, self.chain.gas_used(closed.transaction).await?));
        let blocks = self.paying_blocks().await?;
        Ok(Agreement { opened, settled, closed, seller, buyer, blocks, gas })
    }

    async fn figures_once_closed(&self, of_seller: bool, id: B256) -> Result<Option<Figures>> {
        let node = if of_seller { &self.seller } else { &self.buyer };
        let lease = node.get(&format!("leases/{id}")).await?;
        if lease["stage"] != "closed" {
            return Ok(None);
        }
        Figures::read(&lease).map(Some)
    }
}

impl Figures {
    fn read(lease: &Value) -> Result<Self> {
        let number = |value: &Value| -> Result<U256> { Ok(value.as_str().context("a decimal string")?.parse()?) };
        let blocks = lease["blocks"].as_array().context("blocks")?;
        Ok(Self {
            receipted: number(&lease["receipt"]["work"])?,
            through: lease["receipt"]["through"].as_u64().context("through")?,
            accepted: number(&lease["work"]["accepted"])?,
            stale_shares: lease["work"]["staleShares"].as_u64().context("staleShares")?,
            in_flight_shares: lease["work"]["inFlightShares"].as_u64().context("inFlightShares")?,
            earned: number(&lease["payouts"]["earned"])?,
            refund: number(&lease["payouts"]["refund"])?,
            blocks: blocks.iter().filter_map(|block| block["hash"].as_str().map(str::to_owned)).collect(),
        })
    }
}

impl Agreement {
    /// Checks that the last co-signed receipt, both nodes and the chain agree to the last unit.
    ///
    /// # Errors
    /// Names the first disagreement.
    pub fn check(&self) -> Result<()> {
        let Self { opened, settled, closed, seller, buyer, .. } = self;
        ensure!(seller.receipted == buyer.receipted, "receipts: seller {} buyer {}", seller.receipted, buyer.receipted);
        ensure!(
            seller.through == opened.end && buyer.through == opened.end,
            "the last receipt reaches the end: {seller:?} {buyer:?}"
        );
        let last = settled.last().context("the last receipt was settled")?;
        ensure!(
            last.work == seller.receipted && last.through == opened.end,
            "chain {last:?}, receipt {}",
            seller.receipted
        );
        let paid_work = seller.receipted.min(self.opened.contracted(self.opened.end));
        ensure!(closed.work == paid_work, "closed with {} for a receipt of {}", closed.work, seller.receipted);
        ensure!(
            closed.proven_work.is_zero() && closed.fee.is_zero(),
            "nothing was proven, no fee was agreed: {closed:?}"
        );
        let earned = opened.price * paid_work / U256::from(86_400_000_000_000_000_000_u128);
        ensure!(closed.earned == earned, "earned {}, {earned} by the price", closed.earned);
        let paid: U256 = settled.iter().map(|settlement| settlement.paid).sum();
        ensure!(paid == closed.earned, "settlements paid {paid} of {}", closed.earned);
        ensure!(
            closed.earned + closed.refund == self.opened.lock(),
            "{closed:?} does not add up to the lock {}",
            self.opened.lock()
        );
        for (name, figures) in [("seller", seller), ("buyer", buyer)] {
            ensure!(figures.earned == closed.earned, "the {name}'s node says {} earned", figures.earned);
            ensure!(figures.refund == closed.refund, "the {name}'s node says {} refunded", figures.refund);
        }
        Ok(())
    }

    /// Returns the blocks that the lease found and that stand in the Bitcoin node's best chain, where they
    /// pay the buyer. Two blocks found within moments may build on the same one: only one of them stays.
    pub fn paying_blocks(&self) -> Vec<&String> {
        self.buyer.blocks.iter().filter(|block| self.blocks.contains(block)).collect()
    }

    /// Checks that the lease's work found a block that pays the buyer, and that nothing else paid it.
    ///
    /// # Errors
    /// Where none stands in the chain, or the chain has one that the buyer's node knows nothing of.
    pub fn check_blocks(&self) -> Result<()> {
        ensure!(!self.paying_blocks().is_empty(), "no block of the lease pays the buyer: {:?}", self.buyer.blocks);
        let unknown = self.blocks.iter().find(|block| !self.buyer.blocks.contains(block));
        ensure!(unknown.is_none(), "block {unknown:?} pays the buyer, but its node did not find it");
        Ok(())
    }
}
