//! A market node: the `hashlease` program on a data directory of its own, and its API.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use alloy_primitives::Address;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::process::Command;

use crate::{
    chain::{Chain, free_port},
    process::{Process, until},
};

/// A node, running or not.
#[derive(Debug)]
pub struct Node {
    name: String,
    program: PathBuf,
    /// Its data directory.
    pub datadir: PathBuf,
    log: PathBuf,
    api: String,
    http: reqwest::Client,
    /// Account of its key.
    pub address: Address,
    process: Option<Process>,
}

/// Where programs, their data and their logs lie.
#[derive(Clone, Debug)]
pub struct Folders {
    /// The built programs.
    pub bin: PathBuf,
    /// Data directories.
    pub dir: PathBuf,
    /// Logs.
    pub logs: PathBuf,
}

/// The contracts of a market.
#[derive(Clone, Copy, Debug)]
pub struct Market {
    /// The escrow.
    pub escrow: Address,
    /// The token.
    pub token: Address,
}

/// What a node's configuration says beyond `hashlease init`.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// Peers to meet others by.
    pub bootstrap: Vec<String>,
    /// Sections to add, as TOML.
    pub sections: String,
}

impl Node {
    /// Initialises a node for a chain and an escrow; it does not run yet.
    ///
    /// # Errors
    /// Where the program is not built or refuses.
    pub async fn init(folders: &Folders, name: &str, chain: &Chain, market: &Market, setup: &Setup) -> Result<Self> {
        let Folders { bin, dir, logs } = folders;
        let Market { escrow, token } = market;
        let program = bin.join("hashlease");
        ensure!(program.exists(), "{} is not built: run `cargo build --workspace`", program.display());
        let datadir = dir.join(name);
        let api = format!("127.0.0.1:{}", free_port()?);
        let mut node = Self {
            name: name.to_owned(),
            program,
            datadir: datadir.clone(),
            log: logs.join(format!("{name}.log")),
            api: format!("http://{api}"),
            http: reqwest::Client::new(),
            address: Address::ZERO,
            process: None,
        };
        let (id, token) = (Chain::ID.to_string(), format!("HLT={token}:18"));
        let made = node
            .cli(&["init", "--rpc", &chain.url, "--chain-id", &id, "--escrow", &escrow.to_string(), "--token", &token])
            .await?;
        node.address = serde_json::from_value(made["nodeAddress"].clone())?;
        node.configure(&api, setup)?;
        Ok(node)
    }

    /// Completes the file that `init` wrote, as its owner would: by setting keys that stand there commented.
    fn configure(&self, api: &str, setup: &Setup) -> Result<()> {
        let path = self.datadir.join("config.toml");
        let listen = format!("/ip4/127.0.0.1/tcp/{}", free_port()?);
        let mut text = std::fs::read_to_string(&path)?;
        for (key, value) in [
            ("confirmations", "1".to_owned()),
            ("poll_ms", "250".to_owned()),
            ("listen", format!("[{listen:?}]")),
            ("bootstrap", format!("{:?}", setup.bootstrap)),
            ("addr", format!("{api:?}")),
        ] {
            let commented = format!("\n#{key} = ");
            let (before, after) =
                text.split_once(&commented).with_context(|| format!("no key {key} in config.toml"))?;
            let rest = after.split_once('\n').map_or("", |(_, rest)| rest);
            text = format!("{before}\n{key} = {value}\n{rest}");
        }
        write!(text, "\n{}", setup.sections)?;
        Ok(std::fs::write(path, text)?)
    }

    /// Starts the node and waits until its API answers.
    ///
    /// # Errors
    /// Where it ends, or does not answer in time.
    pub async fn start(&mut self) -> Result<()> {
        let mut command = self.command();
        command.args(["run", "--log-format", "human"]);
        command.env("RUST_LOG", std::env::var("RUST_LOG").unwrap_or_else(|_| "info,hashlease_node=debug".to_owned()));
        self.process = Some(Process::start(&self.name, command, &self.log)?);
        let answered = until("a node's API", 60, || async { Ok(Some(self.get("status").await?)) }).await;
        answered.map(drop).with_context(|| self.tail())
    }

    /// Stops the node in order.
    ///
    /// # Errors
    /// Where it does not stop cleanly.
    pub async fn stop(&mut self) -> Result<()> {
        self.process.take().context("the node does not run")?.stop().await
    }

    /// Ends the node at once.
    ///
    /// # Errors
    /// Where it does not run.
    pub async fn kill(&mut self) -> Result<()> {
        self.process.take().context("the node does not run")?.kill().await
    }

    /// Makes the node hang, or go on.
    ///
    /// # Errors
    /// Where it does not run.
    pub async fn hang(&self, hangs: bool) -> Result<()> {
        self.process.as_ref().context("the node does not run")?.hang(hangs).await
    }

    /// Returns the end of the log.
    pub fn tail(&self) -> String {
        self.process.as_ref().map(Process::tail).unwrap_or_default()
    }

    /// Returns the process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().and_then(Process::id)
    }

    /// Returns the program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Returns the API's address.
    pub fn api(&self) -> &str {
        &self.api
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env_remove("HASHLEASE_DATADIR").arg("--datadir").arg(&self.datadir).arg("--json");
        command
    }

    /// Runs a command of the command line and returns the JSON that it prints.
    ///
    /// # Errors
    /// Where the command fails, with what it said.
    pub async fn cli(&self, arguments: &[&str]) -> Result<Value> {
        let output = self.command().args(arguments).output().await?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "hashlease {}: {}", arguments.join(" "), said.trim());
        serde_json::from_slice(&output.stdout)
            .with_context(|| format!("hashlease {} prints no JSON", arguments.join(" ")))
    }

    /// Runs a command that must fail and returns its exit code and what it said.
    ///
    /// # Errors
    /// Where it succeeds.
    pub async fn cli_fails(&self, arguments: &[&str]) -> Result<(Option<i32>, String)> {
        let output = self.command().args(arguments).output().await?;
        ensure!(!output.status.success(), "hashlease {} succeeded", arguments.join(" "));
        Ok((output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned()))
    }

    /// Reads from the API: `path` comes after `/v1/`.
    ///
    /// # Errors
    /// Where the node does not answer with success.
    pub async fn get(&self, path: &str) -> Result<Value> {
        let token = std::fs::read_to_string(self.datadir.join("api-token"))?;
        let request = self.http.get(format!("{}/v1/{path}", self.api)).bearer_auth(token.trim());
        let response = request.send().await?;
        let status = response.status();
        let body: Value = response.json().await?;
        ensure!(status.is_success(), "GET /v1/{path}: {status} {body}");
        Ok(body)
    }

    /// Returns the multiaddresses at which peers reach the node.
    ///
    /// # Errors
    /// Where the node does not answer.
    pub async fn addresses(&self) -> Result<Vec<String>> {
        Ok(serde_json::from_value(self.get("status").await?["listen"].clone())?)
    }
}
