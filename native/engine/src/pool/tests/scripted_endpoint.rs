//! An endpoint on a test's own thread, and so on its clock, which a closure answers for.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

/// What a kind of tests remembers of a request.
pub(super) trait Seen: Clone + Send + 'static {
    /// `field` returns the value of a header field, in lower case; empty if there is none.
    fn of(field: &dyn Fn(&str) -> String, body: &str) -> Self;
}

/// What the endpoint answers. With status 0 it closes the connection.
#[derive(Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Header fields with their line ends.
    pub(super) fields: String,
    pub(super) body: &'static str,
    pub(super) after: Duration,
}

impl From<u16> for Answer {
    fn from(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }
}

impl From<(u16, String)> for Answer {
    fn from((status, fields): (u16, String)) -> Self {
        Self {
            fields,
            ..status.into()
        }
    }
}

impl From<(u16, Duration)> for Answer {
    fn from((status, after): (u16, Duration)) -> Self {
        Self {
            after,
            body: "ok",
            ..status.into()
        }
    }
}

pub(super) struct Endpoint<S> {
    pub(super) url: String,
    seen: Arc<Mutex<Vec<S>>>,
}

impl<S: Seen> Endpoint<S> {
    /// The requests so far.
    pub(super) fn seen(&self) -> Vec<S> {
        self.seen.lock().clone()
    }
}

/// Starts an endpoint.
pub(super) async fn endpoint<S: Seen, A: Into<Answer>>(
    answer: impl Fn(&S) -> A + Send + Sync + 'static,
) -> Endpoint<S> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::<Mutex<Vec<S>>>::default();
    let kept = Arc::clone(&seen);
    let answer = Arc::new(move |seen: &S| answer(seen).into());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&answer), Arc::clone(&kept)));
        }
    });
    Endpoint { url, seen }
}

async fn serve<S: Seen>(
    mut stream: TcpStream,
    answer: Arc<impl Fn(&S) -> Answer>,
    kept: Arc<Mutex<Vec<S>>>,
) {
    let mut bytes = Vec::new();
    while stream
        .read_buf(&mut bytes)
        .await
        .is_ok_and(|count| count > 0)
    {
        while let Some(seen) = request(&mut bytes) {
            let answer = answer(&seen);
            kept.lock().push(seen);
            if answer.status == 0 {
                return;
            }
            if !answer.after.is_zero() {
                sleep(answer.after).await;
            }
            let Answer {
                status,
                fields,
                body,
                ..
            } = answer;
            let length = body.len();
            let answer =
                format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\n{fields}\r\n{body}");
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

/// Takes a whole request out of `bytes`.
fn request<S: Seen>(bytes: &mut Vec<u8>) -> Option<S> {
    let text = std::str::from_utf8(bytes).unwrap();
    let head = text.find("\r\n\r\n")? + 4;
    let fields = text[..head].to_lowercase();
    let field = |name: &str| {
        let mut lines = fields.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value.unwrap_or_default().to_owned()
    };
    let end = head + field("content-length").parse::<usize>().unwrap();
    let seen = S::of(&field, text.get(head..end)?);
    bytes.drain(..end);
    Some(seen)
}
