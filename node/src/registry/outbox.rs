//! Sends the queued calls: one task, which alone uses the key's nonces.
//!
//! The order of each call is: simulate, store the intent, sign, store the signed bytes, broadcast. After a
//! crash the same bytes go out again; a nonce never serves a second purpose.

use std::{sync::Arc, time::Duration};

use alloy_primitives::Address;
use tokio::{
    sync::broadcast::error::RecvError,
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::{CallState, Notice, Origin, QueuedCall, Registry, RegistryError};
use crate::{
    settlement::{self, Call, Raw, Simulation, Transactions, Unsigned},
    store::{Guard, NotSafe, guard::Statement},
};

/// Time between looks at what is under way.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Gas above the estimate, in percent: another party's call may come between.
const GAS_MARGIN_PERCENT: u64 = 25;

/// Why a call did not move; it is tried again.
#[derive(Debug, thiserror::Error)]
enum StepError {
    #[error("the chain does not answer")]
    Chain(#[from] settlement::Error),
    #[error("the guard did not sign the transaction")]
    Guard(#[from] NotSafe),
    #[error("the step could not be stored")]
    Registry(#[from] RegistryError),
}

/// The sender of one key's calls.
pub struct Outbox<C> {
    registry: Arc<Registry>,
    guard: Arc<Guard>,
    chain: C,
    confirmations: u64,
}

impl<C> std::fmt::Debug for Outbox<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbox").finish_non_exhaustive()
    }
}

impl<C: Transactions> Outbox<C> {
    /// Makes the sender. A call is done once `confirmations` blocks stand on its own.
    pub fn new(registry: Arc<Registry>, guard: Arc<Guard>, chain: C, confirmations: u64) -> Self {
        Self { registry, guard, chain, confirmations }
    }

    /// Sends what is queued until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut notices = self.registry.subscribe();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = self.pass() => {}
            }
            // A new call ends the pause; other notices don't.
            let until = Instant::now() + LOOK_EVERY;
            loop {
                match timeout_at(until, notices.recv()).await {
                    Ok(Ok(Notice::Call(_)) | Err(RecvError::Lagged(_))) | Err(_) => break,
                    Ok(Ok(_)) => {}
                    Ok(Err(RecvError::Closed)) => return,
                }
            }
        }
    }

    /// Moves every open call on by what can be done now. The owner's calls follow each other, since one
    /// may need what the one before did.
    async fn pass(&self) {
        let mut owner_waits = false;
        for call in self.registry.open_calls().await {
            let of_owner = call.origin == Origin::Owner;
            if of_owner && owner_waits {
                continue;
            }
            owner_waits |= of_owner;
            let number = call.number;
            if let Err(error) = self.step(call).await {
                let source = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(call = number, %error, source, "a call waits");
            }
        }
    }

    async fn step(&self, call: QueuedCall) -> Result<(), StepError> {
        match call.state {
            CallState::Queued => self.intend(call.number, &call.call).await,
            CallState::Intended { unsigned } => self.sign(call.number, unsigned).await,
            CallState::Sent { raw, .. } => self.follow(call.number, &raw).await,
            CallState::Mined { .. } | CallState::Refused { .. } => Ok(()),
        }
    }

    async fn intend(&self, number: u64, call: &Call) -> Result<(), StepError> {
        let from = self.guard.address();
        let gas = match self.chain.simulate(from, call).await? {
            Simulation::Passes { gas } => gas,
            Simulation::Refused(refusal) => {
                tracing::info!(call = number, reason = refusal.reason, "the chain would refuse a call: it is not sent");
                let refused = CallState::Refused { reason: refusal.reason };
                return Ok(self.registry.set_call(number, refused).await?);
            }
        };
        let domain = self.guard.domain();
        let (to, calldata) = call.encode(domain.escrow);
        let unsigned = Unsigned {
            chain_id: domain.chain_id,
            nonce: self.next_nonce(from).await?,
            to: Some(to),
            gas_limit: gas + gas * GAS_MARGIN_PERCENT / 100,
            fees: self.chain.fees().await?,
            calldata,
        };
        self.registry.set_call(number, CallState::Intended { unsigned: unsigned.clone() }).await?;
        self.sign(number, unsigned).await
    }

    /// Returns the first nonce that neither the chain has seen nor an open call holds.
    async fn next_nonce(&self, from: Address) -> Result<u64, StepError> {
        let mined = self.chain.transaction_count(from, false).await?;
        let held = self.registry.open_calls().await.iter().filter_map(|call| call.state.nonce()).max();
        Ok(held.map_or(mined, |held| mined.max(held + 1)))
    }

    async fn sign(&self, number: u64, unsigned: Unsigned) -> Result<(), StepError> {
        let digest = unsigned.sighash();
        let statement = Statement::Transaction { nonce: unsigned.nonce, digest, replaces: None };
        let signature = self.guard.check_and_sign(statement).await?;
        let raw = unsigned.assemble(signature.as_bytes(), self.guard.address())?;
        self.registry.set_call(number, CallState::Sent { nonce: unsigned.nonce, raw: raw.clone() }).await?;
        self.chain.send_raw(&raw.bytes).await?;
        tracing::info!(call = number, hash = %raw.hash, nonce = unsigned.nonce, "sent a call");
        Ok(())
    }

    async fn follow(&self, number: u64, raw: &Raw) -> Result<(), StepError> {
        let Some(receipt) = self.chain.transaction_receipt(raw.hash).await? else {
            // It may have been dropped, or never have left.
            self.chain.send_raw(&raw.bytes).await?;
            return Ok(());
        };
        let depth = self.registry.head().borrow().number.saturating_sub(receipt.block_number);
        if self.registry.head().borrow().number < receipt.block_number || depth < self.confirmations {
            return Ok(());
        }
        tracing::info!(call = number, hash = %raw.hash, gas = receipt.gas_used, succeeded = receipt.succeeded, "a call is mined");
        let mined = CallState::Mined {
            hash: raw.hash,
            succeeded: receipt.succeeded,
            gas_used: receipt.gas_used,
            gas_price: receipt.effective_gas_price,
        };
        Ok(self.registry.set_call(number, mined).await?)
    }
}
