//! Who may call: the holder of the token, from this machine's name, and no page of another origin.

use std::net::SocketAddr;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use subtle::ConstantTimeEq;

use super::{Failure, Node};

/// Requires the bearer token.
pub(super) async fn require_token(State(node): State<Node>, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    if bool::from(given.as_bytes().ct_eq(node.token.as_bytes())) {
        return next.run(request).await;
    }
    let detail = "send the token in the file api-token of the node's data directory as `Authorization: Bearer …`";
    let mut response = Failure::new(StatusCode::UNAUTHORIZED, "no-token", detail).into_response();
    response.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
    response
}

/// Refuses what a browser was tricked into: a foreign name that resolves to this machine (DNS rebinding),
/// and pages of other origins.
pub(super) async fn require_own_host(State(addr): State<SocketAddr>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    if !host.is_some_and(|host| is_own(host, addr)) {
        let detail = format!("call the API by its address {addr} or as localhost:{}", addr.port());
        return Failure::new(StatusCode::FORBIDDEN, "foreign-host", detail).into_response();
    }
    if !origin_is_own(request.headers(), addr) {
        let detail = "pages of other origins may not call the API";
        return Failure::new(StatusCode::FORBIDDEN, "foreign-origin", detail).into_response();
    }
    next.run(request).await
}

fn is_own(host: &str, addr: SocketAddr) -> bool {
    if host == addr.to_string() {
        return true;
    }
    let (name, port) = host.rsplit_once(':').unwrap_or((host, "80"));
    // Whoever listens on every address is called by any of them, but never by a name.
    let by_number = addr.ip().is_unspecified() && name.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok();
    let by_loopback = matches!(name, "localhost" | "127.0.0.1" | "[::1]");
    port == addr.port().to_string() && (by_loopback || by_number)
}

fn origin_is_own(headers: &HeaderMap, addr: SocketAddr) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let origin = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
    origin.and_then(|origin| origin.authority().map(|host| is_own(host.as_str(), addr))).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machines_own_names_are_taken() {
        let addr: SocketAddr = "127.0.0.1:7780".parse().unwrap();
        for own in ["127.0.0.1:7780", "localhost:7780", "[::1]:7780"] {
            assert!(is_own(own, addr), "{own}");
        }
        for foreign in ["evil.example:7780", "127.0.0.1:7781", "localhost", "127.0.0.1.evil.example:7780", ""] {
            assert!(!is_own(foreign, addr), "{foreign}");
        }
        let everywhere: SocketAddr = "0.0.0.0:7780".parse().unwrap();
        assert!(is_own("192.0.2.7:7780", everywhere));
        assert!(!is_own("evil.example:7780", everywhere));
    }

    #[test]
    fn a_page_of_another_origin_is_refused() {
        let addr: SocketAddr = "127.0.0.1:7780".parse().unwrap();
        let with =
            |origin: &'static str| HeaderMap::from_iter([(header::ORIGIN, header::HeaderValue::from_static(origin))]);
        assert!(origin_is_own(&HeaderMap::new(), addr));
        assert!(origin_is_own(&with("http://localhost:7780"), addr));
        assert!(!origin_is_own(&with("https://evil.example"), addr));
        assert!(!origin_is_own(&with("null"), addr));
    }
}
