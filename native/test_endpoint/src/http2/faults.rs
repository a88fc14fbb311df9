//! The faults of HTTP/2: what each looks like in frames.

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

/// Body of a fault that needs one where the plan has none, in bytes.
const SOME_BODY: usize = 64;
/// Pieces of an endless body, in bytes.
const PIECE: usize = 16 * 1024;
/// Time for frames handed to h2 to get out before the socket is dropped under them.
const GET_OUT: Duration = Duration::from_millis(50);

const HEADERS: u8 = 1;
/// A frame SETTINGS without settings.
const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
/// GOAWAY: last stream 0, `NO_ERROR`.
const GOAWAY: [u8; 17] = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// Answers the first request with a GOAWAY that says it was not processed, then closes.
///
/// By hand: a library always counts the streams that it has shown to its user as processed.
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

impl Exchange {
    /// Does the fault, in place of the good answer.
    #[allow(clippy::too_many_lines)] // One arm a fault; a table would hide what goes out.
    pub(super) async fn play(mut self, fault: Fault, ticket: Ticket) -> Result<(), h2::Error> {
        let mut plan = self.ready.behaviour.clone();
        if plan.body.is_empty() {
            plan.body = vec![b'x'; SOME_BODY].into();
        }
        let len = plan.body.len();
        let half = plan.body.slice(..len / 2);
        match fault {
            Fault::CloseBeforeHead => {
                self.end(ticket, Order::Drop).await;
                Ok(())
            }
            Fault::CloseInBody | Fault::H2ResetInBody => {
                let mut stream = self
                    .respond
                    .send_response(head_of(&plan, Some(len)), false)?;
                stream.send_data(half, false)?;
                tokio::time::sleep(GET_OUT).await;
                drop(ticket);
                if fault == Fault::CloseInBody {
                    self.order(Order::Drop);
                    reset(&mut stream).await;
                } else {
                    stream.send_reset(Reason::INTERNAL_ERROR);
                }
                Ok(())
            }
            Fault::StallBeforeHead => {
                if self.hold().await {
                    self.answer(ticket)?;
                }
                Ok(())
            }
            Fault::StallInRequest => self.answer(ticket),
            Fault::StallInBody => {
                let mut stream = self
                    .respond
                    .send_response(head_of(&plan, Some(len)), false)?;
                stream.send_data(half, false)?;
                let released = tokio::select! {
                    released = self.gate.changed() => released.is_ok(),
                    () = reset(&mut stream) => false,
                };
                if released {
                    ticket.answered(plan.status);
                    stream.send_data(plan.body.slice(len / 2..), true)?;
                }
                Ok(())
            }
            Fault::Slow => {
                let mut stream = self
                    .respond
                    .send_response(head_of(&plan, Some(len)), false)?;
                for at in 0..len.saturating_sub(1) {
                    stream.send_data(plan.body.slice(at..=at), false)?;
                    tokio::time::sleep(plan.interval).await;
                }
                ticket.answered(plan.status);
                stream.send_data(plan.body.slice(len.saturating_sub(1)..), true)
            }
            Fault::Early103 => {
                let mut hints = Response::new(());
                *hints.status_mut() = StatusCode::EARLY_HINTS;
                let link = HeaderValue::from_static("</style.css>; rel=preload");
                hints.headers_mut().insert(header::LINK, link);
                self.respond.send_informational(hints)?;
                self.answer(ticket)
            }
            Fault::Chunked | Fault::ChunkedTrailers => {
                let mut stream = self.respond.send_response(head_of(&plan, None), false)?;
                ticket.answered(plan.status);
                if fault == Fault::Chunked {
                    return stream.send_data(plan.body, true);
                }
                stream.send_data(plan.body, false)?;
                let mut trailers = HeaderMap::new();
                trailers.insert("x-checksum", HeaderValue::from_static("1234"));
                stream.send_trailers(trailers)
            }
            Fault::LengthLong => self.with_length(plan, len + 100, ticket),
            Fault::LengthShort => self.with_length(plan, len / 2, ticket),
            Fault::HugeHeader | Fault::ManyHeaders => {
                let mut response = head_of(&plan, Some(0));
                add_headers(response.headers_mut(), fault, &plan);
                ticket.answered(plan.status);
                self.respond.send_response(response, true).map(drop)
            }
            Fault::EndlessBody => {
                let mut stream = self.respond.send_response(head_of(&plan, None), false)?;
                let piece = Bytes::from(vec![b'x'; PIECE]);
                loop {
                    wait_for_room(&mut stream).await?;
                    stream.send_data(piece.clone(), false)?;
                }
            }
            Fault::SilentDeath => {
                self.answer(ticket)?;
                tokio::time::sleep(GET_OUT).await;
                self.order(Order::Dead);
                Ok(())
            }
            Fault::H2Goaway => {
                self.order(Order::Goaway);
                self.answer(ticket)
            }
            Fault::H2GoawayError => {
                let order = Order::Abort(Reason::ENHANCE_YOUR_CALM);
                self.end(ticket, order).await;
                Ok(())
            }
            Fault::H2Reset | Fault::H2Refused => {
                drop(ticket);
                self.respond.send_reset(if fault == Fault::H2Reset {
                    Reason::INTERNAL_ERROR
                } else {
                    Reason::REFUSED_STREAM
                });
                Ok(())
            }
            _ => self.misplaced(fault, ticket),
        }
    }

    fn with_length(
        &mut self,
        plan: Behaviour,
        length: usize,
        ticket: Ticket,
    ) -> Result<(), h2::Error> {
        ticket.answered(plan.status);
        let head = head_of(&plan, Some(length));
        let mut stream = self.respond.send_response(head, false)?;
        stream.send_data(plan.body, true)
    }

    /// The fault belongs to HTTP/1: says so, loudly enough for a test to fail.
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

fn add_headers(headers: &mut HeaderMap, fault: Fault, plan: &Behaviour) {
    if fault == Fault::HugeHeader {
        if let Ok(value) = HeaderValue::from_bytes(&vec![b'a'; plan.size]) {
            headers.insert("x-huge", value);
        }
        return;
    }
    for number in 0..plan.count {
        if let Ok(name) = HeaderName::try_from(format!("x-header-{number}")) {
            headers.append(name, HeaderValue::from(number));
        }
    }
}

/// Returns when the client has reset a stream that is being answered, or left.
async fn reset(stream: &mut SendStream<Bytes>) {
    // Reset or broken: either way it is over.
    let _: Result<Reason, h2::Error> = poll_fn(|cx| stream.poll_reset(cx)).await;
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
