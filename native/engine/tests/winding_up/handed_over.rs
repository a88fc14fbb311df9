//! A pool that was never opened is handed over, or opened by the next process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use notification::PoolId;
use test_endpoint::EndpointConfig;

use super::{assert_all, patient, reason};
use crate::support::{Bench, options, test_endpoint};

/// The most notifications that a session pushes, so that its lane is not full before the other threads have
/// done their part: they may have to wait for a core.
const MOST: u32 = 5_000;

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
