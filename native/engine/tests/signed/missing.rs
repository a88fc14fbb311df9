//! A secret or a token that is not there.

use credentials::{AuthOptions, CredentialOptions, OAuth2Options};
use files::Source;
use test_endpoint::EndpointConfig;
use transport::notices::{About, NoticeKind};

use super::{assert_sent, only};
use crate::support::events::{field, received};
use crate::support::{Bench, End, Scratch, options, test_endpoint, until};

/// It fails with its own reason before anything is sent, keeps the connection for others, is said once, and
/// works once the file is there.
#[test]
fn a_secret_that_is_not_there() {
    let scratch = Scratch::new("missing");
    let (bench, endpoint) = (Bench::new(), test_endpoint(EndpointConfig::default()));
    let pool = bench.pool(options(endpoint.url("")));
    let other = bench.handler("/n");
    let handler = bench.planned(
        "/n",
        only(CredentialOptions {
            auth: Some(AuthOptions::Bearer(Source::File(scratch.path("token")))),
            ..CredentialOptions::default()
        }),
    );
    bench.push_text(pool, &other, "first", b"hi").unwrap();
    assert_sent(&bench.outcome_of("first").end);
    for n in 0..3 {
        let sender = format!("alice{n}");
        bench.push_text(pool, &handler, &sender, b"hi").unwrap();
        let end = bench.outcome_of(&sender).end;
        let (reason, attempts, text) = end.failure();
        assert_eq!((reason, attempts), ("secret_error", 0));
        assert!(text.contains("auth.bearer_file"), "{text}");
    }
    bench.push_text(pool, &other, "second", b"hi").unwrap();
    assert_sent(&bench.outcome_of("second").end);
    let connections: Vec<_> = received(&endpoint)
        .iter()
        .map(|record| record.connection)
        .collect();
    assert_eq!(connections, [1, 1]);
    let notices = bench.engine.notices.take();
    let [notice] = &notices[..] else {
        panic!("{notices:?}");
    };
    assert_eq!(notice.about, About::Handler(handler.id));
    assert_eq!(notice.kind, NoticeKind::Problem);

    scratch.file("token", "t0ken");
    let mut n = 0;
    until("the file is read again", || {
        n += 1;
        let sender = format!("carol{n}");
        bench.push_text(pool, &handler, &sender, b"hi").unwrap();
        matches!(bench.outcome_of(&sender).end, End::Sent { .. })
    });
    let last = received(&endpoint).pop().unwrap();
    assert_eq!(field(&last, "authorization"), "Bearer t0ken");
    let mut kinds = Vec::new();
    until("it is said", || {
        kinds.extend(bench.engine.notices.take().iter().map(|notice| notice.kind));
        !kinds.is_empty()
    });
    assert_eq!(kinds, [NoticeKind::Mended]);
    bench.assert_conserved();
}

#[test]
fn a_token_endpoint_that_is_not_there() {
    let scratch = Scratch::new("token");
    let (bench, endpoint) = (Bench::new(), test_endpoint(EndpointConfig::default()));
    let pool = bench.pool(options(endpoint.url("")));
    let handler = bench.planned(
        "/n",
        only(CredentialOptions {
            auth: Some(AuthOptions::OAuth2(OAuth2Options {
                token_url: "http://127.0.0.1:1/token".to_owned(),
                client_id: "id".to_owned(),
                client_secret: scratch.file("client", "5ecret"),
                scope: None,
            })),
            ..CredentialOptions::default()
        }),
    );
    bench.push_text(pool, &handler, "alice", b"hi").unwrap();
    let end = bench.outcome_of("alice").end;
    let (reason, attempts, text) = end.failure();
    assert_eq!((reason, attempts), ("token_error", 0), "{text}");
    assert!(!text.contains("5ecret"), "{text}");
    assert!(received(&endpoint).is_empty());
    bench.assert_conserved();
}
