//! One HTTP/2 connection shared by all workers of a pool: a request is a stream.
//!
//! This speaks through `h2` and not through hyper, whose client knows neither how many streams the
//! peer takes nor lets go of a request body before the peer has made room for it, be the response
//! there or not. What a request holds here ends with its [`Exchange`], and so with its notification.

mod driver;
mod heard;
mod payload;
mod shared;
mod streams;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use h2::{Reason as Code, RecvStream, SendStream};
use http::{Request, Response};
use payload::Payload;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::body::Drained;
use super::error::{Again, AttemptError};
use super::lifetimes::Lifetimes;
use driver::Driver;
use heard::Heard;
pub use shared::SharedHttp2;
use streams::{End, State, Turn};

/// Longest list of response headers, in bytes; more is an invalid response.
const MAX_HEADERS: u32 = 16 * 1024;
/// What the peer may send before it is read, in bytes: on one stream, and on all.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;

/// How many streams the peer takes at once, as it has said last; `None` before it has.
pub type Room = Option<usize>;

/// A worker's share in a connection.
#[derive(Clone, Debug)]
pub struct Http2(Arc<Owned>);

/// With the last worker's share goes the connection.
#[derive(Debug)]
struct Owned(Arc<State>);

impl Drop for Owned {
    fn drop(&mut self) {
        self.0.end(End::Leave);
    }
}

/// The right to open one stream on a connection that takes it.
#[derive(Debug)]
pub struct Begun {
    sender: SendRequest<Payload>,
    turn: Turn,
}

/// One stream, from its request to the end of its response. Dropped, it ends the stream on both sides
/// and with it what the request takes in memory.
#[derive(Debug)]
struct Exchange {
    stream: SendStream<Payload>,
    /// Held by the request's body too, as long as h2 has any of it.
    unsent: Arc<()>,
    _turn: Turn,
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // A stream on which both sides have said their last word is closed, and h2 would keep the body
        // until the peer makes room for it, which it need not do any more.
        if Arc::strong_count(&self.unsent) > 1 {
            self.stream.send_reset(Code::CANCEL);
        }
    }
}

/// What a request is told that ended with `error`, when the peer had answered `before` others by its begin.
async fn unserved(state: &State, error: &h2::Error, before: usize) -> AttemptError {
    let explained = state.explain(error);
    let goes_away =
        error.is_go_away() && error.is_remote() && error.reason() == Some(Code::NO_ERROR);
    if !goes_away && error.reason() != Some(Code::REFUSED_STREAM) {
        return explained;
    }
    // The answer that came with the refusal may not have reached its own request's task yet.
    tokio::task::yield_now().await;
    // A peer that goes away does so once a connection; one that refuses streams could do it for ever.
    let served = state.answered() > if goes_away { 0 } else { before };
    AttemptError {
        again: if served {
            Again::Unserved
        } else {
            explained.again
        },
        ..explained
    }
}

/// The body of a response.
#[derive(Debug)]
pub struct Body {
    received: RecvStream,
    _exchange: Exchange,
}

impl Http2 {
    /// Takes a connected stream; a task of its own moves the bytes and ends the connection in its time.
    /// `room` is told how many streams the peer takes.
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
            // How many streams the peer takes at once is in its first frame. What is sent before that
            // and is too much is refused, on every fresh connection again.
            .initial_max_send_streams(streams::BEFORE_SETTINGS)
            .enable_push(false)
            .max_header_list_size(MAX_HEADERS)
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .handshake::<_, Payload>(Heard::new(stream, Arc::clone(&state)))
            .await
            .map_err(|error| state.explain(&error))?;
        state.open(sender);
        let driver = Driver::new(connection, Arc::clone(&state), lifetimes, room);
        tokio::spawn(driver.run());
        Ok(Self(Arc::new(Owned(state))))
    }

    /// Waits until the connection has room for one more stream. `None` when it takes no more.
    pub async fn begin(&self) -> Option<Begun> {
        let turn = Turn::wait(&self.0.0).await?;
        let mut sender = self.0.0.sender()?;
        // A peer that is going away has said so before; then nothing of this request has been sent.
        let ready = sender.poll_ready(&mut Context::from_waker(std::task::Waker::noop()));
        if let Poll::Ready(Err(_)) = ready {
            self.0.0.end(End::Leave);
            return None;
        }
        Some(Begun { sender, turn })
    }

    /// Sends a request, whose fields are legal in HTTP/2, and reads the head of its final response.
    pub async fn exchange(
        &self,
        begun: Begun,
        request: Request<Bytes>,
    ) -> Result<Response<Body>, AttemptError> {
        let state = &self.0.0;
        let Begun { mut sender, turn } = begun;
        let answered = state.answered();
        let (head, body) = request.into_parts();
        let (response, stream) = sender
            .send_request(Request::from_parts(head, ()), body.is_empty())
            .map_err(|error| state.explain(&error))?;
        drop(sender);
        let unsent = Arc::new(());
        let mut exchange = Exchange {
            stream,
            unsent: Arc::clone(&unsent),
            _turn: turn,
        };
        if !body.is_empty() {
            // What is wrong with the stream, the response says.
            let _ = exchange.stream.send_data(Payload::new(body, unsent), true);
        }
        let response = match response.await {
            Ok(response) => response,
            Err(error) => return Err(unserved(state, &error, answered).await),
        };
        state.answer();
        Ok(response.map(|received| Body {
            received,
            _exchange: exchange,
        }))
    }

    /// Whether the connection takes requests.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.0.0.is_open()
    }

    /// Whether the peer has answered a request on it.
    #[must_use]
    pub fn has_answered(&self) -> bool {
        self.0.0.answered() > 0
    }

    /// No new requests on this connection, by no worker: something went wrong on it, and it may be dead
    /// without knowing it. It is closed when those on it are over.
    pub fn condemn(&self) {
        self.0.0.end(End::GivenUp);
    }

    /// No new requests on this connection. It says goodbye when those on it are over.
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

    /// Reads it to its end, as far as `most` bytes; the stream is reset past that.
    pub async fn drain(mut self, most: usize) -> Drained {
        let mut read = 0;
        while let Some(Ok(data)) = self.received.data().await {
            read += data.len();
            if read > most {
                break;
            }
            // Fails only where the stream is over.
            let _ = self.received.flow_control().release_capacity(data.len());
        }
        // Only the stream was cut: the connection serves other requests.
        Drained::Whole
    }
}
