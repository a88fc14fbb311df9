//! Events as CloudEvents, structured and binary. The official SDKs read them in `make test-servers`.

#![allow(clippy::unwrap_used)]

mod support;

use payload::{CloudEventsMode, FormatOptions, Made, Plan, PlanError, PlanOptions};
use serde_json::json;
use support::{ID, Sample, header};

fn options(mode: CloudEventsMode, source: Option<&str>) -> PlanOptions {
    PlanOptions {
        format: FormatOptions::CloudEvents {
            mode,
            source: source.map(str::to_owned),
        },
        ..PlanOptions::default()
    }
}

fn text<'a>(made: &'a Made, name: &str) -> &'a str {
    str::from_utf8(header(made, name).unwrap()).unwrap()
}

fn sample() -> Sample {
    Sample::chat().children("<body>Hi</body>")
}

#[test]
fn structured() {
    let sample = sample().options(options(CloudEventsMode::Structured, None));
    let made = sample.make().unwrap();
    assert_eq!(text(&made, "content-type"), "application/cloudevents+json");
    assert_eq!(made.headers.len(), 1);
    let event = sample.json();
    let data = self::sample().data();
    let expected = json!({
        "specversion": "1.0",
        "id": ID,
        "source": "xmpp://localhost",
        "type": "message.chat",
        "time": "2026-11-26T12:34:56.789012Z",
        "datacontenttype": "application/json",
        "data": data,
    });
    assert_eq!(event, expected);
}

#[test]
fn binary() {
    let sample = sample().options(options(CloudEventsMode::Binary, None));
    let made = sample.make().unwrap();
    for (name, value) in [
        ("content-type", "application/json"),
        ("ce-specversion", "1.0"),
        ("ce-id", ID),
        ("ce-source", "xmpp://localhost"),
        ("ce-type", "message.chat"),
        ("ce-time", "2026-11-26T12:34:56.789012Z"),
    ] {
        assert_eq!(text(&made, name), value, "{name}");
    }
    assert_eq!(made.headers.len(), 6);
    assert_eq!(sample.json(), self::sample().data());
}

#[test]
fn the_source() {
    let source = |source, host: &str| {
        let options = options(CloudEventsMode::Structured, source);
        let event = sample().fact("host", host).options(options).json();
        event["source"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        source(None, "münchen.example"),
        "xmpp://m%C3%BCnchen.example"
    );
    assert_eq!(
        source(Some("urn:example:chat"), "localhost"),
        "urn:example:chat"
    );
    // In a header field, what was escaped is escaped once more, and decoded once by who reads it.
    let options = options(CloudEventsMode::Binary, None);
    let made = sample()
        .fact("host", "münchen.example")
        .options(options)
        .make()
        .unwrap();
    assert_eq!(text(&made, "ce-source"), "xmpp://m%25C3%25BCnchen.example");
}

#[test]
fn presence() {
    for mode in [CloudEventsMode::Structured, CloudEventsMode::Binary] {
        let sample = Sample::presence("offline").options(options(mode, None));
        assert!(sample.text().contains("\"status\":\"offline\""));
    }
}

#[test]
fn a_source_that_is_no_uri_is_refused() {
    for source in ["", "two words", "é"] {
        let error = Plan::compile(options(CloudEventsMode::Structured, Some(source))).unwrap_err();
        assert_eq!(error, PlanError::Source(source.to_owned()));
        assert!(error.to_string().contains("cloudevents.source"));
    }
}
