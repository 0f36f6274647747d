//! Servers that misbehave.

use std::time::Duration;

use alloy_primitives::{Address, B256};
use hashlease_domain::Domain;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::settlement::{Call, Chain, Error, Evm, Simulation, Transactions};

const DEADLINE: Duration = Duration::from_secs(10);

/// Serves one answer to each connection: a head, then `chunk` as often as `chunks` says. Then it keeps the connection open.
async fn serve(head: String, chunk: Vec<u8>, chunks: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://user:secret@{}/v1/apikey", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            // A client that has seen enough hangs up: no fault of the server.
            drop(answer(&mut stream, &head, &chunk, chunks).await);
            open.push(stream);
        }
    });
    url
}

async fn answer(stream: &mut TcpStream, head: &str, chunk: &[u8], chunks: usize) -> std::io::Result<()> {
    let mut request = [0; 4096];
    let _size = stream.read(&mut request).await?;
    stream.write_all(head.as_bytes()).await?;
    for _ in 0..chunks {
        stream.write_all(chunk).await?;
    }
    Ok(())
}

async fn answering(status: &str, body: &str) -> Evm {
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
    evm(&serve(head, body.as_bytes().to_vec(), 1).await, DEADLINE)
}

fn evm(url: &str, timeout: Duration) -> Evm {
    Evm::new(url, Domain { chain_id: 1, escrow: Address::repeat_byte(1) }, timeout).unwrap()
}

#[tokio::test]
async fn an_answer_over_the_limit_is_cut_off() {
    let url = serve("HTTP/1.1 200 OK\r\n\r\n".to_owned(), vec![b' '; 1 << 20], 17).await;
    let error = evm(&url, DEADLINE).head().await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { method: "eth_getBlockByNumber", .. }), "{error:?}");
}

#[tokio::test]
async fn a_silent_server_is_given_up_on() {
    let url = serve(String::new(), Vec::new(), 0).await;
    let error = timeout(DEADLINE, evm(&url, Duration::from_millis(50)).head()).await.unwrap().unwrap_err();
    assert!(matches!(&error, Error::Unreachable { source, .. } if source.is_timeout()), "{error:?}");
}

#[tokio::test]
async fn no_message_shows_the_secrets_of_the_address() {
    let silent = serve(String::new(), Vec::new(), 0).await;
    let unreachable = evm(&silent, Duration::from_millis(50)).head().await.unwrap_err();
    let unauthorised = answering("401 Unauthorized", "who are you?").await.head().await.unwrap_err();
    let client = format!("{:?}", evm(&silent, DEADLINE));
    for said in [format!("{unreachable} {unreachable:?}"), format!("{unauthorised} {unauthorised:?}"), client] {
        assert!(said.contains("127.0.0.1:"), "{said}");
        assert!(!said.contains("secret") && !said.contains("apikey"), "{said}");
    }
}

#[tokio::test]
async fn a_status_other_than_success_is_named() {
    let error = answering("429 Too Many Requests", "slow down").await.head().await.unwrap_err();
    assert!(matches!(error, Error::Status { status: 429, .. }), "{error:?}");
}

#[tokio::test]
async fn what_no_ethereum_node_says_is_an_error() {
    for body in ["", "null", "[]", r#"{"result": null}"#, r#"{"result": {"number": "0x1"}}"#, r#"{"result": "0x"}"#] {
        let error = answering("200 OK", body).await.head().await.unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{body}: {error:?}");
    }
}

#[tokio::test]
async fn a_log_of_another_contract_is_an_error() {
    let log = json!({ "result": [{
        "address": Address::repeat_byte(2), "topics": [], "data": "0x", "blockNumber": "0x1",
        "blockHash": B256::ZERO, "transactionHash": B256::ZERO, "transactionIndex": "0x0", "logIndex": "0x0",
    }] });
    let error = answering("200 OK", &log.to_string()).await.events(1, 1).await.unwrap_err();
    assert!(matches!(error, Error::Malformed { method: "eth_getLogs", .. }), "{error:?}");
}

#[tokio::test]
async fn revert_data_is_found_wherever_servers_put_it() {
    let panic = format!("0x4e487b71{:064x}", 0x11);
    for data in [json!(panic), json!({ "data": panic })] {
        let refused = json!({ "error": { "code": 3, "message": "execution reverted", "data": data } }).to_string();
        let simulated = answering("200 OK", &refused).await.simulate(Address::ZERO, &Call::BumpEpoch).await.unwrap();
        let Simulation::Refused(refusal) = simulated else { panic!("{simulated:?}") };
        assert_eq!(refusal.reason, "the contract failed with panic code 17");
    }
}

#[test]
fn an_address_that_is_no_http_url_is_refused() {
    for url in ["", "localhost:8545", "ftp://127.0.0.1", "ws://127.0.0.1:8545", "http://"] {
        let domain = Domain { chain_id: 1, escrow: Address::ZERO };
        assert!(matches!(Evm::new(url, domain, DEADLINE), Err(Error::Url)), "{url}");
    }
}
