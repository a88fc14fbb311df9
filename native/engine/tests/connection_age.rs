//! How long connections live, over HTTP/1.1 and HTTP/2: busy ones end at their maximum age, so that a change
//! of DNS is noticed, and idle ones before a device on the way drops them.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::sleep;
use std::time::Duration;

use engine::engine::EngineSettings;
use engine::settings::PoolOptions;
use support::process::connections_to;
use support::{BOUND, Bench, TempFile, assert_sent, millis, options, test_endpoint, until};
use test_endpoint::{EndpointConfig, EndpointHandle, TlsSettings};
use transport::TlsOptions;
use transport::lifetimes::Lifetimes;
use transport::names::Names;

const PROTOCOLS: [bool; 2] = [false, true];

fn bench(lifetimes: Lifetimes, names: Arc<Names>) -> Bench {
    let settings = EngineSettings {
        lifetimes,
        ..EngineSettings::default()
    };
    Bench::with(settings, names)
}

fn endpoint(http2: bool) -> EndpointHandle {
    test_endpoint(EndpointConfig {
        tls: http2.then(TlsSettings::self_signed),
        http2,
        ..EndpointConfig::default()
    })
}

fn pool_at(endpoint: &EndpointHandle, http2: bool) -> (PoolOptions, Option<TempFile>) {
    let (options, file) = support::pool_at(endpoint, http2);
    let patient = PoolOptions {
        request_timeout: millis(BOUND),
        call_timeout: millis(BOUND),
        ..options
    };
    (patient, file)
}

/// A pool that is never idle follows its name to another machine, and no notification is lost.
#[test]
fn a_busy_pool_follows_a_change_of_dns() {
    for http2 in PROTOCOLS {
        let last = Arc::new(AtomicU8::new(1));
        let names = {
            let last = Arc::clone(&last);
            Names::with(Arc::new(move |_| {
                let address = Ipv4Addr::new(127, 0, 0, last.load(Ordering::Acquire));
                Ok(vec![IpAddr::from(address)])
            }))
        };
        let lifetimes = Lifetimes {
            max_age: Some(Duration::from_secs(1)),
            ..Lifetimes::default()
        };
        let bench = bench(lifetimes, Arc::new(names));
        let before = endpoint(http2);
        let after = test_endpoint(EndpointConfig {
            bind: vec![Ipv4Addr::new(127, 0, 0, 2).into()],
            port: before.port(),
            tls: http2.then(TlsSettings::self_signed),
            http2,
            ..EndpointConfig::default()
        });
        let scheme = if http2 { "https" } else { "http" };
        let pool = bench.pool(PoolOptions {
            http2,
            // The two have an authority each, and what matters here is where the requests go.
            tls: http2.then(|| TlsOptions {
                accept_any: true,
                ..TlsOptions::default()
            }),
            request_timeout: millis(BOUND),
            call_timeout: millis(BOUND),
            ..options(format!("{scheme}://moving.test:{}", before.port()))
        });
        let mut sent = 0;
        let mut deliver = || {
            sent += 1;
            assert_sent(&bench.deliver(pool, &format!("{sent}")).0);
        };
        deliver();
        assert_eq!(before.stats().begun, 1);
        last.store(2, Ordering::Release);
        until("requests go to the new address", || {
            deliver();
            after.stats().begun > 0
        });
        let there = before.stats().begun;
        deliver();
        assert_eq!(before.stats().begun, there, "it went back");
        until("the old connections are closed", || {
            before.stats().connections_open == 0
        });
        bench.assert_conserved();
    }
}

/// Over HTTP/2 a connection that is too old accepts no more requests, and those on it are answered.
#[test]
fn what_is_under_way_on_an_old_connection_is_answered() {
    let lifetimes = Lifetimes {
        max_age: Some(Duration::from_secs(1)),
        ..Lifetimes::default()
    };
    let bench = bench(lifetimes, Arc::default());
    let endpoint = endpoint(true);
    let (options, _file) = pool_at(&endpoint, true);
    let pool = bench.pool(PoolOptions {
        workers: 5,
        ..options
    });
    let stalled = "fault=stall-before-head".parse().unwrap();
    endpoint.set_plan_for("/slow", stalled).unwrap();
    assert_sent(&bench.deliver(pool, "warm").0);
    let slow = bench.handler("/slow");
    bench.push_text(pool, &slow, "slow", b"").unwrap();
    until("it is under way", || endpoint.stats().in_flight == 1);
    let mut sent = 0;
    until("others go over another connection", || {
        sent += 1;
        assert_sent(&bench.deliver(pool, &format!("{sent}")).0);
        endpoint.stats().connections_accepted >= 3
    });
    assert_eq!(endpoint.stats().in_flight, 1);
    endpoint.release();
    assert_sent(&bench.outcome_of("slow").end);
    let to_slow = endpoint.stats().paths["/slow"];
    assert_eq!(to_slow, 1, "it went out once");
    bench.assert_conserved();
}

#[test]
fn without_an_age_a_busy_connection_stays() {
    for http2 in PROTOCOLS {
        let lifetimes = Lifetimes {
            max_age: None,
            ..Lifetimes::default()
        };
        let bench = bench(lifetimes, Arc::default());
        let endpoint = endpoint(http2);
        let (options, _file) = pool_at(&endpoint, http2);
        let pool = bench.pool(options);
        for n in 0..10 {
            assert_sent(&bench.deliver(pool, &format!("{n}")).0);
            sleep(Duration::from_millis(50));
        }
        assert_eq!(endpoint.stats().connections_accepted, 1);
    }
}

#[test]
fn an_idle_connection_is_closed() {
    for http2 in PROTOCOLS {
        let lifetimes = Lifetimes {
            max_idle: Duration::from_millis(400),
            ..Lifetimes::default()
        };
        let bench = bench(lifetimes, Arc::default());
        let endpoint = endpoint(http2);
        let (options, _file) = pool_at(&endpoint, http2);
        let pool = bench.pool(options);
        assert_sent(&bench.deliver(pool, "one").0);
        until("it is closed", || endpoint.stats().connections_open == 0);
        assert_sent(&bench.deliver(pool, "two").0);
        bench.assert_conserved();
    }
}

/// The kernel's timer of each socket that is connected to that port.
fn timers(port: u16) -> Vec<String> {
    let connections = connections_to(port).into_iter();
    let established = connections.filter(|connection| connection.state == "01");
    established.map(|connection| connection.timer).collect()
}

#[test]
fn the_kernel_asks_silent_peers_for_a_sign_of_life() {
    const KEEPALIVE: &str = "02";
    for http2 in PROTOCOLS {
        let bench = Bench::new();
        let endpoint = endpoint(http2);
        let (options, _file) = pool_at(&endpoint, http2);
        let pool = bench.pool(options);
        assert_sent(&bench.deliver(pool, "one").0);
        until("its timer is that of keep-alive", || {
            timers(endpoint.port()) == [KEEPALIVE]
        });
    }
}
