//! A connection from the dialling to its first job: before that a pool counts as dead, whatever its socket says.

use hashlease_miner::client::{Event, PoolUrl, Upstream, UpstreamError};
use hashlease_miner::worker::Work;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::error::PoolError;
use super::ranking::Turn;
use super::{PoolConfig, PoolJob};

/// A connection that gave a job.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) pool: usize,
    pub(super) upstream: Upstream,
    /// The newest job so far; checked.
    pub(super) work: Work,
}

/// A connection that gave none, or gave up.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) pool: usize,
    pub(super) error: PoolError,
    /// Whether the next connection should begin with `mining.configure`.
    pub(super) configure: bool,
}

/// Dials a pool of the list and waits for its first job.
pub(super) async fn dial(config: &PoolConfig, turn: Turn) -> Result<Served, Failed> {
    let Turn { pool, configure, .. } = turn;
    // Whether it was the request that a pool went away over, or a passing fault, shows in the connection after.
    let failed = |error, configure| Failed { pool, error, configure };
    let Some(url) = config.urls.get(pool) else { return Err(failed(UpstreamError::Closed.into(), true)) };
    let mut upstream = open(config, url, configure).await.map_err(|error| failed(error.into(), true))?;
    let patience = config.patience.first_job;
    let first = timeout(patience, first_job(&mut upstream)).await.unwrap_or(Err(PoolError::NoFirstJob(patience)));
    match first {
        Ok(work) => Ok(Served { pool, upstream, work }),
        Err(error) => Err(failed(error, !upstream.disliked_configure())),
    }
}

async fn open(config: &PoolConfig, url: &PoolUrl, configure: bool) -> Result<Upstream, UpstreamError> {
    let password = config.password.reveal().to_owned();
    Upstream::open(url, config.user.clone(), password, config.patience.timeouts(), configure).await
}

async fn first_job(upstream: &mut Upstream) -> Result<Work, PoolError> {
    loop {
        if let Event::Job { work, .. } = upstream.next().await? {
            return PoolJob::check(&work).map(|()| work);
        }
    }
}

/// Dials a pool when its time has come and watches whether it stays healthy; gives its newest job then.
pub(super) async fn prove(config: &PoolConfig, turn: Turn) -> Result<Served, Failed> {
    sleep_until(turn.due).await;
    let mut served = dial(config, turn).await?;
    let proven = Instant::now() + config.patience.healthy_for;
    while let Ok(event) = timeout_at(proven, served.upstream.next()).await {
        let checked = event.map_err(PoolError::from).and_then(|event| match event {
            Event::Job { work, .. } => PoolJob::check(&work).map(|()| Some(work)),
            _ => Ok(None),
        });
        match checked {
            Ok(work) => served.work = work.unwrap_or(served.work),
            Err(error) => {
                return Err(Failed { pool: turn.pool, error, configure: !served.upstream.disliked_configure() });
            }
        }
    }
    Ok(served)
}
