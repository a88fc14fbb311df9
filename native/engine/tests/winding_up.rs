//! The end of pools, host types and the engine itself, with work pending: everything accepted has one
//! outcome, in time, and what was not concerned goes on.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use engine::engine::{EngineError, EngineSettings};
use engine::settings::PoolOptions;
use notification::{PoolId, PushError, RejectReason};
use support::{BOUND, Bench, End, FOR_EVER, Seen, options, per_sender, test_endpoint, until};
use test_endpoint::{EndpointConfig, EndpointHandle};

/// The most notifications that a session pushes, so that its lane is not full before the other threads have
/// done their part: they may have to wait for a core.
const MOST: u32 = 5_000;

fn stalled() -> EndpointHandle {
    test_endpoint(EndpointConfig {
        plan: "fault=stall-before-head".parse().unwrap(),
        ..EndpointConfig::default()
    })
}

fn patient(endpoint: &EndpointHandle) -> PoolOptions {
    PoolOptions {
        workers: 4,
        ..options(endpoint.url(""))
    }
}

fn reason(seen: &Seen) -> &'static str {
    match &seen.end {
        End::Failed { reason, .. } => reason,
        End::Sent { .. } => "sent",
    }
}

#[track_caller]
fn assert_all(seen: &[Seen], count: usize, expected: &str) {
    assert_eq!(seen.len(), count);
    assert!(per_sender(seen).values().all(|outcomes| *outcomes == 1));
    let other = seen.iter().find(|seen| reason(seen) != expected);
    assert!(other.is_none(), "{other:?}");
}

#[test]
fn the_engine_stops_with_work_in_every_phase() {
    let bench = Bench::new();
    let endpoint = stalled();
    let open = bench.pool(patient(&endpoint));
    let opening = bench.engine.create_pool("opening").unwrap();
    let draining = bench.pool(patient(&endpoint));
    let closing = bench.pool(patient(&endpoint));
    let leaving = bench.engine.create_pool("leaving").unwrap();
    let mut pushed = 0;
    for pool in [open, opening, draining, closing, leaving] {
        for n in 0..200 {
            // Lanes of several, so that some wait behind others.
            let text = format!("{pool}/{n}");
            let sender = format!("{pool} {}", n % 50);
            let handler = bench.handler("/n");
            bench
                .push_text(pool, &handler, &sender, text.as_bytes())
                .unwrap();
            pushed += 1;
        }
    }
    bench.engine.drain_pool(draining).unwrap();
    bench.engine.close_pool(closing, FOR_EVER).unwrap();
    bench.engine.close_pool(leaving, FOR_EVER).unwrap();
    until("requests are in flight", || {
        endpoint.stats().in_flight == 12
    });

    // The endpoint never answers and nothing times out: a stop that waited would not come back.
    let begin = Instant::now();
    bench.engine.stop();
    assert!(begin.elapsed() < BOUND, "{:?}", begin.elapsed());
    let seen = bench.outcomes(pushed);
    assert_eq!(seen.len(), pushed);
    let other = seen.iter().find(|seen| reason(seen) != "engine_down");
    assert!(other.is_none(), "{other:?}");
    let mut texts: Vec<_> = seen.iter().map(|seen| &seen.text).collect();
    texts.dedup();
    assert_eq!(texts.len(), pushed, "one outcome each");
    bench.assert_conserved();

    // Down: rejected. Started again: as before.
    let pushed = bench.push(open, "while down");
    assert_eq!(pushed, Err(PushError::Rejected(RejectReason::EngineDown)));
    bench
        .engine
        .start(EngineSettings::default(), |_| {})
        .unwrap();
    endpoint.reset_plans().unwrap();
    let again = bench.pool(patient(&endpoint));
    bench.push(again, "up again").unwrap();
    until("it is sent", || bench.counters().sent == 1);
}

#[test]
fn a_pool_that_is_closed_drains_and_then_gives_up() {
    let bench = Bench::new();
    let endpoint = stalled();
    let pool = bench.pool(patient(&endpoint));
    let kept = bench.engine.pool(pool).unwrap();
    for n in 0..1000 {
        bench.push(pool, &format!("{n}")).unwrap();
    }
    until("requests are in flight", || endpoint.stats().in_flight == 4);
    let allowed = Duration::from_millis(300);
    let begin = Instant::now();
    bench.engine.close_pool(pool, allowed).unwrap();
    assert_eq!(bench.push(pool, "late"), Err(PushError::NotOpen));
    let seen = bench.outcomes(1000);
    let took = begin.elapsed();
    assert!(took >= allowed, "{took:?}");
    assert_all(&seen, 1000, "shutdown");
    until("its workers are gone", || kept.counts().queue.workers == 0);
    until("its connections are closed", || {
        endpoint.stats().connections_open == 0
    });
    until("only the test holds it", || Arc::strong_count(&kept) == 1);
    bench.assert_conserved();
}

#[test]
fn a_pool_that_is_closed_and_quick_is_gone_at_once() {
    let bench = Bench::new();
    let endpoint = test_endpoint(EndpointConfig::default());
    let pool = bench.pool(patient(&endpoint));
    for n in 0..1000 {
        bench.push(pool, &format!("{n}")).unwrap();
    }
    bench.engine.close_pool(pool, FOR_EVER).unwrap();
    assert_all(&bench.outcomes(1000), 1000, "sent");
    until("its connections are closed", || {
        endpoint.stats().connections_open == 0
    });
    bench.assert_conserved();
}

#[test]
fn a_pool_that_is_stopped_while_it_opens_delivers_what_it_took() {
    let bench = Bench::new();
    let endpoint = test_endpoint(EndpointConfig::default());
    let pool = bench.engine.create_pool("opening").unwrap();
    for n in 0..100 {
        bench.push(pool, &format!("{n}")).unwrap();
    }
    bench
        .engine
        .configure_pool(pool, patient(&endpoint))
        .unwrap();
    bench.engine.close_pool(pool, FOR_EVER).unwrap();
    assert_eq!(bench.push(pool, "late"), Err(PushError::NotOpen));
    bench.engine.open_pool(pool).unwrap();
    assert_all(&bench.outcomes(100), 100, "sent");
    bench.assert_conserved();
}

#[test]
fn a_pool_that_cannot_open_fails_what_it_took() {
    let bench = Bench::new();
    let pool = bench.engine.create_pool("broken").unwrap();
    for n in 0..100 {
        bench.push(pool, &format!("{n}")).unwrap();
    }
    assert!(matches!(
        bench.engine.open_pool(pool),
        Err(EngineError::WrongPhase(_))
    ));
    let nonsense = options("gopher://127.0.0.1");
    bench.engine.configure_pool(pool, nonsense).unwrap();
    // A caller that tries again is told the same.
    for _ in 0..2 {
        let opened = bench.engine.open_pool(pool);
        assert!(matches!(opened, Err(EngineError::Config(_))), "{opened:?}");
    }
    assert_all(&bench.outcomes(100), 100, "pool_config");
    let pushed = bench.push(pool, "late");
    assert_eq!(pushed, Err(PushError::Rejected(RejectReason::PoolConfig)));
    bench.assert_conserved();
}

#[test]
fn a_host_type_leaves_a_pool_that_others_use() {
    let bench = Bench::new();
    let endpoint = stalled();
    let pool = bench.pool(patient(&endpoint));
    let stays = bench.engine.handler("stays", "http_pool", "/n");
    let leaves = bench.engine.handler("leaves", "http_pool", "/n");
    for n in 0..500 {
        for handler in [&stays, &leaves] {
            let sender = format!("{} {n}", handler.host_type.name);
            bench.push_text(pool, handler, &sender, b"").unwrap();
        }
    }
    until("requests are in flight", || endpoint.stats().in_flight == 4);
    bench.engine.close_host_type("leaves");
    let pushed = bench.push_text(pool, &leaves, "leaves late", b"");
    assert_eq!(pushed, Err(PushError::Rejected(RejectReason::Shutdown)));
    bench.engine.abort_host_type("leaves");
    let seen = bench.outcomes(500);
    assert_all(&seen, 500, "shutdown");
    assert!(seen.iter().all(|seen| seen.sender.starts_with("leaves")));
    assert_eq!(stays.host_type.counters().pending, 500);

    endpoint.set_plan("status=200".parse().unwrap()).unwrap();
    endpoint.release();
    let seen = bench.outcomes(1000);
    let sent = seen.iter().filter(|seen| reason(seen) == "sent");
    assert!(sent.clone().all(|seen| seen.sender.starts_with("stays")));
    assert_eq!(sent.count(), 500);
    until("all is acknowledged", || {
        stays.host_type.counters().pending == 0
    });
}

#[test]
fn registering_a_handler_opens_no_host_type() {
    let bench = Bench::new();
    let pool = bench.pool(patient(&stalled()));
    let leaves = bench.engine.handler("leaves", "http_pool", "/n");
    bench.engine.close_host_type("leaves");
    for path in ["/n", "/new"] {
        let handler = bench.engine.handler("leaves", "http_pool", path);
        assert!(!handler.host_type.is_open(), "{path}");
        let pushed = bench.push_text(pool, &handler, "late", b"");
        assert_eq!(pushed, Err(PushError::Rejected(RejectReason::Shutdown)));
    }
    bench.engine.open_host_type("leaves");
    assert!(leaves.host_type.is_open());
}

/// A caller that closes a host type and then finds nothing pending has seen the last of it.
#[test]
fn a_host_type_that_is_closed_and_quiet_stays_quiet() {
    let bench = Arc::new(Bench::new());
    let endpoint = test_endpoint(EndpointConfig::default());
    let pool = bench.pool(patient(&endpoint));
    let handler = bench.handler("/n");
    let done = Arc::new(AtomicBool::new(false));
    let sessions: Vec<_> = (0..2)
        .map(|session| {
            let (bench, done) = (Arc::clone(&bench), Arc::clone(&done));
            let handler = Arc::clone(&handler);
            std::thread::spawn(move || {
                let sender = format!("session {session}");
                while !done.load(Ordering::Acquire) {
                    let _ = bench.push_text(pool, &handler, &sender, b"");
                    std::thread::sleep(Duration::from_micros(20));
                }
            })
        })
        .collect();
    for _ in 0..100 {
        bench.engine.close_host_type(support::HOST_TYPE);
        until("nothing is pending", || bench.counters().pending == 0);
        let before = bench.counters();
        until("sessions are refused", || {
            bench.counters().rejected >= before.rejected + 10
        });
        let after = bench.counters();
        // One that is being refused is counted for a moment.
        assert_eq!(before.sent + before.failed, after.sent + after.failed);
        bench.engine.open_host_type(support::HOST_TYPE);
        until("sessions are heard again", || {
            bench.counters().accepted > before.accepted
        });
    }
    done.store(true, Ordering::Release);
    for session in sessions {
        session.join().unwrap();
    }
    bench.assert_conserved();
}

/// A pool that is not open yet is handed over while sessions go on pushing: nothing fails and
/// the order stays.
#[test]
fn handed_over_under_load() {
    for _ in 0..20 {
        let bench = Arc::new(Bench::new());
        let endpoint = test_endpoint(EndpointConfig::default());
        let to = bench.pool(patient(&endpoint));
        let from = bench.engine.create_pool("spare").unwrap();
        let done = Arc::new(AtomicBool::new(false));
        let sessions: Vec<_> = (0..2)
            .map(|session| {
                let (bench, done) = (Arc::clone(&bench), Arc::clone(&done));
                std::thread::spawn(move || {
                    let handler = bench.handler("/n");
                    let sender = format!("session {session}");
                    let mut n: u32 = 0;
                    while n < MOST && !done.load(Ordering::Acquire) {
                        let text = n.to_string();
                        bench
                            .push_text(from, &handler, &sender, text.as_bytes())
                            .unwrap();
                        n += 1;
                        // A session does other things too; without this its lane is soon full.
                        std::thread::sleep(Duration::from_micros(10));
                    }
                    n
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(2));
        bench.engine.hand_over(from, to).unwrap();
        // What comes by the old way goes to the heir.
        std::thread::sleep(Duration::from_millis(2));
        done.store(true, Ordering::Release);
        let counts: Vec<u32> = sessions
            .into_iter()
            .map(|session| session.join().unwrap())
            .collect();
        let all: u32 = counts.iter().sum();
        let seen = bench.outcomes(all as usize);
        let failed = seen.iter().find(|seen| reason(seen) != "sent");
        assert!(failed.is_none(), "{failed:?}");
        bench.assert_conserved();
        for (session, count) in counts.into_iter().enumerate() {
            let sender = format!("session {session}");
            let got: Vec<Vec<u8>> = seen
                .iter()
                .filter(|seen| seen.sender == sender)
                .map(|seen| seen.text.clone())
                .collect();
            let ends: Vec<String> = (0..count).map(|n| format!("message={n}")).collect();
            assert_eq!(got.len(), ends.len());
            let in_order = got
                .iter()
                .zip(&ends)
                .all(|(got, end)| got.ends_with(end.as_bytes()));
            assert!(in_order, "{sender} is out of order");
        }
    }
}

/// The owner of a pool may die between any two steps, and with it the process that was to open the pool.
/// The next process that finds the pool opens it; opening it again while it works changes nothing.
#[test]
fn a_pool_is_opened_by_the_next_process_that_finds_it() {
    let bench = Bench::new();
    let endpoint = test_endpoint(EndpointConfig::default());
    let pool = bench.engine.create_pool("configured").unwrap();
    let phase = || bench.engine.pool(pool).unwrap().phase();
    assert_eq!(phase(), "spare");
    bench.push(pool, "before").unwrap();
    bench
        .engine
        .configure_pool(pool, patient(&endpoint))
        .unwrap();
    // Only the first settings count.
    let other = options("http://127.0.0.1:1");
    bench.engine.configure_pool(pool, other).unwrap();
    assert_eq!(phase(), "opening");
    bench.engine.drain_pool(pool).unwrap();
    assert_eq!(phase(), "leaving");
    for _ in 0..2 {
        bench.engine.open_pool(pool).unwrap();
        assert_eq!(phase(), "draining");
    }
    assert!(bench.engine.resume_pool(pool).unwrap());
    assert_eq!(phase(), "open");
    bench.push(pool, "after").unwrap();
    assert_all(&bench.outcomes(2), 2, "sent");
    // What has settings is not handed over, or its lanes would be in two pools.
    let to = bench.pool(patient(&endpoint));
    assert!(bench.engine.hand_over(pool, to).is_err());
    assert_eq!(phase(), "open");
    bench.assert_conserved();
}

/// A pool without options is handed over by one owner, and again by its successors, to other pools, while
/// the first owner is still handing over and sessions go on pushing to the oldest pool.
#[test]
fn handed_over_again_and_again_under_load() {
    for round in 0..20 {
        let bench = Arc::new(Bench::new());
        let endpoint = test_endpoint(EndpointConfig::default());
        let to = bench.engine.create_pool("pool").unwrap();
        let spares: Vec<PoolId> = (0..3)
            .map(|_| bench.engine.create_pool("spare").unwrap())
            .collect();
        let done = Arc::new(AtomicBool::new(false));
        let (first, handler) = (spares[0], bench.handler("/n"));
        for n in 0..1000 {
            let text = format!("{n}");
            bench
                .push_text(first, &handler, "session", text.as_bytes())
                .unwrap();
        }
        let session = {
            let (bench, done) = (Arc::clone(&bench), Arc::clone(&done));
            std::thread::spawn(move || {
                let mut n: u32 = 1000;
                while n < MOST && !done.load(Ordering::Acquire) {
                    let text = n.to_string();
                    bench
                        .push_text(first, &handler, "session", text.as_bytes())
                        .unwrap();
                    n += 1;
                    std::thread::sleep(Duration::from_micros(10));
                }
                n
            })
        };
        let owners: Vec<_> = [(0, 1), (0, 2), (1, 2)]
            .into_iter()
            .map(|(from, to)| {
                let (bench, from, to) = (Arc::clone(&bench), spares[from], spares[to]);
                std::thread::spawn(move || drop(bench.engine.hand_over(from, to)))
            })
            .collect();
        std::thread::sleep(Duration::from_millis(round % 3));
        for spare in &spares {
            bench.engine.hand_over(*spare, to).unwrap();
        }
        for owner in owners {
            owner.join().unwrap();
        }
        bench.engine.configure_pool(to, patient(&endpoint)).unwrap();
        bench.engine.open_pool(to).unwrap();
        std::thread::sleep(Duration::from_millis(2));
        done.store(true, Ordering::Release);
        let count = session.join().unwrap();
        let seen = bench.outcomes(count as usize);
        assert_eq!(seen.len(), count as usize);
        let other = seen.iter().find(|seen| reason(seen) != "sent");
        assert!(other.is_none(), "{other:?}");
        let in_order = (0..count)
            .zip(&seen)
            .all(|(n, seen)| seen.text.ends_with(format!("message={n}").as_bytes()));
        assert!(in_order, "the lane is out of order");
        bench.assert_conserved();
    }
}

/// Handed over in a ring, a notification would go round for ever.
#[test]
fn a_pool_is_not_handed_over_to_what_it_came_from() {
    let bench = Bench::new();
    let [one, two] = ["one", "two"].map(|name| bench.engine.create_pool(name).unwrap());
    bench.push(one, "waits").unwrap();
    bench.engine.hand_over(one, two).unwrap();
    assert!(bench.engine.hand_over(two, one).is_err());
    assert!(bench.engine.hand_over(two, two).is_err());
    bench.push(one, "goes to two").unwrap();
    let counts = bench.engine.pool(two).unwrap().counts();
    assert_eq!(counts.queue.waiting, 2);
}
