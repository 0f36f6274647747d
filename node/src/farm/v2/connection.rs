//! A V2 miner's socket.

use std::sync::Arc;

use futures::stream::{self, BoxStream, SelectAll, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Duration, Instant, sleep_until, timeout};

use super::super::error::Hangup;
use super::super::job::{FarmShare, Work};
use super::authority::AuthorityKey;
use super::session::{Event, Session};
use super::transport::{self, Outgoing};

/// Bytes that are read at a time; what they ask for is answered before more is read.
const CHUNK_BYTES: usize = 4 * 1024;

/// Limits of the socket itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeouts {
    pub(super) handshake: Duration,
    pub(super) write: Duration,
}

/// Serves a miner or proxy until it leaves or misbehaves.
///
/// Nothing is queued: output is written before anything else is done, so a client that doesn't read holds up itself
/// alone, and is dropped after the write timeout.
pub(super) async fn serve(
    mut stream: TcpStream,
    authority: Arc<AuthorityKey>,
    mut session: Session,
    timeouts: Timeouts,
    shares: mpsc::Sender<FarmShare>,
) -> Result<(), Hangup> {
    stream.set_nodelay(true)?;
    let shaken = timeout(timeouts.handshake, transport::handshake(&mut stream, &authority)).await;
    let (mut incoming, mut outgoing) = shaken.map_err(|_| Hangup::NoChannel)??;
    let mut works = SelectAll::new();
    let mut chunk = [0; CHUNK_BYTES];
    loop {
        tokio::select! {
            read = stream.read(&mut chunk) => {
                let bytes = read?;
                if bytes == 0 {
                    return Ok(());
                }
                incoming.push(&chunk[..bytes]);
                while let Some(frame) = incoming.next_frame()? {
                    match session.on_frame(frame, Instant::now())? {
                        Some(Event::Share(share)) => {
                            let sent = shares.send(share).await;
                            if sent.is_err() {
                                return Ok(());
                            }
                        }
                        Some(Event::Opened(channel, work)) => works.push(follow(channel, work)),
                        None => {}
                    }
                }
            }
            Some((channel, newest)) = works.next() => session.on_work(channel, newest, Instant::now()),
            () = sleep_until(session.deadline()) => session.on_deadline(Instant::now())?,
        }
        write(&mut stream, &mut outgoing, &mut session, timeouts.write).await?;
        if let Some(hangup) = session.parting() {
            return Err(hangup);
        }
    }
}

/// The work of a channel, from now on and whenever it changes, until its seat is given up.
fn follow(channel: u32, mut work: watch::Receiver<Work>) -> BoxStream<'static, (u32, Work)> {
    work.mark_changed();
    let next = move |mut work: watch::Receiver<Work>| async move {
        work.changed().await.ok()?;
        let newest = work.borrow_and_update().clone();
        Some(((channel, newest), work))
    };
    stream::unfold(work, next).boxed()
}

async fn write(
    stream: &mut TcpStream,
    outgoing: &mut Outgoing,
    session: &mut Session,
    limit: Duration,
) -> Result<(), Hangup> {
    let messages = session.take_output();
    if !messages.is_empty() {
        let bytes = outgoing.seal(messages)?;
        timeout(limit, stream.write_all(&bytes)).await.map_err(|_| Hangup::SlowReader)??;
        session.written(Instant::now());
    }
    Ok(())
}
