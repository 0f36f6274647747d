//! A real EVM chain for one test.

use std::{path::Path, process::Stdio, time::Duration};

use alloy_primitives::{Address, B256, U256};
use hashlease_domain::Domain;
use k256::ecdsa::SigningKey;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::{sleep, timeout},
};

use crate::settlement::{
    Call, Contract, Evm, Fees, Raw, Simulation, Transactions, TxReceipt, Unsigned, deploy, rpc::Rpc,
};

pub(super) const CHAIN_ID: u64 = 31_337;
pub(super) const DEADLINE: Duration = Duration::from_secs(30);

/// An anvil process that mines a block for each transaction, on a free port of the loopback.
pub(super) struct Anvil {
    // Killed when dropped.
    _process: Child,
    pub(super) url: String,
    rpc: Rpc,
}

impl Anvil {
    pub(super) async fn start() -> Self {
        let mut process = Command::new(binary())
            .args(["--port", "0", "--slots-in-an-epoch", "1"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("anvil is installed by contracts_install of scripts/lib/contracts.sh");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let listening = async {
            loop {
                let line = lines.next_line().await.unwrap().expect("anvil says where it listens");
                if let Some(at) = line.strip_prefix("Listening on ") {
                    return format!("http://{at}");
                }
            }
        };
        let url = timeout(DEADLINE, listening).await.unwrap();
        // What anvil prints from now on must not fill the pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { _process: process, rpc: Rpc::new(&url, DEADLINE).unwrap(), url }
    }

    pub(super) async fn ask(&self, method: &'static str, params: Value) -> Value {
        self.rpc.request(method, params).await.unwrap()
    }

    /// Moves the chain's clock to `time` with a new block.
    pub(super) async fn mine_at(&self, time: u64) {
        self.ask("evm_setNextBlockTimestamp", json!([time])).await;
        self.ask("evm_mine", json!([])).await;
    }
}

fn binary() -> std::path::PathBuf {
    let system = if cfg!(target_os = "macos") { "darwin" } else { "linux" };
    let machine = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../contracts/node_modules/@foundry-rs")
        .join(format!("anvil-{system}-{machine}/bin/anvil"))
}

/// One of the accounts that anvil endows.
pub(super) struct Key(SigningKey);

impl Key {
    /// The first four keys of anvil's well-known mnemonic.
    const SECRETS: [&str; 4] = [
        "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
        "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
        "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
        "7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
    ];

    pub(super) fn new(number: usize) -> Self {
        Self(SigningKey::from_slice(&hex::decode(Self::SECRETS[number]).unwrap()).unwrap())
    }

    pub(super) fn address(&self) -> Address {
        Address::from_private_key(&self.0)
    }

    pub(super) fn sign(&self, digest: B256) -> [u8; 65] {
        let (signature, recovery) = self.0.sign_prehash_recoverable(digest.as_slice()).unwrap();
        let mut bytes = [0; 65];
        bytes[..64].copy_from_slice(&signature.to_bytes());
        bytes[64] = 27 + recovery.to_byte();
        bytes
    }
}

/// The contracts on a chain of their own.
pub(super) struct World {
    pub(super) anvil: Anvil,
    pub(super) evm: Evm,
    pub(super) token: Address,
    /// Block of the escrow's deployment.
    pub(super) start: u64,
}

impl World {
    pub(super) async fn new() -> Self {
        let anvil = Anvil::start().await;
        let deployer = Key::new(0);
        let make = |contract| deploy(&anvil.url, contract, deployer.address(), |hash| deployer.sign(hash), DEADLINE);
        let escrow = make(Contract::LeaseEscrow).await.unwrap();
        let token = make(Contract::TestToken).await.unwrap().address;
        let domain = Domain { chain_id: escrow.chain_id, escrow: escrow.address };
        let evm = Evm::new(&anvil.url, domain, DEADLINE).unwrap();
        Self { evm, token, start: escrow.receipt.block_number, anvil }
    }

    /// Signs a call as the guard or a wallet would.
    pub(super) async fn signed(&self, key: &Key, call: &Call) -> Raw {
        let from = key.address();
        let gas = match self.evm.simulate(from, call).await.unwrap() {
            Simulation::Passes { gas } => gas,
            Simulation::Refused(refusal) => panic!("{call:?}: {refusal}"),
        };
        let (to, calldata) = call.encode(self.evm.domain().escrow);
        let fees: Fees = self.evm.fees().await.unwrap();
        let nonce = self.evm.transaction_count(from, true).await.unwrap();
        // Between estimate and block the state may move a little.
        let gas_limit = gas + gas / 5;
        let unsigned = Unsigned { chain_id: CHAIN_ID, nonce, to: Some(to), gas_limit, fees, calldata };
        unsigned.assemble(&key.sign(unsigned.sighash()), from).unwrap()
    }

    /// Sends a call and waits until it has succeeded.
    pub(super) async fn send(&self, key: &Key, call: &Call) -> TxReceipt {
        let raw = self.signed(key, call).await;
        assert_eq!(self.evm.send_raw(&raw.bytes).await.unwrap(), raw.hash);
        let receipt = self.mined(raw.hash).await;
        assert!(receipt.succeeded, "{call:?}");
        receipt
    }

    pub(super) async fn mined(&self, hash: B256) -> TxReceipt {
        let mined = async {
            loop {
                if let Some(receipt) = self.evm.transaction_receipt(hash).await.unwrap() {
                    return receipt;
                }
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(DEADLINE, mined).await.expect("the transaction is mined")
    }

    pub(super) async fn refused(&self, key: &Key, call: &Call) -> crate::settlement::Refusal {
        match self.evm.simulate(key.address(), call).await.unwrap() {
            Simulation::Refused(refusal) => refusal,
            Simulation::Passes { .. } => panic!("{call:?} passes"),
        }
    }

    /// Gives an account test tokens and puts them into the escrow.
    pub(super) async fn fund(&self, key: &Key, amount: U256) {
        let (token, account) = (self.token, key.address());
        self.send(key, &Call::Mint { token, to: account, amount }).await;
        self.send(key, &Call::Approve { token, amount }).await;
        self.send(key, &Call::Deposit { token, amount, account }).await;
    }
}
