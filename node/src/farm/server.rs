//! The listeners.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::config::FarmConfig;
use super::connection;
use super::handle::Farm;
use super::job::FarmShare;
use super::session::Session;
use super::v2::{self, AuthorityKey};
use super::verifier::Verifier;

/// Pause after a failed accept, which mostly means that file descriptors ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Where miners connect.
#[derive(Debug)]
pub struct Listeners {
    /// By Stratum V1.
    pub v1: TcpListener,
    /// By Stratum V2, where they may: the socket, and the key by which they know the farm.
    pub v2: Option<(TcpListener, AuthorityKey)>,
}

impl From<TcpListener> for Listeners {
    fn from(v1: TcpListener) -> Self {
        Self { v1, v2: None }
    }
}

/// Serves miners until shutdown; then every connection is closed, and the receiver ends.
///
/// Must be called inside a tokio runtime.
pub fn start(
    listeners: impl Into<Listeners>,
    config: FarmConfig,
    shutdown: CancellationToken,
) -> (Farm, mpsc::Receiver<FarmShare>) {
    let Listeners { v1, v2 } = listeners.into();
    let farm = Farm::new();
    let (shares, receiver) = mpsc::channel(config.share_queue);
    let tasks = TaskTracker::new();
    let server = Arc::new(Server {
        farm: farm.clone(),
        config,
        verifier: Verifier::start(),
        shares,
        shutdown: shutdown.clone(),
        tasks: tasks.clone(),
    });
    if let Some((listener, authority)) = v2 {
        let gate = v2::Gate::new(Arc::clone(&server), authority);
        let accept = accept(listener, move |stream, remote| gate.welcome(stream, remote));
        tasks.spawn(shutdown.clone().run_until_cancelled_owned(accept));
    }
    let accept = accept(v1, move |stream, remote| server.welcome(stream, remote));
    tasks.spawn(shutdown.run_until_cancelled_owned(accept));
    (farm, receiver)
}

/// What all connections have in common.
pub(super) struct Server {
    pub(super) farm: Farm,
    pub(super) config: FarmConfig,
    pub(super) verifier: Verifier,
    pub(super) shares: mpsc::Sender<FarmShare>,
    pub(super) shutdown: CancellationToken,
    pub(super) tasks: TaskTracker,
}

async fn accept(listener: TcpListener, welcome: impl Fn(TcpStream, SocketAddr)) {
    loop {
        match listener.accept().await {
            Ok((stream, remote)) => welcome(stream, remote),
            Err(error) => {
                tracing::warn!(%error, "miners can't connect");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

impl Server {
    fn welcome(&self, stream: TcpStream, remote: SocketAddr) {
        let Some(guest) = self.farm.enter(remote, self.config.max_connections) else {
            tracing::warn!(%remote, "too many miners: a connection was closed");
            return;
        };
        let session = Session::new(guest.record(), self.config.clone(), Instant::now());
        let work = guest.record().work.subscribe();
        let serve = connection::serve(stream, session, work, self.verifier.clone(), self.shares.clone());
        // One of its own: every look takes the token's lock, at which all connections would meet.
        let shutdown = self.shutdown.child_token();
        self.tasks.spawn(async move {
            tracing::debug!(session = guest.record().id, %remote, "miner connected");
            let ended = shutdown.run_until_cancelled(serve).await;
            let reason = ended.and_then(Result::err).map(|hangup| hangup.to_string());
            tracing::debug!(session = guest.record().id, reason, "miner disconnected");
        });
    }
}
