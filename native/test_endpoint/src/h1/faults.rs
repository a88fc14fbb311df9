//! The faults of HTTP/1: what each looks like on the wire.
//!
//! Every request has been read to its end when it gets here. A fault that gives no whole answer
//! drops its ticket before the connection ends, so that the request is in flight no more when the
//! client learns of it.

use super::answer::{self, Shape, head, length};
use super::{Conn, Next};
use crate::h1::head::Head;
use crate::ledger::Ticket;
use crate::plan::{Behaviour, Dice, Fault};
use crate::script::Ready;
use bytes::Bytes;
use std::io;
use tokio::sync::watch;

/// Body of a fault that needs one where the plan has none, in bytes.
const SOME_BODY: usize = 64;
/// Pieces of endless answers, in bytes.
const PIECE: usize = 16 * 1024;
const KEEP: Shape = Shape {
    http10: false,
    close: false,
    head_only: false,
};

impl Conn<'_> {
    /// Does the fault, in place of the good answer.
    #[allow(clippy::too_many_lines)] // One arm a fault; a table would hide what goes out.
    pub(super) async fn play(
        &mut self,
        fault: Fault,
        request: &Head,
        ready: &Ready,
        ticket: Ticket,
        gate: &mut watch::Receiver<u64>,
    ) -> io::Result<Next> {
        let mut plan = ready.behaviour.clone();
        let (before, after) = surroundings(fault);
        if !before.is_empty() {
            self.wire.send(before).await?;
        }
        if needs_body(fault) {
            give_body(&mut plan);
        }
        let body = plan.body.clone();
        let good = answer::whole(&plan, KEEP);
        let head_len = answer::head_len(&good);
        let (first, rest) = match fault {
            Fault::CloseInStatus => (cut(&good, 10), Bytes::new()),
            Fault::CloseInHead | Fault::StallInHead => halves(&good, head_len / 2),
            Fault::CloseInBody | Fault::ResetInBody | Fault::StallInBody => {
                halves(&good, head_len + body.len() / 2)
            }
            _ => (Bytes::new(), Bytes::from(good)),
        };
        let whole: Vec<u8> = match fault {
            Fault::CloseBeforeHead => return Ok(Next::Drop),
            Fault::ResetBeforeHead => return Ok(Next::Reset),
            Fault::CloseInStatus | Fault::CloseInHead | Fault::CloseInBody => {
                self.wire.send(&first).await?;
                return Ok(Next::Drop);
            }
            Fault::ResetInBody => {
                self.wire.send(&first).await?;
                // RST overtakes what the client has not read yet: let it read the beginning.
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                return Ok(Next::Reset);
            }
            Fault::StallBeforeHead | Fault::StallInHead | Fault::StallInBody => {
                self.wire.send(&first).await?;
                if !self.hold(gate).await {
                    return Ok(Next::Drop);
                }
                rest.to_vec()
            }
            Fault::Slow => return self.slow(&rest, ready, ticket).await,
            Fault::EndlessBody | Fault::EndlessHead => return self.endless(fault, &plan).await,
            Fault::Garbage => garbage(),
            Fault::Http10Close => with_body(head(&plan, http10(), b""), &body),
            Fault::Http10Length => with_body(head(&plan, http10(), &length(body.len())), &body),
            Fault::ForbiddenBody => {
                if answer::may_have_body(plan.status) {
                    plan.status = 204;
                }
                with_body(head(&plan, KEEP, &length(body.len())), &body)
            }
            Fault::Chunked | Fault::ChunkedTrailers => chunked(fault, &plan),
            Fault::LengthLong => with_body(head(&plan, KEEP, &length(body.len() + 100)), &body),
            Fault::LengthShort => with_body(head(&plan, KEEP, &length(body.len() / 2)), &body),
            Fault::LengthTwoDifferent => {
                let lines = [length(body.len()), length(body.len() + 7)].concat();
                with_body(head(&plan, KEEP, &lines), &body)
            }
            Fault::LengthTwoSame => {
                let lines = [length(body.len()), length(body.len())].concat();
                with_body(head(&plan, KEEP, &lines), &body)
            }
            Fault::HugeHeader => {
                let line = [b"x-huge: ", vec![b'a'; plan.size].as_slice(), b"\r\n"].concat();
                with_body(head(&plan, KEEP, &[line, length(body.len())].concat()), &body)
            }
            Fault::ManyHeaders => {
                let lines = (0..plan.count).flat_map(|n| format!("x-header-{n}: {n}\r\n").into_bytes());
                let lines = lines.chain(length(body.len())).collect::<Vec<_>>();
                with_body(head(&plan, KEEP, &lines), &body)
            }
            Fault::ConnectionClose => {
                let shape = Shape {
                    close: true,
                    ..KEEP
                };
                answer::whole(&plan, shape)
            }
            Fault::Continue100 | Fault::Early103 | Fault::SilentClose | Fault::SilentDeath
            // These two happened while the request was read.
            | Fault::CloseInRequest | Fault::StallInRequest => rest.to_vec(),
            _ => return self.misplaced(fault, ticket).await,
        };
        self.send_last(&whole, ticket, plan.status).await?;
        Ok(if after == Next::Keep && !request.keep_alive {
            Next::Close
        } else {
            after
        })
    }

    async fn slow(&mut self, bytes: &[u8], ready: &Ready, ticket: Ticket) -> io::Result<Next> {
        if let Some((last, first)) = bytes.split_last() {
            for byte in first {
                self.wire.send(&[*byte]).await?;
                tokio::select! {
                    () = tokio::time::sleep(ready.behaviour.interval) => {}
                    () = self.wire.client_left() => return Ok(Next::Drop),
                }
            }
            self.send_last(&[*last], ticket, ready.behaviour.status)
                .await?;
        }
        Ok(Next::Keep)
    }

    /// Sends until the client leaves.
    async fn endless(&mut self, fault: Fault, plan: &Behaviour) -> io::Result<Next> {
        let mut start = head(plan, KEEP, b"transfer-encoding: chunked\r\n");
        let mut piece = format!("{PIECE:x}\r\n").into_bytes();
        piece.resize(piece.len() + PIECE, b'x');
        piece.extend_from_slice(b"\r\n");
        if fault == Fault::EndlessHead {
            // Without the empty line that would end the head.
            start.truncate(start.len() - 2);
            piece = b"x-more: and more\r\n".repeat(PIECE / 18);
        }
        self.wire.send(&start).await?;
        loop {
            self.wire.send(&piece).await?;
        }
    }

    /// The fault belongs to HTTP/2: says so, loudly enough for a test to fail.
    async fn misplaced(&mut self, fault: Fault, ticket: Ticket) -> io::Result<Next> {
        let shared = &self.visit.shared;
        shared.count(&shared.ledger.misplaced_faults);
        let plan = Behaviour {
            status: 500,
            body: format!("the fault {} does not exist in HTTP/1", fault.name()).into(),
            ..Behaviour::default()
        };
        let bytes = answer::whole(&plan, KEEP);
        self.send_last(&bytes, ticket, 500).await?;
        Ok(Next::Keep)
    }
}

/// What goes out before the answer, and what happens to the connection after it.
const fn surroundings(fault: Fault) -> (&'static [u8], Next) {
    match fault {
        Fault::Continue100 => (b"HTTP/1.1 100 Continue\r\n\r\n", Next::Keep),
        Fault::Early103 => (
            b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n",
            Next::Keep,
        ),
        Fault::Garbage
        | Fault::Http10Close
        | Fault::Http10Length
        | Fault::LengthLong
        | Fault::ConnectionClose
        | Fault::SilentClose => (b"", Next::Close),
        Fault::SilentDeath => (b"", Next::Dead),
        _ => (b"", Next::Keep),
    }
}

const fn needs_body(fault: Fault) -> bool {
    matches!(
        fault,
        Fault::CloseInBody
            | Fault::ResetInBody
            | Fault::StallInBody
            | Fault::Http10Close
            | Fault::Http10Length
            | Fault::ForbiddenBody
            | Fault::Chunked
            | Fault::ChunkedTrailers
            | Fault::LengthLong
            | Fault::LengthShort
            | Fault::LengthTwoDifferent
            | Fault::LengthTwoSame
    )
}

fn give_body(plan: &mut Behaviour) {
    if plan.body.is_empty() {
        plan.body = vec![b'x'; SOME_BODY].into();
    }
}

const fn http10() -> Shape {
    Shape {
        http10: true,
        ..KEEP
    }
}

fn with_body(mut head: Vec<u8>, body: &[u8]) -> Vec<u8> {
    head.extend_from_slice(body);
    head
}

fn cut(bytes: &[u8], at: usize) -> Bytes {
    Bytes::copy_from_slice(bytes.get(..at).unwrap_or(bytes))
}

fn halves(bytes: &[u8], at: usize) -> (Bytes, Bytes) {
    let rest = bytes.get(at..).unwrap_or_default();
    (cut(bytes, at), Bytes::copy_from_slice(rest))
}

fn chunked(fault: Fault, plan: &Behaviour) -> Vec<u8> {
    let trailers = fault == Fault::ChunkedTrailers;
    let mut framing = b"transfer-encoding: chunked\r\n".to_vec();
    if trailers {
        framing.extend_from_slice(b"trailer: x-checksum\r\n");
    }
    let mut out = head(plan, KEEP, &framing);
    // At least two chunks, so that a client that takes the first for the whole is found out.
    for piece in plan
        .body
        .chunks(plan.body.len().div_ceil(2).clamp(1, PIECE))
    {
        out.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        out.extend_from_slice(piece);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n");
    if trailers {
        out.extend_from_slice(b"x-checksum: 1234\r\n");
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// Bytes that no HTTP client can read, the same each time.
fn garbage() -> Vec<u8> {
    let dice = Dice::new(1);
    let noise = (0..32).flat_map(|_| dice.draw().to_be_bytes());
    b"\0\xff\xfe\x01".iter().copied().chain(noise).collect()
}
