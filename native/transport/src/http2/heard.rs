//! Wraps the byte stream of a connection. It records when the peer was last heard, and keeps a TLS
//! error, of which h2 only keeps the text.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::streams::State;
use crate::error::AttemptError;

/// A stream that reports what it sees to the state of its connection.
#[derive(Debug)]
pub(super) struct Heard<S> {
    stream: S,
    state: Arc<State>,
}

impl<S> Heard<S> {
    pub(super) fn new(stream: S, state: Arc<State>) -> Self {
        Self { stream, state }
    }

    fn note<R>(&self, end: &Poll<io::Result<R>>) {
        if let Poll::Ready(Err(error)) = end
            && let Some(tls) = AttemptError::from_tls(error)
        {
            let _ = self.state.why.set(tls);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Heard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let end = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.note(&end);
        if buf.filled().len() > before {
            self.state.hear();
        }
        end
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Heard<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let end = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.note(&end);
        end
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let end = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.note(&end);
        end
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let end = Pin::new(&mut self.stream).poll_flush(cx);
        self.note(&end);
        end
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
