//! A pool that says what a test tells it to, on a loopback port of the system's choice.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::time::Duration;

use hashlease_miner::client::{Config, PoolUrl, Timeouts};
use hashlease_miner::pow::share::{self, Checked};
use hashlease_miner::pow::{Rejection, Solution, Target};
use hashlease_miner::stratum::from_miner::Submit;
use hashlease_miner::stratum::{FromMiner, LineBuffer, Method, Notify, Request, encode};
use hashlease_miner::worker::Threads;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Every wait of a test ends here, in failure.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Easy enough for some hundred shares a second.
pub(crate) const DIFFICULTY: f64 = 1e-5;

pub(crate) const VERSION_MASK: u32 = 0x1fff_e000;
pub(crate) const EXTRANONCE1: [u8; 4] = [8, 0, 0, 2];
pub(crate) const EXTRANONCE2_SIZE: u8 = 4;

pub(crate) struct ScriptedPool {
    listener: TcpListener,
    extranonce2_size: u8,
}

impl ScriptedPool {
    pub(crate) async fn listen() -> Self {
        Self::listen_with(EXTRANONCE2_SIZE).await
    }

    /// A pool that leaves its clients so many bytes of extranonce.
    pub(crate) async fn listen_with(extranonce2_size: u8) -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap(), extranonce2_size }
    }

    /// A client's configuration for this pool, impatient between connections.
    pub(crate) fn config(&self) -> Config {
        let port = self.listener.local_addr().unwrap().port();
        Config {
            url: PoolUrl { host: "127.0.0.1".into(), port },
            user: "u.w".into(),
            password: "secret".into(),
            threads: Threads::new(NonZeroUsize::MIN),
            timeouts: Timeouts { back_off_min: Duration::from_millis(5), ..Timeouts::default() },
        }
    }

    pub(crate) async fn accept(&self) -> Peer {
        let accepted = tokio::time::timeout(DEADLINE, self.listener.accept()).await.expect("no connection in time");
        Peer {
            stream: accepted.unwrap().0,
            extranonce2_size: self.extranonce2_size,
            lines: LineBuffer::new(),
            requests: VecDeque::new(),
            replies: 0,
        }
    }
}

/// One connection of a client.
pub(crate) struct Peer {
    stream: TcpStream,
    extranonce2_size: u8,
    lines: LineBuffer,
    requests: VecDeque<Request>,
    replies: usize,
}

impl Peer {
    pub(crate) async fn send(&mut self, line: &str) {
        self.try_send(line).await.unwrap();
    }

    /// Sends to a client that may have closed the connection.
    pub(crate) async fn try_send(&mut self, line: &str) -> std::io::Result<()> {
        self.stream.write_all(line.as_bytes()).await
    }

    pub(crate) async fn answer(&mut self, id: &Value, result: Value) {
        self.send(&encode::response(id, &result)).await;
    }

    /// Reads more of what the client sends; `false` once it closed the connection.
    async fn read(&mut self) -> bool {
        let mut chunk = [0; 4096];
        let read = tokio::time::timeout(DEADLINE, self.stream.read(&mut chunk)).await.expect("nothing came in time");
        match read {
            Ok(length) if length > 0 => self.lines.push(&chunk[..length]),
            _ => return false,
        }
        while let Some(line) = self.lines.next_line().unwrap() {
            match FromMiner::parse(&line).unwrap() {
                FromMiner::Request(request) => self.requests.push_back(request),
                FromMiner::Reply => self.replies += 1,
            }
        }
        true
    }

    /// The client's next request; `None` once it closed the connection.
    pub(crate) async fn try_request(&mut self) -> Option<Request> {
        while self.requests.is_empty() && self.read().await {}
        self.requests.pop_front()
    }

    pub(crate) async fn request(&mut self) -> Request {
        self.try_request().await.expect("the client closed the connection")
    }

    /// Waits for the client's next reply to something that the pool asked.
    pub(crate) async fn reply(&mut self) {
        let before = self.replies;
        while self.replies == before {
            assert!(self.read().await, "the client closed the connection");
        }
    }

    /// Answers the handshake from the subscription on, and checks its order.
    pub(crate) async fn finish_handshake(&mut self) {
        let subscribe = self.request().await;
        assert!(matches!(subscribe.method, Method::Subscribe { user_agent: Some(_), .. }), "{subscribe:?}");
        self.answer(&subscribe.id, encode::subscribe_result("1", &EXTRANONCE1, self.extranonce2_size)).await;
        let authorize = self.request().await;
        let expected = Method::Authorize { user: "u.w".into(), password: Some("secret".into()) };
        assert_eq!(authorize.method, expected);
        self.answer(&authorize.id, json!(true)).await;
        assert_eq!(self.request().await.method, Method::ExtranonceSubscribe);
    }

    /// Answers the whole handshake, with version rolling.
    pub(crate) async fn handshake(&mut self) {
        let configure = self.request().await;
        let Method::Configure(asked) = &configure.method else { panic!("{configure:?}") };
        assert!(asked.wants_version_rolling());
        let result = encode::configure_result(asked, VERSION_MASK & asked.version_rolling_mask);
        self.answer(&configure.id, result).await;
        self.finish_handshake().await;
    }

    pub(crate) async fn give_job(&mut self, difficulty: f64, notify: &Notify) {
        self.send(&encode::set_difficulty(difficulty)).await;
        self.send(&encode::notify(notify)).await;
    }

    /// The client's next share, with its request's id.
    pub(crate) async fn share(&mut self) -> (Value, Submit) {
        let request = self.request().await;
        match request.method {
            Method::Submit(submit) => (request.id, submit),
            other => panic!("expected a share, not {other:?}"),
        }
    }

    /// Takes shares until one is for this job.
    pub(crate) async fn share_for(&mut self, job_id: &str) -> (Value, Submit) {
        loop {
            let (id, submit) = self.share().await;
            if submit.job_id == job_id {
                return (id, submit);
            }
        }
    }
}

/// A real job (block 100000's) under this id.
pub(crate) fn job(job_id: &str, clean: bool) -> Notify {
    let vectors: Value = serde_json::from_str(include_str!("../../vectors/stratum_v1.json")).unwrap();
    let block_100000 = vectors.as_array().unwrap().iter().find(|vector| vector["name"] == "block_100000").unwrap();
    let notify = Notify::parse(block_100000["notify"].as_array().unwrap()).unwrap();
    Notify { job_id: job_id.into(), clean, ..notify }
}

/// Judges a share as a pool does.
pub(crate) fn judge(
    notify: &Notify,
    submit: &Submit,
    version_mask: u32,
    difficulty: f64,
) -> Result<Checked, Rejection> {
    let extranonce = [&EXTRANONCE1[..], &submit.extranonce2].concat();
    let version = (notify.version & !version_mask) | (submit.version_bits.unwrap_or(notify.version) & version_mask);
    let job = notify.to_job(u8::try_from(extranonce.len()).unwrap(), version_mask);
    let solution = Solution { version, extranonce, time: submit.time, nonce: submit.nonce };
    share::check(&job, &solution, &Target::from_difficulty(difficulty).unwrap())
}

/// Expects a good share whose time is the job's.
pub(crate) fn verify(notify: &Notify, submit: &Submit, version_mask: u32, difficulty: f64) {
    judge(notify, submit, version_mask, difficulty).expect("the share is good");
    assert_eq!(submit.time, notify.time, "the time was rolled");
}
