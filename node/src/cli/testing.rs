//! Samples for the tests of the command line.

use crate::{
    api::types::{HeadView, Role, Status, Time},
    config::{Config, DataDir, Overrides},
};
use alloy_primitives::address;

const TEXT: &str = r#"
[chain]
rpc = "http://127.0.0.1:8545"
chain_id = 31337
escrow = "0x5FbDB2315678afecb367f032d93F642f64180aa3"

[tokens.USDC]
address = "0x00000000000000000000000000000000000000a1"
decimals = 6
"#;

/// A configuration with one token of six decimals.
pub(super) fn config() -> Config {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("config.toml"), TEXT).unwrap();
    let datadir = DataDir::locate(Some(dir.path().to_owned()), |_| None).unwrap();
    Config::load(datadir, std::iter::empty(), Overrides::default()).unwrap()
}

/// The answer of a buyer's node.
pub(super) fn status() -> Status {
    Status {
        version: "0.1.0".into(),
        protocol: 1,
        chain_id: 31337,
        escrow: address!("5FbDB2315678afecb367f032d93F642f64180aa3"),
        address: address!("90F79bf6EB2c4f870365E785982E1f101E93b906"),
        peer_id: "12D3KooWExample".into(),
        listen: vec!["/ip4/127.0.0.1/tcp/7770".into()],
        peers: 2,
        refused_orders: [("expired".to_owned(), 3)].into(),
        idle_pool: None,
        head: Some(HeadView { number: 7, time: Time(1_790_000_000) }),
        roles: vec![Role::Agent, Role::Matcher],
        details: r#"{"peer":"12D3KooWExample","addresses":["/ip4/127.0.0.1/tcp/7770"]}"#.into(),
        last_block_age_s: Some(1),
        authority_key: None,
    }
}
