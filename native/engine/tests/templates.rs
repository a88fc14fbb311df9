//! Handlers whose requests are made by templates, and options that do not compile.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::path::PathBuf;

use engine::handler_plan::HandlerOptions;
use payload::{CloudEventsMode, FormatOptions, PlanOptions, TemplateOptions};
use support::events::{field, received, stanza};
use support::{Bench, End, Scratch, assert_sent, options, pool_at, test_endpoint, until};
use test_endpoint::{EndpointConfig, TlsSettings};
use transport::notices::{About, NoticeKind};

fn template(file: PathBuf, path: &str) -> HandlerOptions {
    HandlerOptions {
        payload: PlanOptions {
            format: FormatOptions::Template(TemplateOptions {
                file,
                content_type: "text/plain".to_owned(),
                path: Some(path.to_owned()),
                headers: vec![(
                    "x-from".to_owned(),
                    "{{ data.from.user }} to {{ data.to.user }}".to_owned(),
                )],
            }),
            ..PlanOptions::default()
        },
        ..HandlerOptions::default()
    }
}

/// Body, path and header; what comes from the event is percent-encoded in the path, and joined to the
/// pool's prefix as any path.
#[test]
fn a_template_for_body_path_and_header() {
    let scratch = Scratch::new("template");
    scratch.file("body", "{{ data.from.user }}: {{ data.body }}");
    for http2 in [false, true] {
        let (bench, endpoint) = (
            Bench::new(),
            test_endpoint(EndpointConfig {
                tls: http2.then(TlsSettings::self_signed),
                http2,
                ..EndpointConfig::default()
            }),
        );
        let (mut options, _file) = pool_at(&endpoint, http2);
        options.path_prefix = "/prefix/".to_owned();
        let pool = bench.pool(options);
        let path = "/of/{{ data.from.user }}?to={{ data.to.user }}";
        let handler = bench.planned(path, template(scratch.path("body"), path));
        for sender in ["alice", "a/b?c#d \u{e9}%"] {
            bench.push_event(pool, &handler, sender, &stanza("hi"));
            assert_sent(&bench.outcome_of(sender).end);
        }
        let records = received(&endpoint);
        assert_eq!(records[0].path, "/prefix/of/alice?to=bob");
        assert_eq!(field(&records[0], "content-type"), "text/plain");
        assert_eq!(field(&records[0], "x-from"), "alice to bob");
        assert_eq!(records[0].body, b"alice: hi");
        assert_eq!(
            records[1].path,
            "/prefix/of/a%2Fb%3Fc%23d%20%C3%A9%25?to=bob"
        );
        bench.assert_conserved();
    }
}

/// A template may put anything of an event into the path. The reason of a failure, which is logged and shown in
/// the shell, has the path as it is configured.
#[test]
fn what_an_event_puts_into_the_path_is_in_no_reason() {
    let scratch = Scratch::new("path");
    scratch.file("body", "x");
    let (bench, endpoint) = (
        Bench::new(),
        test_endpoint(EndpointConfig {
            plan: "fault=refuse".parse().unwrap(),
            ..EndpointConfig::default()
        }),
    );
    for (prefix, path, url) in [
        ("/", "/n?text={{ data.body }}", "/n?text={{ data.body }}"),
        ("/a/b/", "{{ data.body }}", "/a/b/{{ data.body }}"),
    ] {
        let mut options = options(endpoint.url(""));
        options.path_prefix = prefix.to_owned();
        let pool = bench.pool(options);
        let handler = bench.planned(path, template(scratch.path("body"), path));
        bench.push_event(pool, &handler, path, &stanza("hunter2"));
        let end = bench.outcome_of(path).end;
        let (reason, _, text) = end.failure();
        assert_eq!(reason, "econnrefused");
        assert!(!text.contains("hunter2") && text.contains(url), "{text}");
    }
    bench.assert_conserved();
}

/// The handler registers; what is wrong is said once, with the file and the line, and is the reason of each
/// notification, until the file is mended.
#[test]
fn a_template_that_does_not_compile() {
    let scratch = Scratch::new("broken");
    scratch.file("body", "line one\n{{ data.body");
    let (bench, endpoint) = (Bench::new(), test_endpoint(EndpointConfig::default()));
    let pool = bench.pool(options(endpoint.url("")));
    let handler = bench.planned("/n", template(scratch.path("body"), "/n"));
    for n in 0..3 {
        let sender = format!("alice{n}");
        bench.push_event(pool, &handler, &sender, &stanza("hi"));
        let end = bench.outcome_of(&sender).end;
        let (reason, attempts, text) = end.failure();
        assert_eq!((reason, attempts), ("template_error", 0));
        assert!(text.contains("body") && text.contains("line 2"), "{text}");
    }
    let notices = bench.engine.notices.take();
    let [notice] = &notices[..] else {
        panic!("{notices:?}");
    };
    assert_eq!(notice.about, About::Handler(handler.id));
    assert_eq!(notice.kind, NoticeKind::Problem);
    assert!(notice.text.contains("line 2"), "{notice:?}");

    scratch.file("body", "{{ data.body }}");
    let mut n = 0;
    until("the file is read again", || {
        n += 1;
        let sender = format!("carol{n}");
        bench.push_event(pool, &handler, &sender, &stanza("hi"));
        matches!(bench.outcome_of(&sender).end, End::Sent { .. })
    });
    let mut kinds = Vec::new();
    until("it is said", || {
        kinds.extend(bench.engine.notices.take().iter().map(|notice| notice.kind));
        !kinds.is_empty()
    });
    assert_eq!(kinds, [NoticeKind::Mended]);
    bench.assert_conserved();
}

/// A path or header that is no template, or a source that is no URI reference, is found when the handler
/// registers, and costs each of its notifications.
#[test]
fn options_that_do_not_compile() {
    let scratch = Scratch::new("options");
    scratch.file("body", "{{ data.body }}");
    let (bench, endpoint) = (Bench::new(), test_endpoint(EndpointConfig::default()));
    let pool = bench.pool(options(endpoint.url("")));
    let source = HandlerOptions {
        payload: PlanOptions {
            format: FormatOptions::CloudEvents {
                mode: CloudEventsMode::Structured,
                source: Some("not a URI".to_owned()),
            },
            ..PlanOptions::default()
        },
        ..HandlerOptions::default()
    };
    let path = "/{{ broken";
    let broken = [
        ("source", "/n", source, "payload_error"),
        (
            "path",
            path,
            template(scratch.path("body"), path),
            "template_error",
        ),
    ];
    for (sender, path, options, expected) in broken {
        let handler = bench.planned(path, options);
        bench.push_event(pool, &handler, sender, &stanza("hi"));
        let end = bench.outcome_of(sender).end;
        assert!(
            matches!(end, End::Failed { reason, attempts: 0, .. } if reason == expected),
            "{end:?}"
        );
        let notices = bench.engine.notices.take();
        assert!(
            matches!(&notices[..], [one] if one.about == About::Handler(handler.id)),
            "{notices:?}"
        );
    }
    bench.assert_conserved();
}
