//! The fields of a request as an HTTP/1.1 and an HTTP/2 server see them, with headers from a callback
//! module that mean something else, or nothing, in the other protocol.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;

use engine::engine::EngineSettings;
use notification::{Content, Direction, Names, Notification, lane_key};
use payload::{FormStyle, Headers};
use support::{BOUND, Bench, End, millis, pool_at, test_endpoint};
use test_endpoint::{EndpointConfig, EndpointHandle, Record, TlsSettings, Version};

const VERSIONS: [Version; 2] = [Version::Http11, Version::Http2];

fn endpoint(version: Version) -> EndpointHandle {
    test_endpoint(EndpointConfig {
        tls: Some(TlsSettings::self_signed()),
        http2: version == Version::Http2,
        ..EndpointConfig::default()
    })
}

/// What arrives of a notification with this content; it has to be answered with 200.
#[track_caller]
fn arrives(version: Version, content: Content<'_>) -> (Record, String) {
    let (bench, endpoint) = (Bench::new(), endpoint(version));
    let (mut options, _file) = pool_at(&endpoint, version == Version::Http2);
    options.request_timeout = millis(BOUND);
    options.call_timeout = millis(BOUND);
    let pool = bench.pool(options);
    let handler = bench.handler("/n");
    let names = Names {
        sender: b"alice",
        server: b"localhost",
        receiver: b"bob",
    };
    let mut key = Vec::new();
    lane_key(&mut key, handler.host_type.id, Direction::In, names, b"");
    let notification = Notification::new(handler, Direction::In, names, b"hello", content);
    bench
        .engine
        .push(pool, &key, notification.unwrap())
        .unwrap();
    let end = bench.outcome_of("alice").end;
    assert!(matches!(end, End::Sent { status: 200, .. }), "{end:?}");
    assert_eq!(endpoint.stats().bad_requests, 0);
    let record = endpoint.records().remove(0);
    assert_eq!(record.version, version);
    (record, format!("127.0.0.1:{}", endpoint.port()))
}

fn custom(fields: &[(&str, &str)]) -> Headers {
    let mut headers = Headers::default();
    for (name, value) in fields {
        headers.add(name.as_bytes(), value.as_bytes()).unwrap();
    }
    headers
}

/// Names and values, `:authority` as `host`, but not the length.
fn fields(record: &Record) -> Vec<(String, String)> {
    let text = String::from_utf8(record.raw_headers.clone()).unwrap();
    let lines = text.lines().map(|line| line.split_once(": ").unwrap());
    lines
        .filter(|(name, _)| *name != "content-length")
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn expected(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

#[test]
fn the_host_is_there_once() {
    for version in VERSIONS {
        let (record, authority) = arrives(version, Content::Form);
        let form = "application/x-www-form-urlencoded";
        let want = expected(&[("host", &authority), ("content-type", form)]);
        assert_eq!(fields(&record), want, "{version:?}");
    }
}

#[test]
fn the_host_of_a_callback_module_is_the_only_one() {
    for version in VERSIONS {
        for host in ["other.example:1234", "[2001:db8::1]", "other_one.example"] {
            let (record, _) = arrives(
                version,
                Content::Custom(custom(&[("x-a", "1"), ("Host", host)]).as_bytes()),
            );
            let want = expected(&[("host", host), ("x-a", "1")]);
            assert_eq!(fields(&record), want, "{version:?}");
        }
    }
}

/// HTTP/2 forbids fields about the connection, and white space around a value. A server resets the
/// stream or answers 400.
#[test]
fn fields_that_http2_forbids() {
    let given = [
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("http2-settings", "AAMAAABkAAQAAP__"),
        ("te", "trailers"),
        ("te", "gzip"),
        ("x-padded", " a b\t"),
        ("x-blank", " "),
        ("x-plain", "a"),
    ];
    let (record, authority) = arrives(Version::Http11, Content::Custom(custom(&given).as_bytes()));
    let mut want = vec![("host", &*authority)];
    want.extend(given);
    let of_http1 = |(name, value): (String, String)| (name, value.trim().to_owned());
    let trimmed = |fields: Vec<_>| fields.into_iter().map(of_http1).collect::<Vec<_>>();
    let mut seen = trimmed(fields(&record));
    let mut want = trimmed(expected(&want));
    seen.sort();
    want.sort();
    assert_eq!(seen, want);

    let (record, authority) = arrives(Version::Http2, Content::Custom(custom(&given).as_bytes()));
    let want = expected(&[
        ("host", &authority),
        ("te", "trailers"),
        ("x-padded", "a b"),
        ("x-blank", ""),
        ("x-plain", "a"),
    ]);
    assert_eq!(fields(&record), want);
}

/// The style is the engine's: a node has one encoder.
#[test]
fn the_form_is_in_the_style_of_the_hosts_encoder() {
    for (form_style, message) in [
        (FormStyle::EachByte, "message=a+++%7Eb"),
        (FormStyle::InGroups, "message=a%20%20%20%7Eb"),
    ] {
        let settings = EngineSettings {
            form_style,
            ..EngineSettings::default()
        };
        let bench = Bench::with(settings, Arc::default());
        let endpoint = test_endpoint(EndpointConfig::default());
        let pool = bench.pool(pool_at(&endpoint, false).0);
        let handler = bench.handler("/n");
        bench.push_text(pool, &handler, "alice", b"a   ~b").unwrap();
        let end = bench.outcome_of("alice").end;
        assert!(matches!(end, End::Sent { status: 200, .. }), "{end:?}");
        let body = String::from_utf8(endpoint.records().remove(0).body).unwrap();
        assert!(body.ends_with(message), "{body}");
    }
}
