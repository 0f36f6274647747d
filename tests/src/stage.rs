//! Everything that a lease needs, started and funded.

use std::{
    num::NonZeroU128,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use alloy_primitives::Address;
use anyhow::{Context, Result};
use hashlease_miner::pow::{
    Header, Target,
    kernels::{Template, select},
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::{
    Bitcoin, Chain, Ground, Node, Opened, Pool, Process, Setup,
    chain::free_port,
    ground::BITS,
    node::{Folders, Market},
    pool::USER,
    until,
};

/// Where the buyer's blocks pay: the regtest form of the address in BIP 173.
const PAYOUT: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
/// The script that BIP 173 gives for it.
pub(crate) const PAYOUT_SCRIPT: &str = "0014751e76e8199196d454941c45d1b3a323f1433bd6";
/// Coins for gas that each account gets, wei.
const GAS: u128 = 10_u128.pow(19);
/// Test tokens that each party gets, base units.
const TOKENS: u128 = 1_000 * 10_u128.pow(18);

/// What the lease is to be.
#[derive(Clone, Debug)]
pub struct LeaseTerms {
    /// Hashes per second.
    pub hashrate: u64,
    /// Length, seconds.
    pub duration_s: u64,
    /// Time after the end for receipts and proofs, seconds.
    pub proof_window_s: u64,
}

/// A buyer beside the stage's own.
#[derive(Debug)]
pub struct Buyer {
    /// The node.
    pub node: Node,
    /// The wallet.
    pub wallet: Address,
}

/// A market with one seller and one buyer.
#[derive(Debug)]
pub struct Stage {
    /// The chain.
    pub chain: Chain,
    /// The buyer's Bitcoin node.
    pub bitcoin: Bitcoin,
    /// The pools on it, where buyers mine for them; the preferred one of the stage's buyer first.
    pub pools: Vec<Pool>,
    /// The escrow.
    pub escrow: Address,
    /// The token.
    pub token: Address,
    /// The seller's node.
    pub seller: Node,
    /// The buyer's node.
    pub buyer: Node,
    /// The buyer's wallet.
    pub wallet: Address,
    /// Where miners connect.
    pub stratum: String,
    /// Folder of all programs' logs.
    pub logs: PathBuf,
    bin: PathBuf,
    passphrase: PathBuf,
    dir: TempDir,
}

impl Stage {
    /// Starts and funds everything, telling each step through `say`. The seller's node mines with `threads` of
    /// its own; with none, [`Stage::start_miner`] brings it miners.
    ///
    /// # Errors
    /// Where a part does not start.
    pub async fn set(threads: usize, say: impl FnMut(&str)) -> Result<Self> {
        Self::set_for_pools(0, 1.0, threads, say).await
    }

    /// As [`Stage::set`], with a buyer who mines for the first of `count` pools whose shares have this Stratum difficulty;
    /// without one, on the Bitcoin node itself.
    ///
    /// # Errors
    /// Where a part does not start.
    pub async fn set_for_pools(count: usize, difficulty: f64, threads: usize, say: impl FnMut(&str)) -> Result<Self> {
        Self::set_with(count, count, difficulty, |_| format!("mine = {threads}\n"), say).await
    }

    /// As [`Stage::set`] without miners, where those without a lease mine for a pool of the seller's, as `user`, whose shares have this
    /// Stratum difficulty; and the seller's word for what they can do stands for no time.
    ///
    /// # Errors
    /// Where a part does not start.
    pub async fn set_for_idle_pool(user: &str, difficulty: f64, say: impl FnMut(&str)) -> Result<Self> {
        let farm = |pools: &[Pool]| format!("grace_s = 0\n{}", Pool::section("farm.idle", pools, user));
        Self::set_with(1, 0, difficulty, farm, say).await
    }

    /// As [`Stage::set_for_pools`] with two pools and no miners, where another buyer mines for the second one; that buyer is of
    /// this name, at the pool too.
    ///
    /// # Errors
    /// Where a part does not start.
    pub async fn set_for_two_buyers(name: &str, difficulty: f64, say: impl FnMut(&str)) -> Result<(Self, Buyer)> {
        let stage = Self::set_with(2, 1, difficulty, |_| String::new(), say).await?;
        let setup = Setup {
            bootstrap: stage.seller.addresses().await?,
            sections: Pool::section("pool", &stage.pools[1..], name),
        };
        let node = stage.node(name, &setup).await?;
        let wallet = new_wallet(&node, &stage.passphrase, &stage.chain, stage.token).await?;
        Ok((stage, Buyer { node, wallet }))
    }

    /// Starts everything with so many pools, of which the buyer mines for the first `own`; `farm` says more of the seller's farm.
    async fn set_with(
        count: usize,
        own: usize,
        difficulty: f64,
        farm: impl FnOnce(&[Pool]) -> String,
        mut say: impl FnMut(&str),
    ) -> Result<Self> {
        let ground = Ground::set(&mut say).await?;
        say(&format!("starting a Bitcoin node (bcoin) on a regtest chain with bits {BITS}"));
        let bitcoin = ground.bitcoin().await?;
        let pools = match count {
            0 => Vec::new(),
            count => ground.pools(count, &bitcoin, difficulty).await?,
        };

        let stratum = format!("127.0.0.1:{}", free_port()?);
        let sections = format!("[farm]\nstratum = {stratum:?}\n{}", farm(&pools));
        let setup = Setup { sections, ..Setup::default() };
        let mut seller = ground.node("seller", &setup).await?;
        ground.chain.give_gas(seller.address, GAS).await?;
        ground.chain.mint(ground.token, seller.address, TOKENS).await?;
        seller.start().await?;
        say(&format!("the seller's node runs: account {}, API {}", seller.address, seller.api()));

        let setup = Setup {
            bootstrap: seller.addresses().await?,
            sections: if own == 0 {
                format!(
                    "[bitcoin]\nrpc = {:?}\nuser = \"x\"\npassword_file = {:?}\npayout = {PAYOUT:?}\n",
                    bitcoin.url, bitcoin.password_file
                )
            } else {
                Pool::section("pool", &pools[..own], USER)
            },
        };
        let mut buyer = ground.node("buyer", &setup).await?;
        let Ground { chain, token, escrow, folders: Folders { bin, logs, .. }, dir, .. } = ground;
        chain.give_gas(buyer.address, GAS).await?;
        buyer.start().await?;
        say(&format!("the buyer's node runs: account {}, API {}", buyer.address, buyer.api()));

        let passphrase = dir.path().join("wallet.passphrase");
        write_secret(&passphrase, "a wallet of the demo\n")?;
        let wallet = new_wallet(&buyer, &passphrase, &chain, token).await?;
        say(&format!("the buyer's wallet is {wallet}, its key in an encrypted file"));
        Ok(Self { chain, bitcoin, pools, escrow, token, seller, buyer, wallet, stratum, logs, bin, passphrase, dir })
    }

    /// Starts a node of somebody who has no part in any lease, with coins for gas.
    ///
    /// # Errors
    /// Where it does not start.
    pub async fn stranger(&self) -> Result<Node> {
        self.node("stranger", &Setup::default()).await
    }

    async fn node(&self, name: &str, setup: &Setup) -> Result<Node> {
        let folders = Folders { bin: self.bin.clone(), dir: self.dir.path().to_owned(), logs: self.logs.clone() };
        let market = Market { escrow: self.escrow, token: self.token };
        let mut node = Node::init(&folders, name, &self.chain, &market, setup).await?;
        self.chain.give_gas(node.address, GAS).await?;
        node.start().await?;
        Ok(node)
    }

    /// Makes the other buyer the stage's own, and the stage's the other.
    pub fn turn_to(&mut self, other: &mut Buyer) {
        std::mem::swap(&mut self.buyer, &mut other.node);
        std::mem::swap(&mut self.wallet, &mut other.wallet);
    }

    /// Starts a miner at the seller's Stratum server.
    ///
    /// # Errors
    /// Where the program is not built.
    pub fn start_miner(&self, name: &str, threads: usize) -> Result<Process> {
        self.start_miner_with(name, threads, &[])
    }

    /// As [`Stage::start_miner`], with more arguments.
    ///
    /// # Errors
    /// Where the program is not built.
    pub fn start_miner_with(&self, name: &str, threads: usize, arguments: &[&str]) -> Result<Process> {
        let mut command = Command::new(self.bin.join("hashlease-miner"));
        command.args([
            "--url",
            &format!("stratum+tcp://{}", self.stratum),
            "--user",
            name,
            "--threads",
            &threads.to_string(),
        ]);
        command.args(arguments);
        Process::start(name, command, &self.logs.join(format!("{name}.log")))
    }

    /// Deposits test tokens of the seller's node into the escrow: what bonds come from.
    ///
    /// # Errors
    /// Where the node or the chain refuses.
    pub async fn deposit_seller(&self, amount: &str) -> Result<()> {
        self.seller.cli(&["deposit", "--node", amount]).await.map(drop)
    }

    /// Deposits test tokens of the buyer's wallet into the escrow: what leases are paid from.
    ///
    /// # Errors
    /// Where the wallet or the chain refuses.
    pub async fn deposit_buyer(&self, amount: &str) -> Result<()> {
        let mut arguments = vec!["deposit"];
        arguments.extend(self.wallet_arguments()?);
        arguments.push(amount);
        self.buyer.cli(&arguments).await.map(drop)
    }

    /// Returns the arguments that name the buyer's wallet.
    ///
    /// # Errors
    /// Where a path is no text.
    pub fn wallet_arguments(&self) -> Result<[&str; 4]> {
        let passphrase = self.passphrase.to_str().context("a path of text")?;
        Ok(["--wallet", "wallet", "--passphrase-file", passphrase])
    }

    /// Places an ask of the seller and a bid of the buyer that meet in `terms`.
    ///
    /// # Errors
    /// Where one of them is refused.
    pub async fn place_orders(&self, terms: &LeaseTerms) -> Result<()> {
        let hashrate = format!("{} H/s", terms.hashrate);
        let duration = format!("{}s", terms.duration_s);
        let window = format!("{}s", terms.proof_window_s);
        let price = "5000000000000 HLT/PH/day";
        let ask = [
            "ask",
            "--hashrate",
            &hashrate,
            "--price",
            price,
            "--min-duration",
            &duration,
            "--max-duration",
            &duration,
            "--sla",
            "50%",
            "--bond",
            "20%",
            "--proof",
            "90%",
            "--cancel-notice",
            "5s",
            "--proof-window",
            &window,
        ];
        self.seller.cli(&ask).await?;
        let mut bid = vec!["bid"];
        bid.extend(self.wallet_arguments()?);
        bid.extend([
            "--hashrate",
            &hashrate,
            "--price",
            price,
            "--duration",
            &duration,
            "--min-sla",
            "50%",
            "--min-bond",
            "20%",
            "--max-cancel-notice",
            "5s",
            "--max-proof-window",
            &window,
            "--yes",
        ]);
        self.buyer.cli(&bid).await.map(drop)
    }

    /// Waits until the chain opened a lease beyond the first `known`, and both nodes have seen it.
    ///
    /// # Errors
    /// Where none is opened in time.
    pub async fn opened(&self, known: usize) -> Result<Opened> {
        let seen = until("a lease to open", 60, || async {
            let Some(opened) = self.chain.opened(self.escrow).await?.into_iter().nth(known) else { return Ok(None) };
            let path = format!("leases/{}", opened.id);
            Ok((self.seller.get(&path).await.is_ok() && self.buyer.get(&path).await.is_ok()).then_some(opened))
        });
        seen.await.with_context(|| format!("buyer:\n{}\nseller:\n{}", self.buyer.tail(), self.seller.tail()))
    }

    /// Waits until the seller's view of a lease is as wanted, and returns it.
    ///
    /// # Errors
    /// Where it is not within a minute and a half.
    pub async fn seller_shows(&self, opened: &Opened, what: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let path = format!("leases/{}", opened.id);
        let shown = until(what, 90, || async { Ok(Some(self.seller.get(&path).await?).filter(|lease| wanted(lease))) });
        shown.await.with_context(|| format!("seller:\n{}", self.seller.tail()))
    }

    /// Kills the seller's node and starts it again.
    ///
    /// # Errors
    /// Where it does not come back.
    pub async fn restart_seller(&mut self) -> Result<()> {
        self.seller.kill().await?;
        self.seller.start().await
    }

    /// Returns the blocks of the best chain that pay the buyer.
    ///
    /// # Errors
    /// Where the Bitcoin node does not answer.
    pub async fn paying_blocks(&self) -> Result<Vec<String>> {
        self.bitcoin.blocks_paying(PAYOUT_SCRIPT).await
    }

    /// Keeps the folder of all programs after the stage is gone, and returns it.
    pub fn keep(self) -> PathBuf {
        self.dir.keep()
    }
}

/// Makes a wallet in a node's keystore, with coins and test tokens.
async fn new_wallet(node: &Node, passphrase: &Path, chain: &Chain, token: Address) -> Result<Address> {
    let file = passphrase.to_str().context("a path of text")?;
    let made = node.cli(&["keys", "new", "wallet", "--passphrase-file", file]).await?;
    let wallet: Address = serde_json::from_value(made["address"].clone())?;
    chain.give_gas(wallet, GAS).await?;
    chain.mint(token, wallet, TOKENS).await?;
    Ok(wallet)
}

fn write_secret(path: &Path, secret: &str) -> Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    Ok(file.write_all(secret.as_bytes())?)
}

/// Measures what one thread of the miner's kernel does on this machine now, hashes per second.
///
/// # Errors
/// Where no kernel passes its self-test.
pub fn measured_hashrate() -> Result<u64> {
    const SPAN: Duration = Duration::from_secs(1);
    const BATCH: u32 = 1 << 16;
    let kernel = select()?;
    let header =
        Header { version: 0x2000_0000, prev_hash: [1; 32], merkle_root: [2; 32], time: 3, bits: 0x1d00_ffff, nonce: 0 };
    let template = Template::new(&header);
    let impossible = Target::from_work(NonZeroU128::MAX);
    let (began, mut hashes) = (Instant::now(), 0_u64);
    while began.elapsed() < SPAN {
        let start = u32::try_from(hashes % (1 << 32)).unwrap_or(0);
        (kernel.scan)(&template, start..=start.saturating_add(BATCH - 1), &impossible, &mut |_, _| {});
        hashes += u64::from(BATCH);
    }
    let per_second = u128::from(hashes) * 1_000 / began.elapsed().as_millis().max(1);
    Ok(u64::try_from(per_second)?)
}
