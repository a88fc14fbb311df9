//! An endpoint that is not down but fails some: ten lanes of a hundred go on, and a lane goes on without a
//! notification that always fails. On a clock that advances only when nothing else can happen.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::time::Duration;

use notification::policy::RetryOptions;
use notification::{FailureReason, Verdict};
use tokio::time::{Instant, sleep};

use super::scripted_endpoint::endpoint;
use super::world::{Seen, World, status};

/// An endpoint that accepts ten lanes of a hundred. Those ten are not slowed: the others' failures hold
/// none of theirs.
#[tokio::test(start_paused = true)]
async fn ten_lanes_of_a_hundred() {
    let endpoint = endpoint(|seen: &Seen| {
        let good = seen.lane.ends_with('7');
        (if good { 200 } else { 500 }, String::new())
    })
    .await;
    let retry = RetryOptions {
        alone: Some(1_000_000),
        ..RetryOptions::default()
    };
    let world = World::new(&endpoint.url, 10, retry);
    let mut pushed = HashMap::new();
    for round in 0..60 {
        for lane in 0..100 {
            let text = format!("{lane}.{round}");
            pushed.insert(text.clone(), Instant::now());
            world.push(&format!("user{lane}"), &text);
        }
        sleep(Duration::from_secs(1)).await;
    }
    assert!(world.notices().is_empty());
    assert_eq!((world.sent(), world.failed()), (600, 0));
    for seen in endpoint
        .seen()
        .iter()
        .filter(|seen| seen.lane.ends_with('7'))
    {
        let took = seen.at - pushed[&seen.text];
        assert!(
            took < Duration::from_millis(100),
            "{} took {took:?}",
            seen.text
        );
    }
    // Each other lane tries its first one now and then, and keeps its order.
    let bad = endpoint
        .seen()
        .iter()
        .filter(|seen| !seen.lane.ends_with('7'))
        .count();
    assert!((90..1_500).contains(&bad), "{bad} attempts in vain");
    assert_eq!(endpoint.texts("user1"), ["1.0"]);
}

/// One notification is answered 500 for ever. Its lane goes on after `alone` attempts, the others at once.
#[tokio::test(start_paused = true)]
async fn a_poisoned_notification() {
    let endpoint = endpoint(|seen: &Seen| {
        let status = if seen.text == "poison" { 500 } else { 200 };
        (status, String::new())
    })
    .await;
    let retry = RetryOptions {
        alone: Some(3),
        ..RetryOptions::default()
    };
    let world = World::new(&endpoint.url, 2, retry);
    for text in ["before", "poison", "after", "last"] {
        world.push("mallory", text);
    }
    let mut pushed = 4;
    while world.failed() == 0 {
        world.push("alice", &format!("a{pushed}"));
        pushed += 1;
        sleep(Duration::from_millis(250)).await;
    }
    world.ended(pushed).await;
    assert_eq!(
        endpoint.texts("mallory"),
        ["before", "poison", "after", "last"]
    );
    let tries = endpoint
        .seen()
        .iter()
        .filter(|seen| seen.text == "poison")
        .count();
    // A pause is of any length up to a growing one: an attempt that comes before another lane has succeeded does not
    // count. That six do not is less likely than one in a million.
    assert!((3..=8).contains(&tries), "{tries}");
    let verdicts = world.verdicts();
    let Verdict::Failed {
        reason,
        text,
        attempts,
    } = &verdicts["poison"]
    else {
        panic!("{verdicts:?}");
    };
    assert_eq!(
        (*reason, *attempts as usize),
        (FailureReason::Poisoned, tries)
    );
    assert!(text.contains("the endpoint answered 500"), "{text}");
    assert_eq!(status(&verdicts["after"]), Some(200));
    assert!(world.notices().is_empty());
    world.assert_empty();
}
