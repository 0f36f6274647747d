//! The listener.

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
use super::verifier::Verifier;

/// Pause after a failed accept, which mostly means that file descriptors ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Serves miners on a listener until shutdown; then every connection is closed, and the receiver ends.
///
/// Must be called inside a tokio runtime.
pub fn start(
    listener: TcpListener,
    config: FarmConfig,
    shutdown: CancellationToken,
) -> (Farm, mpsc::Receiver<FarmShare>) {
    let farm = Farm::new();
    let (sender, receiver) = mpsc::channel(config.share_queue);
    let server = Server {
        farm: farm.clone(),
        config,
        verifier: Verifier::start(),
        shares: sender,
        shutdown: shutdown.clone(),
        tasks: TaskTracker::new(),
    };
    let tasks = server.tasks.clone();
    tasks.spawn(shutdown.run_until_cancelled_owned(server.accept(listener)));
    (farm, receiver)
}

struct Server {
    farm: Farm,
    config: FarmConfig,
    verifier: Verifier,
    shares: mpsc::Sender<FarmShare>,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

impl Server {
    async fn accept(self, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, remote)) => self.welcome(stream, remote),
                Err(error) => {
                    tracing::warn!(%error, "miners can't connect");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn welcome(&self, stream: TcpStream, remote: std::net::SocketAddr) {
        let Some(guest) = self.farm.enter(remote, self.config.max_connections) else {
            tracing::warn!(%remote, "too many miners: a connection was closed");
            return;
        };
        let session = Session::new(guest.record(), self.config.clone(), Instant::now());
        let work = guest.record().work.subscribe();
        let serve = connection::serve(stream, session, work, self.verifier.clone(), self.shares.clone());
        let shutdown = self.shutdown.clone();
        self.tasks.spawn(async move {
            tracing::debug!(session = guest.record().id, %remote, "miner connected");
            let ended = shutdown.run_until_cancelled(serve).await;
            let reason = ended.and_then(Result::err).map(|hangup| hangup.to_string());
            tracing::debug!(session = guest.record().id, reason, "miner disconnected");
        });
    }
}
