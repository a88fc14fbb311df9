//! Headers, authentication and a signature on whatever makes the body, and on each attempt.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use credentials::{AuthOptions, CredentialOptions};
use engine::handler_plan::HandlerOptions;
use files::{Secret, Source};
use hmac::{Hmac, KeyInit, Mac};
use notification::Content;
use payload::Headers;
use sha2::Sha256;
use test_endpoint::{EndpointConfig, Fault, Plan, Record};

use super::{assert_sent, endpoint_over, only};
use crate::support::events::{field, json, received, stanza};
use crate::support::{Bench, End, Scratch, options, pool_at, test_endpoint};

/// Two secrets that sign side by side.
const SECRETS: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD\n\
    whsec_NWVjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0\n";

fn all(scratch: &Scratch) -> CredentialOptions {
    CredentialOptions {
        headers: vec![
            ("X-Tenant".to_owned(), Source::Value(Secret::new("acme"))),
            ("x-key".to_owned(), scratch.file("key", "5ecret\n")),
        ],
        auth: Some(AuthOptions::Bearer(scratch.file("token", "t0ken\n"))),
        signing: Some(scratch.file("secrets", SECRETS)),
        path_secret: None,
    }
}

/// Verifies a signature with another implementation of HMAC, for each of the secrets.
#[track_caller]
fn assert_signed(record: &Record) {
    let (id, time) = (
        field(record, "webhook-id"),
        field(record, "webhook-timestamp"),
    );
    let signed = [id.as_bytes(), b".", time.as_bytes(), b".", &record.body].concat();
    let expected: Vec<String> = SECRETS
        .lines()
        .map(|secret| {
            let key = BASE64_STANDARD.decode(&secret["whsec_".len()..]).unwrap();
            let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
            mac.update(&signed);
            format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
        })
        .collect();
    assert_eq!(field(record, "webhook-signature"), expected.join(" "));
}

/// A form, what a callback module has made, and JSON, over both protocols.
#[test]
fn whatever_makes_the_body() {
    let scratch = Scratch::new("bodies");
    let mut custom = Headers::default();
    for (name, value) in [
        ("x-own", "1"),
        ("Authorization", "own"),
        ("x-tenant", "own"),
    ] {
        custom.add(name.as_bytes(), value.as_bytes()).unwrap();
    }
    for http2 in [false, true] {
        let endpoint = endpoint_over(http2);
        let bench = Bench::new();
        let (options, _file) = pool_at(&endpoint, http2);
        let pool = bench.pool(options);
        let without_format = bench.planned("/n", only(all(&scratch)));
        let with_format = bench.planned(
            "/n",
            HandlerOptions {
                credentials: all(&scratch),
                ..json()
            },
        );
        bench
            .push_text(pool, &without_format, "form", b"hi")
            .unwrap();
        let content = Content::Custom(custom.as_bytes());
        bench.push_content(pool, &without_format, "custom", b"own body", content);
        bench.push_event(pool, &with_format, "json", &stanza("hi"));
        for sender in ["form", "custom", "json"] {
            assert_sent(&bench.outcome_of(sender).end);
        }
        let records = received(&endpoint);
        assert_eq!(records.len(), 3);
        for record in &records {
            assert_eq!(field(record, "authorization"), "Bearer t0ken");
            assert_eq!(field(record, "x-tenant"), "acme");
            assert_eq!(field(record, "x-key"), "5ecret");
            assert_signed(record);
        }
        let of = |start: &[u8]| {
            let mut of = records
                .iter()
                .filter(|record| record.body.starts_with(start));
            of.next().unwrap()
        };
        let form = field(of(b"author=form&"), "content-type");
        assert_eq!(form, "application/x-www-form-urlencoded");
        assert_eq!(field(of(b"own body"), "x-own"), "1");
        assert_eq!(field(of(b"{"), "content-type"), "application/json");
        assert_eq!(endpoint.stats().bad_requests, 0);
        bench.assert_conserved();
    }
}

/// A form that is not signed has no identity: with no other option it is what it always was.
#[test]
fn only_what_is_signed_or_has_a_format_has_an_identity() {
    let (bench, endpoint) = (Bench::new(), test_endpoint(EndpointConfig::default()));
    let pool = bench.pool(options(endpoint.url("")));
    let handler = bench.planned(
        "/n",
        only(CredentialOptions {
            headers: vec![
                ("x-tenant".to_owned(), Source::Value(Secret::new("acme"))),
                (
                    "host".to_owned(),
                    Source::Value(Secret::new("other.example:1")),
                ),
            ],
            ..CredentialOptions::default()
        }),
    );
    bench.push_text(pool, &handler, "alice", b"hi").unwrap();
    assert_sent(&bench.outcome_of("alice").end);
    let record = received(&endpoint).remove(0);
    let names: Vec<_> = std::str::from_utf8(&record.raw_headers)
        .unwrap()
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        names,
        ["host", "content-length", "content-type", "x-tenant"]
    );
    assert_eq!(field(&record, "host"), "other.example:1");
}

/// The bytes that are signed are the same on each attempt; the time is the attempt's, and so the signature.
#[test]
fn each_attempt_is_signed() {
    let scratch = Scratch::new("attempts");
    let endpoint = test_endpoint(EndpointConfig {
        plan: Plan::fault(Fault::CloseBeforeHead).delayed(Duration::from_millis(1100)),
        ..EndpointConfig::default()
    });
    let bench = Bench::new();
    let pool = bench.pool(options(endpoint.url("")));
    let handler = bench.planned("/n", only(all(&scratch)));
    bench.push_text(pool, &handler, "alice", b"hi").unwrap();
    let end = bench.outcome_of("alice").end;
    assert!(matches!(end, End::Failed { attempts: 3, .. }), "{end:?}");
    let records = received(&endpoint);
    assert_eq!(records.len(), 3);
    records.iter().for_each(assert_signed);
    let signatures: Vec<_> = records
        .iter()
        .map(|record| field(record, "webhook-signature"))
        .collect();
    assert!(signatures[0] != signatures[1] && signatures[1] != signatures[2]);
    let id = field(&records[0], "webhook-id");
    assert!(
        records
            .iter()
            .all(|record| field(record, "webhook-id") == id)
    );
}

/// Nothing in `{:?}` of a handler shows a secret: a handler is printed with its notification.
#[test]
fn nothing_secret_is_printed() {
    let scratch = Scratch::new("printed");
    let bench = Bench::new();
    let handler = bench.planned(
        "/n",
        only(CredentialOptions {
            headers: vec![("x-key".to_owned(), Source::Value(Secret::new("5ecret")))],
            ..all(&scratch)
        }),
    );
    let printed = format!("{handler:?} {:?}", handler.plan);
    assert!(
        !printed.contains("5ecret") && !printed.contains("t0ken"),
        "{printed}"
    );
}
