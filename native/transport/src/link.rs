//! A worker's connection to the endpoint: its own over HTTP/1.1, or a share in the pool's over HTTP/2.

use std::task::Context;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tokio::time::Instant;

use super::error::AttemptError;
use super::http1::Http1;
use super::http2::{Begun, Http2};

pub use super::body::Body;

/// A worker's connection to the endpoint.
#[derive(Debug)]
pub enum Link {
    /// A connection of this worker alone.
    Http1 {
        /// The connection.
        connection: Box<Http1>,
        /// When the connection is too old for another request.
        too_old_at: Option<Instant>,
    },
    /// A connection that all workers share.
    Http2 {
        /// This worker's handle on the connection.
        connection: Http2,
        /// The right to the next stream.
        begun: Option<Begun>,
    },
}

impl Link {
    /// Waits until the connection has room for one more request. Returns false if the connection
    /// accepts no more: then nothing was sent, and the worker needs another link.
    pub async fn begin(&mut self) -> bool {
        match self {
            Self::Http1 { .. } => true,
            Self::Http2 { connection, begun } => {
                if begun.is_none() {
                    *begun = connection.begin().await;
                }
                begun.is_some()
            }
        }
    }

    /// Whether the peer has answered requests on this connection, from this worker or another.
    #[must_use]
    pub fn has_answered_others(&self) -> bool {
        match self {
            Self::Http1 { .. } => false,
            Self::Http2 { connection, .. } => connection.has_answered(),
        }
    }

    /// Sends a request and reads the head of its final response. Call [`Link::begin`] first.
    pub async fn exchange(
        &mut self,
        request: Request<Bytes>,
    ) -> Result<Response<Body>, AttemptError> {
        match self {
            Self::Http1 { connection, .. } => {
                let response = connection.exchange(request.map(Full::new)).await?;
                Ok(response.map(Body::Http1))
            }
            Self::Http2 { connection, begun } => {
                let Some(begun) = begun.take() else {
                    let text = "the connection takes no more requests".to_owned();
                    return Err(AttemptError::broken(text));
                };
                let response = connection.exchange(begun, request).await?;
                Ok(response.map(Body::Http2))
            }
        }
    }

    /// Gives the connection up after a failed request. An HTTP/1.1 link ends with this. Over HTTP/2,
    /// requests that are in flight go on, and no new one begins on the connection.
    pub fn condemn(&mut self) {
        if let Self::Http2 { connection, .. } = self {
            connection.condemn();
        }
    }

    /// Reads a response body, but at most `most` bytes. Returns whether the link can be used again.
    pub async fn drain(&mut self, body: Body, most: usize) -> bool {
        match (self, body) {
            (Self::Http1 { connection, .. }, Body::Http1(body)) => {
                connection.drain(body, most).await
            }
            (_, Body::Http2(body)) => {
                body.drain(most).await;
                // Even if the stream was reset, the connection still serves other requests.
                true
            }
            (Self::Http2 { .. }, Body::Http1(_)) => false,
        }
    }

    /// Reads the next part of a response body; empty if there is none. [`Link::drain`] reads the rest.
    pub async fn next_part(&mut self, body: &mut Body) -> Bytes {
        match (self, body) {
            (Self::Http1 { connection, .. }, Body::Http1(body)) => connection.next_part(body).await,
            (_, Body::Http2(body)) => body.next_part().await,
            (Self::Http2 { .. }, Body::Http1(_)) => Bytes::new(),
        }
    }

    /// Whether the link can send another request now. If it can, `cx` is woken when that changes.
    pub fn poll_usable(&mut self, cx: &mut Context<'_>) -> bool {
        match self {
            Self::Http1 { connection, .. } => connection.poll_usable(cx),
            Self::Http2 { connection, .. } => connection.is_usable(),
        }
    }

    /// Whether the link has reached its maximum age.
    #[must_use]
    pub fn is_too_old(&self, now: Instant) -> bool {
        match self {
            Self::Http1 { too_old_at, .. } => too_old_at.is_some_and(|at| now >= at),
            // The connection's own task checks this.
            Self::Http2 { .. } => false,
        }
    }
}
