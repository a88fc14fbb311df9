//! What goes together, and what the first of a batch waits for.

use std::collections::HashSet;

use super::*;

/// The linger of batches that are not to be full.
const MINUTE: Duration = Duration::from_mins(1);

/// Few come: they go together when the first has waited for as long as it may, and not before.
#[tokio::test(start_paused = true)]
async fn the_first_waits_for_company() {
    let endpoint = answers(200).await;
    let world = World::new(&endpoint.url, 5, &batch(500, 50));
    let begin = Instant::now();
    world.push("alice", "a.0");
    sleep(Duration::from_millis(30)).await;
    world.push("alice", "a.1");
    world.push("kate", "k.0");
    assert_eq!(endpoint.seen().len(), 0);
    assert_eq!(world.pool.counts().queue.waiting, 3);
    world.ended(3).await;
    let seen = endpoint.seen();
    assert_eq!(endpoint.sizes(), [3]);
    let waited = seen[0].at - begin;
    assert!(
        waited >= Duration::from_millis(49) && waited < Duration::from_millis(50) + SLACK,
        "{waited:?}"
    );
    assert_eq!(endpoint.texts("alice"), ["a.0", "a.1"]);
    let ids: HashSet<&String> = seen[0].ids.iter().collect();
    assert_eq!(ids.len(), 3, "each has its own identity");
    assert!(seen[0].id.starts_with("batch_"), "{}", seen[0].id);
    // Each has its own time from hand-over to the answer.
    let elapsed = |text: &str| match world.verdicts()[text] {
        Verdict::Sent { elapsed, .. } => elapsed,
        ref other @ Verdict::Failed { .. } => panic!("{other:?}"),
    };
    assert_eq!(
        elapsed("a.0"),
        elapsed("k.0") + Duration::from_millis(30),
        "{:?}",
        world.verdicts()
    );
    world.assert_empty();
}

/// A full batch goes at once, and a minute is not too long to wait for the others.
#[tokio::test(start_paused = true)]
async fn a_full_batch_waits_for_none() {
    let endpoint = answers(200).await;
    let world = World::new(&endpoint.url, 5, &batch(10, 60_000));
    let begin = Instant::now();
    for number in 0..25 {
        world.push(&format!("user{number}"), &number.to_string());
    }
    world.ended(20).await;
    assert!(begin.elapsed() < SLACK, "{:?}", begin.elapsed());
    assert_eq!(endpoint.sizes(), [10, 10]);
    sleep(Duration::from_secs(59)).await;
    assert_eq!(world.sent(), 20);
    world.ended(25).await;
    assert_eq!(endpoint.sizes(), [10, 10, 5]);
    let waited = endpoint.seen()[2].at - begin;
    assert!(waited < Duration::from_mins(1) + SLACK, "{waited:?}");
    // A minute is longer than `call_timeout` would allow, and counts for nothing.
    assert_eq!((world.sent(), world.failed()), (25, 0));
    world.assert_empty();
}

/// One that comes when there is nothing else to wait for, without a linger or with batches of one.
#[tokio::test(start_paused = true)]
async fn no_linger_and_batches_of_one() {
    for (max_events, linger) in [(500, 0), (1, 60_000)] {
        let endpoint = answers(207).await;
        let world = World::new(&endpoint.url, 1, &batch(max_events, linger));
        let begin = Instant::now();
        world.push("alice", "a.0");
        world.ended(1).await;
        assert!(begin.elapsed() < SLACK, "{:?}", begin.elapsed());
        for number in 1..4 {
            world.push("alice", &format!("a.{number}"));
        }
        world.ended(4).await;
        assert!(begin.elapsed() < 2 * SLACK, "{:?}", begin.elapsed());
        let most = endpoint.sizes().into_iter().max();
        assert!(most <= Some(usize::try_from(max_events).unwrap()));
        assert_eq!(endpoint.texts("alice"), ["a.0", "a.1", "a.2", "a.3"]);
        assert_eq!((world.sent(), world.failed()), (4, 0), "207 is a success");
        world.assert_empty();
    }
}

/// An endpoint that is slower than the traffic: batches grow, and none waits besides.
#[tokio::test(start_paused = true)]
async fn a_slow_endpoint_gets_fuller_batches() {
    let endpoint = endpoint(|_: &Seen| (200, Duration::from_secs(1))).await;
    let world = World::new(&endpoint.url, 1, &batch(500, 500));
    for round in 0..1_000 {
        world.push(&format!("user{}", round % 7), &round.to_string());
        sleep(Duration::from_millis(10)).await;
    }
    world.ended(1_000).await;
    let sizes = endpoint.sizes();
    assert!(sizes.len() < 16, "{sizes:?}");
    // All but the first and the last found what had come in the second before.
    let middle = &sizes[2..sizes.len() - 2];
    assert!(middle.iter().all(|size| *size >= 60), "{sizes:?}");
    for user in 0..7 {
        let expected: Vec<String> = (0..1_000)
            .filter(|round| round % 7 == user)
            .map(|round| round.to_string())
            .collect();
        assert_eq!(endpoint.texts(&format!("user{user}")), expected);
    }
    world.assert_empty();
}

/// One lane is longer than a batch, and another worker is free: the lane's next batch starts after the first
/// has its outcome, and other lanes do not wait for it.
#[tokio::test(start_paused = true)]
async fn lanes_keep_their_order_across_batches() {
    let endpoint = endpoint(|_: &Seen| (200, Duration::from_secs(1))).await;
    let world = World::new(&endpoint.url, 4, &batch(10, 20));
    for number in 0..35 {
        world.push("alice", &format!("a.{number}"));
    }
    for number in 0..5 {
        world.push("kate", &format!("k.{number}"));
    }
    world.ended(40).await;
    let seen = endpoint.seen();
    let of_alice: Vec<&Seen> = seen
        .iter()
        .filter(|seen| seen.events.iter().any(|(of, _)| of == "alice"))
        .collect();
    assert_eq!(of_alice.len(), 4, "{:?}", endpoint.sizes());
    for pair in of_alice.windows(2) {
        assert!(pair[1].at - pair[0].at >= Duration::from_secs(1));
    }
    let expected: Vec<String> = (0..35).map(|number| format!("a.{number}")).collect();
    assert_eq!(endpoint.texts("alice"), expected);
    let kate = seen
        .iter()
        .find(|seen| seen.events.iter().any(|(of, _)| of == "kate"));
    assert!(kate.unwrap().at - of_alice[0].at < Duration::from_millis(20) + SLACK);
    world.assert_empty();
}

/// A batch that lingers keeps no worker.
#[tokio::test(start_paused = true)]
async fn one_that_waits_for_company_keeps_no_worker() {
    let endpoint = answers(200).await;
    let world = World::new(&endpoint.url, 1, &batch(500, 60_000));
    world.push("user", "u.0");
    sleep(Duration::from_millis(10)).await;
    let counts = world.pool.counts().queue;
    assert_eq!((counts.in_flight, counts.workers), (0, 0), "{counts:?}");
}

/// Where no more can come, the first does not wait: a pool that is full, a lane that is, and a pool whose queue is.
/// Nothing is refused before that.
#[tokio::test(start_paused = true)]
async fn there_is_no_company_to_wait_for_where_a_bound_is_reached() {
    let endpoint = answers(200).await;
    // How many the pool may have, its workers may let wait, and the senders.
    for (pending, waiting, senders) in [(10, None, 10), (10, None, 1), (100, Some(9), 3)] {
        let world = World {
            pool: pool(&Arc::default(), pending),
            ..World::not_open(&batch(500, 60_000))
        };
        let counters = Arc::clone(&world.pool.counters);
        open_with_queue(&world.pool, &endpoint.url, 5_000, 60_000, 1, waiting);
        let begin = Instant::now();
        for round in 1..4 {
            for number in 0..10 {
                world.push(
                    &format!("user{}", number % senders),
                    &format!("{round}.{number}"),
                );
            }
            while counters.sent() < 10 * round {
                sleep(Duration::from_millis(1)).await;
            }
            // Their room is free when the reporter has counted them.
            world.verdicts();
            world.verdicts();
        }
        assert!(begin.elapsed() < MINUTE / 2, "{:?}", begin.elapsed());
        world.assert_empty();
    }
    assert_eq!(endpoint.sizes(), [10; 9]);
}

/// The same for a bound on bytes, which shows when one is refused. The others of the pool do not wait, either.
#[tokio::test(start_paused = true)]
async fn nor_where_one_is_refused() {
    let endpoint = answers(200).await;
    let world = World::not_open(&batch(500, 60_000));
    open_with_queue(&world.pool, &endpoint.url, 5_000, 60_000, 1, None);
    let bounds = world.pool.bounds.own().bytes();
    world.push("alice", "a.0");
    sleep(Duration::from_secs(1)).await;
    assert_eq!(world.sent(), 0);
    let begin = Instant::now();
    let rest = usize::MAX - bounds.used();
    assert!(bounds.reserve(rest));
    let refused = world.notification("kate", "k.0", "<message/>");
    assert!(world.pool.push(b"kate", refused).is_err());
    world.ended(1).await;
    assert!(begin.elapsed() < MINUTE / 2, "{:?}", begin.elapsed());
    bounds.release(rest);
    // From then on they wait for company again.
    world.push("alice", "a.1");
    sleep(Duration::from_secs(50)).await;
    assert_eq!(world.sent(), 1);
    world.ended(2).await;
    world.assert_empty();
}

/// Pushes that are refused take the queue's lock once for what waits, and no more so as long as nothing else comes.
#[tokio::test(start_paused = true)]
async fn refused_pushes_leave_the_queue_alone() {
    let endpoint = answers(200).await;
    let world = Arc::new(World::not_open(&batch(500, 60_000)));
    let bounds = world.pool.bounds.own().bytes();
    for round in 0..3 {
        world.push("alice", &format!("a.{round}"));
        let rest = usize::MAX - bounds.used();
        assert!(bounds.reserve(rest));
        let refused = |world: &World| {
            let notification = world.notification("kate", "k", "<message/>");
            assert!(world.pool.push(b"kate", notification).is_err());
        };
        refused(&world);
        let held = world.pool.core();
        let session = {
            let world = Arc::clone(&world);
            std::thread::spawn(move || (0..1_000).for_each(|_| refused(&world)))
        };
        let begin = std::time::Instant::now();
        while !session.is_finished() {
            assert!(begin.elapsed() < MINUTE, "they wait for the lock");
            std::thread::sleep(Duration::from_millis(1));
        }
        drop(held);
        session.join().unwrap();
        bounds.release(rest);
    }
    open_with_queue(&world.pool, &endpoint.url, 5_000, 60_000, 1, None);
    let begin = Instant::now();
    world.ended(3).await;
    assert!(begin.elapsed() < MINUTE / 2, "{:?}", begin.elapsed());
    world.assert_empty();
}
