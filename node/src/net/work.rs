//! `/hashlease/work/1`: the long-lived stream of one lease.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures::{
    AsyncReadExt as _,
    io::{ReadHalf, WriteHalf},
};
use libp2p::{PeerId, Stream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    framed::{FrameError, FrameReader, FrameWriter},
    wire::WorkMessage,
};

/// Streams that peers may have open at this node, in all.
const MAX_STREAMS: usize = 256;
/// Streams of one peer: one for each lease between the two nodes.
const MAX_STREAMS_PER_PEER: usize = 16;
/// A lease speaks every receipt interval, of 10 s at most; a stream silent for six is dead.
const IDLE: Duration = Duration::from_secs(60);

/// A stream of [`WorkMessage`]s to one peer, whose id the transport has authenticated.
#[derive(Debug)]
pub struct WorkStream {
    reader: WorkReader,
    writer: WorkWriter,
}

/// The receiving half.
#[derive(Debug)]
pub struct WorkReader {
    frames: FrameReader<ReadHalf<Stream>>,
    _place: Option<Arc<Place>>,
}

/// The sending half.
#[derive(Debug)]
pub struct WorkWriter {
    frames: FrameWriter<WriteHalf<Stream>>,
    _place: Option<Arc<Place>>,
}

impl WorkStream {
    pub(super) fn new(stream: Stream, place: Option<Place>) -> Self {
        let place = place.map(Arc::new);
        let (read, write) = stream.split();
        let reader = WorkReader { frames: FrameReader::new(read, IDLE), _place: place.clone() };
        let writer = WorkWriter { frames: FrameWriter::new(write, IDLE), _place: place };
        Self { reader, writer }
    }

    /// Returns the halves, which may live in different tasks.
    pub fn split(self) -> (WorkReader, WorkWriter) {
        (self.reader, self.writer)
    }

    /// Receives; see [`WorkReader::recv`].
    ///
    /// # Errors
    /// As there.
    pub async fn recv(&mut self) -> Result<Option<WorkMessage>, FrameError> {
        self.reader.recv().await
    }

    /// Sends; see [`WorkWriter::send`].
    ///
    /// # Errors
    /// As there.
    pub async fn send(&mut self, message: &WorkMessage) -> Result<(), FrameError> {
        self.writer.send(message).await
    }
}

impl WorkReader {
    /// Returns the next message, or `None` where the peer has closed the stream. Safe to cancel.
    ///
    /// # Errors
    /// Where the stream failed, was silent for a minute, or brought anything but a message.
    pub async fn recv(&mut self) -> Result<Option<WorkMessage>, FrameError> {
        self.frames.recv().await
    }
}

impl WorkWriter {
    /// Sends one message. Not safe to cancel: the stream is then of no more use.
    ///
    /// # Errors
    /// Where the stream failed, the peer took nothing for a minute, or the message is beyond its
    /// bounds.
    pub async fn send(&mut self, message: &WorkMessage) -> Result<(), FrameError> {
        self.frames.send(message).await
    }

    /// Tells the peer that nothing more will come.
    ///
    /// # Errors
    /// Where the stream failed before.
    pub async fn close(&mut self) -> Result<(), FrameError> {
        self.frames.close().await
    }
}

/// One stream's place, free again when both halves are dropped.
#[derive(Debug)]
pub(super) struct Place {
    _all: OwnedSemaphorePermit,
    _peer: OwnedSemaphorePermit,
}

/// The places for streams that peers open.
#[derive(Debug)]
pub(super) struct Places {
    all: Arc<Semaphore>,
    peers: HashMap<PeerId, Arc<Semaphore>>,
}

impl Places {
    pub(super) fn new() -> Self {
        Self { all: Arc::new(Semaphore::new(MAX_STREAMS)), peers: HashMap::new() }
    }

    /// Takes a place for a stream of `peer`, if there is one.
    pub(super) fn take(&mut self, peer: PeerId) -> Option<Place> {
        self.peers.retain(|_, places| places.available_permits() < MAX_STREAMS_PER_PEER);
        let all = Arc::clone(&self.all).try_acquire_owned().ok()?;
        let places = self.peers.entry(peer).or_insert_with(|| Arc::new(Semaphore::new(MAX_STREAMS_PER_PEER)));
        let own = Arc::clone(places).try_acquire_owned().ok()?;
        Some(Place { _all: all, _peer: own })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_its_places_and_no_more_until_it_leaves_one() {
        let (mut places, peer) = (Places::new(), PeerId::random());
        let mut taken: Vec<_> = (0..MAX_STREAMS_PER_PEER).map(|_| places.take(peer).unwrap()).collect();
        assert!(places.take(peer).is_none());
        assert!(places.take(PeerId::random()).is_some());
        taken.pop();
        assert!(places.take(peer).is_some());
    }

    #[test]
    fn all_peers_together_are_bounded_and_forgotten_when_gone() {
        let mut places = Places::new();
        let peers: Vec<_> = (0..MAX_STREAMS / MAX_STREAMS_PER_PEER).map(|_| PeerId::random()).collect();
        let taken: Vec<_> = peers
            .iter()
            .flat_map(|peer| [*peer; MAX_STREAMS_PER_PEER])
            .map(|peer| places.take(peer).unwrap())
            .collect();
        assert!(places.take(PeerId::random()).is_none());
        drop(taken);
        let _place = places.take(peers[0]).unwrap();
        assert_eq!(places.peers.len(), 1);
    }
}
