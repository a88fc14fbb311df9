//! Batches whose members go in several requests, one after the other.

use super::*;

/// A part of a batch that was halved is tried again with the members that it had, under the same identity. One that
/// could not be sent has left it, and none of the next part comes in its place.
#[tokio::test(start_paused = true)]
async fn a_part_is_tried_again_as_it_was() {
    let of = |seen: &Seen, text: &str| seen.events.iter().any(|(_, other)| other == text);
    let failed = Mutex::new(false);
    let endpoint = endpoint(move |seen| {
        let status = if seen.events.len() > 3 {
            413
        } else if of(seen, "u.32") && !std::mem::replace(&mut failed.lock(), true) {
            503
        } else {
            200
        };
        (status, Duration::ZERO)
    })
    .await;
    let mut policy = batch_retried(100, 50);
    // The first request cannot have all, so that it is not seen at once that one cannot be sent.
    policy.batch.as_mut().unwrap().max_bytes = Some(8_192);
    let world = World::new(&endpoint.url, 1, &policy);
    for number in 0..40 {
        let text = format!("u.{number}");
        if number == 31 {
            world.push_stanza("user", &text, "<message");
        } else {
            world.push("user", &text);
        }
    }
    world.ended(40).await;
    assert_eq!((world.sent(), world.failed()), (39, 1));
    let seen = endpoint.seen();
    let tried: Vec<&Seen> = seen.iter().filter(|seen| of(seen, "u.32")).collect();
    assert_eq!(tried.len(), 2, "{seen:?}");
    assert_eq!(tried[0].events.len(), 2, "{seen:?}");
    assert_eq!(tried[0].ids, tried[1].ids);
    assert_eq!(tried[0].id, tried[1].id);
    world.assert_empty();
}

/// What is given up sends nothing, and so uses up nothing of the limit: however many requests a halved batch would
/// have been, the next one waits for its own token only.
#[tokio::test(start_paused = true)]
async fn a_batch_that_is_given_up_uses_up_no_limit() {
    let endpoint = endpoint(|seen| match seen.events.len() {
        1 if seen.events[0].1 == "later" => (200, Duration::ZERO),
        1 => (200, Duration::from_hours(1)),
        _ => (413, Duration::ZERO),
    })
    .await;
    let policy = PolicyOptions {
        rate: Some(RateOptions {
            per_second: 1,
            burst: Some(1),
        }),
        ..batch(64, 10)
    };
    let world = World::new(&endpoint.url, 1, &policy);
    for number in 0..64 {
        world.push("user", &number.to_string());
    }
    while endpoint.sizes().last() != Some(&1) {
        sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(endpoint.sizes(), [64, 32, 16, 8, 4, 2, 1]);
    let begin = Instant::now();
    let text = "the module was stopped";
    world
        .pool
        .fail_all_in_turns(Some(HostTypeId::default()), FailureReason::Shutdown, text)
        .await;
    world.ended(64).await;
    world.push("user", "later");
    world.ended(65).await;
    assert_eq!((world.sent(), world.failed()), (1, 64));
    // Seven requests were sent, six of them before their tokens came.
    let took = begin.elapsed();
    let expected = Duration::from_secs(7);
    assert!(took <= expected + SLACK, "{took:?}");
    assert!(took + SLACK >= expected, "{took:?}");
    world.assert_empty();
}
