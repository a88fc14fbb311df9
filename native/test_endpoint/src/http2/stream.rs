//! One request over HTTP/2, from its headers to its answer.

use super::Order;
use crate::answer::may_have_body;
use crate::ledger::{PathMemory, Ticket};
use crate::plan::{Behaviour, Fault};
use crate::records::{Record, Version};
use crate::script::Ready;
use crate::visit::Visit;
use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::request::Parts;
use http::{HeaderValue, Request, Response, header};
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// A stream and everything needed to answer it.
pub(super) struct Exchange {
    pub(super) visit: Arc<Visit>,
    pub(super) orders: mpsc::UnboundedSender<Order>,
    pub(super) ready: Arc<Ready>,
    pub(super) respond: SendResponse<Bytes>,
    /// The body of the answer, once its head has been sent.
    pub(super) stream: Option<SendStream<Bytes>>,
    pub(super) gate: watch::Receiver<u64>,
}

/// The part of a request's body that was read.
struct ReadBody {
    kept: Vec<u8>,
    len: u64,
    complete: bool,
}

/// Counts the request and serves it in a new task.
pub(super) fn admit(
    visit: &Arc<Visit>,
    orders: &mpsc::UnboundedSender<Order>,
    request: Request<RecvStream>,
    respond: SendResponse<Bytes>,
) {
    let shared = &visit.shared;
    let (head, body) = request.into_parts();
    if let Some(why) = malformed(&head) {
        shared.count(&shared.ledger.bad_requests);
        // Fails only if the client has left; then no answer is needed.
        let _ = refuse(respond, why);
        return;
    }
    let path = head.uri.path_and_query().map_or("*", |path| path.as_str());
    let exchange = Exchange {
        visit: Arc::clone(visit),
        orders: orders.clone(),
        ready: shared.rules.for_request(path.as_bytes()),
        respond,
        stream: None,
        gate: shared.gate.subscribe(),
    };
    let arrived = shared.ledger.now();
    let ticket = shared
        .ledger
        .begin(path.as_bytes(), &mut PathMemory::default());
    tokio::spawn(async move {
        // Fails only if the client has left or reset the stream; then no answer is needed.
        let _ = exchange.serve(head, body, arrived, ticket).await;
    });
}

/// Finds what h2 accepts and a real server (nginx) answers with 400.
fn malformed(head: &Parts) -> Option<&'static str> {
    if head.headers.contains_key(header::HOST) {
        return Some("host beside :authority");
    }
    // White space around a value (RFC 9113, 8.2.1).
    let padded = |value: &HeaderValue| value.as_bytes().trim_ascii() != value.as_bytes();
    let padded = head.headers.values().any(padded);
    padded.then_some("white space around a value")
}

/// Answers a malformed request.
fn refuse(mut respond: SendResponse<Bytes>, why: &'static str) -> Result<(), h2::Error> {
    let mut response = Response::new(());
    *response.status_mut() = http::StatusCode::BAD_REQUEST;
    let mut stream = respond.send_response(response, false)?;
    stream.send_data(Bytes::from_static(why.as_bytes()), true)
}

impl Exchange {
    async fn serve(
        mut self,
        head: Parts,
        body: RecvStream,
        arrived: Duration,
        ticket: Ticket,
    ) -> Result<(), h2::Error> {
        let mut fault = self.ready.request_fault();
        if fault == Some(Fault::StallInRequest) && !self.hold().await {
            return Ok(());
        }
        let shared = &self.visit.shared;
        let wanted = shared.wants_records();
        let keep = if wanted { shared.max_body } else { 0 };
        let stop = if fault == Some(Fault::CloseInRequest) {
            half_of_length(&head)
        } else {
            u64::MAX
        };
        let read = read_body(body, keep, stop).await;
        let (complete, len) = (read.complete, read.len);
        let decision = if wanted {
            shared.record(self.record(&head, arrived, read))
        } else {
            None
        };
        if fault == Some(Fault::CloseInRequest) {
            drop(ticket);
            self.end(Order::Drop).await;
            return Ok(());
        }
        if !complete {
            return Ok(());
        }
        ticket.received(len);
        if let Some(decision) = decision {
            tokio::select! {
                behaviour = decision => self.ready = Ready::new(behaviour),
                () = self.left() => return Ok(()),
            }
            fault = self.ready.request_fault();
        }
        let delay = self.ready.behaviour.delay.pick(&self.ready.dice);
        if !delay.is_zero() {
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                () = self.left() => return Ok(()),
            }
        }
        match fault {
            None => self.answer(ticket),
            Some(fault) => self.play(fault, ticket).await,
        }
    }

    fn record(&self, head: &Parts, arrived: Duration, body: ReadBody) -> Record {
        Record {
            n: 0,
            micros: u64::try_from(arrived.as_micros()).unwrap_or(u64::MAX),
            connection: self.visit.id,
            version: Version::Http2,
            method: head.method.as_str().to_owned(),
            path: head
                .uri
                .path_and_query()
                .map_or("*", |path| path.as_str())
                .to_owned(),
            raw_headers: header_lines(head),
            body: body.kept,
            body_len: body.len,
            complete: body.complete,
            tls: self.visit.tls.clone(),
        }
    }

    /// Sends the good answer.
    pub(super) fn answer(&mut self, ticket: Ticket) -> Result<(), h2::Error> {
        let plan = &self.ready.behaviour;
        let response = head_of(plan, Some(plan.body.len()));
        let body = plan.body.clone();
        let empty = body.is_empty() || !may_have_body(plan.status);
        // Count first: h2 may send the last byte at once.
        ticket.answered(plan.status);
        let mut stream = self.respond.send_response(response, empty)?;
        if !empty {
            stream.send_data(body, true)?;
        }
        Ok(())
    }

    pub(super) fn order(&self, order: Order) {
        // Fails only if the connection has ended already.
        let _ = self.orders.send(order);
    }

    /// Ends the connection.
    pub(super) async fn end(&mut self, order: Order) {
        self.order(order);
        // If the stream were dropped before the connection, h2 would send RST_STREAM.
        self.left().await;
    }

    /// Waits to be released; false if the client has left or reset the stream before.
    pub(super) async fn hold(&mut self) -> bool {
        let mut gate = self.gate.clone();
        tokio::select! {
            released = gate.changed() => released.is_ok(),
            () = self.left() => false,
        }
    }

    /// Returns when the client has reset the stream or left.
    async fn left(&mut self) {
        // Reset or broken: the stream has ended in both cases.
        let _: Result<Reason, h2::Error> = poll_fn(|cx| match &mut self.stream {
            Some(stream) => stream.poll_reset(cx),
            None => self.respond.poll_reset(cx),
        })
        .await;
    }
}

/// Status, headers and, if a body is allowed, the length of an answer.
pub(super) fn head_of(plan: &Behaviour, length: Option<usize>) -> Response<()> {
    let mut response = Response::new(());
    if let Ok(status) = http::StatusCode::from_u16(plan.status) {
        *response.status_mut() = status;
    }
    let headers = response.headers_mut();
    for (name, value) in &plan.headers {
        let name = http::HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            headers.append(name, value);
        }
    }
    if let Some(length) = length
        && may_have_body(plan.status)
    {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    response
}

async fn read_body(mut body: RecvStream, keep: usize, stop: u64) -> ReadBody {
    let mut read = ReadBody {
        kept: Vec::new(),
        len: 0,
        complete: false,
    };
    while read.len < stop {
        match body.data().await {
            Some(Ok(data)) => {
                // Fails only if the stream has ended; the next read returns that.
                let _ = body.flow_control().release_capacity(data.len());
                let room = keep.saturating_sub(read.kept.len());
                let kept = data.get(..data.len().min(room)).unwrap_or_default();
                read.kept.extend_from_slice(kept);
                read.len += data.len() as u64;
            }
            Some(Err(_)) => return read,
            None => {
                read.complete = true;
                return read;
            }
        }
    }
    read
}

fn half_of_length(head: &Parts) -> u64 {
    let value = head.headers.get(header::CONTENT_LENGTH);
    let length = value.and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    length.unwrap_or(0) / 2
}

/// The headers as HTTP/1 lines, with the authority as `host`.
fn header_lines(head: &Parts) -> Vec<u8> {
    let mut lines = Vec::new();
    let mut line = |name: &[u8], value: &[u8]| {
        lines.extend_from_slice(&[name, b": ", value, b"\r\n"].concat());
    };
    if let Some(authority) = head.uri.authority() {
        line(b"host", authority.as_str().as_bytes());
    }
    for (name, value) in &head.headers {
        line(name.as_str().as_bytes(), value.as_bytes());
    }
    lines
}
