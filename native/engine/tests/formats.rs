//! Handlers with a plan: the format of their requests, and the fields that each attempt gets.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::time::Duration;

use engine::handler_plan::HandlerOptions;
use notification::Content;
use payload::{CloudEventsMode, Facts, FormatOptions, PlanOptions};
use support::events::{TIMESTAMP, field, fields, json, received, stanza};
use support::{Bench, End, assert_sent, options, pool_at, test_endpoint};
use test_endpoint::{EndpointConfig, Fault, Plan, TlsSettings};

#[test]
fn json_over_both_protocols() {
    for http2 in [false, true] {
        let (bench, endpoint) = (
            Bench::new(),
            test_endpoint(EndpointConfig {
                tls: http2.then(TlsSettings::self_signed),
                http2,
                ..EndpointConfig::default()
            }),
        );
        let (options, _file) = pool_at(&endpoint, http2);
        let pool = bench.pool(options);
        let handler = bench.planned("/json", json());
        bench.push_event(pool, &handler, "alice", &stanza("Hi &amp; bye"));
        assert_sent(&bench.outcome_of("alice").end);
        let record = received(&endpoint).remove(0);
        assert_eq!((&*record.method, &*record.path), ("POST", "/json"));
        assert_eq!(field(&record, "content-type"), "application/json");
        assert!(field(&record, "webhook-id").starts_with("msg_"));
        assert!(field(&record, "webhook-timestamp").parse::<u64>().unwrap() > 1_700_000_000);
        assert!(fields(&record, "webhook-signature").is_empty());
        let body: serde_json::Value = serde_json::from_slice(&record.body).unwrap();
        assert_eq!(body["type"], "message.chat");
        assert_eq!(body["timestamp"], TIMESTAMP);
        assert_eq!(body["data"]["from"]["jid"], "alice@localhost/phone");
        assert_eq!(body["data"]["body"], "Hi & bye");
        bench.assert_conserved();
    }
}

#[test]
fn a_cloudevent_in_header_fields() {
    let (bench, endpoint) = (Bench::new(), test_endpoint(EndpointConfig::default()));
    let pool = bench.pool(options(endpoint.url("")));
    let binary = HandlerOptions {
        payload: PlanOptions {
            format: FormatOptions::CloudEvents {
                mode: CloudEventsMode::Binary,
                source: None,
            },
            ..PlanOptions::default()
        },
        ..HandlerOptions::default()
    };
    let handler = bench.planned("/events", binary);
    bench.push_event(pool, &handler, "alice", &stanza("hi"));
    assert_sent(&bench.outcome_of("alice").end);
    let record = received(&endpoint).remove(0);
    for (name, value) in [
        ("ce-specversion", "1.0"),
        ("ce-type", "message.chat"),
        ("ce-source", "xmpp://localhost"),
        ("ce-time", TIMESTAMP),
        ("ce-id", field(&record, "webhook-id")),
        ("content-type", "application/json"),
    ] {
        assert_eq!(field(&record, name), value);
    }
    let body: serde_json::Value = serde_json::from_slice(&record.body).unwrap();
    assert_eq!(body["body"], "hi");
}

/// A plan of nothing but defaults, and no plan, are the same on the wire.
#[test]
fn a_form_with_an_empty_plan_is_the_same() {
    let (bench, endpoint) = (Bench::new(), test_endpoint(EndpointConfig::default()));
    let pool = bench.pool(options(endpoint.url("")));
    let plain = bench.handler("/n");
    let planned = bench.planned("/n", HandlerOptions::default());
    assert_ne!(plain.id, planned.id);
    for (sender, handler) in [("alice", &plain), ("carol", &planned)] {
        bench.push_text(pool, handler, sender, b"Hi & bye").unwrap();
        assert_sent(&bench.outcome_of(sender).end);
    }
    let records = received(&endpoint);
    let [one, other] = &records[..] else {
        panic!("{records:?}");
    };
    assert_eq!(one.raw_headers, other.raw_headers);
    let form = |sender| format!("author={sender}&server=localhost&receiver=bob&message=Hi+%26+bye");
    assert_eq!(one.body, form("alice").as_bytes());
    assert_eq!(other.body, form("carol").as_bytes());
}

/// Each handler with options of its own is another handler; the same options are the same handler.
#[test]
fn the_plan_belongs_to_the_identity() {
    let bench = Bench::new();
    let mut without = json();
    without.payload.omit_body = true;
    let ids = [
        bench.handler("/n").id,
        bench.planned("/n", json()).id,
        bench.planned("/n", without.clone()).id,
        bench.planned("/m", json()).id,
    ];
    for (n, id) in ids.iter().enumerate() {
        assert!(!ids[..n].contains(id), "{ids:?}");
    }
    assert_eq!(bench.handler("/n").id, ids[0]);
    assert_eq!(bench.planned("/n", json()).id, ids[1]);
    assert_eq!(bench.planned("/n", without).id, ids[2]);
}

/// The identity stays and the time is new, so that a receiver can drop what it has seen and refuse what is
/// old.
#[test]
fn each_attempt_has_the_same_id_and_a_time_of_its_own() {
    let endpoint = test_endpoint(EndpointConfig {
        plan: Plan::fault(Fault::CloseBeforeHead).delayed(Duration::from_millis(1100)),
        ..EndpointConfig::default()
    });
    let bench = Bench::new();
    let pool = bench.pool(options(endpoint.url("")));
    let handler = bench.planned("/json", json());
    for sender in ["alice", "carol"] {
        bench.push_event(pool, &handler, sender, &stanza("hi"));
    }
    for sender in ["alice", "carol"] {
        let end = bench.outcome_of(sender).end;
        assert!(matches!(end, End::Failed { attempts: 3, .. }), "{end:?}");
    }
    let records = received(&endpoint);
    assert_eq!(records.len(), 6);
    let (first, second) = records.split_at(3);
    for attempts in [first, second] {
        let ids: Vec<_> = attempts
            .iter()
            .map(|record| field(record, "webhook-id"))
            .collect();
        assert_eq!((ids[0], ids[0]), (ids[1], ids[2]));
        let times: Vec<u64> = attempts
            .iter()
            .map(|record| field(record, "webhook-timestamp").parse().unwrap())
            .collect();
        assert!(times[0] < times[1] && times[1] < times[2], "{times:?}");
    }
    assert_ne!(
        field(&first[0], "webhook-id"),
        field(&second[0], "webhook-id")
    );
}

/// Presence, and what was not acknowledged, also of handlers that set no option of ours.
#[test]
fn the_form_of_an_event() {
    let (bench, endpoint) = (Bench::new(), test_endpoint(EndpointConfig::default()));
    let pool = bench.pool(options(endpoint.url("")));
    let mut presence = Facts::default();
    for (key, text) in [
        ("event", "user_status"),
        ("host", "localhost"),
        ("from_user", "alice"),
        ("from_server", "localhost"),
        ("from_resource", "phone"),
        ("user_status", "online"),
    ] {
        presence.add(key, payload::Value::Text(text.as_bytes()));
    }
    presence.add("timestamp", payload::Value::Integer(1));
    for handler in [
        bench.handler("/n"),
        bench.planned("/n", HandlerOptions::default()),
    ] {
        bench.push_content(
            pool,
            &handler,
            "alice",
            b"",
            Content::Event(presence.as_bytes()),
        );
        assert_sent(&bench.outcome_of("alice").end);
        bench.push_event(pool, &handler, "carol", &stanza("Hi &amp; bye"));
        assert_sent(&bench.outcome_of("carol").end);
    }
    let bad = Content::Event(b"\xfe\xfe");
    bench.push_content(pool, &bench.handler("/n"), "dave", b"", bad);
    let end = bench.outcome_of("dave").end;
    assert_eq!(end.failure().0, "payload_error");
    let records = received(&endpoint);
    assert_eq!(records.len(), 4);
    for record in &records {
        assert_eq!(
            field(record, "content-type"),
            "application/x-www-form-urlencoded"
        );
        let (sender, form) = (
            &record.body,
            [
                "user=alice&server=localhost&resource=phone&status=online",
                "author=carol&server=localhost&receiver=bob&message=Hi+%26+bye",
            ],
        );
        assert!(
            form.iter().any(|form| form.as_bytes() == sender),
            "{record:?}"
        );
    }
    bench.assert_conserved();
}

/// Also if the session has handed over names and text.
#[test]
fn a_form_without_its_text() {
    let (bench, endpoint) = (Bench::new(), test_endpoint(EndpointConfig::default()));
    let pool = bench.pool(options(endpoint.url("")));
    let mut omits = HandlerOptions::default();
    omits.payload.omit_body = true;
    let handler = bench.planned("/n", omits);
    bench.push_text(pool, &handler, "alice", b"secret").unwrap();
    assert_sent(&bench.outcome_of("alice").end);
    let record = received(&endpoint).remove(0);
    assert_eq!(
        record.body,
        b"author=alice&server=localhost&receiver=bob&message="
    );
    bench.assert_conserved();
}

/// It costs that notification and neither the next one nor the connection.
#[test]
fn an_event_that_the_format_cannot_express() {
    let (bench, endpoint) = (Bench::new(), test_endpoint(EndpointConfig::default()));
    let pool = bench.pool(options(endpoint.url("")));
    let handler = bench.planned("/json", json());
    bench.push_event(pool, &handler, "alice", &stanza("hi"));
    bench.push_content(pool, &handler, "carol", b"", Content::Event(b"\xfe\xfe"));
    bench.push_event(pool, &handler, "dave", &stanza("hi"));
    for sender in ["alice", "dave"] {
        assert_sent(&bench.outcome_of(sender).end);
    }
    let end = bench.outcome_of("carol").end;
    assert!(
        matches!(
            end,
            End::Failed {
                reason: "payload_error",
                attempts: 0,
                ..
            }
        ),
        "{end:?}"
    );
    let connections: Vec<_> = received(&endpoint)
        .iter()
        .map(|record| record.connection)
        .collect();
    assert_eq!(connections, [1, 1]);
    bench.assert_conserved();
}

/// A long stanza counts against the bounds until it is sent, and all of it is given back.
#[test]
fn a_long_stanza_counts_against_the_bounds() {
    let (bench, endpoint) = (Bench::new(), test_endpoint(EndpointConfig::default()));
    let pool = bench.engine.create_pool("later").unwrap();
    let handler = bench.planned("/json", json());
    let long = "x".repeat(100_000);
    bench.push_event(pool, &handler, "alice", &stanza(&long));
    let pending = bench.counts(pool).pending_bytes;
    assert!((100_000..110_000).contains(&pending), "{pending}");
    bench
        .engine
        .configure_pool(pool, options(endpoint.url("")))
        .unwrap();
    bench.engine.open_pool(pool).unwrap();
    assert_sent(&bench.outcome_of("alice").end);
    bench.assert_conserved();
}
