use alloy_primitives::{B256, U256, address};
use clap::{CommandFactory, Parser, error::ErrorKind};
use serde_json::json;
use zeroize::Zeroizing;

use super::{
    args::{Cli, Command, NodeCommand},
    client::{Client, ClientError},
    testing::{config, status},
    *,
};
use crate::{
    api::{
        scripted::{Scripted, Step},
        types::{AskRequest, CallState, TransferRequest},
    },
    app::AppError,
    config::ConfigError,
    keys::KeyError,
    settlement,
    store::StoreError,
};

const STATUS: &str = r#"{"version":"0.1.0","protocol":1,"chainId":31337,
    "escrow":"0x5fbdb2315678afecb367f032d93f642f64180aa3","address":"0x90f79bf6eb2c4f870365e785982e1f101e93b906",
    "peerId":"12D3KooWExample","listen":["/ip4/127.0.0.1/tcp/7770"],"peers":2,"refusedOrders":{"expired":3},
    "head":{"number":7,"time":"2026-09-21T14:13:20Z"},"roles":["agent","matcher"],
    "details":"{\"peer\":\"12D3KooWExample\",\"addresses\":[\"/ip4/127.0.0.1/tcp/7770\"]}","lastBlockAgeS":1,"later":"unknown"}"#;

async fn server(steps: &[Step]) -> (Scripted, Client) {
    let server = Scripted::start(steps.to_vec()).await;
    let client = Client::new(&format!("http://{}", server.addr), Zeroizing::new("s3cret".to_owned())).unwrap();
    (server, client)
}

fn parse(words: &[&str]) -> Result<Command, clap::Error> {
    Cli::try_parse_from(["hashlease"].iter().chain(words)).map(|cli| cli.command)
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn help_teaches_by_example() {
    for command in [["ask", "--help"], ["bid", "--help"], ["deposit", "--help"]] {
        let help = parse(&command).unwrap_err().to_string();
        assert!(help.contains("Example"), "{help}");
    }
    let help = Cli::command().render_help().to_string();
    assert!(help.contains("First steps") && help.contains("hashlease init"), "{help}");
}

#[test]
fn units_are_read_on_the_command_line() {
    let Command::Node(NodeCommand::Bid(bid)) = parse(&[
        "bid",
        "--wallet",
        "alice",
        "--hashrate",
        "1.5TH/s",
        "--price",
        "1 USDC/PH/day",
        "--duration",
        "1h30m",
        "--min-sla",
        "12.5%",
    ])
    .unwrap() else {
        panic!("not a bid")
    };
    assert_eq!((bid.hashrate, bid.duration, bid.min_sla), (1_500_000_000_000, 5_400, 1_250));
    let wrong = parse(&["bid", "--wallet", "a", "--hashrate", "12 PH", "--price", "1 USDC/PH/day", "--duration", "6h"])
        .unwrap_err();
    assert!(wrong.to_string().contains("12 PH/s"), "{wrong}");
    assert_eq!(wrong.exit_code(), 2);
}

#[test]
fn money_moves_for_a_named_owner_only() {
    let wrong = parse(&["deposit", "100", "USDC"]).unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::MissingRequiredArgument, "{wrong}");
    let wrong = parse(&["deposit", "--node", "--wallet", "alice", "100 USDC"]).unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::ArgumentConflict, "{wrong}");
    for words in [&["deposit", "--node", "100", "USDC"][..], &["deposit", "100 USDC", "--wallet", "alice"]] {
        let Command::Node(NodeCommand::Deposit(args)) = parse(words).unwrap() else { panic!("not a deposit") };
        assert_eq!(amount::parse_amount(&config(), &args.amount.join(" ")).unwrap().1, 100_000_000);
    }
}

#[test]
fn amounts_name_a_configured_token() {
    let config = config();
    let (token, price) = amount::parse_price(&config, "0.05 usdc/EH/day").map_err(|error| error.chain()).unwrap();
    assert_eq!((token.decimals, price), (6, 50));
    let error = amount::parse_amount(&config, "5 DAI").unwrap_err();
    assert!(error.to_string().contains("USDC") && error.exit_code() == 2, "{error}");
    assert!(matches!(amount::parse_amount(&config, "0.0000001 USDC"), Err(Error::Unit(_))));
}

#[test]
fn exit_codes_tell_programs_what_failed() {
    let missing = Error::Config(ConfigError::NotInitialised { path: "/none".into() });
    let locked = Error::from(AppError::Store(StoreError::Locked { path: "/LOCK".into() }));
    assert_eq!((missing.exit_code(), locked.exit_code(), Error::Declined.exit_code()), (78, 75, 1));
    let key = KeyError::Readable { path: "/node.json".into(), mode: 0o644 };
    let chain = settlement::Error::WrongChain { at: "127.0.0.1:8545".to_owned(), found: 1, expected: 5 };
    let ended = AppError::Ended("network");
    assert_eq!(
        [AppError::Key(key), AppError::Chain(chain), ended].map(|error| Error::from(error).exit_code()),
        [78, 78, 1]
    );
    assert!(missing.chain().contains("hashlease init"));
}

#[tokio::test]
async fn a_status_is_read_with_the_token_and_later_members_are_let_through() {
    let (server, client) = server(&[("GET /v1/status", 200, STATUS)]).await;
    assert_eq!(client.status().await.unwrap(), status());
    let seen = server.finish();
    assert_eq!(seen[0].headers["authorization"], "Bearer s3cret");
}

#[tokio::test]
async fn an_ask_is_posted_with_decimal_strings_and_a_key_of_its_own() {
    let placed = r#"{"id":"0x0101010101010101010101010101010101010101010101010101010101010101","salt":"0x0202020202020202020202020202020202020202020202020202020202020202"}"#;
    let (server, client) = server(&[("POST /v1/asks", 201, placed), ("POST /v1/asks", 201, placed)]).await;
    let ask = AskRequest {
        token: address!("00000000000000000000000000000000000000a1"),
        price: u128::MAX,
        hashrate: u64::MAX,
        min_hashrate: 1,
        min_duration_s: 3_600,
        max_duration_s: 86_400,
        sla_bps: 8_500,
        bond_bps: 2_000,
        proof_bps: 9_000,
        cancel_notice_s: 600,
        proof_window_s: 1_800,
        proof_shares: 256,
        tags: U256::from(1),
        region: None,
        rig: Some("12 × S21".into()),
    };
    assert_eq!(client.place_ask(&ask).await.unwrap().salt, B256::repeat_byte(2));
    client.place_ask(&ask).await.unwrap();
    let seen = server.finish();
    let body: serde_json::Value = serde_json::from_slice(&seen[0].body).unwrap();
    let expected = json!({
        "token": "0x00000000000000000000000000000000000000a1", "price": "340282366920938463463374607431768211455",
        "hashrate": "18446744073709551615", "minHashrate": "1", "minDurationS": 3600, "maxDurationS": 86400, "slaBps": 8500,
        "bondBps": 2000, "proofBps": 9000, "cancelNoticeS": 600, "proofWindowS": 1800, "proofShares": 256, "tags": "1",
        "rig": "12 × S21",
    });
    assert_eq!(body, expected);
    assert_ne!(seen[0].headers["idempotency-key"], seen[1].headers["idempotency-key"]);
}

#[tokio::test]
async fn a_deposit_waits_for_its_call() {
    let steps = [
        ("POST /v1/deposits", 202, r#"{"call":9}"#),
        (
            "GET /v1/calls/9",
            200,
            r#"{"number":9,"state":"mined","hash":"0x0303030303030303030303030303030303030303030303030303030303030303","gasUsed":51234,"reason":null}"#,
        ),
    ];
    let (server, client) = server(&steps).await;
    let transfer = TransferRequest { token: address!("00000000000000000000000000000000000000a1"), amount: 7, to: None };
    let call = client.deposit(&transfer).await.unwrap();
    assert_eq!((call.state, call.gas_used), (CallState::Mined, Some(51_234)));
    let seen = server.finish();
    assert_eq!(seen[0].body, r#"{"token":"0x00000000000000000000000000000000000000a1","amount":"7"}"#);
}

#[tokio::test]
async fn a_refused_call_says_why() {
    let refused = r#"{"number":1,"state":"refused","hash":null,"gasUsed":null,"reason":"the lease is closed"}"#;
    let id = B256::repeat_byte(4);
    let (server, client) = server(&[
        (
            "POST /v1/leases/0x0404040404040404040404040404040404040404040404040404040404040404/cancel",
            202,
            r#"{"call":1}"#,
        ),
        ("GET /v1/calls/1", 200, refused),
    ])
    .await;
    let error = client.cancel_lease(id).await.unwrap_err();
    assert_eq!(error.to_string(), "the chain refuses the call: the lease is closed");
    server.finish();
}

#[tokio::test]
async fn all_pages_of_a_list_are_read() {
    let order = |salt: &str| {
        format!(
            r#"{{"side":"ask","id":"0x{0}","maker":"0x90f79bf6eb2c4f870365e785982e1f101e93b906","salt":"0x{0}",
            "token":"0x00000000000000000000000000000000000000a1","price":"50000","offered":"1000","hashrate":"1000","filled":"0","state":"live",
            "expiresAt":"2026-09-21T14:13:20Z"}}"#,
            salt.repeat(32)
        )
    };
    let first = format!(r#"{{"items":[{}],"nextCursor":"a b"}}"#, order("01"));
    let last = format!(r#"{{"items":[{}],"nextCursor":null}}"#, order("02"));
    let (server, client) =
        server(&[("GET /v1/orders", 200, first.leak()), ("GET /v1/orders?cursor=a+b", 200, last.leak())]).await;
    let salts: Vec<_> = client.orders().await.unwrap().into_iter().map(|order| order.salt).collect();
    assert_eq!(salts, [B256::repeat_byte(1), B256::repeat_byte(2)]);
    server.finish();
}

#[tokio::test]
async fn a_problem_is_told_in_the_nodes_words() {
    let problem = r#"{"type":"https://hashlease.example/problems/uncovered","title":"Uncovered","status":409,
        "detail":"the bond needs 3 USDC more:\u001b[2J deposit them","code":"uncovered"}"#;
    let (server, client) = server(&[("GET /v1/book", 409, problem)]).await;
    let error = client.book().await.unwrap_err();
    assert_eq!(error.to_string(), "the bond needs 3 USDC more:[2J deposit them (uncovered)");
    server.finish();
}

#[tokio::test]
async fn answers_that_are_not_a_nodes_say_what_to_check() {
    let (server, client) = server(&[
        ("GET /v1/status", 200, "<html>"),
        ("GET /v1/status", 404, "<html>"),
        ("GET /v1/status", 401, "{}"),
        ("GET /v1/status", 302, ""),
    ])
    .await;
    assert!(matches!(client.status().await, Err(ClientError::Alien { status: 200, .. })));
    assert!(matches!(client.status().await, Err(ClientError::Alien { status: 404, .. })));
    let error = client.status().await.unwrap_err().to_string();
    assert!(error.contains("--datadir"), "{error}");
    assert!(matches!(client.status().await, Err(ClientError::Alien { status: 302, .. })));
    server.finish();
}

#[tokio::test]
async fn where_nobody_listens_the_error_says_how_to_start_a_node() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    drop(listener);
    let client = Client::new(&format!("http://{addr}"), Zeroizing::new("t".to_owned())).unwrap();
    let error = client.status().await.unwrap_err();
    assert!(matches!(error, ClientError::NotRunning { .. }), "{error:?}");
    assert!(error.to_string().contains("hashlease run"), "{error}");
}

#[test]
fn an_api_that_listens_everywhere_is_called_on_the_loopback_address() {
    let mut config = config();
    config.api.addr = "0.0.0.0:7780".parse().unwrap();
    assert_eq!(local_api(&config), "http://127.0.0.1:7780");
    config.api.addr = "[::]:7780".parse().unwrap();
    assert_eq!(local_api(&config), "http://[::1]:7780");
}

#[test]
fn an_address_that_is_no_api_is_refused() {
    for url in ["127.0.0.1:7780", "ftp://127.0.0.1", "http://127.0.0.1/path", ""] {
        assert!(matches!(Client::new(url, Zeroizing::new("t".to_owned())), Err(ClientError::Url { .. })), "{url}");
    }
}
