//! Stratum V2 miners and proxies on a port of their own: Noise, standard and extended channels of the mining protocol.
//!
//! Every channel has a seat in the [`Farm`](super::Farm) as a V1 connection has, and so its number, its work, its
//! difficulty and its account; what is beyond the protocol is shared with V1. A lease's job goes to an extended channel with the
//! connection's part as the extranonce prefix and zeros folded into the coinbase in front of it, to a standard channel as a
//! merkle root. Messages, frames and Noise are the reference implementation's; its own channels aren't of use here, since they make
//! their jobs from a Bitcoin node's templates.

mod authority;
mod channel;
mod connection;
mod message;
mod session;
mod setup;
mod transport;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::Instant;

pub use authority::{AuthorityKey, AuthorityKeyError};

use super::server::Server;
use connection::Timeouts;
use session::Session;

/// Where V2 miners are let in.
pub(super) struct Gate {
    server: Arc<Server>,
    authority: Arc<AuthorityKey>,
    /// Sockets, which have no seat until they open a channel.
    sockets: Arc<Semaphore>,
}

impl Gate {
    pub(super) fn new(server: Arc<Server>, authority: AuthorityKey) -> Self {
        let sockets = Arc::new(Semaphore::new(server.config.max_connections.min(Semaphore::MAX_PERMITS)));
        Self { server, authority: Arc::new(authority), sockets }
    }

    pub(super) fn welcome(&self, stream: TcpStream, remote: SocketAddr) {
        let Ok(place) = Arc::clone(&self.sockets).try_acquire_owned() else {
            tracing::warn!(%remote, "too many V2 miners: a connection was closed");
            return;
        };
        let (server, limits) = (&self.server, &self.server.config);
        let timeouts = Timeouts { handshake: limits.handshake_timeout, write: limits.write_timeout };
        let session = Session::new(server.farm.clone(), remote, limits.clone(), Instant::now());
        let (verifier, shares) = (server.verifier.clone(), server.shares.clone());
        let serve = connection::serve(stream, Arc::clone(&self.authority), session, timeouts, verifier, shares);
        let shutdown = server.shutdown.child_token();
        server.tasks.spawn(async move {
            let _place = place;
            tracing::debug!(%remote, "V2 miner connected");
            let ended = shutdown.run_until_cancelled(serve).await;
            let reason = ended.and_then(Result::err).map(|hangup| hangup.to_string());
            tracing::debug!(%remote, reason, "V2 miner disconnected");
        });
    }
}
