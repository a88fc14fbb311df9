//! `http-pusher send` to `http-pusher receive`: what arrives, and what is reported.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Dir, Running, program};
use serde_json::Value;

/// An address where nothing listens: the system never assigns this port.
const CLOSED: &str = "127.0.0.1:9";

/// A file that sends to `address`, with these lines in the connection's section.
fn file(dir: &Dir, scheme: &str, address: &str, connection: &str) {
    // No test is about the defaults, which a busy machine can exceed.
    let patience = if connection.contains("request_timeout") {
        ""
    } else {
        "request_timeout = 600000"
    };
    let text = format!(
        "[general]\nhosts = [\"example.org\"]\n\
         [[modules.mod_event_pusher.http.handlers]]\npath = \"/n\"\n\
         [[modules.mod_event_pusher.http.handlers]]\npath = \"/alerts?a=b\"\n\
         callback_module = \"my_alerts\"\n\
         [outgoing_pools.http.http_pool]\ncall_timeout = 600000\n\
         [outgoing_pools.http.http_pool.connection]\n\
         host = \"{scheme}://{address}\"\npath_prefix = \"/api\"\n{patience}\n{connection}\n"
    );
    dir.file("mongooseim.toml", &text);
}

/// Exit status and report of `send`.
fn send(dir: &Dir, more: &[&str]) -> (i32, Value) {
    let output = program(dir)
        .args(["send", "mongooseim.toml", "--json"])
        .args(more)
        .output()
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(errors, "");
    let report = serde_json::from_slice(&output.stdout).unwrap();
    (output.status.code().unwrap(), report)
}

#[test]
fn what_the_node_would_send_arrives() {
    let dir = Dir::new();
    let mut endpoint = Running::receive(&dir, &["--json"]);
    file(&dir, "http", &endpoint.address, "");
    let (status, report) = send(&dir, &[]);
    assert_eq!(status, 0, "{report}");
    assert_eq!(report["url"], format!("http://{}/api/n", endpoint.address));
    assert_eq!(report["outcome"]["status"], 200);
    assert!(report["outcome"]["first_byte_ms"].as_f64().unwrap() > 0.0);
    assert_eq!(report["connection"]["peer"], endpoint.address);
    for time in ["look_up_ms", "connect_ms"] {
        assert!(report["connection"][time].as_f64().unwrap() >= 0.0);
    }
    let record: Value = serde_json::from_str(&endpoint.line()).unwrap();
    assert_eq!(record["path"], "/api/n");
    let body = "author=alice&server=example.org&receiver=bob&message=Hi%2C+Bob%21";
    assert_eq!(record["body"], body);
    assert_eq!(report["body"], body);
}

#[test]
fn handler_names_and_message_can_be_chosen() {
    let dir = Dir::new();
    let mut endpoint = Running::receive(&dir, &["--json", "--status", "404"]);
    file(&dir, "http", &endpoint.address, "");
    let more = [
        "--handler",
        "2",
        "--from",
        "EVE@Example.ORG/x",
        "--to",
        "Mallory@x",
        "--message",
        "*",
    ];
    let (status, report) = send(&dir, &more);
    // As in the stock module, every status counts as sent.
    assert_eq!(status, 0, "{report}");
    assert_eq!(report["outcome"]["status"], 404);
    let record: Value = serde_json::from_str(&endpoint.line()).unwrap();
    assert_eq!(record["path"], "/api/alerts?a=b");
    assert_eq!(
        record["body"],
        "author=eve&server=example.org&receiver=mallory&message=%2A"
    );
    let output = program(&dir)
        .args(["send", "mongooseim.toml", "--handler", "2"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("my_alerts makes headers and body"), "{text}");
    assert!(text.contains("sent: status 404"), "{text}");
}

/// As the node does, which tries it again or counts a failure.
#[test]
fn a_status_that_is_no_success_of_the_handler() {
    let dir = Dir::new();
    let endpoint = Running::receive(&dir, &["--status", "503"]);
    for (options, reason, said) in [
        ("success = [\"2xx\"]", Some("bad_status"), "bad_status"),
        ("retry = {}", None, "would try again"),
    ] {
        file(&dir, "http", &endpoint.address, "");
        let text = std::fs::read_to_string(dir.path().join("mongooseim.toml")).unwrap();
        let handler = "path = \"/n\"\n";
        dir.file(
            "mongooseim.toml",
            &text.replace(handler, &format!("{handler}{options}\n")),
        );
        let (status, report) = send(&dir, &[]);
        assert_eq!(status, 1, "{report}");
        assert_eq!(report["outcome"]["sent"], false);
        assert_eq!(report["outcome"]["status"], 503);
        assert_eq!(report["outcome"]["reason"].as_str(), reason);
        let output = program(&dir)
            .args(["send", "mongooseim.toml"])
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("refused: status 503"), "{text}");
        assert!(text.contains(said), "{text}");
    }
}

/// Nothing is sent of a handler whose options contradict one another.
#[test]
fn options_that_cannot_be_used() {
    let dir = Dir::new();
    file(&dir, "http", CLOSED, "");
    let text = std::fs::read_to_string(dir.path().join("mongooseim.toml")).unwrap();
    let handler = "path = \"/n\"\n";
    let wrong = format!("{handler}retry = {{initial = 1000, max = 10}}\n");
    dir.file("mongooseim.toml", &text.replace(handler, &wrong));
    for more in [&[][..], &["--dry-run"]] {
        let output = program(&dir)
            .args(["send", "mongooseim.toml"])
            .args(more)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
    }
}

#[test]
fn tls_version_and_peer_are_reported() {
    let dir = Dir::new();
    let endpoint = Running::receive(&dir, &["--tls", "--write-ca", "ca.pem"]);
    file(
        &dir,
        "https",
        &endpoint.address,
        "tls.cacertfile = \"ca.pem\"",
    );
    let (status, report) = send(&dir, &[]);
    assert_eq!(status, 0, "{report}");
    assert_eq!(report["connection"]["tls_version"], "TLSv1.3");
    assert!(report["connection"]["tls_ms"].as_f64().unwrap() > 0.0);
    assert!(
        report["certificate"]["names"]
            .as_array()
            .unwrap()
            .contains(&"127.0.0.1".into())
    );
    let versions = "tls.cacertfile = \"ca.pem\"\ntls.versions = [\"tlsv1.2\"]";
    file(&dir, "https", &endpoint.address, versions);
    let (_, report) = send(&dir, &[]);
    assert_eq!(report["connection"]["tls_version"], "TLSv1.2");
}

#[test]
fn http2_as_the_own_settings_say() {
    let dir = Dir::new();
    let mut endpoint = Running::receive(&dir, &["--tls", "--json"]);
    file(
        &dir,
        "https",
        &endpoint.address,
        "tls.verify_mode = \"none\"",
    );
    dir.file(
        "app.config",
        "[{mongoose_http_pusher, [{http2_pools, [http_pool]}]}].",
    );
    let (status, report) = send(&dir, &["--app-config", "app.config"]);
    assert_eq!(status, 0, "{report}");
    let record: Value = serde_json::from_str(&endpoint.line()).unwrap();
    assert_eq!(record["http"], "2");
}

#[test]
fn failures_have_the_reasons_of_the_node() {
    let dir = Dir::new();
    let slow = Running::receive(&dir, &["--delay", "60000"]);
    file(&dir, "http", &slow.address, "request_timeout = 50");
    let (status, report) = send(&dir, &[]);
    assert_eq!(
        (status, &report["outcome"]["reason"]),
        (1, &"request_timeout".into()),
        "{report}"
    );

    let tls = Running::receive(&dir, &["--tls"]);
    let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    dir.file("other.pem", &other.cert.pem());
    file(
        &dir,
        "https",
        &tls.address,
        "tls.cacertfile = \"other.pem\"",
    );
    let (status, report) = send(&dir, &[]);
    assert_eq!(
        (status, &report["outcome"]["reason"]),
        (1, &"tls_error".into()),
        "{report}"
    );
    assert!(
        report["outcome"]["text"]
            .as_str()
            .unwrap()
            .contains("UnknownIssuer")
    );
    // A certificate that was refused is shown.
    assert!(
        report["certificate"]["issuer"]
            .as_str()
            .unwrap()
            .contains("http-pusher-test-endpoint")
    );

    file(&dir, "http", CLOSED, "");
    let (status, report) = send(&dir, &[]);
    assert_eq!(
        (status, &report["outcome"]["reason"]),
        (1, &"econnrefused".into()),
        "{report}"
    );
}

#[test]
fn an_impossible_send_says_why() {
    let dir = Dir::new();
    file(&dir, "gopher", "localhost", "");
    let run = |more: &[&str]| {
        let output = program(&dir)
            .args(["send", "mongooseim.toml"])
            .args(more)
            .output()
            .unwrap();
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (status, text) = run(&[]);
    assert_eq!(status, 2);
    assert!(
        text.contains("gopher") && text.contains("no handler of this file can send"),
        "{text}"
    );
    file(&dir, "http", "localhost", "");
    let (status, text) = run(&["--handler", "3"]);
    assert_eq!(status, 2);
    assert!(text.contains("there are: 1, 2"), "{text}");
    let (status, text) = run(&["--from", "nobody"]);
    assert_eq!(status, 2);
    assert!(text.contains("user@domain"), "{text}");
}
