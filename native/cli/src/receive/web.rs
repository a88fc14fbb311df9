//! The page: a small server on an address of its own, on loopback as a rule.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /` and the files it names | the page |
//! | `GET /events` | changes as server-sent events, with what the page has missed |
//! | `GET /requests/N` | all that is known of a request |
//! | `GET /export`, `?n=1,2` | the requests that are kept, or those, as lines that `replay` reads |
//! | `GET /answers` | how requests are answered |
//! | `POST /answers` | changes that |
//! | `POST /clear` | forgets all requests |

mod assets;
mod body;
mod events;
mod guard;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::answers::Answers;
use super::decode::decode;
use super::desk::Desk;
use super::store::{Entry, Store};
use crate::recording::{self, Recorded};
use body::PageBody;

/// Most connections at once. A browser keeps a few, one for the events of each window.
const MAX_CONNECTIONS: usize = 64;
/// How long a head may take to arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest settings, in bytes.
const MAX_SETTINGS: usize = 4096;
/// Wait after a failed accept.
const AFTER_ERROR: Duration = Duration::from_millis(50);

/// What the server needs.
pub(super) struct Web {
    pub desk: Arc<Desk>,
    /// Where notifications are received, for the page.
    pub listening: String,
    /// Other machines may see the page.
    pub remote: bool,
    /// Tells this run from the one before, whose versions mean nothing now.
    pub run: String,
}

/// Why a request gets no answer of its own.
struct Refused(StatusCode, String);

/// Starts to listen.
///
/// # Errors
///
/// The address cannot be listened at.
pub(super) async fn start(address: SocketAddr, web: Web) -> Result<SocketAddr, String> {
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| format!("--web {address}: {error}"))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    tokio::spawn(accept_all(listener, Arc::new(web)));
    Ok(address)
}

async fn accept_all(listener: TcpListener, web: Arc<Web>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let Ok((tcp, _)) = listener.accept().await else {
            tokio::time::sleep(AFTER_ERROR).await;
            continue;
        };
        let web = Arc::clone(&web);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(&web, request));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .serve_connection(TokioIo::new(tcp), service);
            // Fails only if the browser has left; then no answer is needed.
            let _ = connection.await;
            drop(place);
        });
    }
}

async fn answer(web: &Web, request: Request<Incoming>) -> Result<Response<PageBody>, Infallible> {
    let answered = match guard::check(&request, web.remote) {
        Ok(()) => route(web, request).await,
        Err(why) => Err(Refused(StatusCode::FORBIDDEN, why.to_owned())),
    };
    let mut response = answered.unwrap_or_else(|Refused(status, why)| {
        let mut response = full("text/plain; charset=utf-8", why + "\n");
        *response.status_mut() = status;
        response
    });
    guard::protect(response.headers_mut());
    Ok(response)
}

async fn route(web: &Web, request: Request<Incoming>) -> Result<Response<PageBody>, Refused> {
    let not_found = || Refused(StatusCode::NOT_FOUND, "not found".to_owned());
    let Some(store) = &web.desk.store else {
        return Err(not_found());
    };
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    match (&method, path.as_str()) {
        (&Method::GET, "/events") => Ok(events::stream(web, &request)),
        (&Method::GET, "/answers") => Ok(json_of(&json!(web.desk.setting.present()))),
        (&Method::GET, "/export") => Ok(export(store, request.uri().query())),
        (&Method::POST, "/answers") => {
            set_answers(web, request).await?;
            Ok(json_of(&json!(web.desk.setting.present())))
        }
        (&Method::POST, "/clear") => {
            store.clear();
            Ok(json_of(&json!({})))
        }
        (&Method::GET, path) => {
            if let Some((kind, content)) = assets::find(path) {
                return Ok(full(kind, content));
            }
            let number = path.strip_prefix("/requests/");
            let number = number.and_then(|number| number.parse().ok());
            let entry = number.and_then(|number| store.find(number));
            Ok(json_of(&details(&entry.ok_or_else(not_found)?)))
        }
        _ => Err(not_found()),
    }
}

async fn set_answers(web: &Web, request: Request<Incoming>) -> Result<(), Refused> {
    let bad = |error: &dyn std::fmt::Display| Refused(StatusCode::BAD_REQUEST, error.to_string());
    let body = Limited::new(request.into_body(), MAX_SETTINGS);
    let body = body.collect().await.map_err(|error| bad(&error))?;
    let answers: Answers = serde_json::from_slice(&body.to_bytes()).map_err(|error| bad(&error))?;
    answers
        .check(web.desk.service.is_some())
        .map_err(|error| bad(&error))?;
    web.desk.setting.set(answers);
    if let Some(store) = &web.desk.store {
        store.settings_changed();
    }
    Ok(())
}

/// All that is known of a request.
fn details(entry: &Entry) -> Value {
    let record = &entry.record;
    json!({
        "row": entry.row,
        "http": record.version.to_string(),
        "tls": record.tls.as_ref().map(|tls| &tls.version),
        "complete": record.complete,
        "headers": recording::headers(record),
        "decoded": decode(record),
        "forwarded": entry.forwarded.as_deref(),
    })
}

/// The requests with those numbers, or all, as lines for `replay`.
fn export(store: &Store, query: Option<&str>) -> Response<PageBody> {
    let numbers = query.and_then(|query| query.strip_prefix("n="));
    let numbers: Option<Vec<u64>> = numbers.map(|numbers| {
        let numbers = numbers.split(',');
        numbers.filter_map(|number| number.parse().ok()).collect()
    });
    let kept = store.all();
    let wanted = kept.iter().filter(|(record, _)| {
        let numbers = numbers.as_ref();
        record.complete && numbers.is_none_or(|numbers| numbers.contains(&record.n))
    });
    let lines: String = wanted
        .map(|(record, at)| Recorded::of(record, *at).line())
        .collect();
    let mut response = full("application/x-ndjson", lines);
    response.headers_mut().insert(
        header::CONTENT_DISPOSITION,
        HeaderValue::from_static("attachment; filename=\"notifications.ndjson\""),
    );
    response
}

fn json_of(value: &Value) -> Response<PageBody> {
    full("application/json", value.to_string())
}

fn full(kind: &'static str, content: impl Into<Bytes>) -> Response<PageBody> {
    let mut response = Response::new(PageBody::whole(content.into()));
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
