//! A batch is tried again, refused and given up as a whole, and lanes keep their order meanwhile.

use super::*;

/// The events of a sender stay in order, whatever the endpoint answers, and each arrives.
#[tokio::test(start_paused = true)]
async fn order_and_conservation_at_an_endpoint_that_fails_now_and_then() {
    let random = Mutex::new(fastrand::Rng::with_seed(11));
    let endpoint = endpoint(move |seen: &Seen| {
        let mut random = random.lock();
        let status = match random.u32(0..10) {
            0 => 503,
            1 => 429,
            2 => 0,
            _ if seen.events.len() > 30 => 413,
            _ => 200,
        };
        (status, Duration::from_millis(random.u64(0..300)))
    })
    .await;
    let world = World::new(&endpoint.url, 4, &batch_retried(50, 100));
    let mut random = fastrand::Rng::with_seed(12);
    let (users, rounds) = (20, 60);
    for round in 0..rounds {
        for user in 0..users {
            world.push(&format!("user{user}"), &format!("{user}.{round}"));
        }
        sleep(Duration::from_millis(random.u64(0..400))).await;
    }
    world.ended(users * rounds).await;
    assert_eq!((world.sent(), world.failed()), (users * rounds, 0));
    for user in 0..users {
        let expected: Vec<String> = (0..rounds).map(|round| format!("{user}.{round}")).collect();
        assert_eq!(endpoint.texts(&format!("user{user}")), expected);
    }
    assert!(endpoint.sizes().iter().all(|size| *size <= 50));
    world.assert_empty();
}

/// A batch is tried again as a whole: the same members, the same identity, and nothing joins it.
#[tokio::test(start_paused = true)]
async fn retried_as_a_whole() {
    let attempts = Mutex::new(0);
    let endpoint = endpoint(move |_: &Seen| {
        let mut attempts = attempts.lock();
        *attempts += 1;
        (if *attempts <= 3 { 503 } else { 200 }, Duration::ZERO)
    })
    .await;
    let world = World::new(&endpoint.url, 1, &batch_retried(4, 50));
    for number in 0..3 {
        world.push("alice", &format!("a.{number}"));
    }
    world.push("kate", "k.0");
    world.ended(0).await;
    sleep(Duration::from_millis(60)).await;
    let counts = world.pool.counts();
    assert_eq!(counts.queue.postponed, 4, "{counts:?}");
    // What comes meanwhile waits behind its lane's first, or goes in another batch.
    world.push("alice", "a.3");
    world.ended(5).await;
    let seen = endpoint.seen();
    assert_eq!(endpoint.sizes(), [4, 4, 4, 4, 1]);
    for other in &seen[1..4] {
        assert_eq!(other.id, seen[0].id);
        assert_eq!(other.ids, seen[0].ids);
        assert_eq!(other.events, seen[0].events);
    }
    assert_ne!(seen[4].id, seen[0].id);
    assert_eq!(endpoint.texts("alice"), ["a.0", "a.1", "a.2", "a.3"]);
    assert_eq!(world.sent(), 5);
    world.assert_empty();
}

/// An answer that is about the content is one for all of the batch.
#[tokio::test(start_paused = true)]
async fn a_final_answer_is_for_all() {
    let endpoint = answers(422).await;
    let world = World::new(&endpoint.url, 1, &batch_retried(5, 50));
    for number in 0..5 {
        world.push(&format!("user{number}"), &number.to_string());
    }
    world.ended(5).await;
    assert_eq!(endpoint.sizes(), [5]);
    let verdicts = world.verdicts();
    assert!(
        verdicts
            .values()
            .all(|verdict| reason(verdict) == Some(FailureReason::BadStatus))
    );
    world.assert_empty();
}

/// An endpoint that is down for longer than the notifications may wait: all members are given up, once.
#[tokio::test(start_paused = true)]
async fn given_up_with_all_its_members() {
    let endpoint = answers(503).await;
    let policy = PolicyOptions {
        retry: Some(RetryOptions {
            give_up_after: Some(30_000),
            ..RetryOptions::default()
        }),
        ..batch_retried(10, 50)
    };
    let world = World::new(&endpoint.url, 2, &policy);
    for number in 0..100 {
        world.push(&format!("user{}", number % 13), &number.to_string());
    }
    world.ended(100).await;
    let verdicts = world.verdicts();
    assert_eq!(verdicts.len(), 100);
    assert!(
        verdicts
            .values()
            .all(|verdict| reason(verdict) == Some(FailureReason::GaveUp)),
        "{verdicts:?}"
    );
    world.assert_empty();
}
