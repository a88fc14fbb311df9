//! A secret that is a part of the path.

use credentials::CredentialOptions;
use files::{Secret, Source};

use super::{assert_sent, endpoint_over, only};
use crate::support::events::received;
use crate::support::{Bench, Scratch, pool_at};

/// The secret of a path goes to the web service over both protocols, also beside a host of the handler's. What is said
/// of a failure has the place of it, and a path without a place fails.
#[test]
fn a_secret_in_the_path() {
    let scratch = Scratch::new("path");
    let options_of = |headers: Vec<(String, Source)>| {
        only(CredentialOptions {
            headers,
            path_secret: Some(scratch.file("path", "T0/5ecret-1\n")),
            ..CredentialOptions::default()
        })
    };
    let host = || {
        vec![(
            "host".to_owned(),
            Source::Value(Secret::new("other.example:1")),
        )]
    };
    for http2 in [false, true] {
        let endpoint = endpoint_over(http2);
        let bench = Bench::new();
        let (options, _file) = pool_at(&endpoint, http2);
        let pool = bench.pool(options);
        for (sender, path, headers, sent) in [
            (
                "alice",
                "/bot$SECRET/send?x=1",
                vec![],
                "/botT0/5ecret-1/send?x=1",
            ),
            ("bob", "/$SECRET", host(), "/T0/5ecret-1"),
        ] {
            let handler = bench.planned(path, options_of(headers));
            bench.push_text(pool, &handler, sender, b"hi").unwrap();
            assert_sent(&bench.outcome_of(sender).end);
            assert_eq!(received(&endpoint).pop().unwrap().path, sent);
        }
        let without = bench.planned("/n", options_of(vec![]));
        bench.push_text(pool, &without, "carol", b"hi").unwrap();
        let end = format!("{:?}", bench.outcome_of("carol").end);
        assert!(
            end.contains("secret_error") && end.contains("$SECRET"),
            "{end}"
        );
        endpoint
            .set_plan("fault=close-before-head".parse().unwrap())
            .unwrap();
        let failing = bench.planned("/f/$SECRET", options_of(vec![]));
        bench.push_text(pool, &failing, "dave", b"hi").unwrap();
        let end = format!("{:?}", bench.outcome_of("dave").end);
        assert!(
            end.contains("/f/$SECRET") && !end.contains("5ecret"),
            "{end}"
        );
        bench.assert_conserved();
    }
}
