//! The server behind the page of `http-pusher receive --web`. How the page looks and acts is in test/web.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use common::{Dir, Running, program};
use serde_json::{Value, json};

const JSON: &str = "content-type: application/json";
const EVENT: &str = r#"{"type":"message.chat","data":{"from":{"jid":"alice@localhost"},"to":{"jid":"bob@localhost"},"body":"<script>alert(1)</script>"}}"#;

/// The stream of events, read one by one.
struct Events(BufReader<TcpStream>);

impl Events {
    fn open(endpoint: &Running, last: Option<&str>) -> Self {
        let mut stream = TcpStream::connect(&endpoint.page).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_mins(2)))
            .unwrap();
        let last = last.map(|last| format!("last-event-id: {last}\r\n"));
        let (host, last) = (&endpoint.page, last.unwrap_or_default());
        write!(stream, "GET /events HTTP/1.1\r\nhost: {host}\r\n{last}\r\n").unwrap();
        Self(BufReader::new(stream))
    }

    /// The id, the name and the data of the next one.
    fn next(&mut self) -> (String, String, Value) {
        let (mut id, mut name) = (String::new(), String::new());
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0);
            let line = line.trim_end();
            if let Some(text) = line.strip_prefix("id: ") {
                text.clone_into(&mut id);
            } else if let Some(text) = line.strip_prefix("event: ") {
                text.clone_into(&mut name);
            } else if let Some(text) = line.strip_prefix("data: ") {
                return (id, name, serde_json::from_str(text).unwrap());
            }
        }
    }

    /// The next one of that name.
    fn named(&mut self, wanted: &str) -> (String, Value) {
        loop {
            let (id, name, data) = self.next();
            if name == wanted {
                return (id, data);
            }
        }
    }
}

#[test]
fn the_page_comes_with_a_strict_policy_and_all_that_it_names() {
    let dir = Dir::new();
    let endpoint = Running::with_page(&dir, &[]);
    let page = endpoint.ask("GET", "/", &[], "");
    assert_eq!(page.status, 200);
    let names = page.body.split('"').filter(|word| {
        let kinds = [".js", ".css", ".svg"];
        kinds.iter().any(|kind| word.ends_with(kind))
    });
    let names: Vec<&str> = names.collect();
    assert!(names.len() >= 3, "{names:?}");
    for name in names {
        let file = endpoint.ask("GET", &format!("/{name}"), &[], "");
        assert_eq!(file.status, 200, "{name}");
        assert!(
            file.head
                .contains("content-security-policy: default-src 'none'; script-src 'self'; ")
        );
        assert!(file.head.contains("x-content-type-options: nosniff"));
        assert!(!file.head.contains("access-control"));
    }
    for path in ["/other", "/../Cargo.toml", "/requests/1", "/requests/x"] {
        assert_eq!(endpoint.ask("GET", path, &[], "").status, 404, "{path}");
    }
    assert_eq!(endpoint.ask("DELETE", "/answers", &[JSON], "").status, 404);
}

#[test]
fn notifications_arrive_as_events_and_a_page_that_was_away_misses_none() {
    let dir = Dir::new();
    let endpoint = Running::with_page(&dir, &["--json"]);
    let mut events = Events::open(&endpoint, None);
    let (_, name, hello) = events.next();
    assert_eq!((name.as_str(), &hello["keep"]), ("hello", &json!(500)));
    assert_eq!(hello["listening"], format!("http://{}", endpoint.address));
    endpoint.send("/n", &[JSON, "webhook-id: msg_1"], EVENT.as_bytes());
    let (first, row) = events.named("arrived");
    assert_eq!(
        (&row["n"], &row["kind"]),
        (&json!(1), &json!("message.chat"))
    );
    assert_eq!(row["who"], "alice@localhost → bob@localhost");
    assert_eq!(row["line"], "<script>alert(1)</script>");
    assert_eq!(row["again"], Value::Null);
    let (_, answered) = events.named("answered");
    assert_eq!(answered["answer"]["status"], 200);
    drop(events);

    endpoint.send("/n", &[JSON, "webhook-id: msg_1"], EVENT.as_bytes());
    let mut events = Events::open(&endpoint, Some(&first));
    let (_, row) = events.named("arrived");
    assert_eq!((&row["n"], &row["again"]), (&json!(2), &json!(1)));
    // The versions of another run mean nothing.
    let mut events = Events::open(&endpoint, Some("other.run-1000"));
    assert_eq!(events.named("arrived").1["n"], 1);

    let details = endpoint.ask("GET", "/requests/1", &[], "").json();
    assert_eq!(details["decoded"]["text"], EVENT);
    assert!(
        details["headers"]
            .as_array()
            .unwrap()
            .contains(&json!(["webhook-id", "msg_1"]))
    );
    assert_eq!(endpoint.ask("POST", "/clear", &[JSON], "{}").status, 200);
    events.named("cleared");
    assert_eq!(endpoint.ask("GET", "/requests/1", &[], "").status, 404);
}

#[test]
fn only_the_last_are_kept() {
    let dir = Dir::new();
    let endpoint = Running::with_page(&dir, &["--keep", "3"]);
    for _ in 0..5 {
        endpoint.post();
    }
    let export = endpoint.ask("GET", "/export", &[], "").body;
    assert_eq!(export.lines().count(), 3);
    assert_eq!(Events::open(&endpoint, None).named("arrived").1["n"], 3);
    let one = endpoint.ask("GET", "/export?n=4,1", &[], "").body;
    let lines: Vec<Value> = one
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 1);
    assert_eq!(
        (&lines[0]["method"], &lines[0]["path"]),
        (&json!("POST"), &json!("/n"))
    );
}

#[test]
fn answers_can_be_set_while_it_runs() {
    let dir = Dir::new();
    let endpoint = Running::with_page(&dir, &["--status", "202"]);
    let mut events = Events::open(&endpoint, None);
    let set = |text: &str| endpoint.ask("POST", "/answers", &[JSON], text);
    assert_eq!(
        set(r#"{"status":503,"retry_after":"7","times":2}"#).status,
        200
    );
    assert_eq!(events.named("answers").1["times"], 2);
    for _ in 0..2 {
        let answer = endpoint.post();
        assert!(
            answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: 7\r\n"),
            "{answer}"
        );
    }
    assert!(endpoint.post().starts_with("HTTP/1.1 202 "));
    assert_eq!(
        endpoint.ask("GET", "/answers", &[], "").json()["times"],
        Value::Null
    );

    assert_eq!(set(r#"{"status":200,"delay":300}"#).status, 200);
    let before = Instant::now();
    assert!(endpoint.post().starts_with("HTTP/1.1 200 "));
    assert!(before.elapsed() >= Duration::from_millis(300));

    assert_eq!(set(r#"{"status":200,"close":true}"#).status, 200);
    assert_eq!(endpoint.post(), "");
    let row = endpoint.ask("GET", "/requests/5", &[], "").json();
    assert_eq!(row["row"]["answer"]["state"], "closed");

    for bad in [
        "",
        "{}",
        r#"{"status":99}"#,
        r#"{"status":null}"#,
        r#"{"status":200,"x":1}"#,
    ] {
        let answer = set(bad);
        assert_eq!(answer.status, 400, "{bad}");
        assert!(!answer.body.trim().is_empty());
    }
    assert_eq!(
        set(&format!("{{\"status\":{}200}}", " ".repeat(5000))).status,
        400
    );
}

#[test]
fn a_sender_that_does_not_wait_is_seen() {
    let dir = Dir::new();
    let endpoint = Running::with_page(&dir, &["--delay", "60000"]);
    let mut events = Events::open(&endpoint, None);
    let mut sender = TcpStream::connect(&endpoint.address).unwrap();
    write!(
        sender,
        "POST /n HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{{}}"
    )
    .unwrap();
    events.named("arrived");
    drop(sender);
    assert_eq!(events.named("answered").1["answer"]["state"], "left");
    let mut sender = TcpStream::connect(&endpoint.address).unwrap();
    write!(
        sender,
        "POST /n HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{{}}"
    )
    .unwrap();
    drop(sender);
    assert_eq!(events.named("arrived").1["answer"]["state"], "incomplete");
}

#[test]
fn strangers_neither_read_nor_change_anything() {
    let dir = Dir::new();
    let endpoint = Running::with_page(&dir, &[]);
    let port = endpoint.page.rsplit(':').next().unwrap();
    let refused = |method: &str, path: &str, headers: &[&str]| {
        let answer = endpoint.ask(method, path, headers, r#"{"status":500}"#);
        assert_eq!(answer.status, 403, "{method} {path} {headers:?}");
    };
    // A name of theirs that resolves to this machine.
    for path in ["/", "/events", "/export", "/answers", "/requests/1"] {
        refused("GET", path, &[&format!("host: evil.example:{port}")]);
    }
    refused("GET", "/events", &["sec-fetch-site: cross-site"]);
    let origin = format!("origin: http://localhost:{port}");
    for path in ["/answers", "/clear"] {
        refused("POST", path, &[JSON, "origin: http://evil.example"]);
        refused("POST", path, &[JSON, &origin]);
        refused("POST", path, &["content-type: text/plain"]);
        refused("POST", path, &[JSON, "sec-fetch-site: same-site"]);
    }
    assert_eq!(
        endpoint.ask("GET", "/answers", &[], "").json()["status"],
        200
    );
    let host = format!("host: localhost:{port}");
    let answer = endpoint.ask(
        "POST",
        "/answers",
        &[JSON, &host, &origin],
        r#"{"status":500}"#,
    );
    assert_eq!(answer.status, 200);
}

#[test]
fn a_page_for_other_machines_has_to_be_allowed() {
    let dir = Dir::new();
    let arguments = ["receive", "--port", "0", "--web", "0.0.0.0:0"];
    let output = program(&dir).args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("--web-remote"), "{text}");
    // Listening on loopback all the same, so that the test opens nothing to other machines.
    let endpoint = Running::with_page(&dir, &["--web-remote"]);
    let host = ["host: 192.0.2.7:8001"];
    assert_eq!(endpoint.ask("GET", "/", &host, "").status, 200);
    assert_eq!(
        endpoint.ask("GET", "/", &["host: evil.example"], "").status,
        403
    );
}

#[test]
fn signatures_are_checked_with_the_keys_of_a_file() {
    let dir = Dir::new();
    dir.file(
        "keys",
        "# HMAC, and a public key\nwhsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD\n",
    );
    let mut endpoint = Running::with_page(&dir, &["--secret-file", "keys"]);
    // The vector of Standard Webhooks, whose time is long ago.
    let headers = [
        JSON,
        "webhook-id: msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
        "webhook-timestamp: 1649367553",
        "webhook-signature: v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
    ];
    let body = br#"{"email":"test@example.com","username":"test_user"}"#;
    endpoint.send("/n", &headers, body);
    endpoint.send("/n", &headers, b"{}");
    endpoint.send("/n", &headers[..1], body);
    let says = |n: u32| {
        let row = endpoint
            .ask("GET", &format!("/requests/{n}"), &[], "")
            .json();
        row["row"]["signature"]["text"].as_str().unwrap().to_owned()
    };
    assert!(
        says(1).starts_with("not valid: signed ") && says(1).ends_with(" ago, and 300 are allowed")
    );
    assert_eq!(
        says(2),
        "not valid: no signature fits the keys and the body"
    );
    assert_eq!(says(3), "not signed: there is no webhook-id");
    let last = format!("signature: {}", says(3));
    let lines: Vec<String> = (0..9).map(|_| endpoint.line()).collect();
    assert_eq!(lines[8].trim(), last);

    dir.file("keys", "hunter2\n");
    let arguments = ["receive", "--port", "0", "--secret-file", "keys"];
    let output = program(&dir).args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("keys: line 1: ") && !text.contains("hunter2"),
        "{text}"
    );
}
