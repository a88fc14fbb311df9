//! Batches whose members go in several requests, one after the other.

use super::*;

/// An endpoint that takes three events at once: a batch is halved until it does, in order, and one that is
/// refused alone has that as its outcome.
#[tokio::test(start_paused = true)]
async fn halved_if_it_is_too_large() {
    for with_retry in [false, true] {
        let endpoint = endpoint(|seen: &Seen| {
            let poison = seen.events.iter().any(|(_, text)| text == "u.9");
            let status = if seen.events.len() > 3 || poison {
                413
            } else {
                200
            };
            (status, Duration::ZERO)
        })
        .await;
        let policy = if with_retry {
            batch_retried(16, 50)
        } else {
            PolicyOptions {
                success: Some(vec!["2xx".to_owned()]),
                ..batch(16, 50)
            }
        };
        let world = World::new(&endpoint.url, 1, &policy);
        for number in 0..10 {
            world.push("user", &format!("u.{number}"));
        }
        for number in 0..6 {
            world.push("kate", &format!("k.{number}"));
        }
        world.ended(16).await;
        let sizes = endpoint.sizes();
        assert_eq!(&sizes[..4], [16, 8, 4, 2], "{sizes:?}");
        let verdicts = world.verdicts();
        assert_eq!(reason(&verdicts["u.9"]), Some(FailureReason::BadStatus));
        assert_eq!((world.sent(), world.failed()), (15, 1), "{verdicts:?}");
        let expected: Vec<String> = (0..10).map(|number| format!("u.{number}")).collect();
        assert_eq!(endpoint.texts("user"), expected);
        world.assert_empty();
    }
}

/// Without `success` every answer is one, as in the stock module; but a 413 says that nothing was read.
#[tokio::test(start_paused = true)]
async fn halved_where_every_status_is_a_success() {
    let endpoint = endpoint(|seen: &Seen| {
        let status = if seen.events.len() > 1 { 413 } else { 500 };
        (status, Duration::ZERO)
    })
    .await;
    let world = World::new(&endpoint.url, 1, &batch(4, 50));
    for number in 0..4 {
        world.push("user", &format!("u.{number}"));
    }
    world.ended(4).await;
    assert_eq!(endpoint.sizes(), [4, 2, 1, 1, 1, 1]);
    assert_eq!((world.sent(), world.failed()), (4, 0));
    world.assert_empty();
}

/// Events that are together more than a body may have go in several requests, one that is larger by itself goes
/// alone, and all keep their order.
#[tokio::test(start_paused = true)]
async fn no_body_is_larger_than_max_bytes() {
    let endpoint = answers(200).await;
    let policy = PolicyOptions {
        batch: Some(BatchOptions {
            max_events: Some(100),
            max_bytes: Some(4_096),
            linger: Some(50),
        }),
        ..PolicyOptions::default()
    };
    let world = World::new(&endpoint.url, 1, &policy);
    let long = "x".repeat(10_000);
    for number in 0..20 {
        world.push("user", &format!("u.{number}"));
        if number == 10 {
            let stanza = format!("<message type='chat' id='m'><body>{long}</body></message>");
            world.push_stanza("user", "long", &stanza);
        }
    }
    world.ended(21).await;
    assert_eq!((world.sent(), world.failed()), (21, 0));
    let seen = endpoint.seen();
    for seen in &seen {
        assert!(
            seen.bytes <= 4_096 || seen.events.len() == 1,
            "{}",
            seen.bytes
        );
    }
    assert!(seen.len() <= 12, "{:?}", endpoint.sizes());
    let mut expected: Vec<String> = (0..20).map(|number| format!("u.{number}")).collect();
    expected.insert(11, long);
    assert_eq!(endpoint.texts("user"), expected);
    world.assert_empty();
}

/// An event that cannot be put into the format fails alone, wherever it is in the batch.
#[tokio::test(start_paused = true)]
async fn one_that_cannot_be_made_fails_alone() {
    for bad in [&[0][..], &[1], &[4], &[0, 1, 2], &[0, 1, 2, 3, 4]] {
        let endpoint = answers(200).await;
        let world = World::new(&endpoint.url, 1, &batch(5, 50));
        for number in 0..5 {
            let text = format!("u.{number}");
            if bad.contains(&number) {
                world.push_stanza("user", &text, "<message");
            } else {
                world.push("user", &text);
            }
        }
        world.ended(5).await;
        assert_eq!(world.failed(), bad.len() as u64);
        let verdicts = world.verdicts();
        for number in 0..5 {
            let failed = reason(&verdicts[&format!("u.{number}")]);
            assert_eq!(failed.is_some(), bad.contains(&number), "{verdicts:?}");
        }
        let good: Vec<String> = (0..5)
            .filter(|number| !bad.contains(number))
            .map(|number| format!("u.{number}"))
            .collect();
        assert_eq!(endpoint.texts("user"), good);
        assert_eq!(endpoint.seen().len(), usize::from(!good.is_empty()));
        world.assert_empty();
    }
}

/// A limit counts requests, halves of a batch too, and not events.
#[tokio::test(start_paused = true)]
async fn a_limit_counts_requests() {
    let endpoint = endpoint(|seen: &Seen| {
        let status = if seen.events.len() > 5 { 413 } else { 200 };
        (status, Duration::ZERO)
    })
    .await;
    let policy = PolicyOptions {
        rate: Some(RateOptions {
            per_second: 1,
            burst: Some(1),
        }),
        ..batch(10, 10)
    };
    let world = World::new(&endpoint.url, 4, &policy);
    let begin = Instant::now();
    for number in 0..30 {
        world.push(&format!("user{}", number % 3), &number.to_string());
    }
    world.ended(30).await;
    assert_eq!(endpoint.sizes(), [10, 5, 5, 10, 5, 5, 10, 5, 5]);
    let took = begin.elapsed();
    let expected = Duration::from_secs(6);
    assert!(took >= expected && took < expected + SLACK * 4, "{took:?}");
    world.assert_empty();
}

/// A part of a batch that was halved is tried again with the members that it had, under the same identity. One that
/// could not be sent has left it, and none of the next part comes in its place.
#[tokio::test(start_paused = true)]
async fn a_part_is_tried_again_as_it_was() {
    let of = |seen: &Seen, text: &str| seen.events.iter().any(|(_, other)| other == text);
    let failed = Mutex::new(false);
    let endpoint = endpoint(move |seen: &Seen| {
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

/// The same for a template that writes too much of all of them.
#[tokio::test(start_paused = true)]
async fn a_part_of_a_template_is_tried_again_as_it_was() {
    let failed = Mutex::new(false);
    let endpoint = endpoint(move |_: &Seen| {
        let failed = std::mem::replace(&mut *failed.lock(), true);
        (if failed { 200 } else { 503 }, Duration::ZERO)
    })
    .await;
    let event = r#"{"id":{{ event.id }},"data":{"from":{"user":{{ event.from.user }}},"body":{{ event.body }}},"#;
    let long = "x".repeat(1_000);
    let source = format!(
        "[{{% for event in events %}}{event}\"long\":\"{long}\"}}{{% if not loop.last %}},{{% endif %}}{{% endfor %}}]"
    );
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("t.j2");
    std::fs::write(&file, source).unwrap();
    let format = FormatOptions::Template(TemplateOptions {
        file,
        content_type: "application/json".to_owned(),
        path: None,
        headers: Vec::new(),
    });
    let mut policy = batch_retried(8, 50);
    policy.batch.as_mut().unwrap().max_bytes = Some(5_000);
    let world = World::of_format(&policy, format);
    world.read_template();
    for number in 0..8 {
        let text = format!("u.{number}");
        if number == 1 {
            world.push_stanza("user", &text, "<message");
        } else {
            world.push("user", &text);
        }
    }
    open_with(&world.pool, &endpoint.url, 5_000, 60_000, 1);
    world.ended(8).await;
    assert_eq!((world.sent(), world.failed()), (7, 1));
    let seen = endpoint.seen();
    assert_eq!(endpoint.sizes(), [3, 3, 4], "{seen:?}");
    assert_eq!(seen[0].ids, seen[1].ids);
    assert_eq!(seen[0].id, seen[1].id);
    world.assert_empty();
}

/// What is given up sends nothing, and so uses up nothing of the limit: however many requests a halved batch would
/// have been, the next one waits for its own token only.
#[tokio::test(start_paused = true)]
async fn a_batch_that_is_given_up_uses_up_no_limit() {
    let endpoint = endpoint(|seen: &Seen| match seen.events.len() {
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

/// When the first of a batch have their outcomes, what is left of it is the one request that it was.
#[tokio::test(start_paused = true)]
async fn what_is_left_counts_as_a_request() {
    let endpoint = endpoint(|seen: &Seen| match seen.events.len() {
        1 => (200, Duration::from_secs(1)),
        _ => (413, Duration::ZERO),
    })
    .await;
    let world = World::not_open(&batch(2, 10));
    open_with_queue(&world.pool, &endpoint.url, 5_000, 60_000, 1, Some(1));
    world.push("user", "u.0");
    world.push("user", "u.1");
    world.ended(1).await;
    assert_eq!(world.pool.counts().queue.in_flight, 1);
    // Besides it one may wait.
    world.push("kate", "k.0");
    let second = world.notification("kate", "k.1", "<message/>");
    assert!(world.pool.push(b"kate", second).is_err());
    world.ended(3).await;
    world.assert_empty();
}
