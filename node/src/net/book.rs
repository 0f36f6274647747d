//! `/hashlease/book/1`: asking peers for their books, and serving one's own.

use std::{
    collections::{HashMap, HashSet},
    io,
    time::{Duration, Instant},
};

use alloy_primitives::B256;
use futures::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, FutureExt as _, StreamExt as _, future::BoxFuture,
    stream::FuturesUnordered,
};
use libp2p::{
    PeerId, StreamProtocol,
    request_response::{
        self, Codec, Event, InboundRequestId, Message, OutboundRequestId, ProtocolSupport, ResponseChannel,
    },
};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::{
    NetError, NetEvent,
    bucket::{Buckets, Rate},
    wire::{self, BookRequest, BookResponse, MAX_DIGESTS, MAX_ORDERS, OrderMessage, Wire},
};

const PROTOCOL: StreamProtocol = StreamProtocol::new("/hashlease/book/1");
/// A whole request, there and back.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// The market's part of it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Requests of this node that may be under way.
const MAX_ASKED: usize = 64;
/// Requests of peers that are served at once; an answer has a mebibyte at most.
const MAX_SERVED: usize = 16;
/// Streams of one connection.
const MAX_STREAMS: usize = 4;
/// Enough for a whole book at once (4,096 orders, 64 at a time, and the digests), then a trickle.
const RATE: Rate = Rate { burst: 80, refill: Duration::from_secs(1) };

pub(super) type Behaviour = request_response::Behaviour<BookCodec>;
pub(super) type BookEvent = Event<BookRequest, BookResponse>;
pub(super) type Asked = oneshot::Sender<Result<BookResponse, NetError>>;

pub(super) fn behaviour() -> Behaviour {
    let config = request_response::Config::default()
        .with_request_timeout(REQUEST_TIMEOUT)
        .with_max_concurrent_streams(MAX_STREAMS);
    Behaviour::new([(PROTOCOL, ProtocolSupport::Full)], config)
}

/// What this node asked, and what it is serving.
pub(super) struct BookDesk {
    asked: HashMap<OutboundRequestId, Asked>,
    serving: HashSet<InboundRequestId>,
    answers: FuturesUnordered<BoxFuture<'static, Answer>>,
    buckets: Buckets,
}

/// The market's answer, if it gave one in time, and where it goes.
pub(super) struct Answer {
    channel: ResponseChannel<BookResponse>,
    response: Option<BookResponse>,
}

impl BookDesk {
    pub(super) fn new() -> Self {
        Self {
            asked: HashMap::new(),
            serving: HashSet::new(),
            answers: FuturesUnordered::new(),
            buckets: Buckets::new(RATE),
        }
    }

    /// Sends a request; the answer goes to `reply`.
    pub(super) fn ask(&mut self, behaviour: &mut Behaviour, peer: PeerId, request: BookRequest, reply: Asked) {
        if self.asked.len() >= MAX_ASKED {
            // A caller that has gone needs no answer.
            let _ = reply.send(Err(NetError::Busy));
            return;
        }
        self.asked.insert(behaviour.send_request(&peer, request), reply);
    }

    /// Returns the next answer of the market; pending while nothing is being served.
    pub(super) async fn answer(&mut self) -> Answer {
        match self.answers.next().await {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }

    /// Sends what the market answered. A request without an answer is dropped, which its peer sees.
    pub(super) fn send(behaviour: &mut Behaviour, Answer { channel, response }: Answer) {
        if let Some(response) = response {
            // The peer may have hung up since.
            let _ = behaviour.send_response(channel, response);
        }
    }

    pub(super) fn on_event(&mut self, event: BookEvent, market: &mpsc::Sender<NetEvent>) {
        match event {
            Event::Message { peer, message: Message::Request { request_id, request, channel }, .. } => {
                self.serve(peer, request_id, request, channel, market);
            }
            Event::Message { message: Message::Response { request_id, response }, .. } => {
                self.finish(request_id, Ok(response));
            }
            Event::OutboundFailure { peer, request_id, error, .. } => {
                self.finish(request_id, Err(NetError::Book { peer, source: error }));
            }
            Event::InboundFailure { peer, request_id, error, .. } => {
                tracing::debug!(%peer, %error, "book request not answered");
                self.serving.remove(&request_id);
            }
            Event::ResponseSent { request_id, .. } => {
                self.serving.remove(&request_id);
            }
        }
    }

    fn finish(&mut self, request: OutboundRequestId, result: Result<BookResponse, NetError>) {
        if let Some(reply) = self.asked.remove(&request) {
            // A caller that has gone needs no answer.
            let _ = reply.send(result);
        }
    }

    fn serve(
        &mut self,
        peer: PeerId,
        id: InboundRequestId,
        request: BookRequest,
        channel: ResponseChannel<BookResponse>,
        market: &mpsc::Sender<NetEvent>,
    ) {
        if self.serving.len() >= MAX_SERVED || !self.buckets.take(peer, Instant::now()) {
            tracing::debug!(%peer, "too many book requests");
            return;
        }
        let response = match request {
            BookRequest::Digests => {
                let (reply, answer) = oneshot::channel();
                let asked = market.try_send(NetEvent::BookDigests { reply });
                asked.map(|()| answer.map(|ids| ids.ok().map(digests)).boxed())
            }
            BookRequest::Orders(ids) => {
                let (reply, answer) = oneshot::channel();
                let asked = market.try_send(NetEvent::BookOrders { ids, reply });
                asked.map(|()| answer.map(|found| found.ok().map(orders)).boxed())
            }
        };
        let Ok(response) = response else {
            tracing::debug!(%peer, "the market is too busy for a book request");
            return;
        };
        self.serving.insert(id);
        let answer = async { Answer { channel, response: timeout(ANSWER_TIMEOUT, response).await.ok().flatten() } };
        self.answers.push(answer.boxed());
    }
}

fn digests(mut ids: Vec<B256>) -> BookResponse {
    ids.truncate(MAX_DIGESTS);
    BookResponse::Digests(ids)
}

fn orders(mut orders: Vec<OrderMessage>) -> BookResponse {
    orders.truncate(MAX_ORDERS);
    BookResponse::Orders(orders)
}

/// Requests and responses as one CBOR item each, bounded as [`Wire`] says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BookCodec;

impl Codec for BookCodec {
    type Protocol = StreamProtocol;
    type Request = BookRequest;
    type Response = BookResponse;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<BookRequest>
    where
        T: AsyncRead + Unpin + Send,
    {
        read(io).await
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<BookResponse>
    where
        T: AsyncRead + Unpin + Send,
    {
        read(io).await
    }

    async fn write_request<T>(&mut self, _: &StreamProtocol, io: &mut T, request: BookRequest) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write(io, &request).await
    }

    async fn write_response<T>(&mut self, _: &StreamProtocol, io: &mut T, response: BookResponse) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write(io, &response).await
    }
}

async fn read<M: Wire>(io: &mut (impl AsyncRead + Unpin + Send)) -> io::Result<M> {
    let mut bytes = Vec::new();
    // One byte beyond the limit shows that there is more.
    let limit = u64::try_from(M::MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    io.take(limit).read_to_end(&mut bytes).await?;
    wire::decode(&bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

async fn write<M: Wire>(io: &mut (impl AsyncWrite + Unpin + Send), message: &M) -> io::Result<()> {
    let bytes = wire::encode(message).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    io.write_all(&bytes).await
}
