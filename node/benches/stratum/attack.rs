//! Hostile clients of every kind, who come back as often as they are thrown out.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use rand::RngCore as _;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::machine;
use crate::spread::nanos;

/// Hostile clients of each kind at a time.
const CLIENTS: u8 = 40;
/// Time after which a client comes back, and after which a patient one says more.
const PAUSE: Duration = Duration::from_millis(250);
/// Bytes of a line that is far too long.
const LONG_LINE_BYTES: usize = 1 << 20;
/// Bytes of junk at a time.
const JUNK_BYTES: usize = 2_000;
/// Bytes of an id that the farm must send back to somebody who doesn't read: near its longest line.
const LONG_ID_BYTES: usize = 8_000;
/// Bytes that wait for somebody who doesn't read, at most.
const SMALL_BUFFER_BYTES: u32 = 4 * 1024;
/// The beginning of a TLS ClientHello: record, handshake, version 1.2.
const TLS_HELLO: [u8; 11] = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];

/// What an attack came to.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// Connections by kind, and those of them that the farm ended.
    pub(crate) attempts: BTreeMap<String, u64>,
    /// Time for which the clients had a core, in nanoseconds.
    pub(crate) cpu: u64,
}

impl Tally {
    /// Adds another attack.
    pub(crate) fn add(&mut self, other: Self) {
        other.attempts.into_iter().for_each(|(kind, count)| *self.attempts.entry(kind).or_default() += count);
        self.cpu += other.cpu;
    }
}

/// How a client is hostile.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// Authorizes, asks for much and reads nothing.
    SlowReader,
    /// Sends a line a byte at a time.
    HalfLine,
    /// Sends random bytes.
    Junk,
    /// Sends a line of a mebibyte.
    LongLine,
    /// Connects and goes.
    Storm,
    /// Speaks TLS.
    Tls,
}

/// The attack.
pub(crate) struct Sieges {
    farm: SocketAddr,
    clients: JoinSet<()>,
    attempts: Attempts,
    cpu: Duration,
}

type Attempts = Rc<RefCell<BTreeMap<String, u64>>>;

impl Sieges {
    /// No attack yet.
    pub(crate) fn new(farm: SocketAddr) -> Self {
        Self { farm, clients: JoinSet::new(), attempts: Rc::default(), cpu: Duration::ZERO }
    }

    /// Lets clients of all kinds loose.
    pub(crate) fn begin(&mut self) {
        self.cpu = machine::cpu_time();
        let kinds = [Kind::SlowReader, Kind::HalfLine, Kind::Junk, Kind::LongLine, Kind::Storm, Kind::Tls];
        for (kind, block) in kinds.into_iter().zip(2..) {
            for _ in 0..CLIENTS {
                // A kind has addresses of its own: a connection that ended keeps its port for a minute.
                let from = Ipv4Addr::new(127, 0, block, 1);
                self.clients.spawn_local(besiege(kind, self.farm, from, Rc::clone(&self.attempts)));
            }
        }
    }

    /// Ends it, and gives what was attempted.
    pub(crate) fn end(&mut self) -> Tally {
        self.clients.abort_all();
        let cpu = nanos(machine::cpu_time() - self.cpu);
        Tally { attempts: self.attempts.take(), cpu }
    }
}

async fn besiege(kind: Kind, farm: SocketAddr, from: Ipv4Addr, attempts: Attempts) {
    // Not all at once.
    sleep(PAUSE.mul_f32(rand::random())).await;
    loop {
        *attempts.borrow_mut().entry(format!("{kind:?}")).or_default() += 1;
        if attempt(kind, farm, from).await.is_err() {
            *attempts.borrow_mut().entry(format!("{kind:?}, thrown out")).or_default() += 1;
        }
        sleep(PAUSE).await;
    }
}

/// Is hostile until the farm ends the connection, or nothing is left to say.
async fn attempt(kind: Kind, farm: SocketAddr, from: Ipv4Addr) -> io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    if matches!(kind, Kind::SlowReader) {
        socket.set_recv_buffer_size(SMALL_BUFFER_BYTES)?;
    }
    socket.bind((from, 0).into())?;
    let mut stream = socket.connect(farm).await?;
    match kind {
        Kind::Storm => return Ok(()),
        Kind::SlowReader => return ask_for_much(&mut stream).await,
        Kind::HalfLine => return drip(&mut stream).await,
        Kind::Junk => {
            let mut junk = [0; JUNK_BYTES];
            rand::rng().fill_bytes(&mut junk);
            stream.write_all(&junk).await?;
        }
        Kind::LongLine => stream.write_all(&vec![b'x'; LONG_LINE_BYTES]).await?,
        Kind::Tls => stream.write_all(&TLS_HELLO).await?,
    }
    match stream.read(&mut [0; 1]).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

async fn ask_for_much(stream: &mut TcpStream) -> io::Result<()> {
    let id = "x".repeat(LONG_ID_BYTES);
    for (method, params) in [("mining.subscribe", json!([])), ("mining.authorize", json!(["slow"]))] {
        stream.write_all(format!("{}\n", json!({ "id": 1, "method": method, "params": params })).as_bytes()).await?;
    }
    loop {
        let line = json!({ "id": id, "method": "mining.extranonce.subscribe", "params": [] });
        stream.write_all(format!("{line}\n").as_bytes()).await?;
        sleep(PAUSE / 20).await;
    }
}

async fn drip(stream: &mut TcpStream) -> io::Result<()> {
    for byte in json!({ "id": 1, "method": "mining.subscribe", "params": [] }).to_string().bytes() {
        stream.write_all(&[byte]).await?;
        sleep(PAUSE).await;
    }
    Ok(())
}
