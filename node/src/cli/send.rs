//! A wallet's transactions: tried first, signed, sent, and awaited.

use std::time::Duration;

use alloy_primitives::{Address, B256, U256};
use hashlease_domain::{Domain, units};
use tokio::time::Instant;

use super::wallet::{Wallet, WalletError};
use crate::settlement::{self, Call, Contracts, Refusal, Simulation, Transactions, Unsigned};

/// Pause between two looks for a receipt.
const POLL: Duration = Duration::from_secs(1);
/// Longest wait for a block: three minutes are fifteen blocks of Ethereum.
const PATIENCE: Duration = Duration::from_secs(180);

/// Why a transaction did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The chain could not be read or written.
    #[error(transparent)]
    Chain(#[from] settlement::Error),
    /// The contract would refuse the call, so nothing was sent.
    #[error("the chain refuses the call, so it was not sent")]
    Refused(#[source] Refusal),
    /// The wallet did not sign.
    #[error(transparent)]
    Wallet(#[from] WalletError),
    /// No money for gas.
    #[error("{account} has {has}, and the gas may cost {needs}: send it native coins of the chain first")]
    NoGas {
        /// Wallet.
        account: Address,
        /// What it has.
        has: String,
        /// What it needs.
        needs: String,
    },
    /// The server broke off while it was handed the transaction.
    #[error("transaction {hash} may have been sent or not: look for it before you try again")]
    Unsure {
        /// Transaction.
        hash: B256,
        /// What broke.
        #[source]
        source: settlement::Error,
    },
    /// Not enough of the token.
    #[error("{account} has {has} base units of {token}, and {needs} are to move: deposit less, or send it more first")]
    NoTokens {
        /// Wallet.
        account: Address,
        /// Token.
        token: Address,
        /// What it has.
        has: U256,
        /// What is to move.
        needs: U256,
    },
    /// Mined, and without effect.
    #[error("transaction {hash} was mined and reverted: the state of the chain changed meanwhile, look and try again")]
    Reverted {
        /// Transaction.
        hash: B256,
    },
    /// It takes long.
    #[error("transaction {hash} is not mined after {waited_s} s: look for it before you try again, it may still be")]
    NotMined {
        /// Transaction.
        hash: B256,
        /// Seconds.
        waited_s: u64,
    },
    /// The token's own word differs from the configuration's.
    #[error("the token {token} has {found} decimals, the configuration says {expected}: correct its decimals")]
    Decimals {
        /// Token.
        token: Address,
        /// What the contract says.
        found: u8,
        /// What the configuration says.
        expected: u8,
    },
}

/// A mined transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    /// Transaction.
    pub(super) hash: B256,
    /// Gas.
    pub(super) gas_used: u64,
}

/// Tries `call`, sends it from `wallet`, and waits until it is mined.
pub(super) async fn send(
    chain: &impl Transactions,
    domain: Domain,
    wallet: &Wallet,
    call: &Call,
) -> Result<Sent, SendError> {
    let account = wallet.address();
    let gas = match chain.simulate(account, call).await? {
        Simulation::Passes { gas } => gas,
        Simulation::Refused(refusal) => return Err(SendError::Refused(refusal)),
    };
    // A quarter more: the state may change until the block.
    let gas_limit = gas.saturating_add(gas / 4);
    let fees = chain.fees().await?;
    let needs = U256::from(gas_limit) * U256::from(fees.max_fee);
    let has = chain.native_balance(account).await?;
    if has < needs {
        return Err(SendError::NoGas { account, has: coins(has), needs: coins(needs) });
    }
    let (to, calldata) = call.encode(domain.escrow);
    let nonce = chain.transaction_count(account, true).await?;
    let unsigned = Unsigned { chain_id: domain.chain_id, nonce, to: Some(to), gas_limit, fees, calldata };
    let raw = wallet.transaction(&unsigned)?;
    chain.send_raw(&raw.bytes).await.map_err(|source| SendError::Unsure { hash: raw.hash, source })?;
    mined(chain, raw.hash).await
}

async fn mined(chain: &impl Transactions, hash: B256) -> Result<Sent, SendError> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        // It is on its way: a server that fails now must not make it look unsent.
        match chain.transaction_receipt(hash).await {
            Ok(Some(receipt)) if receipt.succeeded => return Ok(Sent { hash, gas_used: receipt.gas_used }),
            Ok(Some(_)) => return Err(SendError::Reverted { hash }),
            Ok(None) | Err(_) => tokio::time::sleep(POLL).await,
        }
    }
    Err(SendError::NotMined { hash, waited_s: PATIENCE.as_secs() })
}

/// Moves `amount` of `token` from the wallet into its balance in the escrow, and approves exactly what that takes.
pub(super) async fn deposit<C: Transactions + Contracts>(
    chain: &C,
    domain: Domain,
    wallet: &Wallet,
    token: Address,
    amount: U256,
) -> Result<Vec<Sent>, SendError> {
    let account = wallet.address();
    let has = chain.token_balance(account, token).await?;
    if has < amount {
        return Err(SendError::NoTokens { account, token, has, needs: amount });
    }
    let mut sent = Vec::new();
    let allowance = chain.token_allowance(account, token).await?;
    if allowance < amount {
        // Some tokens change an allowance only from or to zero.
        if !allowance.is_zero() {
            sent.push(send(chain, domain, wallet, &Call::Approve { token, amount: U256::ZERO }).await?);
        }
        sent.push(send(chain, domain, wallet, &Call::Approve { token, amount }).await?);
    }
    sent.push(send(chain, domain, wallet, &Call::Deposit { token, amount, account }).await?);
    Ok(sent)
}

/// Checks that the token counts in the unit that the configuration says.
pub(super) async fn check_unit(chain: &impl Contracts, token: crate::config::Token) -> Result<(), SendError> {
    let found = chain.token_meta(token.address).await?.decimals;
    if found == token.decimals {
        return Ok(());
    }
    Err(SendError::Decimals { token: token.address, found, expected: token.decimals })
}

fn coins(wei: U256) -> String {
    let unit = units::TokenUnit { symbol: "coins", decimals: 18 };
    u128::try_from(wei).map_or_else(|_| format!("{wei} wei"), |wei| units::format_amount(wei, unit))
}

#[cfg(test)]
#[path = "send_tests.rs"]
mod tests;
