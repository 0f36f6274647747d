use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

/// Serves one answer, and gives back the client and the request that came.
async fn exchange<T>(
    answer: String,
    call: impl AsyncFnOnce(BitcoinRpc) -> Result<T, DestinationError>,
) -> (String, Result<T, DestinationError>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let rpc = client(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
        }
        // The client may hang up in the middle of a long answer.
        let _ = stream.write_all(answer.as_bytes()).await;
        String::from_utf8(request).unwrap()
    };
    tokio::join!(serve, call(rpc))
}

fn client(url: &str) -> Result<BitcoinRpc, DestinationError> {
    BitcoinRpc::new(RpcConfig {
        url: url.to_owned(),
        user: "user".to_owned(),
        password: Password::new("secret".to_owned()),
    })
}

fn http(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_call_carries_method_and_credentials_and_reads_the_result() {
    let answer = http("200 OK", r#"{"result":{"chain":"regtest","blocks":7},"error":null,"id":1}"#);
    let (request, info) = exchange(answer, async |rpc| rpc.chain_info().await).await;
    let info = info.unwrap();
    assert_eq!((info.chain.as_str(), info.blocks), ("regtest", 7));
    assert!(request.contains("authorization: Basic dXNlcjpzZWNyZXQ=\r\n"), "{request}");
    assert!(request.contains(r#""method":"getblockchaininfo""#), "{request}");
}

#[tokio::test]
async fn a_null_result_of_submitblock_is_an_acceptance_and_text_a_reason() {
    let taken = http("200 OK", r#"{"result":null,"error":null,"id":1}"#);
    let (request, reason) = exchange(taken, async |rpc| rpc.submit_block(&[1, 2]).await).await;
    assert!(request.contains(r#""params":["0102"]"#), "{request}");
    assert_eq!(reason.unwrap(), None);
    let refused = http("200 OK", r#"{"result":"high-\u0007hash","error":null,"id":1}"#);
    let (_, reason) = exchange(refused, async |rpc| rpc.submit_block(&[1, 2]).await).await;
    assert_eq!(reason.unwrap().as_deref(), Some("high-hash"));
}

#[tokio::test]
async fn each_failure_has_its_own_error() {
    let error = async |answer| exchange(answer, async |rpc| rpc.best_block_hash().await).await.1.unwrap_err();
    use DestinationError as E;

    let refused = error(http("401 Unauthorized", "")).await;
    assert!(matches!(refused, E::Unauthorized));
    let busy = error(http("503 Service Unavailable", "Work queue depth exceeded")).await;
    assert!(matches!(busy, E::Status(503)) && busy.is_transient());
    let loading = error(http("500 Oops", r#"{"result":null,"error":{"code":-28,"message":"Loading"}}"#)).await;
    assert!(matches!(&loading, E::Rpc { code: -28, message, .. } if message == "Loading"));
    assert!(loading.is_transient());
    let unknown = error(http("404 Not Found", r#"{"error":{"code":-32601,"message":"no"}}"#)).await;
    assert!(matches!(unknown, E::Rpc { code: -32601, .. }) && !unknown.is_transient());
    assert!(matches!(error(http("200 OK", "<html>")).await, E::Malformed { .. }));
    assert!(matches!(error(http("200 OK", "{}")).await, E::Empty("getbestblockhash")));
    assert!(matches!(error(http("302 Found", "")).await, E::Status(302)));
    let cut = error("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{".to_owned()).await;
    assert!(matches!(cut, E::Transport { .. }) && cut.is_transient());
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let long = http("200 OK", &" ".repeat(MAX_BODY_BYTES + 1));
    let (_, answer) = exchange(long, async |rpc| rpc.best_block_hash().await).await;
    assert!(matches!(answer, Err(DestinationError::BodyTooLong)));
}

#[test]
fn urls_with_credentials_or_of_other_schemes_are_refused() {
    for url in ["", "127.0.0.1:8332", "https://127.0.0.1", "http://user@127.0.0.1", "http://:pw@127.0.0.1"] {
        assert!(matches!(client(url), Err(DestinationError::Url)), "{url}");
    }
    assert!(client("http://127.0.0.1:8332").is_ok());
}

#[test]
fn the_password_is_never_shown() {
    let shown = format!("{:?}", client("http://127.0.0.1:8332").unwrap());
    assert!(shown.contains("[hidden]") && !shown.contains("secret"), "{shown}");
}

#[tokio::test]
async fn a_pinned_client_goes_to_the_address_that_was_checked_whatever_the_name_says() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let config = RpcConfig {
        url: format!("http://rebound.invalid:{}", address.port()),
        user: "user".to_owned(),
        password: Password::new("secret".to_owned()),
    };
    let unpinned = BitcoinRpc::new(config.clone()).unwrap();
    assert!(matches!(unpinned.chain_info().await, Err(DestinationError::Transport { .. })), "nobody knows the name");
    let pinned = BitcoinRpc::pinned(config, address).unwrap();
    let answer = http("200 OK", r#"{"result":{"chain":"regtest","blocks":7},"error":null,"id":1}"#);
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
    };
    let ((), info) = tokio::join!(serve, pinned.chain_info());
    assert_eq!(info.unwrap().blocks, 7);
}

#[tokio::test]
async fn what_failed_is_told_without_the_urls_secrets_and_with_the_key_to_change() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let rpc = client(&format!("http://{closed}/hush/path?key=hush")).unwrap();
    let told = rpc.chain_info().await.unwrap_err().with_causes();
    assert!(told.contains("bitcoin.rpc") && told.contains(&format!("http://{closed} ")), "{told}");
    assert!(!told.contains("hush") && !told.contains("secret"), "{told}");
    let told = client("http://me:hush@127.0.0.1:8332").unwrap_err().with_causes();
    assert!(told.contains("bitcoin.rpc") && !told.contains("hush"), "{told}");
}
