//! One HTTP/1 connection: reads request after request, and answers each by its behaviour.
//!
//! Written by hand because a fault is a matter of single bytes and of the socket under them, and a client's
//! mistake is a matter of single bytes too. An HTTP library keeps both to itself.

mod body;
mod faults;
mod head;

use crate::answer::{self, Shape};
use crate::config::Decision;
use crate::ledger::{PathMemory, Ticket};
use crate::plan::Fault;
use crate::records::Record;
use crate::script::Ready;
use crate::visit::Visit;
use crate::wire::Wire;
use body::Body;
use bytes::Buf;
use head::{Framing, Head, Parsed};
use std::io;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::sync::watch;

/// Longest head of a request, in bytes.
const MAX_HEAD: usize = 4 * 1024 * 1024;
/// From this size on, the request is in flight while the answer is being written.
const LONG_ANSWER: usize = 4 * 1024;

/// What to do with the connection after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Wait for the next request.
    Keep,
    /// Close properly.
    Close,
    /// Drop the socket without TLS's `close_notify`.
    Drop,
    /// Send RST.
    Reset,
    /// Neither read nor write until released.
    Dead,
}

/// One connection between two requests.
struct Conn<'v> {
    wire: Wire,
    visit: &'v Visit,
    memory: PathMemory,
    /// The head of the current request, as bytes; the allocation is reused for the next.
    head: Vec<u8>,
    body: Body,
}

/// Serves the connection until it ends.
pub(crate) async fn serve(wire: Wire, visit: &Visit) {
    let mut conn = Conn {
        wire,
        visit,
        memory: PathMemory::default(),
        head: Vec::new(),
        body: Body::default(),
    };
    // Subscribe before any request is counted, so that a test that sees the request can release it.
    let mut gate = visit.shared.gate.subscribe();
    let end = loop {
        match conn.turn(&mut gate).await {
            Ok(Next::Keep) => {}
            Ok(end) => break end,
            // The client has left, or the socket is broken: there is nothing left to send.
            Err(_) => break Next::Drop,
        }
    };
    conn.end(end, &mut gate).await;
}

impl Conn<'_> {
    /// Serves one request.
    async fn turn(&mut self, gate: &mut watch::Receiver<u64>) -> io::Result<Next> {
        let head = match self.read_head().await? {
            Ok(head) => head,
            Err(why) => return self.refuse(why).await,
        };
        let shared = &self.visit.shared;
        let path = self.head.get(head.path.clone()).unwrap_or_default();
        let mut ready = shared.rules.for_request(path);
        let wanted = shared.wants_records();
        let arrived = if wanted {
            shared.ledger.now()
        } else {
            Duration::ZERO
        };
        if ready.request_fault().is_some_and(Fault::stalls) {
            gate.mark_unchanged();
        }
        let ticket = shared.ledger.begin(path, &mut self.memory);
        self.body.kept.clear();
        self.body.len = 0;
        self.body.keep = if wanted { shared.max_body } else { 0 };
        if ready.request_fault() == Some(Fault::EarlyAnswer) {
            return self.answer_early(&ready, ticket).await;
        }

        let read = self.read_body(&head, &ready, gate).await;
        let decision = if wanted {
            self.record(&head, arrived, matches!(read, Ok(Next::Keep)))
        } else {
            None
        };
        match read {
            Ok(Next::Keep) => ticket.received(self.body.len),
            Ok(end) => return Ok(end),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                drop(ticket);
                return self.refuse("bad chunks").await;
            }
            Err(error) => return Err(error),
        }

        if let Some(decision) = decision {
            match self.wire.unless_left(decision).await {
                Some(behaviour) => ready = Ready::new(behaviour),
                None => return Ok(Next::Drop),
            }
        }
        let delay = ready.behaviour.delay.pick(&ready.dice);
        if !delay.is_zero() && !self.wire.pause(delay).await {
            return Ok(Next::Drop);
        }
        match ready.request_fault() {
            None => self.answer(&head, &ready, ticket).await,
            Some(fault) => match self.play(fault, &ready.behaviour, ticket, gate).await? {
                Next::Keep if !head.keep_alive => Ok(Next::Close),
                next => Ok(next),
            },
        }
    }

    /// Reads the head of the next request into `self.head`; `Err(why)` if it is malformed.
    async fn read_head(&mut self) -> io::Result<Result<Head, &'static str>> {
        loop {
            // A server ignores an empty line before a request (RFC 9112, 2.2).
            while self.wire.buf.starts_with(b"\r\n") {
                self.wire.buf.advance(2);
            }
            if !self.wire.buf.is_empty() {
                match head::parse(&self.wire.buf) {
                    Parsed::Complete(head, len) => {
                        self.head.clear();
                        let bytes = self.wire.buf.get(..len).unwrap_or_default();
                        self.head.extend_from_slice(bytes);
                        self.wire.buf.advance(len);
                        return Ok(Ok(head));
                    }
                    Parsed::Bad(why) => return Ok(Err(why)),
                    Parsed::Partial if self.wire.buf.len() > MAX_HEAD => {
                        return Ok(Err("head too long"));
                    }
                    Parsed::Partial => {}
                }
            }
            self.wire.fill_some().await?;
        }
    }

    /// Reads the body, and plays the faults that happen meanwhile.
    async fn read_body(
        &mut self,
        head: &Head,
        ready: &Ready,
        gate: &mut watch::Receiver<u64>,
    ) -> io::Result<Next> {
        let fault = ready.request_fault();
        if fault == Some(Fault::CloseInRequest) {
            if let Framing::Length(bytes) = head.framing {
                self.body.take(&mut self.wire, bytes / 2).await?;
            }
            return Ok(Next::Drop);
        }
        if fault == Some(Fault::StallInRequest) && !self.wire.hold(gate).await {
            return Ok(Next::Drop);
        }
        if head.expects_continue && self.wire.buf.is_empty() {
            self.wire.send(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        self.body.read(&mut self.wire, head.framing).await?;
        Ok(Next::Keep)
    }

    fn record(&self, head: &Head, arrived: Duration, complete: bool) -> Option<Decision> {
        let bytes =
            |range: &std::ops::Range<usize>| self.head.get(range.clone()).unwrap_or_default();
        let text = |range| String::from_utf8_lossy(bytes(range)).into_owned();
        self.visit.shared.record(Record {
            n: 0,
            micros: u64::try_from(arrived.as_micros()).unwrap_or(u64::MAX),
            connection: self.visit.id,
            version: head.version,
            method: text(&head.method),
            path: text(&head.path),
            raw_headers: bytes(&head.headers).to_vec(),
            body: self.body.kept.clone(),
            body_len: self.body.len,
            complete,
            tls: self.visit.tls.clone(),
        })
    }

    /// Sends the good answer.
    async fn answer(&mut self, head: &Head, ready: &Ready, ticket: Ticket) -> io::Result<Next> {
        let status = ready.behaviour.status;
        if head.keep_alive && !head.is_head_request {
            self.finish(&ready.answer, Some(ticket), status).await?;
            return Ok(Next::Keep);
        }
        let shape = Shape {
            close: !head.keep_alive,
            head_only: head.is_head_request,
            ..Shape::default()
        };
        let bytes = answer::whole(&ready.behaviour, shape);
        self.finish(&bytes, Some(ticket), status).await?;
        Ok(if head.keep_alive {
            Next::Keep
        } else {
            Next::Close
        })
    }

    /// Answers before the body has been read. If bytes are unread when the socket is closed, the kernel
    /// sends RST.
    async fn answer_early(&mut self, ready: &Ready, ticket: Ticket) -> io::Result<Next> {
        let shape = Shape {
            close: true,
            ..Shape::default()
        };
        let bytes = answer::whole(&ready.behaviour, shape);
        self.finish(&bytes, Some(ticket), ready.behaviour.status)
            .await?;
        Ok(Next::Close)
    }

    /// Sends the last bytes of an answer and counts it.
    async fn finish(
        &mut self,
        bytes: &[u8],
        ticket: Option<Ticket>,
        status: u16,
    ) -> io::Result<()> {
        let mut rest = bytes;
        if rest.len() > LONG_ANSWER
            && let Some((first, last)) = rest.split_at_checked(rest.len() - 1)
        {
            self.wire.send(first).await?;
            rest = last;
        }
        if let Some(ticket) = ticket {
            ticket.answered(status);
        }
        self.wire.send(rest).await
    }

    /// Answers a malformed request.
    async fn refuse(&mut self, why: &'static str) -> io::Result<Next> {
        let shared = &self.visit.shared;
        shared.count(&shared.ledger.bad_requests);
        let len = why.len();
        let text = format!(
            "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: {len}\r\n\r\n{why}"
        );
        self.wire.send(text.as_bytes()).await?;
        Ok(Next::Close)
    }

    async fn end(mut self, end: Next, gate: &mut watch::Receiver<u64>) {
        match end {
            Next::Keep | Next::Drop => {}
            Next::Close => {
                // The answer has been sent; it does not matter whether the client gets `close_notify`.
                let _ = self.wire.stream.shutdown().await;
            }
            Next::Reset => self.wire.reset_on_drop(),
            Next::Dead => {
                self.wire.hold(gate).await;
            }
        }
    }
}
