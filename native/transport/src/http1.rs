//! One HTTP/1.1 connection, driven by the task that uses it.
//!
//! hyper splits a connection into a handle that sends requests and a future that moves the bytes.
//! Spawning that future would cost two task switches per request. Here the worker that waits for the
//! response polls the future itself. While the connection is idle, the parked worker polls it, so a
//! close by the peer is noticed at once.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::dial::Stream;
use super::error::AttemptError;

/// The maximum number of response headers; a response with more is invalid.
const MAX_HEADERS: usize = 256;

/// An HTTP/1.1 connection with at most one request at a time, over any [`Carrier`].
#[derive(Debug)]
pub struct Http1<S: Carrier = Stream> {
    sender: SendRequest<Full<Bytes>>,
    connection: Pin<Box<Connection<TokioIo<S>, Full<Bytes>>>>,
    over: bool,
}

/// A byte stream that can carry a connection.
pub trait Carrier: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Carrier for S {}

impl<S: Carrier> Http1<S> {
    /// Starts HTTP/1.1 on a connected stream.
    pub async fn new(stream: S) -> Result<Self, AttemptError> {
        let (sender, connection) = Builder::new()
            .max_headers(MAX_HEADERS)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| AttemptError::from_hyper(&error))?;
        Ok(Self {
            sender,
            connection: Box::pin(connection),
            over: false,
        })
    }

    /// Sends a request and reads the head of its final response.
    pub async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, AttemptError> {
        let mut response = pin!(self.sender.send_request(request));
        let (connection, over) = (&mut self.connection, &mut self.over);
        poll_fn(|cx| {
            poll_connection(connection, over, cx);
            let answer = response
                .as_mut()
                .poll(cx)
                .map_err(|error| AttemptError::from_hyper(&error));
            if answer.is_pending() && *over {
                // The connection is over, so no answer can arrive any more.
                let text = "the connection ended before the endpoint answered".to_owned();
                return Poll::Ready(Err(AttemptError::broken(text)));
            }
            answer
        })
        .await
    }

    /// Reads a response body to its end, but at most `most` bytes. Returns whether it was read to its
    /// end; otherwise the connection cannot be used again.
    pub async fn drain(&mut self, mut body: Incoming, most: usize) -> bool {
        let mut read = 0;
        poll_fn(|cx| {
            loop {
                if body.is_end_stream() {
                    return Poll::Ready(true);
                }
                let mut frame = Pin::new(&mut body).poll_frame(cx);
                if frame.is_pending() {
                    poll_connection(&mut self.connection, &mut self.over, cx);
                    frame = Pin::new(&mut body).poll_frame(cx);
                }
                match frame {
                    Poll::Pending if self.over => return Poll::Ready(false),
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(None) => return Poll::Ready(true),
                    Poll::Ready(Some(Err(_))) => return Poll::Ready(false),
                    Poll::Ready(Some(Ok(frame))) => {
                        read += frame.data_ref().map_or(0, Bytes::len);
                        if read > most {
                            return Poll::Ready(false);
                        }
                    }
                }
            }
        })
        .await
    }

    /// Reads the next part of a response body; empty if there is none.
    pub async fn next_part(&mut self, body: &mut Incoming) -> Bytes {
        poll_fn(|cx| {
            loop {
                let mut frame = Pin::new(&mut *body).poll_frame(cx);
                if frame.is_pending() {
                    poll_connection(&mut self.connection, &mut self.over, cx);
                    frame = Pin::new(&mut *body).poll_frame(cx);
                }
                match frame {
                    Poll::Pending if !self.over => return Poll::Pending,
                    // Trailers have no data.
                    Poll::Ready(Some(Ok(frame))) => {
                        if let Ok(data) = frame.into_data() {
                            return Poll::Ready(data);
                        }
                    }
                    _ => return Poll::Ready(Bytes::new()),
                }
            }
        })
        .await
    }

    /// Whether the connection can send another request now.
    pub fn poll_usable(&mut self, cx: &mut Context<'_>) -> bool {
        poll_connection(&mut self.connection, &mut self.over, cx);
        !self.over && self.sender.is_ready()
    }
}

fn poll_connection<S: Carrier>(
    connection: &mut Pin<Box<Connection<TokioIo<S>, Full<Bytes>>>>,
    over: &mut bool,
    cx: &mut Context<'_>,
) {
    // The result is ignored: the request on this connection receives the connection's error.
    if !*over && connection.as_mut().poll(cx).is_ready() {
        *over = true;
    }
}
