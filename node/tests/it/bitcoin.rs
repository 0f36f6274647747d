//! A real Bitcoin full node, bcoin, on a regtest chain of fixed difficulty.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use hashlease_node::destination::{Password, RpcConfig};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

pub(crate) const PASSWORD: &str = "only for this test";

/// Runs until it is dropped.
pub(crate) struct Bitcoin {
    port: u16,
    _process: Child,
    _files: TempDir,
}

impl Bitcoin {
    /// Starts a node whose every block has these bits (8 hex digits).
    pub(crate) async fn start(bits: &str) -> Self {
        let home = home();
        let files = TempDir::new().unwrap();
        let mut process = Command::new("node")
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .envs([("NODE_BACKEND", "js"), ("BCOIN_API_KEY", PASSWORD), ("HASHLEASE_BITS", bits)])
            .arg("-r")
            .arg(home.join("hard-regtest.js"))
            .arg(home.join("node_modules/bcoin/bin/node"))
            .args(["--network=regtest", "--memory=true", "--workers=false", "--listen=false", "--no-wallet=true"])
            .args(["--http-host=127.0.0.1", "--http-port=0", "--log-level=info"])
            .arg(format!("--prefix={}", files.path().display()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node.js must be in the PATH");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if let Some((_, rest)) = line.split_once("HTTP server listening on 127.0.0.1 (port=") {
                    return rest.trim_end_matches(").").parse().unwrap();
                }
            }
            panic!("bcoin ended before it listened");
        };
        let port = timeout(Duration::from_secs(60), port).await.expect("bcoin must start within a minute");
        // A full pipe would stop it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { port, _process: process, _files: files }
    }

    pub(crate) fn config(&self) -> RpcConfig {
        RpcConfig {
            url: format!("http://127.0.0.1:{}", self.port),
            user: "any".to_owned(),
            password: Password::new(PASSWORD.to_owned()),
        }
    }

    /// Calls any method, apart from the client that is under test.
    pub(crate) async fn call(&self, method: &str, params: Value) -> Value {
        let request = reqwest::Client::new()
            .post(format!("http://127.0.0.1:{}", self.port))
            .basic_auth("any", Some(PASSWORD))
            .json(&json!({ "id": 1, "method": method, "params": params }));
        let reply: Value = request.send().await.unwrap().json().await.unwrap();
        assert!(reply["error"].is_null(), "{method}: {reply}");
        reply["result"].clone()
    }
}

fn home() -> PathBuf {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/bitcoin");
    let installed = home.join("node_modules/bcoin").is_dir();
    assert!(
        installed,
        "bcoin isn't installed: run (cd tests/bitcoin && npm ci --ignore-scripts), as scripts/test does"
    );
    home
}
