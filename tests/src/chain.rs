//! anvil, and what is read from it by plain JSON-RPC.

use std::{net::TcpListener, path::Path};

use alloy_primitives::{Address, B256, Bytes, U256, address, keccak256};
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::process::{Process, until};

/// The deterministic deployment proxy, which anvil has from the start: creates the code that follows 32 bytes of salt.
const DEPLOYER: Address = address!("4e59b44847b379578588920cA78FbF26c0B4956C");

/// A local chain with a block each second.
#[derive(Debug)]
pub struct Chain {
    process: Process,
    http: reqwest::Client,
    /// JSON-RPC address.
    pub url: String,
    /// The first of anvil's own accounts, whose key anvil holds: it pays for deployment and hands out funds.
    pub faucet: Address,
}

impl Chain {
    /// The chain's id.
    pub const ID: u64 = 31337;

    /// Starts a chain.
    ///
    /// # Errors
    /// Where anvil is not installed or does not start.
    pub async fn start(root: &Path, logs: &Path) -> Result<Self> {
        Self::with_id(root, logs, Self::ID).await
    }

    /// Starts a chain with this id.
    ///
    /// # Errors
    /// Where anvil is not installed or does not start.
    pub async fn with_id(root: &Path, logs: &Path, id: u64) -> Result<Self> {
        let port = free_port()?;
        let mut command = Command::new(anvil(root)?);
        command.args(["--host", "127.0.0.1", "--port", &port.to_string(), "--chain-id", &id.to_string()]);
        command.args(["--block-time", "1", "--slots-in-an-epoch", "1"]);
        let mut process = Process::start("anvil", command, &logs.join("anvil.log"))?;
        process.says("Listening on").await?;
        let mut chain = Self {
            process,
            http: reqwest::Client::new(),
            url: format!("http://127.0.0.1:{port}"),
            faucet: Address::ZERO,
        };
        let accounts: Vec<Address> = serde_json::from_value(chain.call("eth_accounts", json!([])).await?)?;
        chain.faucet = *accounts.first().context("anvil has no accounts")?;
        Ok(chain)
    }

    /// Returns the process id.
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Calls a JSON-RPC method.
    ///
    /// # Errors
    /// Where the chain does not answer, or answers with an error.
    pub async fn call(&self, method: &str, params: Value) -> Result<Value> {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let mut answer: Value = self.http.post(&self.url).json(&request).send().await?.json().await?;
        ensure!(answer["error"].is_null(), "{method}: {}", answer["error"]);
        Ok(answer["result"].take())
    }

    /// Sends a transaction from the faucet and returns its receipt, once mined.
    ///
    /// # Errors
    /// Where it is refused or reverts.
    pub async fn send(&self, transaction: Value) -> Result<Value> {
        self.send_from(self.faucet, transaction).await
    }

    async fn send_from(&self, from: Address, mut transaction: Value) -> Result<Value> {
        transaction["from"] = json!(from);
        let hash = self.call("eth_sendTransaction", json!([transaction])).await?;
        let receipt = until("a transaction to be mined", 30, || async {
            let receipt = self.call("eth_getTransactionReceipt", json!([hash])).await?;
            Ok((!receipt.is_null()).then_some(receipt))
        })
        .await?;
        ensure!(receipt["status"] == "0x1", "a transaction of {from} reverted: {receipt}");
        Ok(receipt)
    }

    /// Deploys a contract from its checked-in code, by CREATE2 as `scripts/deploy` does.
    ///
    /// # Errors
    /// Where there is no such file, or the deployment fails.
    pub async fn deploy(&self, root: &Path, name: &str) -> Result<Address> {
        let path = root.join(format!("contracts/abi/{name}.json"));
        let artifact: Value =
            serde_json::from_slice(&std::fs::read(&path).with_context(|| path.display().to_string())?)?;
        let code: Bytes = serde_json::from_value(artifact["bytecode"].clone())?;
        let input = Bytes::from([B256::ZERO.as_slice(), &code].concat());
        self.send(json!({ "to": DEPLOYER, "data": input })).await?;
        Ok(DEPLOYER.create2_from_code(B256::ZERO, code))
    }

    /// Gives an account coins for gas, wei.
    ///
    /// # Errors
    /// Where the transfer fails.
    pub async fn give_gas(&self, to: Address, wei: u128) -> Result<()> {
        self.send(json!({ "to": to, "value": format!("{wei:#x}") })).await.map(drop)
    }

    /// Mints test tokens, base units.
    ///
    /// # Errors
    /// Where the token refuses.
    pub async fn mint(&self, token: Address, to: Address, amount: u128) -> Result<()> {
        let data = encode("mint(address,uint256)", &[to.into_word(), U256::from(amount).into()]);
        self.send(json!({ "to": token, "data": data })).await.map(drop)
    }

    /// Gives an account test tokens in the escrow, base units.
    ///
    /// # Errors
    /// Where the token or the escrow refuses.
    pub async fn fund(&self, token: Address, escrow: Address, account: Address, amount: u128) -> Result<()> {
        self.mint(token, self.faucet, amount).await?;
        let amount = U256::from(amount).into();
        let approve = encode("approve(address,uint256)", &[escrow.into_word(), amount]);
        self.send(json!({ "to": token, "data": approve })).await?;
        let arguments = [token.into_word(), amount, account.into_word()];
        let deposit = encode("deposit(address,uint256,address)", &arguments);
        self.send(json!({ "to": escrow, "data": deposit })).await.map(drop)
    }

    /// Ends an order on the chain in its maker's name, whose key anvil doesn't need.
    ///
    /// # Errors
    /// Where the escrow refuses.
    pub async fn cancel_order(&self, escrow: Address, maker: Address, salt: B256) -> Result<()> {
        self.give_gas(maker, 10_u128.pow(18)).await?;
        self.call("anvil_impersonateAccount", json!([maker])).await?;
        let cancel = encode("cancelOrder(bytes32)", &[salt]);
        self.send_from(maker, json!({ "to": escrow, "data": cancel })).await.map(drop)
    }

    /// Returns an account's balance in the token itself.
    ///
    /// # Errors
    /// Where the call fails.
    pub async fn token_balance(&self, token: Address, account: Address) -> Result<U256> {
        self.view(token, &encode("balanceOf(address)", &[account.into_word()])).await
    }

    /// Returns an account's free balance in the escrow.
    ///
    /// # Errors
    /// Where the call fails.
    pub async fn escrow_balance(&self, escrow: Address, account: Address, token: Address) -> Result<U256> {
        self.view(escrow, &encode("balanceOf(address,address)", &[account.into_word(), token.into_word()])).await
    }

    async fn view(&self, to: Address, data: &Bytes) -> Result<U256> {
        let answer = self.call("eth_call", json!([{ "to": to, "data": data }, "latest"])).await?;
        let bytes: Bytes = serde_json::from_value(answer)?;
        U256::try_from_be_slice(&bytes).context("a view that returns one number")
    }

    /// Returns the logs of an event of `contract`, named by its signature, oldest first: topics, data and
    /// transaction hash of each.
    ///
    /// # Errors
    /// Where the call fails.
    pub async fn logs(&self, contract: Address, event: &str, id: Option<B256>) -> Result<Vec<Log>> {
        let filter = json!([{
            "address": contract, "fromBlock": "0x0", "toBlock": "latest",
            "topics": [keccak256(event), id],
        }]);
        let logs: Vec<Value> = serde_json::from_value(self.call("eth_getLogs", filter).await?)?;
        let log = |log: Value| {
            Ok(Log {
                topics: serde_json::from_value(log["topics"].clone())?,
                data: serde_json::from_value(log["data"].clone())?,
                transaction: serde_json::from_value(log["transactionHash"].clone())?,
            })
        };
        logs.into_iter().map(log).collect()
    }

    /// Returns the gas that a transaction used.
    ///
    /// # Errors
    /// Where it is not mined.
    pub async fn gas_used(&self, transaction: B256) -> Result<u64> {
        let receipt = self.call("eth_getTransactionReceipt", json!([transaction])).await?;
        let gas: U256 = serde_json::from_value(receipt["gasUsed"].clone())?;
        Ok(gas.to())
    }

    /// Returns the newest block's time, unix seconds.
    ///
    /// # Errors
    /// Where the call fails.
    pub async fn now(&self) -> Result<u64> {
        let block = self.call("eth_getBlockByNumber", json!(["latest", false])).await?;
        let time: U256 = serde_json::from_value(block["timestamp"].clone())?;
        Ok(time.to())
    }
}

/// A log of the chain.
#[derive(Clone, Debug)]
pub struct Log {
    /// Hash of the event, then its indexed members.
    pub topics: Vec<B256>,
    /// The other members.
    pub data: Bytes,
    /// Transaction that it came from.
    pub transaction: B256,
}

impl Log {
    /// Returns the 32-byte word `index` of the data.
    ///
    /// # Errors
    /// Where the data is shorter.
    pub fn word(&self, index: usize) -> Result<U256> {
        let Some(word) = self.data.get(index * 32..(index + 1) * 32) else { bail!("a log is too short: {self:?}") };
        Ok(U256::from_be_slice(word))
    }
}

/// Encodes a call of static arguments.
fn encode(signature: &str, arguments: &[B256]) -> Bytes {
    let mut data = keccak256(signature)[..4].to_vec();
    arguments.iter().for_each(|argument| data.extend_from_slice(argument.as_slice()));
    data.into()
}

/// Returns the native binary: npm's shim hides how it ended.
fn anvil(root: &Path) -> Result<std::path::PathBuf> {
    let os = if cfg!(target_os = "macos") { "darwin" } else { "linux" };
    let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    let path = root.join(format!("contracts/node_modules/@foundry-rs/anvil-{os}-{arch}/bin/anvil"));
    ensure!(path.exists(), "anvil is not installed: run `npm ci --ignore-scripts` in contracts/, as scripts/test does");
    Ok(path)
}

/// Returns a port that is free now.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
