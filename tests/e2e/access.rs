//! Who may use a node, and what it says to those who may not.

use hashlease_tests::Stage;
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn the_api_is_closed_to_strangers() {
    let stage = Stage::set(0, |_| {}).await.unwrap();
    let url = format!("{}/v1/status", stage.seller.api());
    let token = std::fs::read_to_string(stage.seller.datadir.join("api-token")).unwrap();
    let get = async |host: Option<&str>, origin: Option<&str>, token: Option<&str>| {
        let mut request = reqwest::Client::new().get(&url);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let body: Value = response.json().await.unwrap();
        (status, body["code"].as_str().unwrap_or_default().to_owned())
    };
    let token = token.trim();
    assert_eq!(get(None, None, Some(token)).await, (200, String::new()));
    assert_eq!(get(None, None, None).await, (401, "no-token".to_owned()));
    assert_eq!(get(None, None, Some("wrong")).await, (401, "no-token".to_owned()));
    assert_eq!(get(Some("evil.example"), None, Some(token)).await, (403, "foreign-host".to_owned()));
    assert_eq!(get(None, Some("https://evil.example"), Some(token)).await, (403, "foreign-origin".to_owned()));
}
