//! The HTTP interface of a test endpoint that runs as a separate process. Scripts and Erlang can read
//! it without a JSON library. It trusts every client, so it belongs on the loopback interface.
//!
//! | request | does |
//! | --- | --- |
//! | `GET /stats` | lines `key value`; per path and status `path./x 12`, `status.200 12` |
//! | `GET /stats.json` | the same as JSON |
//! | `GET /received`, `?from=N`, `?header=NAME` | one line a record (that has this header), see [`record_line`] |
//! | `POST /plan`, `?path=/x`, `?next=N` | sets or queues the plan in the body |
//! | `POST /reset-plans` | 200 for everything, nothing queued |
//! | `POST /clear` | counters to 0, records forgotten |
//! | `POST /close-connections` | drops all open connections |
//! | `POST /release` | lets stalls go on |
//! | `POST /listener?open=true` | opens or closes (`false`) the listener |
//! | `GET /tls` | the last handshakes that failed |

use crate::config::EndpointError;
use crate::handle::EndpointHandle;
use crate::ledger::Stats;
use crate::plan::Plan;
use crate::records::{Record, TlsInfo};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::fmt::Write;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;

/// Longest plan, in bytes.
const MAX_PLAN: usize = 1024 * 1024;
/// Wait after a failed accept.
const AFTER_ERROR: Duration = Duration::from_millis(10);

/// Why a request to the interface was refused.
struct Refused(StatusCode, String);

impl From<EndpointError> for Refused {
    fn from(error: EndpointError) -> Self {
        Self(StatusCode::BAD_REQUEST, error.to_string())
    }
}

/// Starts the interface and returns its address; it runs as long as the runtime.
///
/// # Errors
///
/// If the address cannot be listened at.
pub async fn start(endpoint: EndpointHandle, addr: SocketAddr) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(addr).await?;
    let addr = listener.local_addr()?;
    tokio::spawn(async move {
        loop {
            let Ok((tcp, _)) = listener.accept().await else {
                tokio::time::sleep(AFTER_ERROR).await;
                continue;
            };
            let endpoint = endpoint.clone();
            tokio::spawn(async move {
                let service = service_fn(|request| answer(&endpoint, request));
                let connection = http1::Builder::new().serve_connection(TokioIo::new(tcp), service);
                // Fails only if the client has left; then no answer is needed.
                let _ = connection.await;
            });
        }
    });
    Ok(addr)
}

async fn answer(
    endpoint: &EndpointHandle,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, text) = match act(endpoint, request).await {
        Ok(text) => (StatusCode::OK, text),
        Err(Refused(status, why)) => (status, why + "\n"),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    Ok(response)
}

async fn act(endpoint: &EndpointHandle, request: Request<Incoming>) -> Result<String, Refused> {
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let query = Query::of(request.uri().query().unwrap_or(""));
    match (&method, path.as_str()) {
        (&Method::GET, "/stats") => Ok(stats_lines(&endpoint.stats())),
        (&Method::GET, "/stats.json") => serde_json::to_string(&endpoint.stats())
            .map_err(|error| Refused(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
        (&Method::GET, "/received") => {
            let from = query.number("from")?.unwrap_or(0);
            let records = endpoint.records_from(from);
            let wanted = |record: &&Record| {
                let header = query.get("header");
                header.is_none_or(|header| record.header(header).is_some())
            };
            Ok(records.iter().filter(wanted).map(record_line).collect())
        }
        (&Method::GET, "/tls") => Ok(endpoint
            .tls_failures()
            .iter()
            .fold(String::new(), |lines, line| lines + line + "\n")),
        (&Method::POST, "/plan") => {
            let body = Limited::new(request.into_body(), MAX_PLAN).collect().await;
            let body = body.map_err(|error| bad(&error))?.to_bytes();
            let text = std::str::from_utf8(&body).map_err(|error| bad(&error))?;
            set_plan(endpoint, &query, text)
        }
        (&Method::POST, "/reset-plans") => Ok(endpoint.reset_plans().map(|()| ok())?),
        (&Method::POST, "/clear") => {
            endpoint.clear();
            Ok(ok())
        }
        (&Method::POST, "/close-connections") => {
            endpoint.close_connections();
            Ok(ok())
        }
        (&Method::POST, "/release") => {
            endpoint.release();
            Ok(ok())
        }
        (&Method::POST, "/listener") => {
            let open = match query.get("open") {
                Some("true") => true,
                Some("false") => false,
                _ => return Err(bad(&"open=true or open=false")),
            };
            Ok(endpoint.set_listening(open).map(|()| ok())?)
        }
        _ => Err(Refused(
            StatusCode::NOT_FOUND,
            format!("no {method} {path} here"),
        )),
    }
}

fn set_plan(endpoint: &EndpointHandle, query: &Query, text: &str) -> Result<String, Refused> {
    let plan: Plan = text.parse().map_err(|error| bad(&error))?;
    match (query.get("path"), query.number("next")?) {
        (None, None) => endpoint.set_plan(plan)?,
        (Some(path), None) => endpoint.set_plan_for(path, plan)?,
        (None, Some(count)) => endpoint.push_next(count, plan)?,
        (Some(path), Some(count)) => endpoint.push_next_for(path, count, plan)?,
    }
    Ok(ok())
}

fn ok() -> String {
    "ok\n".to_owned()
}

fn bad(why: &dyn std::fmt::Display) -> Refused {
    Refused(StatusCode::BAD_REQUEST, why.to_string())
}

struct Query(Vec<(String, String)>);

impl Query {
    fn of(text: &str) -> Self {
        Self(
            form_urlencoded::parse(text.as_bytes())
                .into_owned()
                .collect(),
        )
    }

    fn get(&self, key: &str) -> Option<&str> {
        let pair = self.0.iter().find(|(found, _)| found == key);
        pair.map(|(_, value)| value.as_str())
    }

    fn number(&self, key: &str) -> Result<Option<u64>, Refused> {
        let value = self.get(key).map(str::parse).transpose();
        value.map_err(|error| bad(&format!("{key}: {error}")))
    }
}

/// The counters as lines `key value`. A key contains no line end; the value follows the last blank.
#[must_use]
pub fn stats_lines(stats: &Stats) -> String {
    let mut out = String::new();
    let mut line = |key: &str, value: u64| {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{key} {value}");
    };
    line("connections_accepted", stats.connections_accepted);
    line("connections_open", stats.connections_open);
    line("begun", stats.begun);
    line("received", stats.received);
    line("answered", stats.answered);
    line("in_flight", stats.in_flight);
    line("max_in_flight", stats.max_in_flight);
    line("bad_requests", stats.bad_requests);
    line("misplaced_faults", stats.misplaced_faults);
    line("body_bytes", stats.body_bytes);
    line("tls_failures", stats.tls_failures);
    line("records_kept", stats.records_kept);
    line("records_dropped", stats.records_dropped);
    for (path, count) in &stats.paths {
        line(&format!("path.{path}"), *count);
    }
    for (status, count) in &stats.statuses {
        line(&format!("status.{status}"), *count);
    }
    out
}

/// A record as a line with tabs between its fields: number, microseconds, connection, HTTP version,
/// method, path, header lines in hex, body in hex, `complete` or `partial`, and TLS (`-`, or
/// `TLSv1_3,sni=localhost,alpn=h2,client=yes`).
#[must_use]
pub fn record_line(record: &Record) -> String {
    let complete = if record.complete {
        "complete"
    } else {
        "partial"
    };
    format!(
        "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{complete}\t{}\n",
        record.n,
        record.micros,
        record.connection,
        record.version,
        record.method,
        record.path,
        hex(&record.raw_headers),
        hex(&record.body),
        tls_field(record.tls.as_ref()),
    )
}

fn tls_field(tls: Option<&TlsInfo>) -> String {
    let Some(tls) = tls else {
        return "-".to_owned();
    };
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    format!(
        "{},sni={},alpn={},client={}",
        tls.version,
        or_dash(&tls.sni),
        or_dash(&tls.alpn),
        if tls.client_cert.is_some() {
            "yes"
        } else {
            "no"
        }
    )
}

fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            out.extend(char::from_digit(u32::from(digit), 16));
        }
    }
    out
}
