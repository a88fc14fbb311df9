//! What an answer means for the next attempt: none after a final one, not before `Retry-After`, and at once when
//! a connection breaks. On a clock that advances only when nothing else can happen.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use notification::policy::RetryOptions;
use notification::{FailureReason, Verdict};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::scripted_endpoint::endpoint;
use super::world::{Seen, World, reason, status};

/// 3xx, 410 and other 4xx are final, with one attempt each; what follows in the lane goes on at once.
#[tokio::test(start_paused = true)]
async fn final_answers() {
    let endpoint = endpoint(|seen: &Seen| (seen.text.parse().unwrap(), String::new())).await;
    let world = World::new(&endpoint.url, 1, RetryOptions::default());
    let begin = Instant::now();
    let statuses = ["301", "307", "400", "404", "410", "422", "204"];
    for status in statuses {
        world.push("alice", status);
    }
    world.ended(7).await;
    assert!(begin.elapsed() < Duration::from_secs(1));
    assert_eq!(endpoint.seen().len(), 7);
    assert_eq!(endpoint.texts("alice"), statuses);
    let verdicts = world.verdicts();
    for text in &statuses[..6] {
        assert_eq!(
            reason(&verdicts[*text]),
            Some(FailureReason::BadStatus),
            "{text}"
        );
    }
    assert_eq!(status(&verdicts["204"]), Some(204));
    let Verdict::Failed { text, .. } = &verdicts["410"] else {
        panic!("410 is final")
    };
    assert!(text.contains("wants no more notifications"), "{text}");
    world.assert_empty();
}

/// `Retry-After`, in seconds and as a date, whatever the node's clock says.
#[tokio::test(start_paused = true)]
async fn retry_after() {
    let noon = "Thu, 26 Nov 2026 12:00:00 GMT";
    for (fields, least, most) in [
        ("retry-after: 300\r\n".to_owned(), 300, 301),
        (
            format!("date: {noon}\r\nretry-after: Thu, 26 Nov 2026 12:05:00 GMT\r\n"),
            300,
            301,
        ),
        ("retry-after: 1000000\r\n".to_owned(), 900, 901),
        ("retry-after: -5\r\n".to_owned(), 0, 2),
        ("retry-after: tomorrow\r\n".to_owned(), 0, 2),
    ] {
        let first = Mutex::new(Some(fields.clone()));
        let endpoint = endpoint(move |_: &Seen| match first.lock().take() {
            Some(fields) => (429, fields),
            None => (200, String::new()),
        })
        .await;
        let world = World::new(&endpoint.url, 1, RetryOptions::default());
        world.push("alice", "hello");
        world.ended(1).await;
        let seen = endpoint.seen();
        let pause = (seen[1].at - seen[0].at).as_secs();
        assert!((least..=most).contains(&pause), "{fields}: {pause} s");
        assert_eq!((world.sent(), seen.len()), (1, 2));
        world.assert_empty();
    }
}

/// A connection that breaks is first tried again at once, three times in all, and then after a pause.
#[tokio::test(start_paused = true)]
async fn connections_that_break() {
    let left = Mutex::new(4);
    let endpoint = endpoint(move |_: &Seen| {
        let mut left = left.lock();
        if *left == 0 {
            return (200, String::new());
        }
        *left -= 1;
        (0, String::new())
    })
    .await;
    let world = World::new(&endpoint.url, 1, RetryOptions::default());
    world.push("alice", "hello");
    world.ended(1).await;
    assert_eq!((world.sent(), endpoint.seen().len()), (1, 5));
    assert_eq!(world.counters.of("pool").retries(), 4);
    world.assert_empty();
}
