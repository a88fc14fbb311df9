//! A name resolves slowly, wrongly or not at all, and to several addresses of which some are dead.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use engine::engine::EngineSettings;
use engine::settings::PoolOptions;
use test_endpoint::EndpointConfig;
use transport::dial::dial;
use transport::names::{NEXT_AFTER, Names};

use super::{assert_failed, assert_sent};
use crate::support::{Bench, End, PATIENCE, hurried, options, test_endpoint, until};

fn addresses(last: impl IntoIterator<Item = u8>) -> Vec<IpAddr> {
    let loopback = |last| Ipv4Addr::new(127, 0, 0, last).into();
    last.into_iter().map(loopback).collect()
}

#[test]
fn a_resolver_that_is_slow_wrong_or_broken() {
    let asked = Arc::new(AtomicUsize::new(0));
    // The look-up of the slow name ends when the test says so.
    let (go_on, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let names = {
        let asked = Arc::clone(&asked);
        Names::with(Arc::new(move |name| match name {
            "slow.test" => {
                asked.fetch_add(1, Ordering::AcqRel);
                let _ = wait.lock().unwrap().recv();
                Ok(addresses([1]))
            }
            "empty.test" => Ok(addresses([])),
            "crash.test" => panic!("a test asked for this"),
            _ => Err(io::Error::other("no such name")),
        }))
    };
    let bench = Bench::with(EngineSettings::default(), Arc::new(names));
    let endpoint = test_endpoint(EndpointConfig::default());
    let at = |name: &str| format!("http://{name}:{}", endpoint.port());

    for name in ["none.test", "empty.test", "crash.test"] {
        let pool = bench.pool(options(at(name)));
        let (end, _) = bench.deliver(pool, name);
        assert_failed(&end, "nxdomain", 1);
    }

    // Another pool notices nothing, and the notifications fail in time, while the look-up goes on.
    let slow = bench.pool(PoolOptions {
        workers: 20,
        ..hurried(options(at("slow.test")), PATIENCE[0])
    });
    let other = bench.pool(options(at("127.0.0.1")));
    let begin = Instant::now();
    for n in 0..20 {
        bench.push(slow, &format!("slow {n}")).unwrap();
    }
    assert_sent(&bench.deliver(other, "other").0);
    for n in 0..20 {
        let seen = bench.outcome_of(&format!("slow {n}"));
        assert_failed(&seen.end, "request_timeout", 1);
        assert!(seen.at - begin >= PATIENCE[0], "{:?}", seen.at - begin);
    }
    drop(go_on);
    until("the slow name is there", || {
        let sender = format!("again {}", bench.seen());
        matches!(bench.deliver(slow, &sender).0, End::Sent { .. })
    });
    // One look-up for all, and another one only when it has hung for long.
    let asked = asked.load(Ordering::Acquire) as u64;
    let long = begin.elapsed().as_secs() / NEXT_AFTER.as_secs();
    assert!(asked <= 1 + long, "{asked} look-ups");
    bench.assert_conserved();
}

#[test]
fn several_addresses_of_which_the_first_is_dead() {
    let names = Names::with(Arc::new(|name| match name {
        "refusing-first.test" => Ok(addresses([2, 1])),
        "silent-first.test" => Ok(addresses([3, 1])),
        "all-refusing.test" => Ok(addresses([2, 4, 5])),
        "silent-last.test" => Ok(addresses([1, 3])),
        _ => Ok(addresses([])),
    }));
    let bench = Bench::with(EngineSettings::default(), Arc::new(names));
    let alive = test_endpoint(EndpointConfig::default());
    let silent = test_endpoint(EndpointConfig {
        bind: vec![Ipv4Addr::new(127, 0, 0, 3).into()],
        port: alive.port(),
        plan: "fault=connect-stall".parse().unwrap(),
        ..EndpointConfig::default()
    });
    // The silent address never answers and no time is up: what is sent has not waited for it.
    let pool = |name: &str| bench.pool(options(format!("http://{name}:{}", alive.port())));
    for name in [
        "refusing-first.test",
        "silent-first.test",
        "silent-last.test",
    ] {
        assert_sent(&bench.deliver(pool(name), name).0);
    }
    let (end, _) = bench.deliver(pool("all-refusing.test"), "all");
    assert_failed(&end, "econnrefused", 1);
    drop(silent);
    bench.assert_conserved();
}

/// With a clock that moves only when nothing else can happen.
#[tokio::test(start_paused = true)]
async fn a_dead_first_address_costs_a_quarter_of_a_second() {
    let names = Names::with(Arc::new(|_| Ok(addresses([3, 1]))));
    // In a runtime of its own, where time goes on.
    let endpoints = std::thread::spawn(|| {
        let alive = test_endpoint(EndpointConfig::default());
        let silent = test_endpoint(EndpointConfig {
            bind: vec![Ipv4Addr::new(127, 0, 0, 3).into()],
            port: alive.port(),
            plan: "fault=connect-stall".parse().unwrap(),
            ..EndpointConfig::default()
        });
        (alive, silent)
    });
    let (alive, silent) = endpoints.join().unwrap();
    let url = format!("http://both.test:{}", alive.port());
    let (settings, _) = options(url).check().unwrap();
    let (_stream, dialled) = dial(&names, &settings.base, None, false).await.unwrap();
    assert_eq!(dialled.peer.ip(), Ipv4Addr::LOCALHOST);
    let quarter = Duration::from_millis(250);
    assert!(
        dialled.connect >= quarter && dialled.connect <= quarter + Duration::from_millis(2),
        "{dialled:?}"
    );
    drop(silent);
}
