//! Puts the contracts on a chain, from the bytecode that is checked in.

use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes};
use serde_json::json;
use tokio::time::Instant;

use super::{
    bindings::{lease_escrow::LEASEESCROW_BYTECODE, test_token::TESTTOKEN_BYTECODE},
    convert,
    error::Error,
    port::{Simulation, TxReceipt},
    rpc::Rpc,
    transaction::Unsigned,
};

/// How long a deployment may wait for its block: three minutes are fifteen blocks of Ethereum.
const PATIENCE: Duration = Duration::from_secs(180);

/// Pause between two looks for a receipt.
const POLL: Duration = Duration::from_millis(200);

/// A contract that this version knows how to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contract {
    /// The escrow.
    LeaseEscrow,
    /// A token that anybody mints, for local chains.
    TestToken,
}

/// A contract that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deployed {
    /// Where it is.
    pub address: Address,
    /// Chain that it is on.
    pub chain_id: u64,
    /// The transaction's receipt: its block is where reading events starts.
    pub receipt: TxReceipt,
}

/// Deploys a contract from `deployer`'s account, whose key stays with the caller: `sign` gets the sighash and returns
/// `r ‖ s ‖ v` (`v` 27 or 28). Waits for the block.
///
/// # Errors
/// Where the RPC fails, the signature isn't the deployer's, or the transaction reverts or isn't mined in time.
pub async fn deploy(
    url: &str,
    contract: Contract,
    deployer: Address,
    sign: impl Fn(B256) -> [u8; 65],
    timeout: Duration,
) -> Result<Deployed, Error> {
    let rpc = Rpc::new(url, timeout)?;
    let code = contract.code();
    let gas_limit = match rpc.estimate(json!({ "from": deployer, "data": code })).await? {
        Simulation::Passes { gas } => gas,
        Simulation::Refused(refusal) => return Err(Error::Undeployable(refusal)),
    };
    let unsigned = Unsigned {
        chain_id: rpc.chain_id().await?,
        nonce: rpc.next_nonce(deployer, true).await?,
        to: None,
        gas_limit,
        fees: rpc.fees().await?,
        calldata: code,
    };
    let raw = unsigned.assemble(&sign(unsigned.sighash()), deployer)?;
    rpc.send_raw(&raw.bytes).await?;
    let receipt = mined(&rpc, raw.hash).await?;
    if !receipt.succeeded {
        return Err(Error::Reverted { hash: raw.hash });
    }
    Ok(Deployed { address: created(deployer, unsigned.nonce), chain_id: unsigned.chain_id, receipt })
}

impl Contract {
    fn code(self) -> Bytes {
        match self {
            Self::LeaseEscrow => &LEASEESCROW_BYTECODE,
            Self::TestToken => &TESTTOKEN_BYTECODE,
        }
        .to_vec()
        .into()
    }
}

/// The address follows from sender and nonce (EIP-161).
fn created(deployer: Address, nonce: u64) -> Address {
    convert::address(ethers::utils::get_contract_address(convert::to_h160(deployer), nonce))
}

async fn mined(rpc: &Rpc, hash: B256) -> Result<TxReceipt, Error> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(receipt) = rpc.transaction_receipt(hash).await? {
            return Ok(receipt);
        }
        if Instant::now() >= deadline {
            return Err(Error::NotMined { hash, waited_s: PATIENCE.as_secs() });
        }
        tokio::time::sleep(POLL).await;
    }
}
