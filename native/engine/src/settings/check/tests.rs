//! Each option has a test here that fails when the option is ignored.

use std::time::Duration;

use queue::WhenBusy;
use transport::{BaseUrl, ConfigError, TlsOptions, Warning};

use crate::settings::{PoolOptions, PoolSettings, STRATEGIES};

fn options() -> PoolOptions {
    PoolOptions {
        host: "http://localhost:8000".into(),
        path_prefix: "/".into(),
        request_timeout: 2000,
        call_timeout: 5000,
        workers: 10,
        strategy: "best_worker".into(),
        max_worker_queue_len: None,
        http2: false,
        tls: None,
    }
}

#[track_caller]
fn quiet(options: PoolOptions) -> PoolSettings {
    let (settings, warnings) = options.check().unwrap();
    assert_eq!(warnings, []);
    settings
}

#[track_caller]
fn warned(options: PoolOptions) -> (PoolSettings, Warning) {
    let (settings, mut warnings) = options.check().unwrap();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    (settings, warnings.remove(0))
}

fn host(host: &str) -> PoolOptions {
    PoolOptions {
        host: host.into(),
        ..options()
    }
}

fn base(https: bool, host: &str, port: u16) -> BaseUrl {
    BaseUrl {
        https,
        host: host.into(),
        port,
    }
}

#[test]
fn hosts() {
    for (given, expected) in [
        ("http://localhost:8000", base(false, "localhost", 8000)),
        ("http://localhost", base(false, "localhost", 80)),
        ("https://localhost", base(true, "localhost", 443)),
        (
            "HTTPS://Push.Example.COM",
            base(true, "push.example.com", 443),
        ),
        ("http://[::1]:8080", base(false, "::1", 8080)),
        ("https://[2001:DB8::0:1]", base(true, "2001:db8::1", 443)),
        ("http://127.0.0.1:1", base(false, "127.0.0.1", 1)),
        ("http://my_service:65535/", base(false, "my_service", 65535)),
    ] {
        assert_eq!(quiet(host(given)).base, expected, "{given}");
    }
}

#[test]
fn hosts_that_cannot_be() {
    for given in [
        "",
        "localhost:8000",
        "ftp://localhost",
        "http://",
        "http://:80",
        "http://localhost:",
        "http://localhost:0",
        "http://localhost:65536",
        "http://localhost:+80",
        "http://localhost:80x",
        "http://::1:80",
        "http://[::1",
        "http://[::1]80",
        "http://[local]",
        "http://my host",
        "http://b\u{fc}cher.example",
        " http://localhost",
    ] {
        let error = host(given).check().unwrap_err();
        assert_eq!(error.option, "connection.host", "{given}");
        assert!(error.to_string().contains("http[s]://name[:port]"));
    }
}

#[test]
fn what_follows_the_host_is_ignored_aloud() {
    let (settings, warning) = warned(host("http://localhost/api?x"));
    assert_eq!(settings.base, base(false, "localhost", 80));
    assert_eq!(warning.option, "connection.host");
    assert!(warning.text.contains("\"/api?x\""));
}

#[test]
fn credentials_are_ignored_and_not_repeated() {
    let (settings, warning) = warned(host("http://alice:s3cret@localhost:81"));
    assert_eq!(settings.base, base(false, "localhost", 81));
    assert!(!warning.text.contains("s3cret"));
}

#[test]
fn workers() {
    let settings = quiet(PoolOptions {
        workers: 3,
        ..options()
    });
    assert_eq!(settings.workers.get(), 3);
    let error = PoolOptions {
        workers: 0,
        ..options()
    }
    .check()
    .unwrap_err();
    assert_eq!(error, ConfigError::new("workers", "must be at least 1"));
}

#[test]
fn strategies() {
    for strategy in STRATEGIES {
        let settings = quiet(PoolOptions {
            strategy: strategy.into(),
            ..options()
        });
        let expected = match strategy {
            "next_available_worker" => WhenBusy::Reject,
            _ => WhenBusy::Wait,
        };
        assert_eq!(settings.when_busy, expected, "{strategy}");
    }
    let strategy = "worst_worker".into();
    let error = PoolOptions {
        strategy,
        ..options()
    }
    .check()
    .unwrap_err();
    assert_eq!(error.option, "strategy");
    assert!(error.text.contains("best_worker"));
}

#[test]
fn queue_length_is_per_worker_and_for_the_best_worker_only() {
    let limited = PoolOptions {
        max_worker_queue_len: Some(7),
        ..options()
    };
    assert_eq!(quiet(limited.clone()).max_waiting, Some(70));
    assert_eq!(quiet(options()).max_waiting, None);
    let strategy = "random_worker".into();
    let (settings, warning) = warned(PoolOptions {
        strategy,
        ..limited
    });
    assert_eq!(settings.max_waiting, None);
    assert_eq!(warning.option, "max_worker_queue_len");
    let (settings, _) = warned(PoolOptions {
        max_worker_queue_len: Some(0),
        ..options()
    });
    assert_eq!(settings.max_waiting, Some(0));
    let huge = PoolOptions {
        max_worker_queue_len: Some(u64::MAX),
        ..options()
    };
    assert_eq!(quiet(huge).max_waiting, Some(usize::MAX));
}

#[test]
fn timeouts() {
    let settings = quiet(PoolOptions {
        request_timeout: 1,
        call_timeout: 2,
        ..options()
    });
    assert_eq!(settings.request_timeout, Duration::from_millis(1));
    assert_eq!(settings.call_timeout, Duration::from_millis(2));
    let error = PoolOptions {
        call_timeout: 0,
        ..options()
    }
    .check()
    .unwrap_err();
    assert_eq!(error.option, "call_timeout");
    let error = PoolOptions {
        call_timeout: u64::MAX,
        ..options()
    }
    .check()
    .unwrap_err();
    assert_eq!(error.option, "call_timeout");
    let error = PoolOptions {
        request_timeout: 1 << 32,
        ..options()
    }
    .check()
    .unwrap_err();
    assert_eq!(error.option, "connection.request_timeout");
}

#[test]
fn a_request_timeout_that_can_do_nothing_is_named() {
    for request_timeout in [5000, 6000] {
        let (_, warning) = warned(PoolOptions {
            request_timeout,
            ..options()
        });
        assert_eq!(warning.option, "connection.request_timeout");
        assert!(warning.text.contains("call_timeout"));
    }
    let (settings, warning) = warned(PoolOptions {
        request_timeout: 0,
        ..options()
    });
    assert_eq!(settings.request_timeout, Duration::ZERO);
    assert!(warning.text.contains("request_timeout"));
}

#[test]
fn http2_needs_https() {
    let https = PoolOptions {
        http2: true,
        ..host("https://localhost")
    };
    assert!(quiet(https).http2);
    assert!(!quiet(host("https://localhost")).http2);
    let (settings, warning) = warned(PoolOptions {
        http2: true,
        ..options()
    });
    assert!(!settings.http2);
    assert!(warning.text.contains("HTTP/1.1"));
}

#[test]
fn tls_goes_with_https() {
    let tls = Some(TlsOptions {
        sni: false,
        ..TlsOptions::default()
    });
    let https = PoolOptions {
        tls: tls.clone(),
        ..host("https://localhost")
    };
    assert_eq!(quiet(https).tls, tls);
    let expected = Some(TlsOptions::default());
    assert_eq!(quiet(host("https://localhost")).tls, expected);
    let (settings, warning) = warned(PoolOptions { tls, ..options() });
    assert_eq!(settings.tls, None);
    assert_eq!(warning.option, "connection.tls");
    assert_eq!(quiet(options()).tls, None);
}

#[test]
fn path_prefix() {
    let path_prefix = "/api".to_owned();
    let settings = quiet(PoolOptions {
        path_prefix: path_prefix.clone(),
        ..options()
    });
    assert_eq!(settings.path_prefix, path_prefix);
    let path_prefix = "/a\n".into();
    let error = PoolOptions {
        path_prefix,
        ..options()
    }
    .check()
    .unwrap_err();
    assert_eq!(error.option, "connection.path_prefix");
}
