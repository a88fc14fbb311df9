//! What `http-pusher receive` answers and prints.
#![allow(clippy::unwrap_used)]

mod common;

use std::process::Stdio;
use std::time::{Duration, Instant};

use common::{Dir, Running};

#[test]
fn notifications_are_printed_decoded_and_cannot_drive_the_terminal() {
    let dir = Dir::new();
    let mut endpoint = Running::receive(&dir, &[]);
    assert!(endpoint.post().starts_with("HTTP/1.1 200 "));
    assert!(endpoint.line().contains("POST /n HTTP/1.1"));
    let fields: Vec<_> = (0..4).map(|_| endpoint.line()).collect();
    let expected = [
        "author: alice",
        "server: localhost",
        "receiver: bob",
        "message: Hi, Bob!\\u{1b}",
    ];
    assert_eq!(
        fields.iter().map(|line| line.trim()).collect::<Vec<_>>(),
        expected
    );
}

#[test]
fn status_and_delay() {
    let dir = Dir::new();
    let mut endpoint = Running::receive(&dir, &["--status", "503", "--delay", "300", "--json"]);
    let before = Instant::now();
    assert!(endpoint.post().starts_with("HTTP/1.1 503 "));
    assert!(before.elapsed() >= Duration::from_millis(300));
    let record: serde_json::Value = serde_json::from_str(&endpoint.line()).unwrap();
    assert_eq!(record["path"], "/n");
    assert_eq!(record["form"][2], serde_json::json!(["receiver", "bob"]));
    assert!(record["tls"].is_null());
}

#[test]
fn tls_with_its_ca_written_to_a_file() {
    let dir = Dir::new();
    let endpoint = Running::receive(&dir, &["--tls", "--write-ca", "ca.pem"]);
    let ca = std::fs::read_to_string(dir.path().join("ca.pem")).unwrap();
    assert!(ca.starts_with("-----BEGIN CERTIFICATE-----"));
    let output = std::process::Command::new("openssl")
        .args([
            "s_client",
            "-verify_return_error",
            "-CAfile",
            "ca.pem",
            "-connect",
            &endpoint.address,
        ])
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("Verify return code: 0 (ok)"), "{text}");
}
