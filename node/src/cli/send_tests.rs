use std::sync::Mutex;

use alloy_primitives::Bytes;
use hashlease_domain::OrderKey;

use super::*;
use crate::{
    config::Token,
    keys::SecretKey,
    settlement::{Fees, LeaseState, TokenMeta, TxReceipt},
};

const TOKEN: Address = Address::repeat_byte(0xa1);
const DOMAIN: Domain = Domain { chain_id: 31337, escrow: Address::repeat_byte(0xe5) };

/// A chain that mines at once and keeps what it was sent.
struct Fake {
    allowance: u64,
    native: U256,
    refuses: bool,
    reverts: bool,
    breaks: bool,
    sent: Mutex<Vec<Bytes>>,
    simulated: Mutex<Vec<Call>>,
}

fn fake() -> Fake {
    Fake {
        allowance: 0,
        native: U256::from(10_u64.pow(18)),
        refuses: false,
        reverts: false,
        breaks: false,
        sent: Mutex::default(),
        simulated: Mutex::default(),
    }
}

impl Transactions for Fake {
    async fn native_balance(&self, _: Address) -> Result<U256, settlement::Error> {
        Ok(self.native)
    }

    async fn transaction_count(&self, _: Address, pending: bool) -> Result<u64, settlement::Error> {
        assert!(pending, "the next nonce counts what waits");
        Ok(self.sent.lock().unwrap().len() as u64)
    }

    async fn simulate(&self, from: Address, call: &Call) -> Result<Simulation, settlement::Error> {
        assert_eq!(from, wallet().address());
        self.simulated.lock().unwrap().push(call.clone());
        let refusal = Refusal { error: None, reason: "the token refuses".to_owned() };
        Ok(if self.refuses { Simulation::Refused(refusal) } else { Simulation::Passes { gas: 40_000 } })
    }

    async fn fees(&self) -> Result<Fees, settlement::Error> {
        Ok(Fees { max_fee: 3_000_000_000, priority_fee: 1_000_000 })
    }

    async fn send_raw(&self, raw: &[u8]) -> Result<B256, settlement::Error> {
        if self.breaks {
            return Err(settlement::Error::Url);
        }
        self.sent.lock().unwrap().push(Bytes::copy_from_slice(raw));
        Ok(B256::ZERO)
    }

    async fn transaction_receipt(&self, hash: B256) -> Result<Option<TxReceipt>, settlement::Error> {
        let (succeeded, block_hash) = (!self.reverts, hash);
        Ok(Some(TxReceipt { block_number: 1, block_hash, succeeded, gas_used: 39_000, effective_gas_price: 1 }))
    }
}

impl Contracts for Fake {
    async fn escrow_balance(&self, _: Address, _: Address) -> Result<U256, settlement::Error> {
        Ok(U256::ZERO)
    }

    async fn token_balance(&self, _: Address, _: Address) -> Result<U256, settlement::Error> {
        Ok(U256::from(100))
    }

    async fn token_allowance(&self, _: Address, _: Address) -> Result<U256, settlement::Error> {
        Ok(U256::from(self.allowance))
    }

    async fn token_meta(&self, _: Address) -> Result<TokenMeta, settlement::Error> {
        Ok(TokenMeta { symbol: "USDC".to_owned(), decimals: 6 })
    }

    async fn epoch(&self, _: Address) -> Result<u64, settlement::Error> {
        Ok(0)
    }

    async fn filled(&self, _: &OrderKey) -> Result<U256, settlement::Error> {
        Ok(U256::ZERO)
    }

    async fn lease_state(&self, _: B256) -> Result<Option<LeaseState>, settlement::Error> {
        Ok(None)
    }
}

fn wallet() -> Wallet {
    Wallet::of(SecretKey::from_bytes(&[7; 32]).unwrap())
}

fn approve(amount: u64) -> Call {
    Call::Approve { token: TOKEN, amount: U256::from(amount) }
}

async fn deposited(chain: &Fake) -> Result<Vec<Call>, SendError> {
    let sent = deposit(chain, DOMAIN, &wallet(), TOKEN, U256::from(100)).await?;
    let calls = chain.simulated.lock().unwrap().clone();
    assert_eq!((sent.len(), chain.sent.lock().unwrap().len()), (calls.len(), calls.len()));
    Ok(calls)
}

#[tokio::test]
async fn a_deposit_approves_exactly_what_it_takes() {
    let paid_in = Call::Deposit { token: TOKEN, amount: U256::from(100), account: wallet().address() };
    let cases = [
        (0, vec![approve(100), paid_in.clone()]),
        (99, vec![approve(0), approve(100), paid_in.clone()]),
        (100, vec![paid_in]),
    ];
    for (allowance, expected) in cases {
        assert_eq!(deposited(&Fake { allowance, ..fake() }).await.unwrap(), expected, "{allowance}");
    }
}

#[tokio::test]
async fn a_deposit_of_more_than_the_wallet_has_approves_nothing() {
    let chain = fake();
    let refused = deposit(&chain, DOMAIN, &wallet(), TOKEN, U256::from(101)).await;
    assert!(matches!(refused, Err(SendError::NoTokens { .. })));
    assert!(chain.sent.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_the_chain_refuses_is_not_sent() {
    let chain = Fake { refuses: true, ..fake() };
    assert!(matches!(deposited(&chain).await, Err(SendError::Refused(_))));
    assert!(chain.sent.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_wallet_that_cannot_pay_the_gas_sends_nothing() {
    // 40,000 gas and a quarter more, at 3 gwei.
    let needs = U256::from(150_000_000_000_000_u64);
    let chain = Fake { native: needs - U256::from(1), ..fake() };
    let error = deposited(&chain).await.unwrap_err().to_string();
    assert!(error.contains("0.00015 coins"), "{error}");
    assert!(chain.sent.lock().unwrap().is_empty());
    assert!(deposited(&Fake { native: needs, ..fake() }).await.is_ok());
}

#[tokio::test]
async fn a_failure_after_signing_names_the_transaction() {
    let unsure = deposited(&Fake { breaks: true, ..fake() }).await.unwrap_err();
    assert!(matches!(unsure, SendError::Unsure { hash, .. } if !hash.is_zero()), "{unsure}");
    let reverted = deposited(&Fake { reverts: true, ..fake() }).await.unwrap_err();
    assert!(matches!(reverted, SendError::Reverted { .. }), "{reverted}");
}

#[tokio::test]
async fn a_token_that_counts_otherwise_than_configured_is_refused() {
    let token = |decimals| Token { address: TOKEN, decimals };
    assert!(check_unit(&fake(), token(6)).await.is_ok());
    assert!(matches!(check_unit(&fake(), token(18)).await, Err(SendError::Decimals { found: 6, expected: 18, .. })));
}
