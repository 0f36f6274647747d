//! A miner's socket.

use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Poll, ready};

use tokio::io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};

use hashlease_miner::stratum::{LineBuffer, Method};

use super::error::Hangup;
use super::job::{FarmShare, Work};
use super::session::Session;
use super::verifier::Verifier;

/// Longest line from a miner in bytes; a submit has about 150.
const MAX_LINE_BYTES: usize = 8 * 1024;
/// Bytes that are read at a time; what they ask for is answered before more is read.
const CHUNK_BYTES: usize = 4 * 1024;

/// Serves a miner until it leaves or misbehaves.
///
/// Nothing is queued: output is written before anything else is done, so a client that doesn't read holds up itself
/// alone, and is dropped after the write timeout.
pub(super) async fn serve(
    mut stream: TcpStream,
    mut session: Session,
    mut work: watch::Receiver<Work>,
    verifier: Verifier,
    shares: mpsc::Sender<FarmShare>,
) -> Result<(), Hangup> {
    stream.set_nodelay(true)?;
    let mut lines = LineBuffer::with_max(MAX_LINE_BYTES);
    work.mark_changed();
    let mut alarm = pin!(sleep_until(session.deadline()));
    loop {
        // Left alone where it comes too early, which costs less than to set it each time.
        if alarm.is_elapsed() || session.deadline() < alarm.deadline() {
            alarm.as_mut().reset(session.deadline());
        }
        tokio::select! {
            // Work comes to thousands of connections at once, each of which looks for nothing else then.
            biased;
            changed = work.changed() => {
                if changed.is_err() {
                    return Ok(());
                }
                let newest = work.borrow_and_update().clone();
                session.on_work(newest, Instant::now());
            }
            () = &mut alarm => session.on_deadline(Instant::now())?,
            read = read(&mut stream, &mut lines) => {
                if read? == 0 {
                    return Ok(());
                }
                hear(&mut lines, &mut session, &verifier, &shares).await?;
            }
        }
        write(&mut stream, &mut session).await?;
        if session.must_reconnect() {
            return Err(Hangup::Reconnect);
        }
    }
}

/// Reads what is there, and gives its number of bytes.
///
/// The chunk lives no longer than the read: as a part of the task it would be most of what a silent miner takes.
async fn read(stream: &mut TcpStream, lines: &mut LineBuffer) -> io::Result<usize> {
    poll_fn(|context| {
        let mut chunk = [0; CHUNK_BYTES];
        let mut chunk = ReadBuf::new(&mut chunk);
        ready!(Pin::new(&mut *stream).poll_read(context, &mut chunk))?;
        lines.push(chunk.filled());
        Poll::Ready(Ok(chunk.filled().len()))
    })
    .await
}

/// Answers the lines that came. Submits in a row are hashed together, of which a chunk has room for some dozens; what they
/// bring counts even where a later line ends the connection.
async fn hear(
    lines: &mut LineBuffer,
    session: &mut Session,
    verifier: &Verifier,
    shares: &mpsc::Sender<FarmShare>,
) -> Result<(), Hangup> {
    let mut waiting = Vec::new();
    let heard = async {
        while let Some(line) = lines.next_line()? {
            let now = Instant::now();
            let Some(request) = session.hear(&line, now)? else { continue };
            if !matches!(request.method, Method::Submit(_)) {
                verifier.settle(&mut waiting, shares, |pending, checked| session.on_checked(pending, checked)).await?;
            }
            waiting.extend(session.on_request(request, now)?);
        }
        Ok(())
    };
    let heard = heard.await;
    verifier.settle(&mut waiting, shares, |pending, checked| session.on_checked(pending, checked)).await?;
    heard
}

async fn write(stream: &mut TcpStream, session: &mut Session) -> Result<(), Hangup> {
    let output = session.take_output();
    if !output.is_empty() {
        let written = timeout(session.station.limits.write_timeout, stream.write_all(output.as_bytes())).await;
        written.map_err(|_| Hangup::SlowReader)??;
        session.station.record.live().written(Instant::now());
    }
    Ok(())
}
