//! Changes as server-sent events. A page that reads slowly, or was away, gets what is kept of what it has missed.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use serde_json::{Value, json};
use tokio::sync::mpsc::{Sender, channel};

use super::Web;
use super::body::PageBody;
use crate::receive::desk::Desk;
use crate::receive::store::Change;

/// How often a silent stream says that it is still there.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Most changes sent at a time.
const MOST: usize = 100;

/// The stream for one page.
pub(super) fn stream<B>(web: &Web, request: &Request<B>) -> Response<PageBody> {
    let last = request.headers().get("last-event-id");
    let last = last.and_then(|last| last.to_str().ok()?.split_once('-'));
    let seen = last
        .filter(|(run, _)| *run == web.run)
        .and_then(|(_, version)| version.parse().ok());
    let hello = json!({
        "run": web.run,
        "keep": web.desk.store.as_ref().map(super::Store::most),
        "listening": web.listening,
        "forward": web.desk.service.as_ref().map(|service| service.url("")),
        "signatures": web.desk.keys.is_some(),
        "answers": web.desk.setting.present(),
    });
    let (sender, parts) = channel(1);
    let run = web.run.clone();
    tokio::spawn(send_all(
        Arc::clone(&web.desk),
        sender,
        run,
        seen.unwrap_or(0),
        hello,
    ));
    let mut response = Response::new(PageBody::Parts(parts));
    let kind = HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// Sends changes until the page has left.
async fn send_all(
    desk: Arc<Desk>,
    sender: Sender<Bytes>,
    run: String,
    mut seen: u64,
    hello: Value,
) {
    let Some(store) = &desk.store else { return };
    let mut version = store.watch();
    let mut text = format!("retry: 1000\nevent: hello\ndata: {hello}\n\n");
    loop {
        version.mark_unchanged();
        let changes = store.since(seen, MOST);
        let more = changes.len() == MOST;
        for (version, change) in changes {
            seen = version;
            event(&mut text, &run, version, &change, &desk);
        }
        if !text.is_empty() && sender.send(Bytes::from(text)).await.is_err() {
            return;
        }
        text = String::new();
        if more {
            continue;
        }
        tokio::select! {
            changed = version.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(HEARTBEAT) => text.push_str(": still here\n\n"),
            () = sender.closed() => return,
        }
    }
}

fn event(text: &mut String, run: &str, version: u64, change: &Change, desk: &Desk) {
    let (name, data) = match change {
        Change::Cleared => ("cleared", json!({})),
        Change::Arrived(row) => ("arrived", json!(row)),
        Change::Answered(n, answer) => ("answered", json!({ "n": n, "answer": answer })),
        Change::Settings => ("answers", json!(desk.setting.present())),
    };
    // JSON has no line ends in it, so nothing that was received can end the event. Writing to a String cannot fail.
    let _ = write!(text, "id: {run}-{version}\nevent: {name}\ndata: {data}\n\n");
}
