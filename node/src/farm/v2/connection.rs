//! A V2 miner's socket.

use std::sync::Arc;

use futures::stream::{self, BoxStream, SelectAll, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Duration, Instant, sleep_until, timeout};

use super::super::error::Hangup;
use super::super::job::{FarmShare, Work};
use super::super::verifier::Verifier;
use super::authority::AuthorityKey;
use super::message::is_submit;
use super::session::{Event, Session};
use super::transport::{self, Incoming, Outgoing};

/// Bytes that are read at a time; what they ask for is answered before more is read.
const CHUNK_BYTES: usize = 4 * 1024;

/// The work of all channels.
type Works = SelectAll<BoxStream<'static, (u32, Work)>>;

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
    verifier: Verifier,
    shares: mpsc::Sender<FarmShare>,
) -> Result<(), Hangup> {
    stream.set_nodelay(true)?;
    let shaken = timeout(timeouts.handshake, transport::handshake(&mut stream, &authority)).await;
    let (mut incoming, mut outgoing) = shaken.map_err(|_| Hangup::NoChannel)??;
    let mut works = Works::new();
    let mut chunk = [0; CHUNK_BYTES];
    loop {
        tokio::select! {
            read = stream.read(&mut chunk) => {
                let bytes = read?;
                if bytes == 0 {
                    return Ok(());
                }
                incoming.push(&chunk[..bytes]);
                hear(&mut incoming, &mut session, &mut works, &verifier, &shares).await?;
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

/// Answers the frames that came. Submits in a row are hashed together; what they bring counts even where a later frame ends the
/// connection.
async fn hear(
    incoming: &mut Incoming,
    session: &mut Session,
    works: &mut Works,
    verifier: &Verifier,
    shares: &mpsc::Sender<FarmShare>,
) -> Result<(), Hangup> {
    let mut waiting = Vec::new();
    let heard = async {
        while let Some(frame) = incoming.next_frame()? {
            let now = Instant::now();
            let Some(message) = session.hear(frame, now)? else { continue };
            if !is_submit(&message) {
                verifier.settle(&mut waiting, shares, |pending, checked| session.on_checked(pending, checked)).await?;
            }
            match session.on_message(message, now)? {
                Some(Event::Submitted(pending)) => waiting.push(pending),
                Some(Event::Opened(channel, work)) => works.push(follow(channel, work)),
                None => {}
            }
        }
        Ok(())
    };
    let heard = heard.await;
    verifier.settle(&mut waiting, shares, |pending, checked| session.on_checked(pending, checked)).await?;
    heard
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
