//! The running node: every room started, wired together, watched, and stopped in order.

use std::{net::SocketAddr, panic, path::PathBuf, sync::Arc, time::Duration};

use hashlease_domain::{details::Details, lease::Rules};
use hashlease_miner::client::{self, Client};
use hashlease_miner::worker::Threads;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    api,
    config::{
        self, Config, DataDir, DataDirError,
        datadir::{read_secret, write_new},
    },
    delivery,
    destination::{Destination, DestinationError, Pool, Solo, SoloConfig},
    farm::{self, AuthorityKey, AuthorityKeyError, FarmConfig, Listeners, Shortfall},
    keys::{KeyError, SecretKey},
    market,
    net::{self, NetConfig, NetError},
    registry::{Registry, RegistryError, outbox::Outbox},
    settlement::{self, Evm},
    store::{Guard, Store, StoreError},
};

/// Longest wait for an answer of the chain's server.
const RPC_TIMEOUT: Duration = Duration::from_secs(20);
/// Pause before a server that does not answer at start is asked again.
const START_RETRY: Duration = Duration::from_secs(2);
/// Chain updates that may wait for the registry.
const UPDATES: usize = 64;
/// Work streams that may wait for delivery.
const STREAMS: usize = 32;
/// Time for tasks to finish what they are at when the node stops.
const DRAIN: Duration = Duration::from_secs(10);

/// Why the node did not start, or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// A secret in the data directory.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The node's key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is known of the chain.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The chain.
    #[error(transparent)]
    Chain(#[from] settlement::Error),
    /// Peers.
    #[error(transparent)]
    Net(#[from] NetError),
    /// An address of the configuration.
    #[error("{address:?} in [net] is no multiaddress: write it as /ip4/0.0.0.0/tcp/7770")]
    Multiaddr {
        /// What was written.
        address: String,
    },
    /// The destination.
    #[error(transparent)]
    Destination(#[from] DestinationError),
    /// A listener.
    #[error("{addr} is taken: choose another with {key}")]
    Listen {
        /// Address and port.
        addr: SocketAddr,
        /// Key of the configuration.
        key: &'static str,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The farm's authority key.
    #[error("{path} holds no key for Stratum V2: restore it, or move it away to start with a new one", path = path.display())]
    Authority {
        /// File.
        path: PathBuf,
        /// What it must hold.
        #[source]
        source: AuthorityKeyError,
    },
    /// The system gives no signals.
    #[error("the system gives no signals")]
    Signals(#[source] std::io::Error),
    /// A part of the node ended by itself.
    #[error("the node's {0} ended: look at the log above")]
    Ended(&'static str),
}

impl AppError {
    /// Returns whether every start fails until somebody changes the configuration or a file that it names.
    pub fn is_configuration(&self) -> bool {
        match self {
            Self::DataDir(_) | Self::Key(_) | Self::Multiaddr { .. } | Self::Authority { .. } => true,
            Self::Chain(error) => error.is_configuration(),
            Self::Net(error) => matches!(error, NetError::BootstrapWithoutPeer { .. } | NetError::KeyFileOpen { .. }),
            Self::Destination(error) => matches!(error, DestinationError::Url | DestinationError::Payout(_)),
            _ => false,
        }
    }
}

/// Runs the node until it is told to stop.
///
/// # Errors
/// Where it cannot start, and where a part of it fails.
pub async fn run(config: Config) -> Result<(), AppError> {
    let shutdown = CancellationToken::new();
    stop_on_panic(shutdown.clone());
    let tasks = TaskTracker::new();
    let started = tokio::select! {
        started = start(config, &tasks, &shutdown) => started,
        signalled = stop_signal() => return signalled,
    };
    let outcome = match started {
        Ok(mut parts) => tokio::select! {
            signalled = stop_signal() => signalled,
            Some(ended) = parts.join_next() => ended.unwrap_or(Err(AppError::Ended("task"))),
        },
        Err(error) => Err(error),
    };
    tracing::info!("stopping");
    shutdown.cancel();
    tasks.close();
    if timeout(DRAIN, tasks.wait()).await.is_err() {
        tracing::warn!("some tasks did not end in time");
    }
    outcome
}

/// A panic anywhere stops the node in order: what is half done is on record, what is unknown is not.
fn stop_on_panic(shutdown: CancellationToken) {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        before(info);
        shutdown.cancel();
    }));
}

async fn stop_signal() -> Result<(), AppError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(AppError::Signals)?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.map_err(AppError::Signals),
        _ = terminate.recv() => Ok(()),
    }
}

/// The parts that live as long as the node: the first that ends, ends it.
type Running = JoinSet<Result<(), AppError>>;

async fn start(config: Config, tasks: &TaskTracker, shutdown: &CancellationToken) -> Result<Running, AppError> {
    let datadir = config.datadir.clone();
    // First of all: of a second node on the folder the addresses are taken too, and changing them would not help it.
    let store = Store::open(datadir.root())?;
    let api_listener = listen(config.api.addr, "api.addr").await?;
    let farm_listeners = match &config.farm {
        Some(farm) => Some(listen_for_miners(farm, &datadir).await?),
        None => None,
    };
    let authority_key = farm_listeners.as_ref().and_then(|listeners| Some(listeners.v2.as_ref()?.1.public()));
    let key = SecretKey::open(&datadir.node_key(), &read_secret(&config.passphrase_file)?)?;
    let evm = Arc::new(Evm::new(config.chain.rpc.as_str(), config.chain.domain, RPC_TIMEOUT)?);
    identify(&evm).await?;

    let guard = Arc::new(Guard::new(store.clone(), config.chain.domain, key));
    let rules = Rules { confirmations: config.chain.confirmations };
    let registry = Arc::new(Registry::open(store.clone(), guard.address(), rules, config.chain.from_block)?);
    tracing::info!(address = %guard.address(), chain_id = config.chain.domain.chain_id, "the node's account");

    let mut running = Running::new();
    follow_chain(&mut running, &config, Arc::clone(&registry), shutdown).await?;
    let outbox_chain = Evm::new(config.chain.rpc.as_str(), config.chain.domain, RPC_TIMEOUT)?;
    let outbox = Outbox::new(Arc::clone(&registry), Arc::clone(&guard), outbox_chain, config.chain.confirmations);
    tasks.spawn(outbox.run(shutdown.clone()));

    let (net, events, swarm) = net::start(net_config(&config)?, shutdown.clone()).await?;
    running.spawn(async move {
        let ended = swarm.await;
        ended.map_err(|_| AppError::Ended("network"))
    });
    let details = Details {
        peer: net.peer_id().to_string(),
        addresses: net.listen_addrs().await.iter().map(ToString::to_string).collect(),
        region: None,
        rig: None,
    };
    tracing::info!(peer = details.peer, addresses = ?details.addresses, "listening for peers");

    let farm = farm_listeners.map(|listeners| farm::start(listeners, FarmConfig::default(), shutdown.clone()));
    let destination = destination(&config, shutdown)?;
    let idle = config.farm.as_ref().and_then(|farm| farm.idle.as_ref());
    let idle = idle.map(|pool| pool.destination("farm.idle")).transpose()?;
    let (streams, stream_queue) = mpsc::channel(STREAMS);
    let parts = market::Parts {
        store: store.clone(),
        registry: Arc::clone(&registry),
        guard: Arc::clone(&guard),
        net: net.clone(),
        events,
        streams,
        details: details.clone(),
        open: config.opens,
        farm: farm.as_ref().map(|(farm, _)| farm.clone()),
        grace: config.farm.as_ref().map_or(Duration::ZERO, |farm| farm.grace),
    };
    let market = market::start(parts, tasks, shutdown.clone());
    let farm_handle = farm.as_ref().map(|(farm, _)| farm.clone());
    let parts = delivery::Parts {
        store,
        registry: Arc::clone(&registry),
        guard: Arc::clone(&guard),
        net: net.clone(),
        farm,
        standby_after: config.farm.as_ref().map_or(Duration::ZERO, |farm| farm.standby_after),
        shortfall: config.farm.as_ref().map_or(Shortfall::default(), |farm| farm.shortfall),
        idle: idle.map(|pool| Pool::new(pool, shutdown.clone())),
        destination,
        streams: stream_queue,
    };
    let delivery = delivery::start(parts, tasks, shutdown.clone());
    mine(&config, tasks, shutdown);

    let parts = api::Parts {
        token: read_secret(&datadir.api_token())?,
        address: guard.address(),
        details: details
            .to_document()
            .map(|document| String::from_utf8_lossy(&document).into_owned())
            .unwrap_or_default(),
        evm,
        registry,
        market,
        delivery,
        net,
        farm: farm_handle,
        authority_key,
        config,
    };
    let stopped = shutdown.clone().cancelled_owned();
    tracing::info!(addr = %parts.config.api.addr, "the API listens");
    running.spawn(async move { api::serve(api_listener, parts, stopped).await.map_err(|_| AppError::Ended("API")) });
    Ok(running)
}

async fn listen(addr: SocketAddr, key: &'static str) -> Result<TcpListener, AppError> {
    TcpListener::bind(addr).await.map_err(|source| AppError::Listen { addr, key, source })
}

async fn listen_for_miners(farm: &config::Farm, datadir: &DataDir) -> Result<Listeners, AppError> {
    let v1 = listen(farm.stratum, "farm.stratum").await?;
    let Some(addr) = farm.stratum_v2 else { return Ok(Listeners::from(v1)) };
    let listener = listen(addr, "farm.stratum_v2").await?;
    let authority = authority(datadir)?;
    tracing::info!(%addr, authority_key = authority.public(), "listening for Stratum V2 miners");
    Ok(Listeners { v1, v2: Some((listener, authority)) })
}

/// Reads the key by which V2 miners know the farm, and makes it first where there is none.
fn authority(datadir: &DataDir) -> Result<AuthorityKey, AppError> {
    let path = datadir.stratum_v2_key();
    if !path.exists() {
        write_new(&path, &AuthorityKey::random().secret())?;
    }
    AuthorityKey::parse(&read_secret(&path)?).map_err(|source| AppError::Authority { path, source })
}

/// Checks that the server serves the configured chain and escrow, waiting for one that does not answer yet.
async fn identify(evm: &Evm) -> Result<(), AppError> {
    let mut told = None;
    loop {
        match evm.identity().await {
            Err(error) if error.is_transient() => {
                let failure = with_causes(&error);
                if told.as_ref() != Some(&failure) {
                    tracing::warn!(error = failure, "waiting for the chain, which is asked again and again");
                    told = Some(failure);
                }
                sleep(START_RETRY).await;
            }
            checked => {
                checked?;
                if told.is_some() {
                    tracing::info!("the chain answers");
                }
                return Ok(());
            }
        }
    }
}

/// The message with all its causes, for a log line.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Follows the chain and hands each step to the registry.
async fn follow_chain(
    running: &mut Running,
    config: &Config,
    registry: Arc<Registry>,
    shutdown: &CancellationToken,
) -> Result<(), AppError> {
    let (updates, mut queue) = mpsc::channel(UPDATES);
    let chain = Evm::new(config.chain.rpc.as_str(), config.chain.domain, RPC_TIMEOUT)?;
    let (cursor, poll, stopped) = (registry.cursor().await, config.chain.poll, shutdown.clone().cancelled_owned());
    running.spawn(async move {
        settlement::watch(chain, cursor, poll, updates, stopped).await;
        Ok(())
    });
    running.spawn(async move {
        while let Some(update) = queue.recv().await {
            registry.advance(&update).await?;
        }
        Ok(())
    });
    Ok(())
}

fn net_config(config: &Config) -> Result<NetConfig, AppError> {
    let read = |addresses: &[String]| {
        let address = |address: &String| address.parse().map_err(|_| AppError::Multiaddr { address: address.clone() });
        addresses.iter().map(address).collect::<Result<Vec<_>, _>>()
    };
    Ok(NetConfig {
        chain_id: config.chain.domain.chain_id,
        escrow: config.chain.domain.escrow,
        listen: read(&config.net.listen)?,
        announce: Vec::new(),
        bootstrap: read(&config.net.bootstrap)?,
        mdns: config.net.mdns,
        kad: true,
        key_file: config.datadir.peer_key(),
        peers_file: config.datadir.peers(),
    })
}

fn destination(config: &Config, shutdown: &CancellationToken) -> Result<Option<Destination>, AppError> {
    if let Some(pool) = &config.pool {
        return Ok(Some(Destination::Pool(Pool::new(pool.destination("pool")?, shutdown.clone()))));
    }
    let Some(bitcoin) = &config.bitcoin else { return Ok(None) };
    let solo = SoloConfig { rpc: bitcoin.destination()?, payout: bitcoin.payout.parse()? };
    let (solo, templates) = Solo::start(solo, shutdown.clone())?;
    Ok(Some(Destination::Solo(Box::new(solo), templates)))
}

/// Starts the node's own worker, which mines at the node's own farm as any other miner does.
fn mine(config: &Config, tasks: &TaskTracker, shutdown: &CancellationToken) {
    let Some((farm, threads)) =
        config.farm.as_ref().and_then(|farm| Some((farm, std::num::NonZeroUsize::new(farm.mine.into())?)))
    else {
        return;
    };
    let url = client::PoolUrl { host: "127.0.0.1".to_owned(), port: farm.stratum.port() };
    let (worker, _stats) = Client::new(client::Config {
        url,
        user: "own".to_owned(),
        password: "x".to_owned(),
        threads: Threads::new(threads),
        timeouts: client::Timeouts::default(),
    });
    let shutdown = shutdown.clone();
    tasks.spawn(async move {
        if let Err(error) = worker.run(shutdown).await {
            tracing::error!(%error, "the node's own worker stopped");
        }
    });
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn the_authority_key_is_made_once_and_is_its_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let datadir = DataDir::locate(Some(dir.path().to_owned()), |_| None).unwrap();
        let made = authority(&datadir).unwrap();
        let path = datadir.stratum_v2_key();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(authority(&datadir).unwrap().public(), made.public());

        fs::write(&path, "hunter2").unwrap();
        let refused = authority(&datadir).unwrap_err();
        assert!(refused.is_configuration());
        let told = with_causes(&refused);
        assert!(told.contains("stratum-v2.key") && told.contains("base58check") && !told.contains("hunter2"), "{told}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "hunter2", "it is never overwritten");

        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(authority(&datadir), Err(AppError::DataDir(DataDirError::Readable { mode: 0o640, .. }))));
    }
}
