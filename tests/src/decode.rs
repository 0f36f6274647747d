//! The escrow's events, decoded word by word from their signatures: a second reading of the encoding,
//! apart from the node's own.

use alloy_primitives::{Address, B256, U256};
use anyhow::{Context, Result};

use crate::chain::{Chain, Log};

const TERMS: &str = "(address,address,address,address,address,address,uint128,uint64,uint40,uint40,uint16,uint16,uint16,\
                     uint16,uint32,uint32,uint128,bytes32,bytes32,bytes32)";

/// A lease as the chain opened it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Lease.
    pub id: B256,
    /// Buyer.
    pub buyer: Address,
    /// Seller.
    pub seller: Address,
    /// Token base units per PH/s·day.
    pub price: U256,
    /// Hashes per second.
    pub hashrate: U256,
    /// Unix seconds.
    pub start: u64,
    /// Unix seconds.
    pub end: u64,
    /// Service level, basis points.
    pub sla_bps: U256,
    /// Pay for proven work, basis points.
    pub proof_bps: U256,
    /// Expected number of proof shares.
    pub proof_shares: U256,
    /// Seconds after the end for receipts, then proofs.
    pub proof_window: u64,
    /// Token base units.
    pub bond: U256,
    /// Transaction that opened it.
    pub transaction: B256,
}

/// A lease as the chain closed it; amounts in token base units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Settled work, hashes.
    pub work: U256,
    /// Proven work, hashes.
    pub proven_work: U256,
    /// To the payee in all.
    pub earned: U256,
    /// To the matcher.
    pub fee: U256,
    /// To the buyer, of the locks.
    pub refund: U256,
    /// To the buyer, of the bond.
    pub penalty: U256,
    /// Transaction that closed it.
    pub transaction: B256,
}

/// A settlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Work of the receipt, hashes.
    pub work: U256,
    /// Last nTime that it counts, unix seconds.
    pub through: u64,
    /// What it paid.
    pub paid: U256,
    /// Transaction.
    pub transaction: B256,
}

/// Proof shares counted by one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// All that were counted so far.
    pub count: U256,
    /// Last hash counted.
    pub last: B256,
    /// Transaction.
    pub transaction: B256,
}

impl Chain {
    /// Returns the leases that the escrow opened, oldest first.
    ///
    /// # Errors
    /// Where the chain does not answer.
    pub async fn opened(&self, escrow: Address) -> Result<Vec<Opened>> {
        let logs = self.logs(escrow, &format!("LeaseOpened(bytes32,{TERMS})"), None).await?;
        logs.iter().map(opened).collect()
    }

    /// Returns the settlements of a lease, oldest first.
    ///
    /// # Errors
    /// Where the chain does not answer.
    pub async fn settled(&self, escrow: Address, lease: B256) -> Result<Vec<Settled>> {
        let logs = self.logs(escrow, "Settled(bytes32,uint128,uint40,uint256)", Some(lease)).await?;
        let settled = |log: &Log| {
            Ok(Settled {
                work: log.word(0)?,
                through: log.word(1)?.to(),
                paid: log.word(2)?,
                transaction: log.transaction,
            })
        };
        logs.iter().map(settled).collect()
    }

    /// Returns the calls that proved a lease's work, oldest first.
    ///
    /// # Errors
    /// Where the chain does not answer.
    pub async fn proven(&self, escrow: Address, lease: B256) -> Result<Vec<Proven>> {
        let logs = self.logs(escrow, "Proven(bytes32,uint256,bytes32)", Some(lease)).await?;
        let proven =
            |log: &Log| Ok(Proven { count: log.word(0)?, last: log.word(1)?.into(), transaction: log.transaction });
        logs.iter().map(proven).collect()
    }

    /// Returns the end of a lease after any cancellation, unix seconds.
    ///
    /// # Errors
    /// Where the chain does not answer.
    pub async fn end(&self, escrow: Address, opened: &Opened) -> Result<u64> {
        let logs = self.logs(escrow, "Cancelled(bytes32,uint40)", Some(opened.id)).await?;
        logs.last().map_or(Ok(opened.end), |log| Ok(log.word(0)?.to()))
    }

    /// Returns what an account has put into the escrow and not taken out, token base units.
    ///
    /// # Errors
    /// Where the chain does not answer.
    pub async fn deposits(&self, escrow: Address, account: Address) -> Result<U256> {
        let of_account = |logs: Vec<Log>, amount: usize| -> Result<U256> {
            let own = logs.iter().filter(|log| log.topics.get(1) == Some(&account.into_word()));
            own.map(|log| log.word(amount)).sum()
        };
        let deposited = self.logs(escrow, "Deposited(address,address,uint256)", None).await?;
        let withdrawn = self.logs(escrow, "Withdrawn(address,address,address,uint256)", None).await?;
        Ok(of_account(deposited, 0)? - of_account(withdrawn, 1)?)
    }

    /// Returns how a lease was closed, once it is.
    ///
    /// # Errors
    /// Where the chain does not answer.
    pub async fn closed(&self, escrow: Address, lease: B256) -> Result<Option<Closed>> {
        let event = "Closed(bytes32,uint256,uint256,uint256,uint256,uint256,uint256)";
        let logs = self.logs(escrow, event, Some(lease)).await?;
        let closed = |log: &Log| {
            Ok(Closed {
                work: log.word(0)?,
                proven_work: log.word(1)?,
                earned: log.word(2)?,
                fee: log.word(3)?,
                refund: log.word(4)?,
                penalty: log.word(5)?,
                transaction: log.transaction,
            })
        };
        logs.first().map(closed).transpose()
    }
}

fn opened(log: &Log) -> Result<Opened> {
    let address = |index| log.word(index).map(|word| Address::from_word(word.into()));
    Ok(Opened {
        id: *log.topics.get(1).context("a lease's id is indexed")?,
        buyer: address(0)?,
        seller: address(2)?,
        price: log.word(6)?,
        hashrate: log.word(7)?,
        start: log.word(8)?.to(),
        end: log.word(9)?.to(),
        sla_bps: log.word(10)?,
        proof_bps: log.word(11)?,
        proof_shares: log.word(13)?,
        proof_window: log.word(15)?.to(),
        bond: log.word(16)?,
        transaction: log.transaction,
    })
}
