//! A server that answers from a script, for the tests of those who call the API.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use tokio::net::TcpListener;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Method, path and query: `GET /v1/status`.
    pub(crate) line: String,
    /// Headers.
    pub(crate) headers: HeaderMap,
    /// Body.
    pub(crate) body: Bytes,
}

/// Line, status and body of one exchange: each request must be the next of the script.
pub(crate) type Step = (&'static str, u16, &'static str);

/// The server; it ends with the test's runtime.
pub(crate) struct Scripted {
    /// Where it listens.
    pub(crate) addr: SocketAddr,
    state: Arc<Mutex<Script>>,
}

struct Script {
    steps: std::vec::IntoIter<Step>,
    seen: Vec<Seen>,
}

impl Scripted {
    /// Starts a server on a free port of the loopback address.
    pub(crate) async fn start(steps: Vec<Step>) -> Self {
        let state = Arc::new(Mutex::new(Script { steps: steps.into_iter(), seen: Vec::new() }));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&state));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { addr, state }
    }

    /// Returns the requests so far, after checking that the script was played to its end.
    pub(crate) fn finish(self) -> Vec<Seen> {
        let mut script = self.state.lock().unwrap();
        assert_eq!(script.steps.next(), None, "requests that never came");
        std::mem::take(&mut script.seen)
    }
}

async fn answer(State(state): State<Arc<Mutex<Script>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let seen = Seen {
        line: format!("{} {}", parts.method, parts.uri),
        headers: parts.headers,
        body: to_bytes(body, 1 << 20).await.unwrap(),
    };
    let mut script = state.lock().unwrap();
    script.seen.push(seen.clone());
    match script.steps.next() {
        Some((line, status, body)) if line == seen.line => {
            (StatusCode::from_u16(status).unwrap(), body).into_response()
        }
        step => (StatusCode::IM_A_TEAPOT, format!("{} came, the script says {step:?}", seen.line)).into_response(),
    }
}
