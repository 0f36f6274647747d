//! What a lease must have paid, computed anew from the chain's events, and what both parties must own then.

use alloy_primitives::{Address, U256};
use anyhow::{Context, Result, ensure};

use crate::{Closed, Opened, Proven, Settled, Stage, until};

/// 10^15 hashes per second for a day, which a price is for.
const UNIT: u128 = 86_400_000_000_000_000_000;
const ONE_BPS: u64 = 10_000;

/// A lease on chain, from its opening to its close.
#[derive(Clone, Debug)]
pub struct Course {
    /// How it was opened.
    pub opened: Opened,
    /// Its end after any cancellation, unix seconds.
    pub end: u64,
    /// Its settlements.
    pub settled: Vec<Settled>,
    /// Its proofs.
    pub proven: Vec<Proven>,
    /// How it was closed.
    pub closed: Closed,
}

impl Opened {
    /// Returns the work contracted until `end`, hashes.
    pub fn contracted(&self, end: u64) -> U256 {
        self.hashrate * U256::from(end - self.start)
    }

    /// Returns the work of a proof share, hashes.
    pub fn proof_work(&self) -> U256 {
        (self.contracted(self.end) / self.proof_shares).max(U256::from(1))
    }

    /// Returns what the buyer locked: price × hashrate × duration, rounded up.
    pub fn lock(&self) -> U256 {
        (self.price * self.contracted(self.end)).div_ceil(U256::from(UNIT))
    }
}

impl Course {
    /// Returns the work of the newest settled receipt, hashes.
    pub fn receipted(&self) -> U256 {
        self.settled.last().map_or(U256::ZERO, |last| last.work)
    }

    /// Returns how many proof shares were counted.
    pub fn count(&self) -> U256 {
        self.proven.last().map_or(U256::ZERO, |last| last.count)
    }

    /// Checks that the proof shares counted lie within five standard errors of those that `ledger` hashes should find: they
    /// come as a Poisson process.
    ///
    /// # Errors
    /// Where they don't.
    pub fn check_luck(&self, ledger: U256) -> Result<()> {
        let (expected, count) = (ledger / self.opened.proof_work(), self.count());
        let distance = expected.abs_diff(count);
        ensure!(
            distance * distance <= U256::from(25) * expected.max(U256::from(1)),
            "{count} proof shares where {expected} were to be expected"
        );
        Ok(())
    }

    /// Checks that the lease paid what section 3 of the protocol says, to the unit.
    ///
    /// # Errors
    /// Names the first figure that differs.
    pub fn check(&self) -> Result<()> {
        let Self { opened, end, settled, closed, .. } = self;
        let contracted = opened.contracted(*end);
        let shown = opened.proof_work() * self.count();
        let work = self.receipted().min(contracted);
        let proven = shown.min(contracted - work);
        let weighted = work * U256::from(ONE_BPS) + proven * opened.proof_bps;
        let paid: U256 = settled.iter().map(|settlement| settlement.paid).sum();
        let earned = (opened.price * weighted / (U256::from(UNIT) * U256::from(ONE_BPS))).max(paid);
        let required = contracted * opened.sla_bps / U256::from(ONE_BPS);
        let missing = required.saturating_sub(work + shown);
        let penalty = if missing.is_zero() {
            U256::ZERO
        } else {
            opened.bond * U256::from(end - opened.start) * missing / (U256::from(opened.end - opened.start) * required)
        };
        let expected = Closed {
            work,
            proven_work: proven,
            earned,
            fee: U256::ZERO,
            refund: opened.lock() - earned,
            penalty,
            transaction: closed.transaction,
        };
        ensure!(*closed == expected, "the chain says {closed:?}, the protocol {expected:?}");
        Ok(())
    }
}

impl Stage {
    /// Waits until a lease is closed, and reads its course from the chain.
    ///
    /// # Errors
    /// Where it is not closed within `seconds`.
    pub async fn course(&self, opened: &Opened, seconds: u64) -> Result<Course> {
        let (chain, escrow, id) = (&self.chain, self.escrow, opened.id);
        let closed = until("a lease to close", seconds, || chain.closed(escrow, id)).await;
        let closed =
            closed.with_context(|| format!("buyer:\n{}\nseller:\n{}", self.buyer.tail(), self.seller.tail()))?;
        Ok(Course {
            opened: opened.clone(),
            end: chain.end(escrow, opened).await?,
            settled: chain.settled(escrow, id).await?,
            proven: chain.proven(escrow, id).await?,
            closed,
        })
    }

    /// Checks that the escrow owes every party what its deposits and closed leases leave, to the unit, and holds no more.
    ///
    /// # Errors
    /// Names the account whose balance differs.
    pub async fn check_balances(&self, courses: &[Course]) -> Result<()> {
        let mut owed = U256::ZERO;
        let parties = courses.iter().flat_map(|course| [course.opened.seller, course.opened.buyer]);
        let mut accounts: Vec<Address> = parties.chain([self.seller.address, self.wallet]).collect();
        accounts.sort_unstable();
        accounts.dedup();
        for account in accounts {
            let (mut gained, mut lost) = (self.chain.deposits(self.escrow, account).await?, U256::ZERO);
            for Course { opened, closed, .. } in courses {
                if opened.seller == account {
                    (gained, lost) = (gained + closed.earned, lost + closed.penalty);
                }
                if opened.buyer == account {
                    (gained, lost) = (gained + closed.penalty, lost + closed.earned + closed.fee);
                }
            }
            let balance = self.chain.escrow_balance(self.escrow, account, self.token).await?;
            ensure!(balance == gained - lost, "{account} has {balance}, and should have {}", gained - lost);
            owed += balance;
        }
        let held = self.chain.token_balance(self.token, self.escrow).await?;
        ensure!(held == owed, "the escrow holds {held} and owes {owed}");
        Ok(())
    }
}
