//! A secret or a template on a mount that hangs: it holds up its own handler, for a time, and the pools of
//! others not at all.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use credentials::CredentialOptions;
use engine::handler_plan::HandlerOptions;
use files::{PATIENCE, Source};
use notification::{Handler, PoolId};
use payload::{FormatOptions, PlanOptions, TemplateOptions};
use support::events::{received, stanza};
use support::{BOUND, Bench, End, Scratch, options, test_endpoint};
use test_endpoint::EndpointConfig;

const KEY: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD\n";

/// A pipe: reading it blocks until something is written.
fn pipe(path: PathBuf) -> PathBuf {
    assert!(
        Command::new("mkfifo")
            .arg(&path)
            .status()
            .unwrap()
            .success()
    );
    path
}

fn signed(file: PathBuf) -> HandlerOptions {
    HandlerOptions {
        credentials: CredentialOptions {
            signing: Some(Source::File(file)),
            ..CredentialOptions::default()
        },
        ..HandlerOptions::default()
    }
}

fn template(file: PathBuf) -> HandlerOptions {
    HandlerOptions {
        payload: PlanOptions {
            format: FormatOptions::Template(TemplateOptions {
                file,
                content_type: "text/plain".to_owned(),
                path: None,
                headers: Vec::new(),
            }),
            ..PlanOptions::default()
        },
        ..HandlerOptions::default()
    }
}

#[track_caller]
fn assert_failed(end: &End, word: &str) {
    let (reason, attempts, text) = end.failure();
    assert_eq!((reason, attempts), (word, 0), "{text}");
    assert!(text.contains("reading it takes long"), "{text}");
}

/// Pushes until the file is read and the notification sent.
fn sent_at_last(bench: &Bench, pool: PoolId, handler: &Arc<Handler>, word: &str) {
    let begin = Instant::now();
    for number in 0.. {
        assert!(begin.elapsed() < BOUND, "the file is read at last");
        let sender = format!("{word} late {number}");
        bench.push_event(pool, handler, &sender, &stanza("hi"));
        if let End::Sent { .. } = bench.outcome_of(&sender).end {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn a_file_that_hangs_holds_up_its_handler_alone_and_not_for_ever() {
    let scratch = Scratch::new("hung");
    let (keys, body) = (pipe(scratch.path("keys")), pipe(scratch.path("body")));
    let endpoint = test_endpoint(EndpointConfig::default());
    let bench = Bench::new();
    let (hung, other) = (
        bench.pool(options(endpoint.url(""))),
        bench.pool(options(endpoint.url(""))),
    );
    let plain = bench.handler("/n");
    // The files are read from here on.
    let begin = Instant::now();
    let hanging = [
        (
            bench.planned("/keys", signed(keys.clone())),
            keys,
            KEY,
            "secret_error",
        ),
        (
            bench.planned("/body", template(body.clone())),
            body,
            "hello",
            "template_error",
        ),
    ];
    for (handler, .., word) in &hanging {
        bench.push_event(hung, handler, word, &stanza("hi"));
    }
    // Nothing of the kind holds up another pool: the files are not read before the test says so.
    for number in 0..20 {
        let (end, _) = bench.deliver(other, &format!("other{number}"));
        assert!(matches!(end, End::Sent { status: 200, .. }), "{end:?}");
    }
    for (handler, _, _, word) in &hanging {
        assert_failed(&bench.outcome_of(word).end, word);
        // From now on its notifications fail at once, and the pool is free for others.
        let sender = format!("{word} again");
        bench.push_event(hung, handler, &sender, &stanza("hi"));
        assert_failed(&bench.outcome_of(&sender).end, word);
    }
    assert!(begin.elapsed() >= PATIENCE);
    bench.push_text(hung, &plain, "plain", b"hi").unwrap();
    assert!(matches!(bench.outcome_of("plain").end, End::Sent { .. }));
    for (handler, file, content, word) in &hanging {
        fs::write(file, content).unwrap();
        sent_at_last(&bench, hung, handler, word);
    }
    let records = received(&endpoint);
    let last = records.last().expect("a request");
    assert_eq!(
        (last.path.as_str(), &last.body[..]),
        ("/body", &b"hello"[..])
    );
    bench.assert_conserved();
}
