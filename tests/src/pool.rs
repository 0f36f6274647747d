//! foundation-stratum: a real mining pool, a program of others, on the Bitcoin node of the tests.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::process::Command;

use crate::{Bitcoin, Process, bitcoin::write_secret, chain::free_port};

/// Where the pool's blocks pay: the address of the stage's solo blocks as bcoin writes it on regtest.
const PAYOUT: &str = "rb1qw508d6qejxtdg4y5r3zarvary0c5xw7k38f4sn";
/// Most jobs of a pool: a test sees some hundred.
const JOBS: usize = 0x1000;
/// Account of the stage's buyer at the pool.
pub(crate) const USER: &str = "buyer.worker";

/// A running pool.
#[derive(Debug)]
pub struct Pool {
    process: Process,
    home: PathBuf,
    settings: Vec<(&'static str, String)>,
    log: PathBuf,
    port: u16,
    password_file: PathBuf,
    shares: PathBuf,
}

/// A share as the pool judged it.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolShare {
    /// Why it was refused, if it was.
    pub error: Option<String>,
    /// Stratum difficulty that it counts.
    pub difficulty: f64,
    /// Hash of the block that it is, if it is one.
    pub block: Option<String>,
    /// User it counts for.
    pub user: String,
    /// Number of its job; no two pools of a stage have one in common.
    pub job: u32,
}

impl Pool {
    /// Starts so many pools whose shares have this Stratum difficulty; the buyer has the same account at each.
    ///
    /// # Errors
    /// Where it is not installed or does not start.
    pub async fn start(
        count: usize,
        root: &Path,
        dir: &Path,
        logs: &Path,
        bitcoin: &Bitcoin,
        difficulty: f64,
    ) -> Result<Vec<Self>> {
        let home = root.join("tests/pool");
        ensure!(
            home.join("node_modules/foundation-stratum").exists(),
            "the pool is not installed: run `npm ci --ignore-scripts` in tests/pool, as scripts/test does"
        );
        let password_file = dir.join("pool.password");
        let password = format!("{:016x}", alloy_primitives::U256::from_be_bytes(alloy_primitives::B256::random().0));
        write_secret(&password_file, &password)?;
        let rpc_port = bitcoin.url.rsplit(':').next().context("a port")?.to_owned();
        let mut pools = Vec::new();
        for number in 0..count {
            let (port, shares) = (free_port()?, dir.join(format!("pool{number}.shares")));
            let log = logs.join(format!("pool{number}.log"));
            std::fs::write(&shares, "")?;
            // By the environment: arguments are for everyone on the machine to read.
            let settings = vec![
                ("POOL_PORT", port.to_string()),
                ("POOL_DIFFICULTY", difficulty.to_string()),
                ("POOL_ADDRESS", PAYOUT.to_owned()),
                ("POOL_PASSWORD", password.clone()),
                ("POOL_SHARES", shares.display().to_string()),
                ("POOL_RPC_PORT", rpc_port.clone()),
                ("POOL_JOBS_FROM", (number * JOBS).to_string()),
                ("BCOIN_API_KEY", bitcoin.password.clone()),
            ];
            let (home, password_file) = (home.clone(), password_file.clone());
            let process = run(&home, &settings, &log).await?;
            pools.push(Self { process, home, settings, log, port, password_file, shares });
        }
        Ok(pools)
    }

    /// Kills the pool for good.
    ///
    /// # Errors
    /// Where it does not run.
    pub async fn kill(&mut self) -> Result<()> {
        self.process.kill().await
    }

    /// Kills the pool and starts it again at the same address; it remembers no job and no connection.
    ///
    /// # Errors
    /// Where it does not come back.
    pub async fn restart(&mut self) -> Result<()> {
        self.process.kill().await?;
        // What was said before would pass for the new one's words.
        std::fs::rename(&self.log, self.log.with_extension("before.log"))?;
        self.process = run(&self.home, &self.settings, &self.log).await?;
        Ok(())
    }

    /// Returns every share that the pool judged, over all its runs.
    ///
    /// # Errors
    /// Where its record cannot be read.
    pub fn shares(&self) -> Result<Vec<PoolShare>> {
        let record = std::fs::read_to_string(&self.shares)?;
        let share = |line: &str| -> Result<PoolShare> {
            let share: Value = serde_json::from_str(line)?;
            let text = |key: &str| share[key].as_str().map(str::to_owned);
            Ok(PoolShare {
                error: text("error"),
                difficulty: share["difficulty"].as_f64().context("a difficulty")?,
                block: text("block"),
                user: text("user").context("a user")?,
                job: u32::from_str_radix(&text("job").context("a job")?, 16)?,
            })
        };
        record.lines().map(share).collect()
    }

    /// Returns the section of this name of a node's configuration, which mines for these pools as `user`.
    pub(crate) fn section(name: &str, pools: &[Self], user: &str) -> String {
        let urls: Vec<String> = pools.iter().map(Self::url).collect();
        let password_file = pools.first().map(|pool| pool.password_file.clone()).unwrap_or_default();
        format!("[{name}]\nurls = {urls:?}\nuser = {user:?}\npassword_file = {password_file:?}\n")
    }

    /// Returns where miners connect.
    pub fn url(&self) -> String {
        format!("stratum+tcp://127.0.0.1:{}", self.port)
    }

    /// Returns the account of the stage's buyer at the pool.
    pub fn user(&self) -> &'static str {
        USER
    }
}

async fn run(home: &Path, settings: &[(&'static str, String)], log: &Path) -> Result<Process> {
    let mut command = Command::new("node");
    command.current_dir(home).arg("pool.js").envs(settings.iter().map(|(name, value)| (name, value)));
    let mut process = Process::start("pool", command, log)?;
    process.says("the pool serves miners").await?;
    Ok(process)
}
