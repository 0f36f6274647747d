//! One honest miner.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use hashlease_miner::stratum::from_miner::Submit;
use hashlease_miner::stratum::from_pool::Subscribed;
use hashlease_miner::stratum::{FromPool, LineBuffer, encode};
use serde_json::{Value, json};
use tokio::net::TcpSocket;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::{arrival, machine};

/// Bytes that are read at a time; a job has about 2,000.
const CHUNK_BYTES: usize = 4 * 1024;
/// Version bits that are rolled.
const MASK: u32 = 0x1fff_e000;
/// Seconds by which a job's time is rolled.
const ROLL_S: u32 = 8;

/// How a device speaks.
#[derive(Clone, Copy, Debug)]
enum Firmware {
    /// Configures version rolling first, as ESP-Miner does.
    Rolling,
    /// Subscribes and authorizes with strings for ids, as bfgminer does.
    Strings,
    /// Uses one id for all submits, as minerd does.
    Plain,
}

/// A connected miner.
pub(crate) struct Miner {
    writer: OwnedWriteHalf,
    firmware: Firmware,
    user: String,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    extranonce2_size: usize,
    job: Option<(String, u32)>,
    /// Shares so far: each is another one.
    shares: u32,
    /// When those that wait for an answer were sent; answers come in the same order.
    unanswered: VecDeque<u64>,
}

/// What a miner heard.
pub(crate) enum Heard {
    /// A job of this nTime, and when it came to the socket.
    Job { time: u32, at: u64 },
    /// The answer to a share, which came to the socket so many nanoseconds later: why it was refused, or nothing.
    Answer { after: u64, refusal: Option<String> },
    /// Anything else.
    Other,
}

/// The reading end of a connection.
pub(crate) struct Ear {
    reader: OwnedReadHalf,
    lines: LineBuffer,
    chunk: [u8; CHUNK_BYTES],
    heard_at: u64,
}

impl Miner {
    /// Connects and goes through its firmware's handshake.
    pub(crate) async fn connect(farm: SocketAddr, from: Ipv4Addr, number: usize) -> io::Result<(Self, Ear)> {
        let firmware = [Firmware::Rolling, Firmware::Strings, Firmware::Plain][number % 3];
        let socket = TcpSocket::new_v4()?;
        socket.bind((from, 0).into())?;
        let stream = socket.connect(farm).await?;
        stream.set_nodelay(true)?;
        arrival::note(&stream)?;
        let (reader, writer) = stream.into_split();
        let mut ear = Ear { reader, lines: LineBuffer::new(), chunk: [0; CHUNK_BYTES], heard_at: 0 };
        let miner = Self { writer, firmware, user: format!("farm.{number}"), state: RefCell::default() };
        miner.shake_hands(&mut ear).await?;
        Ok((miner, ear))
    }

    async fn shake_hands(&self, ear: &mut Ear) -> io::Result<()> {
        let (agent, ids) = match self.firmware {
            Firmware::Rolling => ("bitaxe/BM1370/v2.9.0", [json!(2), json!(3)]),
            Firmware::Strings => ("bfgminer/5.5.0", [json!("subscribe"), json!("auth")]),
            Firmware::Plain => ("cpuminer/2.5.1", [json!(1), json!(2)]),
        };
        if matches!(self.firmware, Firmware::Rolling) {
            let asked = json!([["version-rolling"], { "version-rolling.mask": "ffffffff" }]);
            self.ask(ear, json!(1), "mining.configure", asked).await?;
        }
        let [subscribe, authorize] = ids;
        let result = self.ask(ear, subscribe, "mining.subscribe", json!([agent])).await?;
        let subscribed = Subscribed::parse(&result).map_err(|error| io::Error::other(error.to_string()))?;
        self.state.borrow_mut().extranonce2_size = subscribed.extranonce2_size.into();
        self.ask(ear, authorize, "mining.authorize", json!([self.user, "x"])).await?;
        Ok(())
    }

    async fn ask(&self, ear: &mut Ear, id: Value, method: &str, params: Value) -> io::Result<Value> {
        self.send(&format!("{}\n", json!({ "id": id, "method": method, "params": params })))?;
        loop {
            let line = ear.line().await?;
            if let FromPool::Response(response) = FromPool::parse(&line).map_err(io::Error::other)? {
                return response.outcome.map_err(|refusal| io::Error::other(refusal.to_string()));
            }
            self.hear(&line, ear.heard_at)?;
        }
    }

    /// Waits for the next line and takes it in.
    pub(crate) async fn listen(&self, ear: &mut Ear) -> io::Result<Heard> {
        let line = ear.line().await?;
        self.hear(&line, ear.heard_at)
    }

    fn hear(&self, line: &str, at: u64) -> io::Result<Heard> {
        let mut state = self.state.borrow_mut();
        if let Some((id, time)) = job_of(line) {
            state.job = Some((id, time));
            return Ok(Heard::Job { time, at });
        }
        let FromPool::Response(response) = FromPool::parse(line).map_err(io::Error::other)? else {
            return Ok(Heard::Other);
        };
        let sent_at = state.unanswered.pop_front().ok_or_else(|| io::Error::other("an answer to no share"))?;
        let refusal = response.outcome.err().map(|refusal| refusal.to_string());
        Ok(Heard::Answer { after: at.saturating_sub(sent_at), refusal })
    }

    /// Whether it has a job.
    pub(crate) fn is_ready(&self) -> bool {
        self.state.borrow().job.is_some()
    }

    /// Shares that have no answer yet.
    pub(crate) fn unanswered(&self) -> usize {
        self.state.borrow().unanswered.len()
    }

    /// Submits a share that it never submitted before; every hash is one.
    pub(crate) fn submit(&self) -> io::Result<()> {
        let mut state = self.state.borrow_mut();
        let Some((job_id, time)) = &state.job else { return Err(io::Error::other("a miner has no job")) };
        let share = state.shares;
        let extranonce2 = share.to_be_bytes().iter().rev().copied().take(state.extranonce2_size).collect();
        let submit = Submit {
            user: self.user.clone(),
            job_id: job_id.clone(),
            extranonce2,
            time: time + share % ROLL_S,
            // An odd factor: no nonce comes twice.
            nonce: share.wrapping_mul(0x9e37_79b1),
            version_bits: matches!(self.firmware, Firmware::Rolling).then_some((share << 13) & MASK),
        };
        let id = if matches!(self.firmware, Firmware::Plain) { 4 } else { 10 + u64::from(share) };
        state.shares += 1;
        state.unanswered.push_back(machine::now_ns());
        drop(state);
        self.send(&encode::request(id, "mining.submit", &encode::submit_params(&submit)))
    }

    /// Sends a line at once: a socket that takes no 200 bytes belongs to a farm that has stopped.
    fn send(&self, line: &str) -> io::Result<()> {
        let sent = self.writer.try_write(line.as_bytes())?;
        if sent == line.len() { Ok(()) } else { Err(io::Error::other("the farm took half a line")) }
    }
}

impl Ear {
    async fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(line) = self.lines.next_line().map_err(io::Error::other)? {
                return Ok(line);
            }
            let (bytes, came_at) = arrival::read(self.reader.as_ref(), &mut self.chunk).await?;
            self.heard_at = came_at;
            if bytes == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.lines.push(&self.chunk[..bytes]);
        }
    }
}

/// Id and nTime of a job. Reading all of it, as devices do, would take the farm's cores as long as announcing it.
fn job_of(line: &str) -> Option<(String, u32)> {
    let (_, params) = line.split_once(r#""mining.notify","params":[""#)?;
    let (id, rest) = params.split_once('"')?;
    let time = rest.rsplit('"').nth(1)?;
    Some((id.to_owned(), u32::from_str_radix(time, 16).ok()?))
}
