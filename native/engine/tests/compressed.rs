//! Handlers whose bodies are compressed: what arrives, what stays as it is, what is signed, what counts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use credentials::CredentialOptions;
use engine::handler_plan::HandlerOptions;
use hmac::{Hmac, KeyInit, Mac};
use notification::policy::Batch;
use notification::{Content, DeliveryPolicy, Handler, Retry};
use payload::{Compression, Headers};
use sha2::Sha256;
use support::events::{field, fields, json, received, stanza};
use support::{Bench, End, HOST_TYPE, Scratch, options, pool_at, test_endpoint, until};
use test_endpoint::{EndpointConfig, Fault, Plan, Record, TlsSettings};

const BOTH: [(Compression, &str); 2] = [(Compression::Gzip, "gzip"), (Compression::Zstd, "zstd")];
const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

fn compressed(how: Compression, options: HandlerOptions) -> HandlerOptions {
    HandlerOptions {
        compress: Some(how),
        ..options
    }
}

/// A handler whose events are JSON, compressed so, and signed.
fn signed(
    bench: &Bench,
    scratch: &Scratch,
    how: Compression,
    policy: DeliveryPolicy,
) -> Arc<Handler> {
    let options = HandlerOptions {
        credentials: CredentialOptions {
            signing: Some(scratch.file("secret", SECRET)),
            ..CredentialOptions::default()
        },
        ..compressed(how, json())
    };
    bench
        .engine
        .planned_handler(HOST_TYPE, "http_pool", "/n", policy, Some(options))
}

/// Longer than what is left as it is, and easily compressed.
fn long() -> String {
    "We meet at the station at nine. ".repeat(100)
}

/// As long, and without any order.
fn noise() -> Vec<u8> {
    let mut state = 1_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[3]
    };
    std::iter::repeat_with(next).take(4000).collect()
}

/// Verifies the signature, over the bytes that have arrived, with another implementation of HMAC.
#[track_caller]
fn assert_signed(record: &Record) {
    let key = BASE64_STANDARD.decode(&SECRET["whsec_".len()..]).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
    let (id, time) = (
        field(record, "webhook-id"),
        field(record, "webhook-timestamp"),
    );
    mac.update(format!("{id}.{time}.").as_bytes());
    mac.update(&record.body);
    let expected = BASE64_STANDARD.encode(mac.finalize().into_bytes());
    assert_eq!(field(record, "webhook-signature"), format!("v1,{expected}"));
}

fn coding(record: &Record) -> Vec<&str> {
    fields(record, "content-encoding")
}

/// A form, what a callback module has made, and JSON, over both protocols.
#[test]
fn whatever_makes_the_body() {
    for ((how, name), http2) in BOTH
        .into_iter()
        .zip([false, true])
        .chain(BOTH.into_iter().zip([true, false]))
    {
        let endpoint = test_endpoint(EndpointConfig {
            tls: http2.then(TlsSettings::self_signed),
            http2,
            ..EndpointConfig::default()
        });
        let bench = Bench::new();
        let (options, _file) = pool_at(&endpoint, http2);
        let pool = bench.pool(options);
        let without_format = bench.planned("/n", compressed(how, HandlerOptions::default()));
        let with_format = bench.planned("/n", compressed(how, json()));
        bench
            .push_text(pool, &without_format, "form", long().as_bytes())
            .unwrap();
        let own = Content::Custom(&[]);
        bench.push_content(pool, &without_format, "custom", long().as_bytes(), own);
        bench.push_event(pool, &with_format, "json", &stanza(&long()));
        for sender in ["form", "custom", "json"] {
            let end = bench.outcome_of(sender).end;
            assert!(matches!(end, End::Sent { status: 200, .. }), "{end:?}");
        }
        let records = endpoint.records();
        assert_eq!(records.len(), 3);
        for record in &records {
            assert_eq!(coding(record), [name]);
            assert_eq!(
                field(record, "content-length"),
                record.body.len().to_string()
            );
            let content = record.content();
            assert!(record.body.len() < content.len() / 4);
            let text = String::from_utf8(content.to_vec()).unwrap();
            let text = text.replace('+', " ");
            assert!(text.contains(long().trim_end()), "{text}");
        }
        assert_eq!(endpoint.stats().bad_requests, 0);
        bench.assert_conserved();
    }
}

#[test]
fn what_stays_as_it_is() {
    for (how, _) in BOTH {
        let (bench, endpoint) = (Bench::new(), test_endpoint(EndpointConfig::default()));
        let pool = bench.pool(options(endpoint.url("")));
        let handler = bench.planned("/n", compressed(how, HandlerOptions::default()));
        // Too short, without order, and encoded by the callback module.
        bench.push_text(pool, &handler, "short", b"hi").unwrap();
        let mut headers = Headers::default();
        bench.push_content(pool, &handler, "noise", &noise(), Content::Custom(&[]));
        headers.add(b"Content-Encoding", b"br").unwrap();
        let own = Content::Custom(headers.as_bytes());
        bench.push_content(pool, &handler, "encoded", long().as_bytes(), own);
        for sender in ["short", "noise", "encoded"] {
            let end = bench.outcome_of(sender).end;
            assert!(matches!(end, End::Sent { status: 200, .. }), "{end:?}");
        }
        let records = endpoint.records();
        let of = |body: &[u8]| {
            records
                .iter()
                .find(|record| record.body.starts_with(body))
                .unwrap()
        };
        assert_eq!(coding(of(b"author=short&")), [""; 0]);
        assert_eq!(coding(of(&noise())), [""; 0]);
        assert_eq!(coding(of(long().as_bytes())), ["br"]);
    }
}

/// The signature covers the bytes that are sent, and each attempt sends the same ones.
#[test]
fn attempts_send_the_same_bytes_and_sign_them() {
    let scratch = Scratch::new("compressed");
    for (how, name) in BOTH {
        let (bench, endpoint) = (Bench::new(), test_endpoint(EndpointConfig::default()));
        let pool = bench.pool(options(endpoint.url("")));
        let policy = DeliveryPolicy {
            retry: Some(Retry {
                initial: Duration::from_millis(1),
                ..Retry::default()
            }),
            ..DeliveryPolicy::default()
        };
        let handler = signed(&bench, &scratch, how, policy);
        // One that breaks, and is repeated at once; one that is tried again later.
        endpoint
            .push_next(1, Plan::fault(Fault::CloseBeforeHead))
            .unwrap();
        endpoint
            .push_next(2, "status=503".parse().unwrap())
            .unwrap();
        bench.push_event(pool, &handler, "alice", &stanza(&long()));
        let end = bench.outcome_of("alice").end;
        assert!(matches!(end, End::Sent { status: 200, .. }), "{end:?}");
        until("all have arrived", || endpoint.records().len() == 4);
        let records = endpoint.records();
        for record in &records {
            assert_eq!(coding(record), [name]);
            assert_eq!(record.body, records[0].body);
            assert_signed(record);
            assert_eq!(
                field(record, "webhook-id"),
                field(&records[0], "webhook-id")
            );
        }
        bench.assert_conserved();
    }
}

/// A batch is compressed and signed as a whole, and its events are those that were handed over.
#[test]
fn batches() {
    let scratch = Scratch::new("compressed-batches");
    for (how, name) in BOTH {
        let (bench, endpoint) = (Bench::new(), test_endpoint(EndpointConfig::default()));
        let pool = bench.pool(options(endpoint.url("")));
        let policy = DeliveryPolicy {
            batch: Some(Batch {
                max_events: 50,
                linger: Duration::from_mins(1),
                ..Batch::default()
            }),
            ..DeliveryPolicy::default()
        };
        let handler = signed(&bench, &scratch, how, policy);
        for number in 0..50 {
            let (sender, text) = (format!("user{number}"), stanza(&number.to_string()));
            bench.push_event(pool, &handler, &sender, &text);
        }
        for number in 0..50 {
            let end = bench.outcome_of(&format!("user{number}")).end;
            assert!(matches!(end, End::Sent { status: 200, .. }), "{end:?}");
        }
        let [record] = &received(&endpoint)[..] else {
            panic!("one request")
        };
        assert_eq!(coding(record), [name]);
        assert_signed(record);
        let events: serde_json::Value = serde_json::from_slice(&record.content()).unwrap();
        let mut bodies: Vec<u32> = events
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["data"]["body"].as_str().unwrap().parse().unwrap())
            .collect();
        bodies.sort_unstable();
        assert_eq!(bodies, (0..50).collect::<Vec<_>>());
        bench.assert_conserved();
    }
}

/// Many large bodies at a time: what they use counts while they are compressed, and nothing is left over.
#[test]
fn nothing_is_left_of_what_was_counted() {
    for (how, _) in BOTH {
        let (bench, endpoint) = (Bench::new(), test_endpoint(EndpointConfig::default()));
        let pool = bench.pool(options(endpoint.url("")));
        let handler = bench.planned("/n", compressed(how, json()));
        let large = stanza(&long().repeat(100));
        for number in 0..20 {
            bench.push_event(pool, &handler, &format!("user{number}"), &large);
        }
        for number in 0..20 {
            let end = bench.outcome_of(&format!("user{number}")).end;
            assert!(matches!(end, End::Sent { status: 200, .. }), "{end:?}");
        }
        bench.assert_conserved();
    }
}

/// What counts while a request is under way is the compressed body, not the one that it was made of.
#[test]
fn what_is_compressed_counts_as_what_it_takes() {
    for (how, _) in BOTH {
        let (bench, endpoint) = (Bench::new(), test_endpoint(EndpointConfig::default()));
        let pool = bench.pool(options(endpoint.url("")));
        let handler = bench.planned("/n", compressed(how, json()));
        endpoint
            .push_next(1, Plan::fault(Fault::StallBeforeHead))
            .unwrap();
        bench.push_event(pool, &handler, "alice", &stanza(&long().repeat(100)));
        until("it has arrived", || endpoint.stats().received == 1);
        let pending = bench.counts(pool).pending_bytes;
        assert!((1..50_000).contains(&pending), "{pending}");
        endpoint.release();
        bench.outcome_of("alice");
        bench.assert_conserved();
    }
}

/// The records that are not compressed are as the schemas say, too.
#[test]
fn the_content_is_what_it_would_have_been() {
    let mut contents = Vec::new();
    for compress in [None, Some(Compression::Gzip), Some(Compression::Zstd)] {
        let (bench, endpoint) = (Bench::new(), test_endpoint(EndpointConfig::default()));
        let pool = bench.pool(options(endpoint.url("")));
        let handler = bench.planned("/n", HandlerOptions { compress, ..json() });
        bench.push_event(pool, &handler, "alice", &stanza(&long()));
        bench.outcome_of("alice");
        let records = received(&endpoint);
        contents.push(records[0].content().to_vec());
    }
    assert_eq!(contents[0], contents[1]);
    assert_eq!(contents[0], contents[2]);
}
