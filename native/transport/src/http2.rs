//! One HTTP/2 connection that all workers of a pool share: each request is a stream.
//!
//! This module uses `h2` instead of hyper. hyper's client does not know how many streams the peer
//! accepts, and it keeps a request body until the peer has made room for it, even after the response
//! has arrived. Here everything that a request holds ends with its [`Exchange`], and so with its
//! notification.

mod driver;
mod heard;
mod payload;
mod shared;
mod streams;
#[cfg(test)]
mod tests;

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, ResponseFuture, SendRequest};
use h2::{Reason as Code, RecvStream, SendStream};
use http::{Request, Response};
use payload::{Payload, Unsent};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::sleep;

use super::error::{Again, AttemptError};
use super::lifetimes::Lifetimes;
use driver::Driver;
use heard::Heard;
pub use shared::SharedHttp2;
use streams::{End, State, Turn};

/// The maximum size of the response header list, in bytes; a response with more is invalid.
const MAX_HEADERS: u32 = 16 * 1024;
/// How many bytes the peer may send ahead of our reading: on one stream, and on the whole connection.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// How many streams that were reset are remembered, each for a second.
const RESET_STREAMS: usize = 1024;
/// How long the answer to another request may take to arrive after a refusal: Go sends GOAWAY before the
/// answer that it belongs to.
const ANSWER_AFTER_REFUSAL: Duration = Duration::from_millis(20);

/// How many streams the peer accepts at once, by its latest settings; `None` before it has sent any.
pub type Room = Option<usize>;

/// A worker's handle on the shared connection.
#[derive(Clone, Debug)]
pub struct Http2(Arc<Owned>);

/// Ends the connection when the last handle is dropped.
#[derive(Debug)]
struct Owned(Arc<State>);

impl Drop for Owned {
    fn drop(&mut self) {
        self.0.end(End::Leave);
    }
}

/// The right to open one stream on a connection that has room for it.
#[derive(Debug)]
pub struct Begun {
    sender: SendRequest<Payload>,
    turn: Turn,
}

/// One stream, from its request to the end of its response. Dropping it ends the stream on both sides
/// and frees the request's memory.
#[derive(Debug)]
struct Exchange {
    /// Until the peer has answered.
    awaited: Option<ResponseFuture>,
    body: SendStream<Payload>,
    unsent: Arc<Unsent>,
    /// Freed at once: a connection that was given up does not wait for what h2 still has to do.
    _turn: Turn,
}

impl Exchange {
    /// The head of the response; ready once.
    fn poll_answer(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Response<RecvStream>, h2::Error>> {
        let Some(awaited) = &mut self.awaited else {
            return Poll::Pending;
        };
        let answer = ready!(Pin::new(awaited).poll(cx));
        self.awaited = None;
        Poll::Ready(answer)
    }

    /// Whether the stream is known to be open: before that, a reset would wait in h2 behind the body.
    fn is_open(&mut self) -> bool {
        // The answer may have arrived since the last poll.
        let _ = self.poll_answer(&mut Context::from_waker(Waker::noop()));
        self.awaited.is_none() || self.unsent.has_begun()
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // If both sides have ended the stream, it is closed, but h2 would keep the body until the peer
        // makes room for it, which the peer need no longer do. A reset makes h2 drop the body. If the stream may not
        // be open, h2 resets it without the body when its last handle is dropped and the connection can write.
        if Unsent::has_body(&self.unsent) && self.is_open() {
            self.body.send_reset(Code::CANCEL);
        }
    }
}

/// The error for a request that ended with `error`. `before` is the number of requests that the peer
/// had answered when this one began.
async fn unserved(state: &State, error: &h2::Error, before: usize) -> AttemptError {
    let explained = state.explain(error);
    let goes_away =
        error.is_go_away() && error.is_remote() && error.reason() == Some(Code::NO_ERROR);
    if !goes_away && error.reason() != Some(Code::REFUSED_STREAM) {
        return explained;
    }
    // A peer sends GOAWAY once per connection, but it could refuse streams for ever.
    let before = if goes_away { 0 } else { before };
    if state.answered() <= before {
        sleep(ANSWER_AFTER_REFUSAL).await;
    }
    let served = state.answered() > before;
    AttemptError {
        again: if served {
            Again::Unserved
        } else {
            explained.again
        },
        ..explained
    }
}

/// The body of a response, which keeps its stream open.
#[derive(Debug)]
pub struct Body {
    received: RecvStream,
    _exchange: Exchange,
}

impl Http2 {
    /// Starts HTTP/2 on a connected stream. A separate task moves the bytes and ends the connection
    /// when its time has come. The task reports through `room` how many streams the peer accepts.
    pub async fn new<S>(
        stream: S,
        lifetimes: Lifetimes,
        room: Arc<watch::Sender<Room>>,
    ) -> Result<Self, AttemptError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let state = Arc::new(State::default());
        let (sender, connection) = Builder::new()
            // The peer's first frame says how many streams it accepts. If we sent more before that
            // frame arrived, the peer would refuse the excess, on every new connection again.
            .initial_max_send_streams(streams::BEFORE_SETTINGS)
            .enable_push(false)
            .max_header_list_size(MAX_HEADERS)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            // The rest of a long answer is not read: its stream is reset. What is on its way meanwhile must not count as
            // the peer's misbehaviour, which would end the connection.
            .max_concurrent_reset_streams(RESET_STREAMS)
            .max_local_error_reset_streams(None)
            .handshake::<_, Payload>(Heard::new(stream, Arc::clone(&state)))
            .await
            .map_err(|error| state.explain(&error))?;
        state.open(sender);
        let driver = Driver::new(connection, Arc::clone(&state), lifetimes, room);
        tokio::spawn(driver.run());
        Ok(Self(Arc::new(Owned(state))))
    }

    /// Waits until the connection has room for one more stream. Returns `None` if the connection
    /// accepts no more.
    pub async fn begin(&self) -> Option<Begun> {
        let turn = Turn::wait(&self.0.0).await?;
        let mut sender = self.0.0.sender()?;
        // A peer that is going away has said so already, so nothing of this request has been sent.
        let ready = sender.poll_ready(&mut Context::from_waker(Waker::noop()));
        if let Poll::Ready(Err(_)) = ready {
            self.0.0.end(End::Leave);
            return None;
        }
        Some(Begun { sender, turn })
    }

    /// Sends a request, whose fields must be legal in HTTP/2, and reads the head of its final response.
    pub async fn exchange(
        &self,
        begun: Begun,
        request: Request<Bytes>,
    ) -> Result<Response<Body>, AttemptError> {
        let state = &self.0.0;
        let Begun { mut sender, turn } = begun;
        let answered = state.answered();
        let (head, body) = request.into_parts();
        let (awaited, sending) = sender
            .send_request(Request::from_parts(head, ()), body.is_empty())
            .map_err(|error| state.explain(&error))?;
        let mut exchange = Exchange {
            awaited: Some(awaited),
            body: sending,
            unsent: Arc::default(),
            _turn: turn,
        };
        if !body.is_empty() {
            let payload = Payload::new(body, Arc::clone(&exchange.unsent));
            // An error is ignored: the response reports what is wrong with the stream.
            let _ = exchange.body.send_data(payload, true);
        }
        let response = match poll_fn(|cx| exchange.poll_answer(cx)).await {
            Ok(response) => response,
            Err(error) => {
                drop(exchange);
                return Err(unserved(state, &error, answered).await);
            }
        };
        state.answer();
        Ok(response.map(|received| Body {
            received,
            _exchange: exchange,
        }))
    }

    /// Whether the connection accepts requests.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.0.0.is_open()
    }

    /// Whether the peer has answered any request on this connection.
    #[must_use]
    pub fn has_answered(&self) -> bool {
        self.0.0.answered() > 0
    }

    /// Lets no worker begin another request on this connection: something went wrong, and the
    /// connection may be dead without our knowing. It is closed when its present requests are over.
    pub fn condemn(&self) {
        self.0.0.end(End::GivenUp);
    }

    /// Begins no new requests on this connection. It sends GOAWAY when its present requests are over.
    pub fn leave(&self) {
        self.0.0.end(End::Leave);
    }
}

impl Body {
    /// Whether there is nothing to read.
    #[must_use]
    pub fn is_end_stream(&self) -> bool {
        self.received.is_end_stream()
    }

    /// Reads the next part of the body; empty if there is none.
    pub async fn next_part(&mut self) -> Bytes {
        let Some(Ok(data)) = self.received.data().await else {
            return Bytes::new();
        };
        // Fails only if the stream is over.
        let _ = self.received.flow_control().release_capacity(data.len());
        data
    }

    /// Reads the body to its end, but at most `most` bytes; past that, it resets the stream.
    pub async fn drain(mut self, most: usize) {
        let mut read = 0;
        while let Some(Ok(data)) = self.received.data().await {
            read += data.len();
            if read > most {
                break;
            }
            // Fails only if the stream is over.
            let _ = self.received.flow_control().release_capacity(data.len());
        }
    }
}
