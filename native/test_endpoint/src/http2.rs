//! One HTTP/2 connection: the h2 crate reads and writes frames, and each stream has its own task.

mod faults;
mod stream;

pub(crate) use faults::refuse_with_goaway;

use crate::visit::Visit;
use crate::wire::{Stream, Wire};
use bytes::{Buf, BytesMut};
use h2::Reason;
use std::future::pending;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;

/// The bytes that every HTTP/2 client sends first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Flow-control windows in bytes: of one stream, and of a connection.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 64 * 1024 * 1024;
/// Longest list of headers, in bytes.
const MAX_HEADERS: u32 = 4 * 1024 * 1024;

/// A request from a stream's task to its connection.
#[derive(Debug)]
enum Order {
    /// Send GOAWAY, and serve the open streams.
    Goaway,
    /// Send GOAWAY with that reason, and close.
    Abort(Reason),
    /// Drop the socket.
    Drop,
    /// Neither read nor write until released.
    Dead,
}

/// Whether the client's first bytes are HTTP/2; reads no more than it needs.
pub(crate) async fn starts_with_preface(wire: &mut Wire) -> io::Result<bool> {
    loop {
        let seen = wire.buf.len().min(PREFACE.len());
        if wire.buf.get(..seen) != PREFACE.get(..seen) {
            return Ok(false);
        }
        if seen == PREFACE.len() {
            return Ok(true);
        }
        wire.fill_some().await?;
    }
}

/// Serves the connection until it ends.
pub(crate) async fn serve(wire: Wire, visit: Visit) {
    let mut builder = h2::server::Builder::new();
    builder
        .max_concurrent_streams(visit.shared.max_streams)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(MAX_HEADERS);
    let Ok(mut connection) = builder.handshake::<_, bytes::Bytes>(Replayed(wire)).await else {
        visit.shared.count(&visit.shared.ledger.bad_requests);
        return;
    };
    let visit = Arc::new(visit);
    let mut gate = visit.shared.gate.subscribe();
    let (orders, mut ordered) = mpsc::unbounded_channel();
    loop {
        let order = tokio::select! {
            accepted = connection.accept() => match accepted {
                Some(Ok((request, respond))) => {
                    stream::admit(&visit, &orders, request, respond);
                    continue;
                }
                // The client has left, or its frames were malformed: h2 has answered that.
                Some(Err(_)) | None => return,
            },
            Some(order) = ordered.recv() => order,
        };
        match order {
            Order::Goaway => connection.graceful_shutdown(),
            Order::Abort(reason) => connection.abrupt_shutdown(reason),
            Order::Drop => return,
            Order::Dead => {
                // The connection is not polled meanwhile, so it neither reads nor writes.
                let released = gate.changed().await;
                if released.is_err() {
                    pending::<()>().await;
                }
                return;
            }
        }
    }
}

/// A stream that first returns the bytes that were read ahead.
#[derive(Debug)]
struct Replayed(Wire);

impl Replayed {
    fn parts(self: Pin<&mut Self>) -> (&mut BytesMut, Pin<&mut Stream>) {
        let Wire { stream, buf } = &mut self.get_mut().0;
        (buf, Pin::new(stream))
    }
}

impl AsyncRead for Replayed {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (seen, stream) = self.parts();
        if seen.is_empty() {
            return stream.poll_read(cx, out);
        }
        let now = seen.len().min(out.remaining());
        out.put_slice(seen.get(..now).unwrap_or_default());
        seen.advance(now);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Replayed {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.parts().1.poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.parts().1.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.parts().1.poll_shutdown(cx)
    }
}
