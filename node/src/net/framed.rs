//! Frames on a byte stream: a length of four big-endian bytes, then that many bytes of CBOR.

use std::{io, time::Duration};

use futures::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

use super::wire::{self, Wire, WireError};

/// Bytes of a frame's length.
const PREFIX_BYTES: usize = 4;
/// Bytes asked of the stream at once.
const CHUNK_BYTES: usize = 4 * 1024;

/// Why a framed stream is of no more use. Any of these ends it.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The stream failed.
    #[error("the stream to the peer failed")]
    Io(#[from] io::Error),
    /// The peer closed the stream inside a frame.
    #[error("the peer closed the stream inside a message")]
    Truncated,
    /// Nothing came, or nothing could be sent, for too long.
    #[error("the peer was silent for {} s", .0.as_secs())]
    Idle(Duration),
    /// The frame holds no message, or the message fits no frame.
    #[error("the message is not one of the protocol's")]
    Wire(#[from] WireError),
    /// An earlier send was abandoned half way, so the peer can't tell frames apart any more.
    #[error("an earlier message was abandoned half way")]
    Interrupted,
}

/// The receiving half of a framed stream.
#[derive(Debug)]
pub(super) struct FrameReader<R> {
    io: R,
    idle: Duration,
    buffer: Vec<u8>,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub(super) fn new(io: R, idle: Duration) -> Self {
        Self { io, idle, buffer: Vec::new() }
    }

    /// Returns the next message, or `None` where the peer closed the stream between two. Safe to
    /// cancel: what has come stays in the buffer.
    pub(super) async fn recv<T: Wire>(&mut self) -> Result<Option<T>, FrameError> {
        let idle = self.idle;
        let frame = timeout(idle, self.frame(T::MAX_BYTES)).await.map_err(|_| FrameError::Idle(idle))??;
        frame.map(|frame| wire::decode(&frame)).transpose().map_err(FrameError::Wire)
    }

    async fn frame(&mut self, limit: usize) -> Result<Option<Vec<u8>>, FrameError> {
        loop {
            if let Some(frame) = take_frame(&mut self.buffer, limit)? {
                return Ok(Some(frame));
            }
            let mut chunk = [0; CHUNK_BYTES];
            match self.io.read(&mut chunk).await? {
                0 if self.buffer.is_empty() => return Ok(None),
                0 => return Err(FrameError::Truncated),
                count => self.buffer.extend_from_slice(&chunk[..count]),
            }
        }
    }
}

/// Takes one whole frame off the front of `buffer`, which therefore never holds more than a frame
/// and a chunk.
fn take_frame(buffer: &mut Vec<u8>, limit: usize) -> Result<Option<Vec<u8>>, WireError> {
    let Some((prefix, rest)) = buffer.split_first_chunk::<PREFIX_BYTES>() else { return Ok(None) };
    let bytes = usize::try_from(u32::from_be_bytes(*prefix)).unwrap_or(usize::MAX);
    if bytes > limit {
        return Err(WireError::TooLong { bytes, limit });
    }
    let Some(frame) = rest.get(..bytes).map(<[u8]>::to_vec) else { return Ok(None) };
    buffer.drain(..PREFIX_BYTES + bytes);
    Ok(Some(frame))
}

/// The sending half of a framed stream.
#[derive(Debug)]
pub(super) struct FrameWriter<W> {
    io: W,
    idle: Duration,
    in_frame: bool,
}

impl<W: AsyncWrite + Unpin> FrameWriter<W> {
    pub(super) fn new(io: W, idle: Duration) -> Self {
        Self { io, idle, in_frame: false }
    }

    /// Sends one message. A call that is cancelled leaves half a frame behind, and every later one
    /// fails.
    pub(super) async fn send<T: Wire>(&mut self, message: &T) -> Result<(), FrameError> {
        if self.in_frame {
            return Err(FrameError::Interrupted);
        }
        let body = wire::encode(message)?;
        let length =
            u32::try_from(body.len()).map_err(|_| WireError::TooLong { bytes: body.len(), limit: T::MAX_BYTES })?;
        let frame = [&length.to_be_bytes(), body.as_slice()].concat();
        self.in_frame = true;
        let sent = async {
            self.io.write_all(&frame).await?;
            self.io.flush().await
        };
        timeout(self.idle, sent).await.map_err(|_| FrameError::Idle(self.idle))??;
        self.in_frame = false;
        Ok(())
    }

    /// Tells the peer that nothing more will come.
    pub(super) async fn close(&mut self) -> Result<(), FrameError> {
        let closed = timeout(self.idle, self.io.close()).await;
        Ok(closed.map_err(|_| FrameError::Idle(self.idle))??)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::Pin,
        task::{Context, Poll},
    };

    use futures::{FutureExt as _, SinkExt as _, TryStreamExt as _, channel::mpsc, io::Cursor};

    use super::*;
    use crate::net::{tests::support::cancel, wire::OrderMessage};

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(60);

    async fn framed(message: &OrderMessage) -> Vec<u8> {
        let mut writer = FrameWriter::new(Cursor::new(Vec::new()), LONG);
        writer.send(message).await.unwrap();
        writer.io.into_inner()
    }

    #[tokio::test]
    async fn frames_come_through_whatever_pieces_they_come_in() {
        let bytes = [framed(&cancel(1)).await, framed(&cancel(2)).await].concat();
        for size in [1, 3, 100, 10_000] {
            let (mut pieces, stream) = mpsc::channel(bytes.len());
            for piece in bytes.chunks(size) {
                pieces.send(io::Result::Ok(piece.to_vec())).await.unwrap();
            }
            drop(pieces);
            let mut reader = FrameReader::new(stream.into_async_read(), LONG);
            assert_eq!(reader.recv().await.unwrap(), Some(cancel(1)));
            assert_eq!(reader.recv().await.unwrap(), Some(cancel(2)));
            assert_eq!(reader.recv::<OrderMessage>().await.unwrap(), None);
        }
    }

    #[tokio::test]
    async fn a_receive_that_is_cancelled_inside_a_frame_loses_nothing() {
        let bytes = framed(&cancel(1)).await;
        let (mut pieces, stream) = mpsc::channel(1);
        let mut reader = FrameReader::new(stream.into_async_read(), LONG);
        pieces.send(io::Result::Ok(bytes[..10].to_vec())).await.unwrap();
        assert!(reader.recv::<OrderMessage>().now_or_never().is_none());
        pieces.send(Ok(bytes[10..].to_vec())).await.unwrap();
        assert_eq!(reader.recv().await.unwrap(), Some(cancel(1)));
    }

    #[tokio::test]
    async fn a_stream_that_ends_or_rests_inside_a_frame_is_an_error() {
        let bytes = framed(&cancel(1)).await;
        let mut cut = FrameReader::new(&bytes[..bytes.len() - 1], LONG);
        assert!(matches!(cut.recv::<OrderMessage>().await, Err(FrameError::Truncated)));
        let (_held, stream) = mpsc::channel::<io::Result<Vec<u8>>>(1);
        let mut silent = FrameReader::new(stream.into_async_read(), SHORT);
        assert!(matches!(silent.recv::<OrderMessage>().await, Err(FrameError::Idle(SHORT))));
    }

    #[tokio::test]
    async fn a_frame_that_is_too_long_is_refused_by_its_length_alone() {
        let mut reader = FrameReader::new([0xff; 4].as_slice(), LONG);
        let refused = reader.recv::<OrderMessage>().await;
        assert!(matches!(refused, Err(FrameError::Wire(WireError::TooLong { bytes: 0xffff_ffff, .. }))), "{refused:?}");
        let mut empty = FrameReader::new([0; 4].as_slice(), LONG);
        assert!(matches!(empty.recv::<OrderMessage>().await, Err(FrameError::Wire(WireError::Malformed(_)))));
    }

    /// Takes three bytes and then nothing more.
    struct Stuck(usize);

    impl AsyncWrite for Stuck {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            let count = self.0.min(bytes.len());
            self.0 -= count;
            if count == 0 { Poll::Pending } else { Poll::Ready(Ok(count)) }
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn after_half_a_frame_nothing_more_is_sent() {
        let mut writer = FrameWriter::new(Stuck(3), SHORT);
        assert!(matches!(writer.send(&cancel(1)).await, Err(FrameError::Idle(SHORT))));
        assert!(matches!(writer.send(&cancel(2)).await, Err(FrameError::Interrupted)));
        let mut cancelled = FrameWriter::new(Stuck(3), LONG);
        assert!(cancelled.send(&cancel(1)).now_or_never().is_none());
        assert!(matches!(cancelled.send(&cancel(2)).await, Err(FrameError::Interrupted)));
    }
}
