//! One HTTP/2 connection shared by all workers of a pool; `workers` bounds the streams on it.
//!
//! Workers that need a connection while none is there wait for the same attempt to make one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use parking_lot::Mutex;

use super::dial::{Dialled, Stream};
use super::error::AttemptError;
use super::link::Drained;
use crate::report::reason::Reason;

/// A handle to send requests on the shared connection.
#[derive(Clone, Debug)]
pub struct Http2 {
    sender: SendRequest<Full<Bytes>>,
    /// Something went wrong on it: it may be dead without knowing it, or be going away.
    condemned: Arc<AtomicBool>,
}

impl Http2 {
    /// Takes a connected stream; a task of its own moves the bytes.
    pub async fn new(stream: Stream) -> Result<Self, AttemptError> {
        let (sender, connection) = Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            // How many streams the peer takes at once is in its first frame. What is sent before that
            // and is too much is refused, on every fresh connection again.
            .initial_max_send_streams(1)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| AttemptError::from_hyper(&error))?;
        tokio::spawn(async move {
            // What the connection dies of, the requests on it are told.
            let _ = connection.await;
        });
        Ok(Self {
            sender,
            condemned: Arc::default(),
        })
    }

    /// Sends a request and reads the head of its final response.
    pub async fn exchange(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, AttemptError> {
        let error = |error| AttemptError::from_hyper(&error);
        self.sender.ready().await.map_err(error)?;
        self.sender.send_request(request).await.map_err(error)
    }

    /// Reads a response body to its end, as far as `most` bytes; the stream is reset past that.
    pub async fn drain(&mut self, mut body: Incoming, most: usize) -> Drained {
        let mut read = 0;
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else {
                return Drained::Whole;
            };
            read += frame.data_ref().map_or(0, Bytes::len);
            if read > most {
                break;
            }
        }
        // Only the stream was cut: the connection serves other requests.
        Drained::Whole
    }

    /// Whether the connection still takes requests.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        !self.sender.is_closed() && !self.condemned.load(Ordering::Acquire)
    }

    /// No new requests on this connection, by no worker.
    pub fn condemn(&self) {
        self.condemned.store(true, Ordering::Release);
    }
}

type Making = Shared<BoxFuture<'static, Result<(Http2, Arc<Dialled>), AttemptError>>>;

/// The pool's present connection, or the attempt to make one.
#[derive(Default)]
pub struct SharedHttp2 {
    present: Mutex<Option<Making>>,
}

impl std::fmt::Debug for SharedHttp2 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedHttp2").finish_non_exhaustive()
    }
}

impl SharedHttp2 {
    /// The present connection if it is of use, otherwise one made by `make`.
    pub async fn get(
        &self,
        make: impl FnOnce() -> BoxFuture<'static, Result<(Http2, Dialled), AttemptError>>,
    ) -> Result<(Http2, Arc<Dialled>), AttemptError> {
        let making = {
            let mut present = self.present.lock();
            let stale = present.as_ref().is_none_or(|making| match making.peek() {
                Some(Ok((link, _))) => !link.is_usable(),
                Some(Err(_)) => true,
                None => false,
            });
            if stale {
                // On a task of its own, so that it ends also when nobody waits for it any more.
                let made = tokio::spawn(make()).map(|made| match made {
                    Ok(made) => made.map(|(link, dialled)| (link, Arc::new(dialled))),
                    Err(error) => Err(AttemptError::last(Reason::InternalError, error.to_string())),
                });
                *present = Some(made.boxed().shared());
            }
            present.clone()
        };
        match making {
            Some(making) => making.await,
            None => Err(AttemptError::broken("no connection".to_owned())),
        }
    }
}
