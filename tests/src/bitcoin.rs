//! bcoin: a real Bitcoin full node on a regtest chain of fixed difficulty.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{chain::free_port, process::Process};

/// A Bitcoin node.
#[derive(Debug)]
pub struct Bitcoin {
    process: Process,
    http: reqwest::Client,
    pub(crate) password: String,
    /// JSON-RPC address.
    pub url: String,
    /// File that holds the RPC password, readable by its owner alone.
    pub password_file: PathBuf,
}

impl Bitcoin {
    /// Starts a node each of whose blocks has the compact target `bits` (8 hex digits).
    ///
    /// # Errors
    /// Where bcoin is not installed or does not start.
    pub async fn start(root: &Path, dir: &Path, logs: &Path, bits: &str) -> Result<Self> {
        let home = root.join("tests/bitcoin");
        let node = home.join("node_modules/bcoin/bin/node");
        ensure!(
            node.exists(),
            "bcoin is not installed: run `npm ci --ignore-scripts` in tests/bitcoin, as scripts/test does"
        );
        let port = free_port()?;
        let password = format!("{:016x}", alloy_primitives::U256::from_be_bytes(alloy_primitives::B256::random().0));
        let password_file = dir.join("bitcoin.password");
        write_secret(&password_file, &password)?;
        let mut command = Command::new("node");
        // The password goes by the environment: arguments are for everyone on the machine to read.
        command.envs([("NODE_BACKEND", "js"), ("BCOIN_API_KEY", password.as_str()), ("HASHLEASE_BITS", bits)]);
        command.arg("-r").arg(home.join("hard-regtest.js")).arg(node);
        command.args(["--network=regtest", "--memory=true", "--workers=false", "--listen=false", "--no-wallet=true"]);
        command.args(["--http-host=127.0.0.1", &format!("--http-port={port}"), "--log-level=info"]);
        command.arg(format!("--prefix={}", dir.join("bcoin").display()));
        let mut process = Process::start("bcoin", command, &logs.join("bcoin.log"))?;
        process.says("HTTP server listening on").await?;
        Ok(Self {
            process,
            http: reqwest::Client::new(),
            password,
            url: format!("http://127.0.0.1:{port}"),
            password_file,
        })
    }

    /// Returns the process id.
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Calls a JSON-RPC method.
    ///
    /// # Errors
    /// Where the node does not answer, or answers with an error.
    pub async fn call(&self, method: &str, params: Value) -> Result<Value> {
        let request = json!({ "id": 1, "method": method, "params": params });
        let request = self.http.post(&self.url).basic_auth("x", Some(&self.password)).json(&request);
        let mut answer: Value = request.send().await?.json().await?;
        ensure!(answer["error"].is_null(), "{method}: {}", answer["error"]);
        Ok(answer["result"].take())
    }

    /// Returns the hashes of the blocks of the best chain whose coinbase pays `script` (hex), as the node shows them.
    ///
    /// # Errors
    /// Where the node does not answer.
    pub async fn blocks_paying(&self, script: &str) -> Result<Vec<String>> {
        let height = self.call("getblockcount", json!([])).await?.as_u64().unwrap_or(0);
        let mut paying = Vec::new();
        for height in 1..=height {
            let hash = self.call("getblockhash", json!([height])).await?;
            let block = self.call("getblock", json!([hash, true, true])).await?;
            let outputs = block["tx"][0]["vout"].as_array().cloned().unwrap_or_default();
            let pays = |output: &Value| output["scriptPubKey"]["hex"] == script;
            if outputs.iter().any(pays) {
                paying.push(hash.as_str().unwrap_or_default().to_owned());
            }
        }
        Ok(paying)
    }
}

pub(crate) fn write_secret(path: &Path, secret: &str) -> Result<()> {
    use std::{io::Write, os::unix::fs::OpenOptionsExt};
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    Ok(writeln!(file, "{secret}")?)
}
