//! One client connection as bytes: plain or TLS, with a read buffer; detects that the client has left.

use bytes::BytesMut;
use socket2::SockRef;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;

/// Capacity of the read buffer, in bytes: a usual request fits in one read.
const READ_SIZE: usize = 16 * 1024;
/// How often to check for a client with unread bytes whether it has left.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A plain or encrypted byte stream over TCP.
pub(crate) type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// Makes the coming drop of the socket send RST instead of FIN.
pub(crate) fn reset_on_drop(tcp: &TcpStream) {
    // Fails only if the socket is dead already; then there is nothing left to reset.
    let _ = SockRef::from(tcp).set_linger(Some(Duration::ZERO));
}

/// Returns when the client has closed its side, even if some of its bytes are still unread.
pub(crate) async fn client_left(tcp: &TcpStream) {
    loop {
        match tcp.ready(Interest::READABLE).await {
            Ok(ready) if !ready.is_read_closed() && !ready.is_error() => {}
            _ => return,
        }
        // There are unread bytes: `ready` would return at once.
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Waits to be released; false if the client left before.
pub(crate) async fn hold(tcp: &TcpStream, gate: &mut watch::Receiver<u64>) -> bool {
    tokio::select! {
        released = gate.changed() => released.is_ok(),
        () = client_left(tcp) => false,
    }
}

/// A stream and the bytes read from it that are not consumed yet.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) stream: Stream,
    pub(crate) buf: BytesMut,
}

impl Wire {
    pub(crate) fn new(stream: Stream) -> Self {
        Self {
            stream,
            buf: BytesMut::with_capacity(READ_SIZE),
        }
    }

    /// Reads once; returns 0 if the client has closed its side.
    pub(crate) async fn fill(&mut self) -> io::Result<usize> {
        self.buf.reserve(READ_SIZE / 4);
        self.stream.read_buf(&mut self.buf).await
    }

    /// Reads once; fails if the client has closed its side.
    pub(crate) async fn fill_some(&mut self) -> io::Result<()> {
        match self.fill().await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Writes all bytes to the kernel.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// The socket under the stream.
    fn tcp(&self) -> &TcpStream {
        match &self.stream {
            Stream::Left(tcp) => tcp,
            Stream::Right(tls) => tls.get_ref().0,
        }
    }

    /// Waits to be released; false if the client left before.
    pub(crate) async fn hold(&self, gate: &mut watch::Receiver<u64>) -> bool {
        hold(self.tcp(), gate).await
    }

    /// Waits that long; false if the client left before.
    pub(crate) async fn pause(&self, time: Duration) -> bool {
        self.unless_left(tokio::time::sleep(time)).await.is_some()
    }

    /// Waits for `work`; drops it and returns `None` if the client left before.
    pub(crate) async fn unless_left<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            () = client_left(self.tcp()) => None,
        }
    }

    /// Makes the coming drop send RST instead of FIN.
    pub(crate) fn reset_on_drop(&self) {
        reset_on_drop(self.tcp());
    }
}
