//! One TCP connection to a pool, from the handshake to its end.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

use super::config::{Config, Timeouts};
use super::session::{Session, SessionError, Step};
use super::stats::{State, Stats};
use crate::stratum::{FromPool, LineBuffer, LineError, ParseError};
use crate::worker::{Found, Miner, WorkError};

/// Bytes read at once.
const CHUNK_BYTES: usize = 8 * 1024;

/// How often the hash counter is published.
const STATS_INTERVAL: Duration = Duration::from_secs(1);

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectionError {
    #[error("the pool can't be reached")]
    Connect(#[source] io::Error),
    #[error("the connection broke")]
    Broken(#[source] io::Error),
    #[error("the pool closed the connection")]
    Closed,
    #[error("the pool didn't answer in time")]
    TimedOut,
    #[error("the pool sent nothing for {0:?}")]
    Silent(Duration),
    #[error("the pool sent no job for {0:?}")]
    NoJob(Duration),
    #[error("the pool doesn't speak Stratum V1")]
    Line(#[from] LineError),
    #[error("the pool doesn't speak Stratum V1")]
    Parse(#[from] ParseError),
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error("the pool's job can't be mined")]
    Work(#[from] WorkError),
}

/// How a connection ended, and what that means for the next.
pub(super) struct Ended {
    pub(super) error: Option<ConnectionError>,
    /// The pool asked to wait so long.
    pub(super) wait: Duration,
    /// The handshake came to its end.
    pub(super) was_ready: bool,
    /// The pool refused `mining.configure`, or went away over it.
    pub(super) disliked_configure: bool,
}

/// A connection and what it uses of its client.
pub(super) struct Connection<'a> {
    config: &'a Config,
    miner: &'a Miner,
    stats: &'a watch::Sender<Stats>,
    stream: TcpStream,
    session: Session,
    lines: LineBuffer,
    /// Shares of earlier generations are stale.
    oldest_live: u64,
    ready: bool,
    heard: Instant,
    job_seen: Instant,
    reconnect: Option<Duration>,
}

/// Connects, shakes hands and mines until the connection ends. Afterwards the miner is without work.
pub(super) async fn converse(
    config: &Config,
    miner: &Miner,
    found: &mut mpsc::Receiver<Found>,
    stats: &watch::Sender<Stats>,
    configure: bool,
) -> Ended {
    let stream = match connect(config).await {
        Ok(stream) => stream,
        Err(error) => {
            return Ended { error: Some(error), wait: Duration::ZERO, was_ready: false, disliked_configure: false };
        }
    };
    let (session, first) = Session::open(config.user.clone(), config.password.clone(), configure);
    let now = Instant::now();
    let mut connection = Connection {
        config,
        miner,
        stats,
        stream,
        session,
        lines: LineBuffer::new(),
        // Whatever is still in the channel was found for another connection.
        oldest_live: miner.clear_work(),
        ready: false,
        heard: now,
        job_seen: now,
        reconnect: None,
    };
    let error = connection.run(first, found).await.err();
    miner.clear_work();
    stats.send_modify(|stats| stats.unanswered += connection.session.unanswered());
    let disliked_configure = connection.session.dislikes_configure();
    Ended { error, wait: connection.reconnect.unwrap_or_default(), was_ready: connection.ready, disliked_configure }
}

async fn connect(config: &Config) -> Result<TcpStream, ConnectionError> {
    let address = (config.url.host.as_str(), config.url.port);
    let connecting = timeout(config.timeouts.network, TcpStream::connect(address));
    let stream = connecting.await.map_err(|_| ConnectionError::TimedOut)?.map_err(ConnectionError::Connect)?;
    // Shares are small and late ones are worthless.
    stream.set_nodelay(true).map_err(ConnectionError::Connect)?;
    Ok(stream)
}

impl Connection<'_> {
    /// Runs until the pool asks to reconnect (`Ok`) or something fails.
    async fn run(&mut self, first: Step, found: &mut mpsc::Receiver<Found>) -> Result<(), ConnectionError> {
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut ticks = interval(STATS_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let opened = Instant::now();
        self.perform(first).await?;
        while self.reconnect.is_none() {
            let (deadline, overdue) = self.deadline(opened);
            tokio::select! {
                read = self.stream.read(&mut chunk) => {
                    let length = read.map_err(ConnectionError::Broken)?;
                    self.hear(&chunk[..length]).await?;
                }
                Some(share) = found.recv() => self.offer(&share).await?,
                _ = ticks.tick() => self.stats.send_modify(|stats| stats.hashes = self.miner.hashes()),
                () = sleep_until(deadline) => return Err(overdue),
            }
        }
        Ok(())
    }

    /// The next moment at which the connection counts as dead, and why.
    fn deadline(&self, opened: Instant) -> (Instant, ConnectionError) {
        let Timeouts { handshake, silence, job, .. } = self.config.timeouts;
        if !self.ready {
            return (opened + handshake, ConnectionError::TimedOut);
        }
        let (silent, jobless) = (self.heard + silence, self.job_seen + job);
        if silent <= jobless {
            (silent, ConnectionError::Silent(silence))
        } else {
            (jobless, ConnectionError::NoJob(job))
        }
    }

    async fn hear(&mut self, bytes: &[u8]) -> Result<(), ConnectionError> {
        if bytes.is_empty() {
            return Err(ConnectionError::Closed);
        }
        self.lines.push(bytes);
        while let Some(line) = self.lines.next_line()? {
            self.heard = Instant::now();
            tracing::trace!(line, "received");
            for step in self.session.receive(FromPool::parse(&line)?)? {
                self.perform(step).await?;
            }
        }
        Ok(())
    }

    async fn offer(&mut self, share: &Found) -> Result<(), ConnectionError> {
        if share.generation < self.oldest_live {
            self.stats.send_modify(|stats| stats.stale += 1);
            return Ok(());
        }
        for step in self.session.submit(share) {
            self.perform(step).await?;
        }
        Ok(())
    }

    async fn perform(&mut self, step: Step) -> Result<(), ConnectionError> {
        match step {
            Step::Send(line) => self.send(&line).await?,
            Step::Ready => {
                self.ready = true;
                tracing::info!(pool = %self.config.url, "authorized");
                self.job_seen = Instant::now();
                self.stats.send_modify(|stats| {
                    stats.state = State::Mining;
                    stats.connections += 1;
                    stats.last_error = None;
                });
            }
            Step::Mine { work, difficulty, clean } => {
                self.job_seen = Instant::now();
                let generation = self.miner.set_work(work)?;
                if clean {
                    self.oldest_live = generation;
                }
                self.stats.send_modify(|stats| stats.difficulty = difficulty);
            }
            Step::Accepted { difficulty } => self.stats.send_modify(|stats| {
                stats.accepted += 1;
                stats.best_difficulty = stats.best_difficulty.max(difficulty);
            }),
            Step::Rejected(refusal) => {
                tracing::warn!(%refusal, "the pool rejected a share");
                self.stats.send_modify(|stats| {
                    stats.rejected += 1;
                    stats.last_rejection = Some(refusal.to_string());
                });
            }
            Step::Unanswered => self.stats.send_modify(|stats| stats.unanswered += 1),
            Step::Reconnect { wait_s } => self.reconnect = Some(Duration::from_secs(wait_s)),
        }
        Ok(())
    }

    async fn send(&mut self, line: &str) -> Result<(), ConnectionError> {
        let writing = timeout(self.config.timeouts.network, self.stream.write_all(line.as_bytes()));
        writing.await.map_err(|_| ConnectionError::TimedOut)?.map_err(ConnectionError::Broken)
    }
}
