//! The faults of HTTP/1 as a table: what each does to the connection, step by step.
//!
//! The request has been read to its end when a fault is played. A fault without a whole answer drops
//! its ticket before the connection ends, so that the request is no longer in flight when the client
//! learns of it.

use super::{Conn, Next};
use crate::answer::{self, Shape, head, length};
use crate::ledger::Ticket;
use crate::plan::{Behaviour, Dice, Fault};
use bytes::Bytes;
use std::io;
use std::time::Duration;
use tokio::sync::watch;

/// Body of a fault that needs one if the plan has none, in bytes.
const SOME_BODY: usize = 64;
/// Pieces of endless answers, in bytes.
const PIECE: usize = 16 * 1024;
/// RST overtakes what the client has not read yet: this lets it read the beginning.
const READ_FIRST: Duration = Duration::from_millis(50);

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
const EARLY_HINTS: &[u8] = b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n";

const KEEP: Shape = Shape {
    http10: false,
    close: false,
    head_only: false,
};
const CLOSE: Shape = Shape {
    close: true,
    ..KEEP
};
const HTTP10: Shape = Shape {
    http10: true,
    ..KEEP
};

/// One thing that happens on the connection.
enum Step {
    /// Send these bytes.
    Write(Bytes),
    /// Send the end of a whole answer, which counts as answered.
    Finish(Bytes),
    /// Send these bytes one at a time, `interval` apart.
    Drip(Bytes),
    /// Send these bytes again and again until the client leaves.
    Repeat(Bytes),
    /// Wait that long.
    Sleep(Duration),
    /// Wait to be released.
    Hold,
}

impl Conn<'_> {
    /// Plays the fault in place of the good answer.
    pub(super) async fn play(
        &mut self,
        fault: Fault,
        plan: &Behaviour,
        ticket: Ticket,
        gate: &mut watch::Receiver<u64>,
    ) -> io::Result<Next> {
        let Some((steps, next)) = steps(fault, plan) else {
            return self.misplaced(fault, ticket).await;
        };
        let mut ticket = Some(ticket);
        for step in steps {
            match step {
                Step::Write(bytes) => self.wire.send(&bytes).await?,
                Step::Finish(bytes) => {
                    self.finish(&bytes, ticket.take(), status_of(fault, plan))
                        .await?;
                }
                Step::Drip(bytes) => {
                    for byte in bytes {
                        self.wire.send(&[byte]).await?;
                        if !self.wire.pause(plan.interval).await {
                            return Ok(Next::Drop);
                        }
                    }
                }
                Step::Repeat(bytes) => loop {
                    self.wire.send(&bytes).await?;
                },
                Step::Sleep(time) => tokio::time::sleep(time).await,
                Step::Hold => {
                    if !self.wire.hold(gate).await {
                        return Ok(Next::Drop);
                    }
                }
            }
        }
        Ok(next)
    }

    /// HTTP/1 does not have the fault: says so, loudly enough for a test to fail.
    async fn misplaced(&mut self, fault: Fault, ticket: Ticket) -> io::Result<Next> {
        let shared = &self.visit.shared;
        shared.count(&shared.ledger.misplaced_faults);
        let plan = Behaviour {
            status: 500,
            body: format!("the fault {} does not exist in HTTP/1", fault.name()).into(),
            ..Behaviour::default()
        };
        let bytes = answer::whole(&plan, KEEP);
        self.finish(&bytes, Some(ticket), plan.status).await?;
        Ok(Next::Keep)
    }
}

/// What the fault does in place of the good answer, and what becomes of the connection. `None` if
/// HTTP/1 does not have the fault.
fn steps(fault: Fault, plan: &Behaviour) -> Option<(Vec<Step>, Next)> {
    let plan = &Behaviour {
        status: status_of(fault, plan),
        body: body_of(fault, plan),
        ..plan.clone()
    };
    let size = plan.body.len();
    let good = Bytes::from(answer::whole(plan, KEEP));
    let head_len = answer::head_len(&good);
    let middle = head_len + size / 2;
    let before = |at: usize| Step::Write(good.slice(..at.min(good.len())));
    let from = |at: usize| Step::Finish(good.slice(at.min(good.len())..));
    let stalled = |at: usize| vec![before(at), Step::Hold, from(at)];
    let answer = |shape, lines: &[Vec<u8>]| {
        let bytes = [head(plan, shape, &lines.concat()), plan.body.to_vec()].concat();
        vec![Step::Finish(bytes.into())]
    };
    let announced = |bytes: usize| answer(KEEP, &[length(bytes)]);
    let late = good.len().saturating_sub(1);
    Some(match fault {
        Fault::CloseBeforeHead => (vec![], Next::Drop),
        Fault::CloseInStatus => (vec![before(10)], Next::Drop),
        Fault::CloseInHead => (vec![before(head_len / 2)], Next::Drop),
        Fault::CloseInBody => (vec![before(middle)], Next::Drop),
        Fault::ResetBeforeHead => (vec![], Next::Reset),
        Fault::ResetInBody => (vec![before(middle), Step::Sleep(READ_FIRST)], Next::Reset),
        Fault::StallBeforeHead => (stalled(0), Next::Keep),
        Fault::StallInHead => (stalled(head_len / 2), Next::Keep),
        Fault::StallInBody => (stalled(middle), Next::Keep),
        Fault::Slow => (vec![Step::Drip(good.slice(..late)), from(late)], Next::Keep),
        Fault::EndlessBody => (endless_body(plan), Next::Drop),
        Fault::EndlessHead => (endless_head(plan), Next::Drop),
        Fault::Garbage => (vec![Step::Finish(garbage())], Next::Close),
        Fault::Http10Close => (answer(HTTP10, &[]), Next::Close),
        Fault::Http10Length => (answer(HTTP10, &[length(size)]), Next::Close),
        Fault::Continue100 => (vec![interim(CONTINUE), from(0)], Next::Keep),
        Fault::Early103 => (vec![interim(EARLY_HINTS), from(0)], Next::Keep),
        Fault::ForbiddenBody => (announced(size), Next::Keep),
        Fault::Chunked => (chunked(plan, "", ""), Next::Keep),
        Fault::ChunkedTrailers => (
            chunked(plan, "trailer: x-checksum\r\n", "x-checksum: 1234\r\n"),
            Next::Keep,
        ),
        Fault::LengthLong => (announced(size + 100), Next::Close),
        Fault::LengthShort => (announced(size / 2), Next::Keep),
        Fault::LengthTwoDifferent => (answer(KEEP, &[length(size), length(size + 7)]), Next::Keep),
        Fault::LengthTwoSame => (answer(KEEP, &[length(size), length(size)]), Next::Keep),
        Fault::HugeHeader => {
            let line = format!("x-huge: {}\r\n", "a".repeat(plan.size)).into_bytes();
            (answer(KEEP, &[line, length(size)]), Next::Keep)
        }
        Fault::ManyHeaders => {
            let line = |number| format!("x-header-{number}: {number}\r\n").into_bytes();
            let mut lines: Vec<_> = (0..plan.count).map(line).collect();
            lines.push(length(size));
            (answer(KEEP, &lines), Next::Keep)
        }
        Fault::ConnectionClose => {
            let bytes = answer::whole(plan, CLOSE);
            (vec![Step::Finish(bytes.into())], Next::Close)
        }
        Fault::SilentClose => (vec![from(0)], Next::Close),
        Fault::SilentDeath => (vec![from(0)], Next::Dead),
        // The fault has happened while the request was read.
        Fault::StallInRequest => (vec![from(0)], Next::Keep),
        _ => return None,
    })
}

/// The status of the answer: a body is forbidden only with some.
fn status_of(fault: Fault, plan: &Behaviour) -> u16 {
    if fault == Fault::ForbiddenBody && answer::may_have_body(plan.status) {
        204
    } else {
        plan.status
    }
}

/// The body of the answer: some faults show only if there is one.
fn body_of(fault: Fault, plan: &Behaviour) -> Bytes {
    let needed = matches!(
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
    );
    if needed && plan.body.is_empty() {
        vec![b'x'; SOME_BODY].into()
    } else {
        plan.body.clone()
    }
}

fn interim(answer: &'static [u8]) -> Step {
    Step::Write(Bytes::from_static(answer))
}

fn endless_body(plan: &Behaviour) -> Vec<Step> {
    let start = head(plan, KEEP, b"transfer-encoding: chunked\r\n");
    let chunk = format!("{PIECE:x}\r\n{}\r\n", "x".repeat(PIECE));
    vec![Step::Write(start.into()), Step::Repeat(chunk.into())]
}

fn endless_head(plan: &Behaviour) -> Vec<Step> {
    let mut start = head(plan, KEEP, b"transfer-encoding: chunked\r\n");
    // Without the empty line that would end the head.
    start.truncate(start.len() - 2);
    let lines = "x-more: and more\r\n".repeat(PIECE / 18);
    vec![Step::Write(start.into()), Step::Repeat(lines.into())]
}

fn chunked(plan: &Behaviour, announced: &str, trailers: &str) -> Vec<Step> {
    let framing = format!("transfer-encoding: chunked\r\n{announced}");
    let mut out = head(plan, KEEP, framing.as_bytes());
    // At least two chunks, to catch a client that takes the first one for the whole body.
    for piece in plan
        .body
        .chunks(plan.body.len().div_ceil(2).clamp(1, PIECE))
    {
        out.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        out.extend_from_slice(piece);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("0\r\n{trailers}\r\n").as_bytes());
    vec![Step::Finish(out.into())]
}

/// Bytes that no HTTP client can read, the same each time.
fn garbage() -> Bytes {
    let dice = Dice::new(1);
    let noise = (0..32).flat_map(|_| dice.draw().to_be_bytes());
    b"\0\xff\xfe\x01".iter().copied().chain(noise).collect()
}
