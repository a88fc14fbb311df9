//! `receive --forward`, `receive --record` and `replay`: requests that go on to another service.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::{Duration, Instant};

use common::{Dir, Running, program};
use serde_json::{Value, json};

const JSON: &str = "content-type: application/json";

/// What the service has received next.
fn received(service: &mut Running) -> Value {
    serde_json::from_str(&service.line()).unwrap()
}

fn header<'a>(record: &'a Value, name: &str) -> Vec<&'a str> {
    let headers = record["headers"].as_array().unwrap().iter();
    let named = headers.filter(|header| header[0].as_str().unwrap().eq_ignore_ascii_case(name));
    named.map(|header| header[1].as_str().unwrap()).collect()
}

#[test]
fn a_request_is_passed_on_and_both_sides_are_shown() {
    let dir = Dir::new();
    let mut service = Running::receive(&dir, &["--status", "201", "--json"]);
    let url = format!("http://{}", service.address);
    let mut endpoint = Running::with_page(&dir, &["--forward", &url]);
    let answer = endpoint.send(
        "/n?a=b",
        &[JSON, "X-Own: 1", "webhook-id: msg_1"],
        b"{\"a\":1}",
    );
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    let record = received(&mut service);
    assert_eq!(
        (&record["path"], &record["body"]),
        (&json!("/n?a=b"), &json!("{\"a\":1}"))
    );
    assert_eq!(header(&record, "x-own"), ["1"]);
    assert_eq!(header(&record, "host"), [service.address.as_str()]);
    assert_eq!(header(&record, "content-length"), ["7"]);
    assert!(header(&record, "accept").is_empty() && header(&record, "connection").is_empty());
    let details = endpoint.ask("GET", "/requests/1", &[], "").json();
    assert_eq!(details["forwarded"]["url"], format!("{url}/n?a=b"));
    assert_eq!(details["forwarded"]["status"], 201);
    assert_eq!(details["row"]["answer"]["status"], 201);
    let line = (0..3).map(|_| endpoint.line()).last().unwrap();
    assert!(
        line.starts_with(&format!("    #1 to {url}/n?a=b: 201 in ")),
        "{line}"
    );

    // An answer of one's own, though the service is asked.
    let own = endpoint.ask(
        "POST",
        "/answers",
        &[JSON],
        r#"{"status":503,"retry_after":"9","times":1}"#,
    );
    assert_eq!(own.status, 200);
    let answer = endpoint.send("/n", &[JSON], b"{}");
    assert!(
        answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: 9"),
        "{answer}"
    );
    received(&mut service);
    assert!(
        endpoint
            .send("/n", &[JSON], b"{}")
            .starts_with("HTTP/1.1 201 ")
    );

    drop(service);
    let answer = endpoint.send("/n", &[JSON], b"{}");
    assert!(answer.starts_with("HTTP/1.1 502 "), "{answer}");
    let details = endpoint.ask("GET", "/requests/4", &[], "").json();
    assert!(details["forwarded"]["error"].is_string() && details["forwarded"]["status"].is_null());
}

#[test]
fn a_service_with_tls_and_a_path_of_its_own() {
    let dir = Dir::new();
    let mut service = Running::receive(&dir, &["--tls", "--write-ca", "ca.pem", "--json"]);
    let url = format!("https://{}/hook", service.address);
    let endpoint = Running::receive(&dir, &["--forward", &url, "--forward-ca", "ca.pem"]);
    assert!(endpoint.post().starts_with("HTTP/1.1 200 "));
    assert_eq!(received(&mut service)["path"], "/hook");
    // The certificate is verified.
    let endpoint = Running::receive(&dir, &["--forward", &url]);
    assert!(endpoint.post().starts_with("HTTP/1.1 502 "));
}

#[test]
fn what_was_recorded_is_sent_again_byte_for_byte() {
    let dir = Dir::new();
    let endpoint = Running::receive(&dir, &["--record", "requests.ndjson"]);
    endpoint.send("/a?b", &["X-Odd: \u{e9}", "webhook-id: m1"], b"\xff\0text");
    endpoint.send("/second", &[JSON], b"");
    drop(endpoint);
    let recorded = std::fs::read_to_string(dir.path().join("requests.ndjson")).unwrap();
    let lines: Vec<Value> = recorded
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    let names: Vec<&String> = lines[0].as_object().unwrap().keys().collect();
    assert_eq!(names, ["at", "body_base64", "headers", "method", "path"]);

    // The second one appends what it gets to another file, which is the same but for times and hosts.
    let mut service = Running::receive(&dir, &["--record", "again.ndjson", "--json"]);
    let url = format!("http://{}", service.address);
    let output = program(&dir)
        .args(["replay", "requests.ndjson", &url])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.starts_with(&format!("#1 POST {url}/a?b: 200 in ")),
        "{text}"
    );
    assert!(text.ends_with("\n2 sent, 2 answered 2xx\n"), "{text}");
    assert_eq!(received(&mut service)["path"], "/a?b");
    let again = std::fs::read_to_string(dir.path().join("again.ndjson")).unwrap();
    for (line, first) in again.lines().zip(&lines) {
        let line: Value = serde_json::from_str(line).unwrap();
        for name in ["method", "path", "body_base64"] {
            assert_eq!(line[name], first[name]);
        }
        let own = |record: &Value| {
            let mut headers = record["headers"].as_array().unwrap().clone();
            headers.retain(|header| header[0] != "host" && header[0] != "connection");
            headers
        };
        let (line, first) = (own(&line), own(first));
        assert_eq!(line.len(), first.len());
        for (line, first) in line.iter().zip(&first) {
            assert!(
                line[0]
                    .as_str()
                    .unwrap()
                    .eq_ignore_ascii_case(first[0].as_str().unwrap())
            );
            assert_eq!(line[1], first[1]);
        }
    }
}

#[test]
fn the_pace_of_the_recording_and_the_status_of_the_answers() {
    let dir = Dir::new();
    let line = |at: &str| {
        format!(
            r#"{{"at":"2026-11-26T12:00:{at}Z","method":"POST","path":"/n","headers":[],"body_base64":""}}"#
        )
    };
    dir.file("two", &format!("{}\n\n{}\n", line("00.1"), line("00.9")));
    let service = Running::receive(&dir, &["--status", "500"]);
    let url = format!("http://{}/own", service.address);
    let run = |more: &[&str]| {
        let begin = Instant::now();
        let output = program(&dir)
            .args(["replay", "two", &url, "--json"])
            .args(more)
            .output();
        (begin.elapsed(), output.unwrap())
    };
    let (took, output) = run(&["--pace", "2"]);
    assert!(took >= Duration::from_millis(400), "{took:?}");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        (&lines[1]["line"], &lines[1]["status"]),
        (&json!(3), &json!(500))
    );
    assert_eq!(lines[1]["url"], url);
    assert_eq!(lines[2], json!({ "sent": 2, "success": 0 }));
    for pace in ["0", "-1", "nan", "x"] {
        let (_, output) = run(&[&format!("--pace={pace}")]);
        assert_eq!(output.status.code(), Some(2), "{pace}");
    }
}

#[test]
fn a_recording_is_signed_anew() {
    let dir = Dir::new();
    dir.file("keys", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD\n");
    let old = r#"{"at":"2022-04-07T21:39:13Z","method":"POST","path":"/","headers":[["webhook-id","msg_1"],["Webhook-Timestamp","1649367553"],["webhook-signature","v1,AAAA"]],"body_base64":"e30="}"#;
    dir.file("old", old);
    let mut service = Running::receive(&dir, &["--secret-file", "keys", "--json"]);
    let url = format!("http://{}", service.address);
    for (more, says) in [
        (&[][..], "not valid: "),
        (&["--secret-file", "keys"], "valid (v1)"),
    ] {
        let output = program(&dir)
            .args(["replay", "old", &url])
            .args(more)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let record = received(&mut service);
        let text = record["signature"]["text"].as_str().unwrap();
        assert!(text.starts_with(says), "{text}");
        assert_eq!(header(&record, "webhook-timestamp").len(), 1);
    }
}

#[test]
fn files_and_urls_that_cannot_be_used() {
    let dir = Dir::new();
    dir.file("bad", "{\"at\":\"x\"}\n");
    dir.file(
        "body",
        r#"{"at":"x","method":"POST","path":"/","headers":[],"body_base64":"*"}"#,
    );
    for (file, url, says) in [
        ("none", "http://localhost:1", "none: "),
        ("bad", "http://localhost:1", "bad, line 1: "),
        ("body", "http://localhost:1", "body, line 1: body_base64"),
        ("bad", "localhost:1", "expected http://HOST"),
    ] {
        let output = program(&dir).args(["replay", file, url]).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(says), "{text}");
    }
}
