//! What happens with each request: it is checked, printed, recorded, kept for the page, passed on, and answered.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use parking_lot::Mutex;
use payload::signature::{self, Verification, VerifyingKey};
use test_endpoint::{Behaviour, Decision, Record};

use super::answers::Setting;
use super::decode::{self, decode, header};
use super::print;
use super::row::{Answer, Forwarded, Row, Signature};
use super::store::Store;
use crate::recording::{self, Recorded};
use crate::service::Service;

/// Longest body, in bytes. What is longer is neither recorded nor passed on.
pub(super) const MAX_BODY: usize = 16 * 1024 * 1024;

/// Everything that requests go through.
pub(super) struct Desk {
    pub json: bool,
    /// The keys of `--secret-file`.
    pub keys: Option<Vec<VerifyingKey>>,
    pub recorder: Option<Recorder>,
    pub service: Option<Service>,
    pub setting: Setting,
    /// Kept only if there is a page.
    pub store: Option<Store>,
}

/// The file of `--record`.
pub(super) struct Recorder {
    name: String,
    file: Mutex<File>,
}

impl Recorder {
    /// Opens the file to append to it.
    ///
    /// # Errors
    ///
    /// Why it cannot be written.
    pub fn open(path: &Path) -> Result<Self, String> {
        let name = path.display().to_string();
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.map_err(|error| format!("{name}: {error}"))?;
        Ok(Self {
            name,
            file: Mutex::new(file),
        })
    }

    fn record(&self, record: &Record, at: SystemTime) {
        if !is_whole(record) {
            eprintln!(
                "http-pusher: request {} is not whole, so it is not recorded",
                record.n
            );
            return;
        }
        let line = Recorded::of(record, at).line();
        // In one piece: a line is whole, or the file is full.
        if let Err(error) = self.file.lock().write_all(line.as_bytes()) {
            eprintln!("http-pusher: {}: {error}", self.name);
        }
    }
}

fn is_whole(record: &Record) -> bool {
    record.complete && record.body_len == record.body.len() as u64
}

impl Desk {
    /// Receives a request.
    pub fn received(&self, record: &Record) {
        let at = SystemTime::now();
        let signature = self.check(record, at);
        print::request(record, at, signature.as_ref(), self.json);
        if let Some(recorder) = &self.recorder {
            recorder.record(record, at);
        }
        if let Some(store) = &self.store {
            store.add(row(record, at, signature), record, at);
        }
    }

    fn check(&self, record: &Record, at: SystemTime) -> Option<Signature> {
        let keys = self.keys.as_deref()?;
        let get = |name| header(record, name);
        let (id, timestamp) = (get("webhook-id"), get("webhook-timestamp"));
        let signatures = get("webhook-signature");
        let now = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let verdict = signature::verify(
            keys,
            id.as_deref(),
            timestamp.as_deref(),
            signatures.as_deref(),
            &record.body,
            now,
        );
        let missing = matches!(verdict, Verification::Missing(_));
        Some(Signature {
            valid: verdict.is_valid(),
            missing,
            text: if verdict.is_valid() {
                verdict.to_string()
            } else if missing {
                format!("not signed: {verdict}")
            } else {
                format!("not valid: {verdict}")
            },
        })
    }

    /// Decides how a request is answered.
    pub fn decide(self: &Arc<Self>, record: &Record) -> Decision {
        let desk = Arc::clone(self);
        let sent = self.service.is_some().then(|| Sent::of(record));
        let mut waiting = Waiting {
            desk: Arc::clone(self),
            n: record.n,
            since: Instant::now(),
            is_over: false,
        };
        Box::pin(async move {
            let (answers, changed) = desk.setting.next();
            if let (true, Some(store)) = (changed, &desk.store) {
                store.settings_changed();
            }
            let (mut answer, mut forwarded) = (None, None);
            if let (Some(service), Some(sent)) = (&desk.service, sent) {
                let (report, theirs) = pass_on(service, sent).await;
                print::forwarded(waiting.n, &report, desk.json);
                (answer, forwarded) = (Some(theirs), Some(report));
            }
            tokio::time::sleep(Duration::from_millis(answers.delay)).await;
            let mut behaviour = match (answers.status, answer) {
                (None, Some(answer)) => answer,
                (status, _) => answers.behaviour(status.unwrap_or(200)),
            };
            let own = answers.behaviour(behaviour.status);
            behaviour.fault = own.fault;
            if !own.headers.is_empty() {
                behaviour.headers.retain(|(name, _)| name != "retry-after");
                behaviour.headers.extend(own.headers);
            }
            waiting.end(&behaviour, forwarded);
            behaviour
        })
    }
}

fn row(record: &Record, at: SystemTime, signature: Option<Signature>) -> Row {
    let mut decoded = decode(record);
    let first = if decoded.events.is_empty() {
        decode::Event::default()
    } else {
        decoded.events.swap_remove(0)
    };
    Row {
        n: record.n,
        at: recording::rfc3339(at),
        method: record.method.clone(),
        path: record.path.clone(),
        bytes: record.body_len,
        format: decoded.format,
        encoding: decoded.encoding,
        events: decoded.count,
        kind: first.kind,
        who: first.who,
        line: first.line,
        problem: decoded.problem,
        id: header(record, "webhook-id"),
        again: None,
        signature,
        answer: if record.complete {
            Answer::Waiting
        } else {
            Answer::Incomplete
        },
    }
}

/// A request that has no answer yet. If it is dropped before the end, the sender has left.
struct Waiting {
    desk: Arc<Desk>,
    n: u64,
    since: Instant,
    is_over: bool,
}

impl Waiting {
    fn end(&mut self, behaviour: &Behaviour, forwarded: Option<Forwarded>) {
        self.is_over = true;
        let (status, ms) = (behaviour.status, milliseconds(self.since));
        let answer = if behaviour.fault.is_some() {
            Answer::Closed { ms }
        } else {
            Answer::Sent { status, ms }
        };
        if let Some(store) = &self.desk.store {
            store.answered(self.n, answer, forwarded);
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let (false, Some(store)) = (self.is_over, &self.desk.store) {
            let ms = milliseconds(self.since);
            store.answered(self.n, Answer::Left { ms }, None);
        }
    }
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// A request to pass on.
struct Sent {
    method: String,
    path: String,
    headers: Vec<[String; 2]>,
    body: Bytes,
    whole: bool,
}

impl Sent {
    fn of(record: &Record) -> Self {
        Self {
            method: record.method.clone(),
            path: record.path.clone(),
            headers: recording::headers(record),
            body: Bytes::copy_from_slice(&record.body),
            whole: is_whole(record),
        }
    }
}

/// Passes a request on. Returns what the page shows of it, and the answer to pass back: 502 if there is none.
async fn pass_on(service: &Service, sent: Sent) -> (Forwarded, Behaviour) {
    let since = Instant::now();
    let answered = if sent.whole {
        let Sent {
            method,
            path,
            headers,
            body,
            ..
        } = &sent;
        service.send(method, path, headers, body.clone()).await
    } else {
        Err(format!(
            "longer than {MAX_BODY} bytes, so it was not passed on"
        ))
    };
    let mut forwarded = Forwarded {
        url: service.url(&sent.path),
        status: None,
        error: None,
        ms: milliseconds(since),
        headers: Vec::new(),
        body: String::new(),
        bytes: 0,
    };
    match answered {
        Ok(answer) => {
            forwarded.status = Some(answer.status);
            forwarded.headers.clone_from(&answer.headers);
            forwarded.body = decode::shown(&answer.body).0;
            forwarded.bytes = answer.body.len();
            let behaviour = Behaviour {
                status: answer.status,
                headers: answer.headers,
                body: answer.body,
                ..Behaviour::default()
            };
            (forwarded, behaviour)
        }
        Err(error) => {
            forwarded.error = Some(error);
            let behaviour = Behaviour {
                status: 502,
                ..Behaviour::default()
            };
            (forwarded, behaviour)
        }
    }
}
