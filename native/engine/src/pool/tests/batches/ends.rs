//! Batches when a pool or a host type stops, or is handed over.

use tokio::time::advance;

use super::*;

/// A pool that is stopped sends what waits for company at once.
#[tokio::test(start_paused = true)]
async fn a_pool_that_drains_waits_for_no_company() {
    let endpoint = answers(200).await;
    let world = World::new(&endpoint.url, 2, &batch(500, 60_000));
    for number in 0..5 {
        world.push("user", &format!("u.{number}"));
    }
    let begin = Instant::now();
    Arc::clone(&world.pool).close(Duration::from_secs(5)).await;
    assert!(begin.elapsed() < SLACK, "{:?}", begin.elapsed());
    assert_eq!((world.sent(), world.failed()), (5, 0));
    assert_eq!(endpoint.sizes(), [5]);
    world.assert_empty();
}

/// So does a host type that stops, in a pool that others use; when it starts again, the first waits again.
#[tokio::test(start_paused = true)]
async fn a_host_type_that_stops_waits_for_no_company() {
    let endpoint = answers(200).await;
    let world = World::new(&endpoint.url, 2, &batch(500, 60_000));
    world.push("user", "u.0");
    sleep(Duration::from_millis(10)).await;
    assert_eq!(world.sent(), 0);
    let begin = Instant::now();
    world.pool.set_hurry(HostTypeId::default(), true);
    world.ended(1).await;
    // A session that was admitted before comes late.
    world.push("user", "u.1");
    world.ended(2).await;
    assert!(begin.elapsed() < 2 * SLACK, "{:?}", begin.elapsed());
    world.pool.set_hurry(HostTypeId::default(), false);
    world.push("user", "u.2");
    sleep(Duration::from_secs(30)).await;
    assert_eq!(world.sent(), 2);
    world.ended(3).await;
    assert_eq!(endpoint.sizes(), [1, 1, 1]);
    world.assert_empty();
}

/// A pool ends while one batch waits for company, one for its next attempt and one for its answer: each
/// notification has one outcome.
#[tokio::test(start_paused = true)]
async fn a_pool_ends_with_batches_in_every_state() {
    let endpoint = endpoint(|seen: &Seen| {
        let (sender, _) = &seen.events[0];
        match sender.as_str() {
            "postponed" => (503, Duration::ZERO),
            _ => (200, Duration::from_hours(1)),
        }
    })
    .await;
    for abort in [false, true] {
        let world = World::new(&endpoint.url, 2, &batch_retried(5, 1_000));
        for sender in ["postponed", "in flight"] {
            for number in 0..5 {
                world.push(sender, &format!("{sender}.{number}"));
            }
            sleep(Duration::from_millis(20)).await;
        }
        for number in 5..9 {
            world.push("postponed", &format!("postponed.{number}"));
            world.push("lingers", &format!("lingers.{number}"));
        }
        let counts = world.pool.counts().queue;
        assert_eq!(
            (counts.postponed, counts.in_flight, counts.waiting),
            (5, 5, 8)
        );
        if abort {
            let text = "the module was stopped";
            world
                .pool
                .fail_all_in_turns(Some(HostTypeId::default()), FailureReason::Shutdown, text)
                .await;
        } else {
            world.pool.end(FailureReason::Shutdown, "stopped");
        }
        world.ended(18).await;
        let verdicts = world.verdicts();
        assert_eq!(verdicts.len(), 18);
        assert!(
            verdicts
                .values()
                .all(|verdict| reason(verdict) == Some(FailureReason::Shutdown))
        );
        world.assert_empty();
    }
}

/// What waits in a pool that has no options yet is handed over, whether it lingers or not.
#[tokio::test(start_paused = true)]
async fn handed_over_while_it_waits_for_company() {
    let endpoint = answers(200).await;
    let spare = World::not_open(&batch(500, 200));
    let world = World {
        pool: pool(&spare.counters, 100_000),
        counters: Arc::clone(&spare.counters),
        handler: Arc::clone(&spare.handler),
        ended: Mutex::default(),
    };
    open_with(&world.pool, &endpoint.url, 5_000, 60_000, 2);
    let begin = Instant::now();
    for number in 0..20 {
        spare.push(&format!("user{}", number % 3), &number.to_string());
    }
    advance(Duration::from_millis(100)).await;
    assert!(spare.pool.hand_over(Arc::clone(&world.pool)));
    world.ended(20).await;
    assert_eq!(endpoint.sizes(), [20]);
    // Its time counts from the first hand-over, as far as the new pool's clock goes back.
    assert!(begin.elapsed() < Duration::from_millis(300) + SLACK);
    world.assert_empty();
}
