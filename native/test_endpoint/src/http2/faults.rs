//! The faults of HTTP/2 as a table: what each does to the stream and its connection, step by step.

use super::stream::{Exchange, head_of};
use super::{Order, PREFACE};
use crate::ledger::Ticket;
use crate::plan::{Behaviour, Fault};
use crate::wire::Wire;
use bytes::{Buf, Bytes};
use h2::{Reason, SendStream};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use std::future::poll_fn;
use std::io;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

/// Body of a fault that needs one if the plan has none, in bytes.
const SOME_BODY: usize = 64;
/// Pieces of an endless body, in bytes.
const PIECE: usize = 16 * 1024;
/// Time for h2 to send its queued frames before the socket is dropped.
const GET_OUT: Duration = Duration::from_millis(50);

const HEADERS: u8 = 1;
/// An empty SETTINGS frame.
const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
/// A GOAWAY frame: last stream 0, `NO_ERROR`.
const GOAWAY: [u8; 17] = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// Answers the first request with a GOAWAY that says it was not processed, then closes.
///
/// Frames are written by hand, because h2 counts every stream that it has passed to its user as
/// processed.
pub(crate) async fn refuse_with_goaway(mut wire: Wire) -> io::Result<()> {
    while wire.buf.len() < PREFACE.len() {
        wire.fill_some().await?;
    }
    wire.buf.advance(PREFACE.len());
    wire.send(&SETTINGS).await?;
    loop {
        while wire.buf.len() < 9 {
            wire.fill_some().await?;
        }
        let kind = wire.buf.get(3).copied();
        let len = usize::try_from(wire.buf.get_uint(3)).unwrap_or(usize::MAX);
        wire.buf.advance(6);
        while wire.buf.len() < len {
            wire.fill_some().await?;
        }
        wire.buf.advance(len);
        if kind == Some(HEADERS) {
            wire.send(&GOAWAY).await?;
            return wire.stream.shutdown().await;
        }
    }
}

/// One thing that happens on a stream.
enum Step {
    /// Send an interim head.
    Interim(Response<()>),
    /// Send the head of an answer with a body.
    Head(Response<()>),
    /// Send a part of the body.
    Data(Bytes),
    /// Send these bytes one at a time, `interval` apart.
    Drip(Bytes),
    /// Send these bytes again and again until the client leaves.
    Repeat(Bytes),
    /// Send an end of the answer, which counts as answered: all of it, or what is left.
    Answer,
    HeadAlone(Response<()>),
    LastData(Bytes),
    Trailers(HeaderMap),
    /// Wait that long.
    Sleep(Duration),
    /// Wait to be released.
    Hold,
    /// Reset the stream without an answer.
    Reset(Reason),
    /// Tell the connection, and go on.
    Order(Order),
    /// End the connection without an answer.
    End(Order),
}

impl Exchange {
    /// Plays the fault in place of the good answer.
    pub(super) async fn play(mut self, fault: Fault, ticket: Ticket) -> Result<(), h2::Error> {
        let plan = self.ready.behaviour.clone();
        let Some(steps) = steps(fault, &plan) else {
            return self.misplaced(fault, ticket);
        };
        let mut ticket = Some(ticket);
        for step in steps {
            match step {
                Step::Interim(head) => self.respond.send_informational(head)?,
                Step::Head(head) => self.stream = Some(self.respond.send_response(head, false)?),
                Step::Data(bytes) => self.send(bytes, false)?,
                Step::Drip(bytes) => {
                    for at in 0..bytes.len() {
                        self.send(bytes.slice(at..=at), false)?;
                        tokio::time::sleep(plan.interval).await;
                    }
                }
                Step::Repeat(bytes) => loop {
                    if let Some(stream) = &mut self.stream {
                        wait_for_room(stream).await?;
                    }
                    self.send(bytes.clone(), false)?;
                },
                Step::Answer => {
                    if let Some(ticket) = ticket.take() {
                        self.answer(ticket)?;
                    }
                }
                Step::HeadAlone(head) => {
                    answered(&mut ticket, &plan);
                    self.respond.send_response(head, true)?;
                }
                Step::LastData(bytes) => {
                    answered(&mut ticket, &plan);
                    self.send(bytes, true)?;
                }
                Step::Trailers(trailers) => {
                    answered(&mut ticket, &plan);
                    if let Some(stream) = &mut self.stream {
                        stream.send_trailers(trailers)?;
                    }
                }
                Step::Sleep(time) => tokio::time::sleep(time).await,
                Step::Hold => {
                    if !self.hold().await {
                        return Ok(());
                    }
                }
                Step::Reset(reason) => {
                    ticket = None;
                    match &mut self.stream {
                        Some(stream) => stream.send_reset(reason),
                        None => self.respond.send_reset(reason),
                    }
                }
                Step::Order(order) => self.order(order),
                Step::End(order) => {
                    ticket = None;
                    self.end(order).await;
                }
            }
        }
        Ok(())
    }

    /// Sends a part of the body, once there is a head.
    fn send(&mut self, bytes: Bytes, last: bool) -> Result<(), h2::Error> {
        match &mut self.stream {
            Some(stream) => stream.send_data(bytes, last),
            None => Ok(()),
        }
    }

    /// HTTP/2 does not have the fault: says so, loudly enough for a test to fail.
    fn misplaced(&mut self, fault: Fault, ticket: Ticket) -> Result<(), h2::Error> {
        let shared = &self.visit.shared;
        shared.count(&shared.ledger.misplaced_faults);
        let plan = Behaviour {
            status: 500,
            ..Behaviour::default()
        };
        let text = format!("the fault {} does not exist in HTTP/2", fault.name());
        ticket.answered(plan.status);
        let mut stream = self
            .respond
            .send_response(head_of(&plan, Some(text.len())), false)?;
        stream.send_data(text.into(), true)
    }
}

/// Counts the request as answered, right before the end of its answer is sent.
fn answered(ticket: &mut Option<Ticket>, plan: &Behaviour) {
    if let Some(ticket) = ticket.take() {
        ticket.answered(plan.status);
    }
}

/// What the fault does in place of the good answer. `None` if HTTP/2 does not have the fault.
fn steps(fault: Fault, plan: &Behaviour) -> Option<Vec<Step>> {
    let body = if plan.body.is_empty() {
        vec![b'x'; SOME_BODY].into()
    } else {
        plan.body.clone()
    };
    let len = body.len();
    let last = len.saturating_sub(1);
    let head = |length: Option<usize>| Step::Head(head_of(plan, length));
    let half = || Step::Data(body.slice(..len / 2));
    let announced = |length| vec![head(Some(length)), Step::LastData(body.clone())];
    Some(match fault {
        Fault::CloseBeforeHead => vec![Step::End(Order::Drop)],
        Fault::CloseInBody => vec![
            head(Some(len)),
            half(),
            Step::Sleep(GET_OUT),
            Step::End(Order::Drop),
        ],
        Fault::StallBeforeHead => vec![Step::Hold, Step::Answer],
        Fault::StallInBody => vec![
            head(Some(len)),
            half(),
            Step::Hold,
            Step::LastData(body.slice(len / 2..)),
        ],
        // The fault has happened while the request was read.
        Fault::StallInRequest => vec![Step::Answer],
        Fault::Slow => vec![
            head(Some(len)),
            Step::Drip(body.slice(..last)),
            Step::LastData(body.slice(last..)),
        ],
        Fault::Early103 => vec![Step::Interim(early_hints()), Step::Answer],
        Fault::Chunked => vec![head(None), Step::LastData(body)],
        Fault::ChunkedTrailers => vec![head(None), Step::Data(body), Step::Trailers(checksum())],
        Fault::LengthLong => announced(len + 100),
        Fault::LengthShort => announced(len / 2),
        Fault::HugeHeader | Fault::ManyHeaders => vec![Step::HeadAlone(large_head(fault, plan))],
        Fault::EndlessBody => vec![head(None), Step::Repeat(vec![b'x'; PIECE].into())],
        Fault::SilentDeath => vec![Step::Answer, Step::Sleep(GET_OUT), Step::Order(Order::Dead)],
        Fault::H2Goaway => vec![Step::Order(Order::Goaway), Step::Answer],
        Fault::H2GoawayError => vec![Step::End(Order::Abort(Reason::ENHANCE_YOUR_CALM))],
        Fault::H2Reset => vec![Step::Reset(Reason::INTERNAL_ERROR)],
        Fault::H2Refused => vec![Step::Reset(Reason::REFUSED_STREAM)],
        Fault::H2ResetInBody => vec![
            head(Some(len)),
            half(),
            Step::Sleep(GET_OUT),
            Step::Reset(Reason::INTERNAL_ERROR),
        ],
        _ => return None,
    })
}

fn early_hints() -> Response<()> {
    let mut hints = Response::new(());
    *hints.status_mut() = StatusCode::EARLY_HINTS;
    let link = HeaderValue::from_static("</style.css>; rel=preload");
    hints.headers_mut().insert(header::LINK, link);
    hints
}

fn checksum() -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-checksum", HeaderValue::from_static("1234"));
    trailers
}

/// The head of an empty answer with one huge header or with many headers.
fn large_head(fault: Fault, plan: &Behaviour) -> Response<()> {
    let mut head = head_of(plan, Some(0));
    let headers = head.headers_mut();
    if fault == Fault::HugeHeader {
        if let Ok(value) = HeaderValue::from_bytes(&vec![b'a'; plan.size]) {
            headers.insert("x-huge", value);
        }
        return head;
    }
    for number in 0..plan.count {
        if let Ok(name) = HeaderName::try_from(format!("x-header-{number}")) {
            headers.append(name, HeaderValue::from(number));
        }
    }
    head
}

async fn wait_for_room(stream: &mut SendStream<Bytes>) -> Result<(), h2::Error> {
    stream.reserve_capacity(PIECE);
    while stream.capacity() < PIECE {
        match poll_fn(|cx| stream.poll_capacity(cx)).await {
            Some(more) => more?,
            None => return Err(Reason::CANCEL.into()),
        };
    }
    Ok(())
}
