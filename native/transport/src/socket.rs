//! A TCP socket that can still be read when the peer no longer accepts what we write.
//!
//! A server may answer before it has read the body (413, 401) and then close. Our next write fails with
//! EPIPE or ECONNRESET. hyper writes before it reads again, so it would report that error instead of
//! the answer that is already in the receive buffer. This wrapper is below TLS, where such an error
//! means only that our bytes are lost. It discards what is written and lets the read side find the
//! peer's answer, or its absence. The read always ends, because the connection is closed.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// A connected TCP socket.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
    /// Set once the peer has closed: writes are then discarded.
    deaf: bool,
}

impl Socket {
    /// Wraps a connected socket.
    #[must_use]
    pub fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            deaf: false,
        }
    }

    fn written(
        &mut self,
        end: Poll<io::Result<usize>>,
        all: impl FnOnce() -> usize,
    ) -> Poll<io::Result<usize>> {
        match end {
            Poll::Ready(Err(error)) if has_left(&error) => {
                self.deaf = true;
                Poll::Ready(Ok(all()))
            }
            end => end,
        }
    }
}

/// Whether the error means that the peer has closed the connection.
fn has_left(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset};
    matches!(error.kind(), BrokenPipe | ConnectionReset)
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let socket = self.get_mut();
        if socket.deaf {
            return Poll::Ready(Ok(buf.len()));
        }
        let end = Pin::new(&mut socket.stream).poll_write(cx, buf);
        socket.written(end, || buf.len())
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let socket = self.get_mut();
        let all = || bufs.iter().map(|buf| buf.len()).sum();
        if socket.deaf {
            return Poll::Ready(Ok(all()));
        }
        let end = Pin::new(&mut socket.stream).poll_write_vectored(cx, bufs);
        socket.written(end, all)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let socket = self.get_mut();
        if socket.deaf {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut socket.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A socket whose peer has sent `answer` and closed with bytes unread, which resets the connection.
    async fn left_by_its_peer(answer: &[u8]) -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut ours = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (mut peer, _) = listener.accept().await.unwrap();
        ours.write_all(b"request").await.unwrap();
        peer.readable().await.unwrap();
        peer.write_all(answer).await.unwrap();
        drop(peer);
        while ours.write_all(b"more").await.is_ok() {
            tokio::task::yield_now().await;
        }
        ours
    }

    #[tokio::test]
    async fn an_answer_is_read_after_a_failed_write() {
        let mut raw = left_by_its_peer(b"answer").await;
        assert!(raw.write_all(b"more").await.is_err(), "the peer has left");
        for answer in [&b"answer"[..], b""] {
            let mut socket = Socket::new(left_by_its_peer(answer).await);
            let pieces = [io::IoSlice::new(b"and"), io::IoSlice::new(b"more")];
            assert_eq!(socket.write_vectored(&pieces).await.unwrap(), 7);
            socket.write_all(b"more").await.unwrap();
            socket.flush().await.unwrap();
            let mut read = Vec::new();
            socket.read_to_end(&mut read).await.unwrap();
            assert_eq!(read, answer);
            socket.shutdown().await.unwrap();
        }
    }
}
