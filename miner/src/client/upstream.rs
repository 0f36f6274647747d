//! One TCP connection to a pool, from the handshake to its end, whoever mines for it.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use super::config::{PoolUrl, Timeouts};
use super::session::{Session, SessionError, Step};
use crate::stratum::{FromPool, LineBuffer, LineError, ParseError, Refusal};
use crate::worker::{Found, Work};

/// Bytes read at once.
const CHUNK_BYTES: usize = 8 * 1024;

/// Most bytes that may wait for a pool which doesn't read: some hundred shares.
const MAX_UNSENT_BYTES: usize = 64 * 1024;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// No TCP connection.
    #[error("the pool can't be reached")]
    Connect(#[source] io::Error),
    /// Reading or writing failed.
    #[error("the connection broke")]
    Broken(#[source] io::Error),
    /// The pool's end.
    #[error("the pool closed the connection")]
    Closed,
    /// No connection, no handshake, or a line that isn't taken, within its time.
    #[error("the pool didn't answer in time")]
    TimedOut,
    /// No line for so long.
    #[error("the pool sent nothing for {0:?}")]
    Silent(Duration),
    /// Lines, but no job for so long.
    #[error("the pool sent no job for {0:?}")]
    NoJob(Duration),
    /// More bytes than [`Upstream::limited_to`] takes.
    #[error("the pool sent more than {0} bytes")]
    TooMuch(u64),
    /// No lines of text.
    #[error("the pool doesn't speak Stratum V1")]
    Line(#[from] LineError),
    /// Lines without a message.
    #[error("the pool doesn't speak Stratum V1")]
    Parse(#[from] ParseError),
    /// The pool refuses, or what it gives can't be used.
    #[error(transparent)]
    Session(#[from] SessionError),
}

/// What happens on a connection.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The handshake is over.
    Ready,
    /// The pool gave a job, or changed what may be rolled in the current one.
    Job {
        /// The job; its extranonce1 is the pool's.
        work: Work,
        /// Stratum difficulty of its shares.
        difficulty: f64,
        /// Whether shares of all earlier jobs are void.
        clean: bool,
    },
    /// The pool accepted a share.
    Accepted {
        /// Its number, from [`Upstream::submit`].
        share: u64,
        /// Work of the target that it was to meet, in hashes.
        work: u128,
        /// Stratum difficulty of its hash.
        difficulty: f64,
    },
    /// The pool refused a share.
    Refused {
        /// Its number, from [`Upstream::submit`].
        share: u64,
        /// The pool's reason.
        refusal: Refusal,
    },
    /// Too many shares came after this one for its answer to be waited for.
    Unanswered {
        /// Its number, from [`Upstream::submit`].
        share: u64,
    },
    /// The pool asks for another connection. Where to isn't told: it would hand the hashpower to whoever writes a line.
    Reconnect {
        /// Seconds to wait first.
        wait_s: u64,
    },
}

/// A connection to a pool.
#[derive(Debug)]
pub struct Upstream {
    timeouts: Timeouts,
    stream: TcpStream,
    session: Session,
    lines: LineBuffer,
    chunk: Vec<u8>,
    events: VecDeque<Event>,
    unsent: VecDeque<u8>,
    /// When what is unsent began to wait, or last went on.
    unsent_since: Instant,
    ready: bool,
    heard: Instant,
    job_seen: Instant,
    received: u64,
    most_received: u64,
}

impl Upstream {
    /// Connects and begins the handshake, with `mining.configure` unless this pool is known to dislike it.
    ///
    /// # Errors
    /// [`UpstreamError::Connect`] and [`UpstreamError::TimedOut`].
    pub async fn open(
        url: &PoolUrl,
        user: String,
        password: String,
        timeouts: Timeouts,
        configure: bool,
    ) -> Result<Self, UpstreamError> {
        let connecting = timeout(timeouts.network, TcpStream::connect((url.host.as_str(), url.port)));
        let stream = connecting.await.map_err(|_| UpstreamError::TimedOut)?.map_err(UpstreamError::Connect)?;
        Self::over(stream, user, password, timeouts, configure)
    }

    /// As [`Upstream::open`], over a connection that was made elsewhere.
    ///
    /// # Errors
    /// [`UpstreamError::Connect`] where the socket is of no use.
    pub fn over(
        stream: TcpStream,
        user: String,
        password: String,
        timeouts: Timeouts,
        configure: bool,
    ) -> Result<Self, UpstreamError> {
        // Shares are small and late ones are worthless.
        stream.set_nodelay(true).map_err(UpstreamError::Connect)?;
        let (session, first) = Session::open(user, password, configure);
        let now = Instant::now();
        let mut upstream = Self {
            timeouts,
            stream,
            session,
            lines: LineBuffer::new(),
            chunk: vec![0; CHUNK_BYTES],
            events: VecDeque::new(),
            unsent: VecDeque::new(),
            unsent_since: now,
            ready: false,
            heard: now,
            job_seen: now,
            received: 0,
            most_received: u64::MAX,
        };
        upstream.take(first);
        Ok(upstream)
    }

    /// Gives the connection up once the pool sent more than so many bytes.
    pub fn limited_to(self, bytes: u64) -> Self {
        Self { most_received: bytes, ..self }
    }

    /// Waits for what happens next, and meanwhile sends what there is to send. Must be called again and again.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    /// Where the connection is of no more use: see [`UpstreamError`].
    pub async fn next(&mut self) -> Result<Event, UpstreamError> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(event);
            }
            let (deadline, overdue) = self.deadline();
            let (mut reader, mut writer) = self.stream.split();
            let unsent = self.unsent.as_slices().0;
            tokio::select! {
                read = reader.read(&mut self.chunk) => {
                    let length = read.map_err(UpstreamError::Broken)?;
                    self.hear(length)?;
                }
                written = writer.write(unsent), if !unsent.is_empty() => {
                    let length = written.map_err(UpstreamError::Broken)?;
                    self.unsent.drain(..length);
                    self.unsent_since = Instant::now();
                }
                () = sleep_until(deadline) => return Err(overdue),
            }
            if self.unsent.len() > MAX_UNSENT_BYTES {
                return Err(UpstreamError::TimedOut);
            }
        }
    }

    /// Submits a share of one of this connection's jobs and returns the number that its answer will name. It leaves
    /// with the next call of [`Upstream::next`].
    pub fn submit(&mut self, found: &Found) -> u64 {
        let (share, steps) = self.session.submit(found);
        steps.into_iter().for_each(|step| self.take(step));
        share
    }

    /// Whether the pool refused `mining.configure`, or went away over it, so that the next connection should do without.
    pub fn disliked_configure(&self) -> bool {
        self.session.dislikes_configure()
    }

    /// Number of shares that still wait for an answer.
    pub fn unanswered(&self) -> u64 {
        self.session.unanswered()
    }

    /// Bytes of extranonce2 that the pool leaves to its miners; `None` before the subscription.
    pub fn extranonce2_size(&self) -> Option<u8> {
        self.session.extranonce2_size()
    }

    /// Version bits that the pool lets roll; zero where it grants none, or was not asked yet.
    pub fn version_mask(&self) -> u32 {
        self.session.version_mask()
    }

    /// The next moment at which the connection counts as dead, and why.
    fn deadline(&self) -> (Instant, UpstreamError) {
        let Timeouts { network, handshake, silence, job, .. } = self.timeouts;
        let alive = if self.ready {
            let (silent, jobless) = (self.heard + silence, self.job_seen + job);
            if silent <= jobless {
                (silent, UpstreamError::Silent(silence))
            } else {
                (jobless, UpstreamError::NoJob(job))
            }
        } else {
            // Set once, when the connection was opened: talk without an end doesn't prolong the handshake.
            (self.job_seen + handshake, UpstreamError::TimedOut)
        };
        let stalled = self.unsent_since + network;
        if !self.unsent.is_empty() && stalled < alive.0 { (stalled, UpstreamError::TimedOut) } else { alive }
    }

    fn hear(&mut self, length: usize) -> Result<(), UpstreamError> {
        if length == 0 {
            return Err(UpstreamError::Closed);
        }
        self.received = self.received.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        if self.received > self.most_received {
            return Err(UpstreamError::TooMuch(self.most_received));
        }
        self.lines.push(&self.chunk[..length]);
        while let Some(line) = self.lines.next_line()? {
            self.heard = Instant::now();
            tracing::trace!(line, "received");
            let steps = self.session.receive(FromPool::parse(&line)?)?;
            steps.into_iter().for_each(|step| self.take(step));
        }
        Ok(())
    }

    fn take(&mut self, step: Step) {
        self.events.push_back(match step {
            Step::Send(line) => {
                if self.unsent.is_empty() {
                    self.unsent_since = Instant::now();
                }
                self.unsent.extend(line.as_bytes());
                return;
            }
            Step::Ready => {
                self.ready = true;
                self.job_seen = Instant::now();
                Event::Ready
            }
            Step::Mine { work, difficulty, clean } => {
                self.job_seen = Instant::now();
                Event::Job { work, difficulty, clean }
            }
            Step::Accepted { share, work, difficulty } => Event::Accepted { share, work, difficulty },
            Step::Rejected { share, refusal } => Event::Refused { share, refusal },
            Step::Unanswered { share } => Event::Unanswered { share },
            Step::Reconnect { wait_s } => Event::Reconnect { wait_s },
        });
    }
}
