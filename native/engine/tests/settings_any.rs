//! Whatever an operator may write: no panic, and what is accepted can be sent.
#![allow(clippy::unwrap_used)]

use engine::settings::{PoolOptions, STRATEGIES};
use proptest::prelude::*;
use transport::tls::TlsClient;
use transport::url::{join, stock_join};
use transport::{TlsOptions, Verify};

/// Paths that are made of what matters at a seam.
fn part() -> impl Strategy<Value = String> {
    prop_oneof![
        "[/?a%.&= ]{0,8}",
        "/?[a-z]{1,6}(/[a-z]{1,6}){0,2}/?",
        "\\PC{0,12}",
        any::<String>(),
    ]
}

fn options() -> impl Strategy<Value = PoolOptions> {
    let host = prop_oneof![
        "(http|https|HTTP|Https|ftp)://[a-zA-Z0-9.:@/\\[\\]?#_-]{0,20}",
        any::<String>(),
    ];
    let strategy = prop_oneof![
        proptest::sample::select(&STRATEGIES[..]).prop_map(str::to_owned),
        any::<String>(),
    ];
    let numbers = (
        any::<u64>(),
        any::<u64>(),
        any::<u64>(),
        any::<Option<u64>>(),
    );
    let small = (
        0_u64..10,
        0_u64..10,
        0_u64..4,
        proptest::option::of(0_u64..4),
    );
    (
        host,
        part(),
        strategy,
        prop_oneof![numbers, small],
        any::<bool>(),
    )
        .prop_map(
            |(host, path_prefix, strategy, numbers, http2)| PoolOptions {
                host,
                path_prefix,
                request_timeout: numbers.0,
                call_timeout: numbers.1,
                workers: numbers.2,
                strategy,
                max_worker_queue_len: numbers.3,
                http2,
                tls: None,
            },
        )
}

proptest! {
    #[test]
    fn a_target_is_valid_or_refused(prefix in part(), path in part()) {
        let Ok(target) = join(&prefix, &path) else {
            let both = format!("{prefix}{path}");
            prop_assert!(both.contains('#') || both.contains(char::is_control), "{both:?}");
            return Ok(());
        };
        let text = target.as_str();
        prop_assert!(text.starts_with('/'));
        prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
        let parsed: http::Uri = text.parse().unwrap();
        prop_assert_eq!(parsed.path_and_query().unwrap(), target.path_and_query());
        // Joining once more changes nothing.
        prop_assert_eq!(join(text, "").unwrap(), target);
    }

    #[test]
    fn slashes_at_the_seam_do_not_matter(
        prefix in "/[a-z]{1,5}",
        path in "[a-z]{1,5}(\\?[a-z=]{0,5})?",
        before in 0_usize..3,
        after in 0_usize..3,
    ) {
        let joined = join(&format!("{prefix}{}", "/".repeat(before)), &format!("{}{path}", "/".repeat(after)));
        prop_assert_eq!(joined.unwrap().to_string(), format!("{prefix}/{path}"));
    }

    #[test]
    fn with_one_slash_in_the_prefix_the_stock_module_does_the_same(
        prefix in "(/[a-z]{1,5}){0,2}/",
        path in "/?[a-z]{0,5}",
    ) {
        let joined = join(&prefix, &path).unwrap();
        prop_assert_eq!(joined.as_str(), stock_join(&prefix, &path));
    }

    #[test]
    fn checked_settings_can_be_used(options in options()) {
        let Ok((settings, _)) = options.clone().check() else { return Ok(()) };
        prop_assert!(!settings.base.host.is_empty());
        prop_assert_eq!(settings.base.host.to_ascii_lowercase(), settings.base.host.clone());
        prop_assert_eq!(settings.tls.is_some(), settings.base.https);
        prop_assert!(settings.base.https || !settings.http2);
        prop_assert!(!settings.call_timeout.is_zero());
        let url = format!("http://{}/", settings.base.authority());
        prop_assert!(url.parse::<http::Uri>().is_ok(), "{url}");
        join(&settings.path_prefix, "path").unwrap();
    }

    #[test]
    fn cipher_strings_are_read_or_refused(
        words in proptest::collection::vec(
            prop_oneof![
                "[!+-]?(ALL|HIGH|ECDHE|AESGCM|CHACHA20|aRSA|ECDSA|TLSv1.3|eNULL)(\\+AES128|\\+kRSA)?",
                "@(STRENGTH|SECLEVEL=[0-9]|X)",
                "ECDHE-RSA-AES128-GCM-SHA256",
                "\\PC{0,6}",
            ],
            0..6,
        ),
    ) {
        let options = TlsOptions {
            verify: Verify::None,
            ciphers: Some(words.join(":")),
            ..TlsOptions::default()
        };
        match TlsClient::open(&options, "localhost", false) {
            Ok((client, _)) => prop_assert!(!client.connector().0.crypto_provider().cipher_suites.is_empty()),
            Err(error) => prop_assert_eq!(error.option, "connection.tls.ciphers"),
        }
    }
}
