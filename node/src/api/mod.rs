//! The REST API: the only room that knows axum. One noun a file; JSON as in [`types`].
//!
//! Closed by default: every route but `/livez` needs the token of the data directory, the `Host` must be
//! this machine or the configured address, and requests from web pages of other origins are refused.

mod access;
mod book;
mod destinations;
mod funds;
mod leases;
mod miners;
mod orders;
mod page;
mod problem;
mod status;
pub mod types;

#[cfg(test)]
pub(crate) mod scripted;

use std::{future::Future, net::SocketAddr, sync::Arc};

use alloy_primitives::Address;
use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{StatusCode, header},
    middleware,
    routing::{delete, get, post},
};
use tokio::net::TcpListener;
use zeroize::Zeroizing;

use crate::{
    config::Config, delivery::Delivery, farm::Farm, market::Market, net::Net, registry::Registry, settlement::Evm,
};
use problem::Failure;

/// Largest body of a request, bytes: a bid with its detail document.
const MAX_BODY_BYTES: usize = 32 * 1024;

/// What the API answers from.
#[derive(Debug)]
pub struct Parts {
    /// Configuration in force.
    pub config: Config,
    /// Bearer token.
    pub token: Zeroizing<String>,
    /// Account of the node's key.
    pub address: Address,
    /// The node's detail document.
    pub details: String,
    /// The chain.
    pub evm: Arc<Evm>,
    /// Chain, leases and calls.
    pub registry: Arc<Registry>,
    /// The book and own orders.
    pub market: Market,
    /// Leases at work.
    pub delivery: Delivery,
    /// Peers.
    pub net: Net,
    /// Miners, where the node sells.
    pub farm: Option<Farm>,
    /// Public key by which V2 miners know the farm, where it serves any.
    pub authority_key: Option<String>,
}

type Node = Arc<Parts>;
type Answer<T> = Result<axum::Json<T>, Failure>;

/// Serves the API on `listener` until `shutdown`.
///
/// # Errors
/// Where the listener fails.
pub async fn serve(
    listener: TcpListener,
    parts: Parts,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let addr = listener.local_addr()?;
    axum::serve(listener, router(Arc::new(parts), addr)).with_graceful_shutdown(shutdown).await
}

fn router(node: Node, addr: SocketAddr) -> Router {
    let guarded = Router::new()
        .route("/v1/status", get(status::status))
        .route("/v1/book", get(book::book))
        .route("/v1/orders", get(orders::list))
        .route("/v1/orders/{salt}", delete(orders::cancel))
        .route("/v1/asks", post(orders::ask))
        .route("/v1/bids", post(orders::bid))
        .route("/v1/leases", get(leases::list))
        .route("/v1/leases/{id}", get(leases::one))
        .route("/v1/leases/{id}/cancel", post(leases::cancel))
        .route("/v1/leases/{id}/close", post(leases::close))
        .route("/v1/balances", get(funds::balances))
        .route("/v1/deposits", post(funds::deposit))
        .route("/v1/withdrawals", post(funds::withdraw))
        .route("/v1/calls/{number}", get(funds::call))
        .route("/v1/destinations/test", post(destinations::test))
        .route("/v1/miners", get(miners::list))
        .layer(middleware::from_fn_with_state(Arc::clone(&node), access::require_token))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES));
    Router::new()
        .route("/livez", get(|| async { ([(header::CONTENT_TYPE, "text/plain")], "alive\n") }))
        .merge(guarded)
        .fallback(|| async { Failure::new(StatusCode::NOT_FOUND, "no-such-route", "there is nothing at this path") })
        .layer(middleware::from_fn_with_state(addr, access::require_own_host))
        .with_state(node)
}
