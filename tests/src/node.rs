//! A market node: the `hashlease` program on a data directory of its own, and its API.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use alloy_primitives::Address;
use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::Value;
use tokio::{process::Command, time::timeout};

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

    /// Completes the file that `init` wrote.
    fn configure(&self, api: &str, setup: &Setup) -> Result<()> {
        let listen = format!("/ip4/127.0.0.1/tcp/{}", free_port()?);
        for (key, value) in [
            ("confirmations", "1".to_owned()),
            ("poll_ms", "250".to_owned()),
            ("listen", format!("[{listen:?}]")),
            ("bootstrap", format!("{:?}", setup.bootstrap)),
            ("addr", format!("{api:?}")),
        ] {
            self.configure_key(key, &value)?;
        }
        let text = std::fs::read_to_string(self.config())?;
        Ok(std::fs::write(self.config(), format!("{text}\n{}", setup.sections))?)
    }

    /// Sets a key of the configuration file to a value in TOML, as its owner would: at the first place where the
    /// key stands, commented or not.
    ///
    /// # Errors
    /// Where it stands nowhere.
    pub fn configure_key(&self, key: &str, value: &str) -> Result<()> {
        let text = std::fs::read_to_string(self.config())?;
        let mut lines: Vec<&str> = text.lines().collect();
        let begins = format!("{key} = ");
        let line = lines.iter_mut().find(|line| line.trim_start_matches('#').starts_with(&begins));
        let set = format!("{key} = {value}");
        *line.with_context(|| format!("no key {key} in config.toml"))? = &set;
        Ok(std::fs::write(self.config(), lines.join("\n") + "\n")?)
    }

    /// Returns the path of the configuration file.
    pub fn config(&self) -> PathBuf {
        self.datadir.join("config.toml")
    }

    /// Starts the node and waits until its API answers.
    ///
    /// # Errors
    /// Where it ends, or does not answer in time.
    pub async fn start(&mut self) -> Result<()> {
        self.launch()?;
        self.answers().await
    }

    /// Starts the node, whatever it says then.
    ///
    /// # Errors
    /// Where the program is not built.
    pub fn launch(&mut self) -> Result<()> {
        let mut command = self.command();
        command.args(["run", "--log-format", "human"]);
        command.env("RUST_LOG", std::env::var("RUST_LOG").unwrap_or_else(|_| "info,hashlease_node=debug".to_owned()));
        self.process = Some(Process::start(&self.name, command, &self.log)?);
        Ok(())
    }

    /// Waits until the node's API answers.
    ///
    /// # Errors
    /// Where it does not in time.
    pub async fn answers(&self) -> Result<()> {
        let answered = until("a node's API", 60, || async { Ok(Some(self.get("status").await?)) }).await;
        answered.map(drop).with_context(|| self.tail())
    }

    /// Waits until the node says `pattern` and returns the rest of that line.
    ///
    /// # Errors
    /// Where the node ends first, or a minute passes.
    pub async fn says(&mut self, pattern: &str) -> Result<String> {
        self.process.as_mut().context("the node does not run")?.says(pattern).await
    }

    /// Returns all that the node said.
    ///
    /// # Errors
    /// Where it never ran.
    pub fn said(&self) -> Result<String> {
        Ok(std::fs::read_to_string(&self.log)?)
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
        command.kill_on_drop(true);
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
    /// Where it succeeds, or goes on for a minute.
    pub async fn cli_fails(&self, arguments: &[&str]) -> Result<(Option<i32>, String)> {
        let ended = timeout(Duration::from_secs(60), self.command().args(arguments).output()).await;
        let output = ended.with_context(|| format!("hashlease {} goes on", arguments.join(" ")))??;
        ensure!(!output.status.success(), "hashlease {} succeeded", arguments.join(" "));
        Ok((output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned()))
    }

    /// Reads from the API: `path` comes after `/v1/`.
    ///
    /// # Errors
    /// Where the node does not answer with success.
    pub async fn get(&self, path: &str) -> Result<Value> {
        let (status, body) = self.request(Method::GET, path, String::new()).await?;
        ensure!(status == 200, "GET /v1/{path}: {status} {body}");
        Ok(body)
    }

    /// Sends a request with a JSON text to the API, which need not be JSON, and returns status and answer; `path`
    /// comes after `/v1/`.
    ///
    /// # Errors
    /// Where the node does not answer.
    pub async fn request(&self, method: Method, path: &str, body: String) -> Result<(u16, Value)> {
        let token = std::fs::read_to_string(self.datadir.join("api-token"))?;
        let request = self.http.request(method, format!("{}/v1/{path}", self.api)).bearer_auth(token.trim());
        let response = request.header("content-type", "application/json").body(body).send().await?;
        let status = response.status().as_u16();
        let answer = response.bytes().await?;
        Ok((status, if answer.is_empty() { Value::Null } else { serde_json::from_slice(&answer)? }))
    }

    /// Returns the multiaddresses at which peers reach the node.
    ///
    /// # Errors
    /// Where the node does not answer.
    pub async fn addresses(&self) -> Result<Vec<String>> {
        Ok(serde_json::from_value(self.get("status").await?["listen"].clone())?)
    }
}
