//! The REST API as this command line uses it.

use std::time::Duration;

use alloy_primitives::{Address, B256};
use reqwest::{Method, Url};
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use crate::api::types::{
    AskRequest, Balances, BidRequest, BookView, CallAccepted, CallState, CallView, LeaseDetail, LeaseSummary,
    MinerView, OrderPlaced, OwnOrder, Page, Problem, Status, TransferRequest,
};

/// Longest wait for an answer: every answer comes from the node's memory.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Largest answer that is read, bytes: a full book with its documents has half of it.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;
/// Most pages of a list that are read: longer ones are for programs, which follow the cursor.
const MAX_PAGES: usize = 100;
/// Pause between two looks at a call.
const POLL: Duration = Duration::from_secs(1);
/// Longest wait for a call: three minutes are fifteen blocks of Ethereum.
const PATIENCE: Duration = Duration::from_secs(180);

/// Why the node did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Not an address of an API.
    #[error("{url:?} is no address of a node's API: write --api http://127.0.0.1:7780")]
    Url {
        /// What was written.
        url: String,
    },
    /// The system gives no HTTP client, or a token that no header can hold.
    #[error("no HTTP client: check the system's network settings")]
    Build(#[source] reqwest::Error),
    /// Nobody listens.
    #[error("nobody answers at {at}: is the node running? start it with `hashlease run`, or name its API with --api")]
    NotRunning {
        /// Scheme, host and port.
        at: String,
        /// What failed.
        #[source]
        source: reqwest::Error,
    },
    /// The connection broke or took too long.
    #[error("{at} broke off: look at the node's log, then try again")]
    Broken {
        /// Scheme, host and port.
        at: String,
        /// What failed.
        #[source]
        source: reqwest::Error,
    },
    /// The token is not the node's.
    #[error("{at} refuses the token: name the data directory of that node with --datadir")]
    Unauthorized {
        /// Scheme, host and port.
        at: String,
    },
    /// The node says what is wrong.
    #[error("{detail} ({code})")]
    Problem {
        /// In its words.
        detail: String,
        /// Stable name.
        code: String,
    },
    /// Another program answers.
    #[error("{at} answers with status {status} and not as a node does: check --api and api.addr")]
    Alien {
        /// Scheme, host and port.
        at: String,
        /// HTTP status.
        status: u16,
    },
    /// More than is read.
    #[error("{at} answers with more than {MAX_BODY_BYTES} bytes: check --api and api.addr")]
    TooLarge {
        /// Scheme, host and port.
        at: String,
    },
    /// The chain refused.
    #[error("the chain refuses the call: {reason}")]
    Refused {
        /// Why.
        reason: String,
    },
    /// It takes long.
    #[error("call {call} is not mined after {waited_s} s: it stays queued, look at the node's log")]
    NotMined {
        /// Its number.
        call: u64,
        /// Seconds.
        waited_s: u64,
    },
}

/// A node's API, with its token.
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    token: Zeroizing<String>,
}

impl Client {
    /// Makes a client of the API at `base`. Nothing is sent yet.
    pub(super) fn new(base: &str, token: Zeroizing<String>) -> Result<Self, ClientError> {
        let url = Url::parse(base)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host() && url.path() == "/");
        let base = url.ok_or_else(|| ClientError::Url { url: base.to_owned() })?;
        // Neither a proxy nor a redirect may see the token.
        let http = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().redirect(reqwest::redirect::Policy::none());
        Ok(Self { http: http.build().map_err(ClientError::Build)?, base, token })
    }

    pub(super) async fn status(&self) -> Result<Status, ClientError> {
        self.get(&["status"]).await
    }

    pub(super) async fn book(&self) -> Result<BookView, ClientError> {
        self.get(&["book"]).await
    }

    pub(super) async fn orders(&self) -> Result<Vec<OwnOrder>, ClientError> {
        self.list("orders").await
    }

    pub(super) async fn leases(&self) -> Result<Vec<LeaseSummary>, ClientError> {
        self.list("leases").await
    }

    pub(super) async fn miners(&self) -> Result<Vec<MinerView>, ClientError> {
        self.list("miners").await
    }

    pub(super) async fn lease(&self, id: B256) -> Result<LeaseDetail, ClientError> {
        self.get(&["leases", &id.to_string()]).await
    }

    pub(super) async fn balances(&self, account: Option<Address>) -> Result<Balances, ClientError> {
        let mut url = self.url(&["balances"]);
        if let Some(account) = account {
            url.query_pairs_mut().append_pair("account", &account.to_string());
        }
        self.read(self.http.request(Method::GET, url)).await
    }

    pub(super) async fn place_ask(&self, ask: &AskRequest) -> Result<OrderPlaced, ClientError> {
        self.post(&["asks"], ask).await
    }

    pub(super) async fn place_bid(&self, bid: &BidRequest) -> Result<OrderPlaced, ClientError> {
        self.post(&["bids"], bid).await
    }

    pub(super) async fn cancel_order(&self, salt: B256) -> Result<(), ClientError> {
        let request = self.http.request(Method::DELETE, self.url(&["orders", &salt.to_string()]));
        self.answer(request).await.map(|_| ())
    }

    pub(super) async fn cancel_lease(&self, id: B256) -> Result<CallView, ClientError> {
        self.call(&["leases", &id.to_string(), "cancel"], &()).await
    }

    pub(super) async fn close_lease(&self, id: B256) -> Result<CallView, ClientError> {
        self.call(&["leases", &id.to_string(), "close"], &()).await
    }

    pub(super) async fn deposit(&self, transfer: &TransferRequest) -> Result<CallView, ClientError> {
        self.call(&["deposits"], transfer).await
    }

    pub(super) async fn withdraw(&self, transfer: &TransferRequest) -> Result<CallView, ClientError> {
        self.call(&["withdrawals"], transfer).await
    }

    /// Posts what becomes a chain call, and waits until that is mined.
    async fn call(&self, path: &[&str], body: &impl Serialize) -> Result<CallView, ClientError> {
        let CallAccepted { call } = self.post(path, body).await?;
        let mined = async {
            loop {
                let view: CallView = self.get(&["calls", &call.to_string()]).await?;
                match view.state {
                    CallState::Mined => return Ok(view),
                    CallState::Refused => {
                        let reason = view.reason.unwrap_or_else(|| "it gives no reason".to_owned());
                        return Err(ClientError::Refused { reason });
                    }
                    CallState::Queued | CallState::Sent => tokio::time::sleep(POLL).await,
                }
            }
        };
        let timed_out = |_| ClientError::NotMined { call, waited_s: PATIENCE.as_secs() };
        tokio::time::timeout(PATIENCE, mined).await.map_err(timed_out)?
    }

    /// Reads all pages of a list.
    async fn list<T: DeserializeOwned>(&self, noun: &str) -> Result<Vec<T>, ClientError> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let mut url = self.url(&[noun]);
            if let Some(cursor) = &cursor {
                url.query_pairs_mut().append_pair("cursor", cursor);
            }
            let page: Page<T> = self.read(self.http.request(Method::GET, url)).await?;
            items.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        Ok(items)
    }

    async fn get<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, ClientError> {
        self.read(self.http.request(Method::GET, self.url(path))).await
    }

    /// Each post carries a key of its own, so that the node never does the same thing twice.
    async fn post<T: DeserializeOwned>(&self, path: &[&str], body: &impl Serialize) -> Result<T, ClientError> {
        let key = hex::encode(rand::random::<[u8; 16]>());
        let request = self.http.request(Method::POST, self.url(path)).header("idempotency-key", key);
        self.read(request.json(body)).await
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("/v1/{}", path.join("/")));
        url
    }

    async fn read<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> Result<T, ClientError> {
        let (status, body) = self.answer(request).await?;
        serde_json::from_slice(&body).map_err(|_| ClientError::Alien { at: self.at(), status })
    }

    /// Sends a request; returns status and body of a success.
    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<(u16, Vec<u8>), ClientError> {
        let broken = |source: reqwest::Error| {
            let (at, source) = (self.at(), source.without_url());
            if source.is_connect() {
                ClientError::NotRunning { at, source }
            } else {
                ClientError::Broken { at, source }
            }
        };
        let mut response = request.bearer_auth(self.token.as_str()).send().await.map_err(broken)?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if body.len() + chunk.len() > MAX_BODY_BYTES {
                return Err(ClientError::TooLarge { at: self.at() });
            }
            body.extend_from_slice(&chunk);
        }
        if status.is_success() {
            return Ok((status.as_u16(), body));
        }
        if status == reqwest::StatusCode::UNAUTHORIZED {
            return Err(ClientError::Unauthorized { at: self.at() });
        }
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => {
                Err(ClientError::Problem { detail: printable(&problem.detail), code: printable(&problem.code) })
            }
            Err(_) => Err(ClientError::Alien { at: self.at(), status: status.as_u16() }),
        }
    }

    fn at(&self) -> String {
        self.base.origin().ascii_serialization()
    }
}

/// Keeps what cannot steer a terminal.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(500).collect()
}
