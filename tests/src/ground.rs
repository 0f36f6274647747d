//! A market without its parties: a chain with token and escrow, and folders for what nodes write.

use std::path::{Path, PathBuf};

use alloy_primitives::Address;
use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::{
    Bitcoin, Chain, Node, Pool,
    node::{Folders, Market, Setup},
};

/// Compact target of every Bitcoin block: 2^25 hashes on average, a second of a fast core and some of a slow one.
pub(crate) const BITS: &str = "1d7fffff";

/// The ground that nodes stand on.
#[derive(Debug)]
pub struct Ground {
    /// The chain.
    pub chain: Chain,
    /// The token.
    pub token: Address,
    /// The escrow.
    pub escrow: Address,
    pub(crate) folders: Folders,
    pub(crate) dir: TempDir,
    root: PathBuf,
}

impl Ground {
    /// Starts a chain and deploys the contracts, telling each step through `say`.
    ///
    /// # Errors
    /// Where a part does not start.
    pub async fn set(mut say: impl FnMut(&str)) -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the checkout")?.to_owned();
        let bin = programs()?;
        let dir = tempfile::Builder::new().prefix("hashlease-").tempdir()?;
        let logs = dir.path().join("logs");
        std::fs::create_dir(&logs)?;

        say("starting a chain (anvil), a block each second");
        let chain = Chain::start(&root, &logs).await?;
        let token = chain.deploy(&root, "TestToken").await?;
        let escrow = chain.deploy(&root, "LeaseEscrow").await?;
        say(&format!("deployed the token at {token} and the escrow at {escrow}"));
        let folders = Folders { bin, dir: dir.path().to_owned(), logs };
        Ok(Self { chain, token, escrow, folders, dir, root })
    }

    /// Starts a Bitcoin node.
    ///
    /// # Errors
    /// Where it does not start.
    pub async fn bitcoin(&self) -> Result<Bitcoin> {
        Bitcoin::start(&self.root, self.dir.path(), &self.folders.logs, BITS).await
    }

    /// Starts mining pools on a Bitcoin node, whose shares have this Stratum difficulty.
    ///
    /// # Errors
    /// Where one is not installed or does not start.
    pub async fn pools(&self, count: usize, bitcoin: &Bitcoin, difficulty: f64) -> Result<Vec<Pool>> {
        Pool::start(count, &self.root, self.dir.path(), &self.folders.logs, bitcoin, difficulty).await
    }

    /// Initialises a node; it does not run yet.
    ///
    /// # Errors
    /// Where the program is not built or refuses.
    pub async fn node(&self, name: &str, setup: &Setup) -> Result<Node> {
        let market = Market { escrow: self.escrow, token: self.token };
        Node::init(&self.folders, name, &self.chain, &market, setup).await
    }
}

/// Returns the folder of the built programs: beside this one, or beside the test's folder.
fn programs() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let dir = own.parent().context("a folder of programs")?;
    Ok(if dir.ends_with("deps") { dir.parent().context("a folder of programs")? } else { dir }.to_owned())
}
