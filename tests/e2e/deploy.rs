//! `scripts/deploy`: one address and one code on every chain, and what it says where something is in the way.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use alloy_primitives::{Bytes, keccak256};
use hashlease_tests::Chain;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

/// The first of anvil's own accounts, whose key is no secret, under the password "pass".
const KEYSTORE: &str = r#"{"address": "f39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "crypto": {"cipher": "aes-128-ctr", "cipherparams": {"iv": "0d8e337cc8a4ab88269e4a28d373ba91"}, "ciphertext": "4b12204c26ba90dd51b407ef00a920b2a54bdc6e376128315b693e35fb1f72a7", "kdf": "scrypt", "kdfparams": {"dklen": 32, "n": 1024, "r": 8, "p": 1, "salt": "98cef457ee8845ff25f914683e40419b"}, "mac": "bb4c218420e2e799c55f82fcdd2698ee85fdf28d9427d844eb994a84c58dedef"}, "id": "b1372d57-6f4d-47d5-ae03-a3f868dae699", "version": 3}"#;
/// A chain that isn't the default one.
const OTHER: u64 = 8_453;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// What the script printed: the configuration, and what it told beside it.
struct Said {
    succeeded: bool,
    config: String,
    told: String,
}

impl Said {
    /// The value of a key of the printed configuration, which must be there.
    fn value(&self, key: &str) -> &str {
        let line = self.config.lines().find_map(|line| line.strip_prefix(&format!("{key} = ")));
        line.unwrap_or_else(|| panic!("no {key} in: {}{}", self.config, self.told)).trim_matches('"')
    }

    fn code_hash(&self) -> &str {
        self.config.lines().find_map(|line| line.strip_prefix("# code hash of the escrow: ")).unwrap()
    }

    #[track_caller]
    fn fails_with(&self, part: &str) {
        assert!(!self.succeeded && self.told.contains(part) && self.config.is_empty(), "{}{}", self.config, self.told);
    }
}

async fn deploy(chain: &Chain, arguments: &[&str]) -> Said {
    let mut command = Command::new(root().join("scripts/deploy"));
    command.args(["--rpc", &chain.url]).args(arguments).stdin(Stdio::null());
    command.env_remove("ETH_KEYSTORE").env_remove("ETH_PASSWORD");
    let output = command.output().await.unwrap();
    Said {
        succeeded: output.status.success(),
        config: String::from_utf8(output.stdout).unwrap(),
        told: String::from_utf8(output.stderr).unwrap(),
    }
}

async fn code(chain: &Chain, address: &str) -> Bytes {
    serde_json::from_value(chain.call("eth_getCode", json!([address, "latest"])).await.unwrap()).unwrap()
}

async fn chain(dir: &TempDir, id: u64) -> Chain {
    let logs = dir.path().join(id.to_string());
    std::fs::create_dir(&logs).unwrap();
    Chain::with_id(&root(), &logs, id).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn deploy_makes_the_same_escrow_on_every_chain_and_only_once() {
    let dir = tempfile::tempdir().unwrap();
    let (keystore, password) = (dir.path().join("key.json"), dir.path().join("password"));
    std::fs::write(&keystore, KEYSTORE).unwrap();
    std::fs::write(&password, "pass").unwrap();
    let key = ["--keystore", keystore.to_str().unwrap(), "--password-file", password.to_str().unwrap()];
    let first = chain(&dir, Chain::ID).await;
    let second = chain(&dir, OTHER).await;

    let dry = deploy(&first, &["--dry-run"]).await;
    assert!(dry.succeeded && dry.told.contains("nothing was sent"), "{}", dry.told);
    assert!(code(&first, dry.value("escrow")).await.is_empty(), "a dry run deployed it");
    deploy(&first, &[]).await.fails_with("give --keystore and --password-file");

    let mut escrows = Vec::new();
    for (chain, id) in [(&first, Chain::ID), (&second, OTHER)] {
        let made = deploy(chain, &key).await;
        assert!(made.succeeded && made.told.contains("deployed the escrow at"), "{}", made.told);
        assert_eq!(made.value("chain_id"), id.to_string());
        assert_eq!(made.value("escrow"), dry.value("escrow"));
        let code = code(chain, made.value("escrow")).await;
        assert_eq!(made.code_hash(), keccak256(&code).to_string());

        let block = made.value("from_block").parse::<u64>().unwrap();
        let before = json!([made.value("escrow"), format!("{:#x}", block - 1)]);
        assert_eq!(chain.call("eth_getCode", before).await.unwrap(), Value::from("0x"), "the block before has it");

        let again = deploy(chain, &[]).await;
        assert!(again.succeeded && again.told.contains("stands at"), "{}", again.told);
        assert_eq!(again.config, made.config);
        escrows.push(code);
    }
    assert_eq!(escrows[0], escrows[1], "one code");

    // Another contract at the escrow's address, and a chain without the proxy.
    second.call("anvil_setCode", json!([dry.value("escrow"), "0x00"])).await.unwrap();
    deploy(&second, &key).await.fails_with("isn't the escrow's");
    second.call("anvil_setCode", json!([dry.value("escrow"), "0x"])).await.unwrap();
    second.call("anvil_setCode", json!(["0x4e59b44847b379578588920cA78FbF26c0B4956C", "0x"])).await.unwrap();
    deploy(&second, &key).await.fails_with("the deterministic deployment proxy is missing");
}
