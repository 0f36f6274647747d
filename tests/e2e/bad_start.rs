//! A node that cannot start, or not yet: what it says then.

use std::{fs::Permissions, os::unix::fs::PermissionsExt, path::Path};

use hashlease_tests::{Door, Ground, Node, Setup};

/// Runs a node that must end with `code` and a message with all of `parts`, and no secret.
async fn refused(node: &Node, arguments: &[&str], code: i32, parts: &[&str]) {
    let (ended, said) = node.cli_fails(&[&["run"], arguments].concat()).await.unwrap();
    assert_eq!(ended, Some(code), "{said}");
    for part in parts {
        assert!(said.contains(part), "{part:?} is missing in: {said}");
    }
    without_secrets(node, &said);
}

fn without_secrets(node: &Node, said: &str) {
    for file in ["node.passphrase", "api-token"] {
        let secret = std::fs::read_to_string(node.datadir.join(file)).unwrap();
        assert!(!said.contains(secret.trim()), "the secret in {file} was told: {said}");
    }
}

fn permit(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_configuration_is_refused_with_what_to_change() {
    let ground = Ground::set(|_| {}).await.unwrap();
    let mut node = ground.node("node", &Setup::default()).await.unwrap();

    node.configure_key("chain_id", "5").unwrap();
    let parts = ["serves chain 31337, the configuration says 5: change chain.rpc or chain.chain_id"];
    refused(&node, &[], 78, &parts).await;
    node.configure_key("chain_id", "31337").unwrap();

    node.configure_key("escrow", &format!("\"{}\"", ground.chain.faucet)).unwrap();
    refused(&node, &[], 78, &[&format!("no contract at {}", ground.chain.faucet), "change chain.escrow"]).await;
    node.configure_key("escrow", &format!("\"{}\"", ground.token)).unwrap();
    let other = format!("the contract at {} is not the escrow that this version knows", ground.token);
    refused(&node, &[], 78, &[&other, "change chain.escrow"]).await;
    node.configure_key("escrow", &format!("\"{}\"", ground.escrow)).unwrap();

    for file in ["keystore/node.json", "node.passphrase"] {
        permit(&node.datadir.join(file), 0o644);
        refused(&node, &[], 78, &[file, "may be read by others (mode 644): run chmod 600 on it"]).await;
        permit(&node.datadir.join(file), 0o600);
    }

    let sound = std::fs::read_to_string(node.config()).unwrap();
    std::fs::write(node.config(), format!("{sound}[bitcoin]\npassword = \"hunter2\"\n")).unwrap();
    let line = format!("config.toml, line {}", sound.lines().count() + 2);
    refused(&node, &[], 78, &[&line, "unknown field `password`, expected one of `rpc`"]).await;
    let (_, said) = node.cli_fails(&["config", "check"]).await.unwrap();
    assert!(said.contains(&line) && !said.contains("hunter2"), "{said}");
    std::fs::write(node.config(), sound).unwrap();

    // Nothing else was wrong.
    node.start().await.unwrap();
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_company_a_second_daemon_and_a_taken_address_are_refused() {
    let ground = Ground::set(|_| {}).await.unwrap();
    let mut first = ground.node("first", &Setup::default()).await.unwrap();
    first.start().await.unwrap();
    refused(&first, &[], 75, &["another node runs on", "stop it first, or choose another directory with --datadir"])
        .await;

    let api = first.api().strip_prefix("http://").unwrap();
    let setup = Setup { sections: format!("[farm]\nstratum = {api:?}\n"), ..Setup::default() };
    let second = ground.node("second", &setup).await.unwrap();
    refused(&second, &[], 1, &[&format!("{api} is taken: choose another with farm.stratum")]).await;
    let setup =
        Setup { sections: format!("[farm]\nstratum = \"127.0.0.1:0\"\nstratum_v2 = {api:?}\n"), ..Setup::default() };
    let third = ground.node("third", &setup).await.unwrap();
    refused(&third, &[], 1, &[&format!("{api} is taken: choose another with farm.stratum_v2")]).await;
    refused(&second, &["--api-addr", api], 1, &[&format!("{api} is taken: choose another with api.addr")]).await;

    first.get("status").await.unwrap();
    first.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_timing_a_chain_that_is_not_up_yet_is_waited_for() {
    let ground = Ground::set(|_| {}).await.unwrap();
    let mut node = ground.node("node", &Setup::default()).await.unwrap();
    let mut door = Door::closed().unwrap();
    // Providers put their key into the URL.
    node.configure_key("rpc", &format!("\"http://{}/?key=hunter2\"", door.addr())).unwrap();
    node.launch().unwrap();
    let said = node.says("waiting for the chain").await.unwrap();
    let parts = [&format!("{} does not answer eth_chainId", door.addr()), "and chain.rpc", "Connection refused"];
    assert!(parts.iter().all(|part| said.contains(*part)), "{said}");

    door.open(&ground.chain.url).await.unwrap();
    node.says("the chain answers").await.unwrap();
    node.answers().await.unwrap();
    let said = node.said().unwrap();
    assert!(!said.contains("hunter2"), "{said}");
    without_secrets(&node, &said);
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_timing_a_bitcoin_node_that_is_not_up_yet_is_waited_for() {
    let ground = Ground::set(|_| {}).await.unwrap();
    let bitcoin = ground.bitcoin().await.unwrap();
    let mut door = Door::closed().unwrap();
    let sections = format!(
        "[bitcoin]\nrpc = \"http://{}\"\nuser = \"x\"\npassword_file = {:?}\npayout = {:?}\n",
        door.addr(),
        bitcoin.password_file,
        "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
    );
    let mut node = ground.node("node", &Setup { sections, ..Setup::default() }).await.unwrap();
    node.start().await.unwrap();
    let said = node.says("the Bitcoin node gives no work").await.unwrap();
    let parts = ["can't be reached: check that it runs", &format!("http://{}", door.addr()), "Connection refused"];
    assert!(parts.iter().all(|part| said.contains(*part)), "{said}");

    door.open(&bitcoin.url).await.unwrap();
    node.says("the Bitcoin node gives work").await.unwrap();
    let said = node.said().unwrap();
    let password = std::fs::read_to_string(&bitcoin.password_file).unwrap();
    assert!(!said.contains(password.trim()), "{said}");
    without_secrets(&node, &said);
    node.stop().await.unwrap();
}
