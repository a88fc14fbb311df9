//! An endpoint that is down, on a clock that advances only when nothing else can happen: for a day, for longer
//! than notifications wait, and while its pool drains or closes.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use notification::policy::RetryOptions;
use notification::{DeliveryPolicy, FailureReason};
use tokio::time::{Instant, sleep};
use transport::notices::NoticeKind;

use super::scripted_endpoint::endpoint;
use super::world::{Seen, World, reason};
use crate::delivery::{Judgement, Opened, Sign};
use crate::pool::{Pool, WorkerSignals};

const HOUR: Duration = Duration::from_hours(1);

/// Two hundred lanes push once an hour while the endpoint answers 503 for a day.
#[tokio::test(start_paused = true)]
async fn an_outage_of_a_day() {
    let begin = Instant::now();
    let end = begin + 24 * HOUR;
    let endpoint = endpoint(move |seen: &Seen| {
        let status = if seen.at < end { 503 } else { 200 };
        (status, String::new())
    })
    .await;
    let world = World::new(&endpoint.url, 10, RetryOptions::default());
    let (lanes, hours) = (200, 24);
    let mut most = 0;
    for hour in 0..hours {
        for lane in 0..lanes {
            world.push(&format!("user{lane}"), &format!("{lane}.{hour}"));
        }
        let before = endpoint.seen().len();
        sleep(HOUR).await;
        let attempts = endpoint.seen().len() - before;
        // The first hour has the attempts before the breaker opens, and its short pauses.
        most = most.max(if hour == 0 { 0 } else { attempts });
        assert!(attempts <= 150, "{attempts} attempts in hour {hour}");
        let counts = world.pool.counts();
        assert_eq!(
            counts.queue.waiting + counts.queue.postponed,
            lanes * (hour + 1)
        );
        // What memory holds, as `memory` shows; retries add nothing to it.
        let each = counts.pending_bytes / counts.pending;
        assert!(each <= 1_000, "hour {hour}: {counts:?}");
        assert!(counts.pending_bytes <= 2 << 20, "hour {hour}: {counts:?}");
    }
    assert!(most <= 30, "{most} attempts in an hour");
    assert_eq!(world.notices()[0].0, NoticeKind::EndpointDown);
    assert_eq!(world.down(), 1);
    assert_eq!(world.counters.of("pool").outages(), 1);
    world.ended(lanes * hours).await;
    assert_eq!((world.sent(), world.failed()), (lanes * hours, 0));
    let over = Instant::now();
    assert!(
        over < end + Duration::from_mins(16),
        "{:?} late",
        over - end
    );
    for lane in 0..lanes {
        let expected: Vec<String> = (0..hours).map(|hour| format!("{lane}.{hour}")).collect();
        assert_eq!(endpoint.texts(&format!("user{lane}")), expected);
    }
    let notices = world.notices();
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert_eq!(notices[0].0, NoticeKind::EndpointUp);
    assert!(notices[0].1 > 4_000, "{notices:?}");
    assert_eq!(world.down(), 0);
    world.assert_empty();
}

/// Nothing waits for an endpoint that is down when a notification comes: its time ends nevertheless, long before the
/// endpoint is asked again.
#[tokio::test(start_paused = true)]
async fn what_comes_when_nothing_waits_is_given_up_in_time() {
    let endpoint = endpoint(|_: &Seen| (503, String::new())).await;
    let retry = RetryOptions {
        initial: Some(24 * 3_600_000),
        max: Some(24 * 3_600_000),
        give_up_after: Some(60_000),
        ..RetryOptions::default()
    };
    let world = World::new(&endpoint.url, 2, retry);
    let silent = Sign::Trouble { answered: false };
    assert!((0..2).any(|lane| world.tell(silent, lane, false)));
    sleep(Duration::from_secs(1)).await;
    world.push("alice", "hello");
    sleep(Duration::from_secs(70)).await;
    assert_eq!((world.failed(), world.down()), (1, 1));
    world.assert_empty();
}

/// No endpoint listens. What is too old is given up, though no worker has tried it.
#[tokio::test(start_paused = true)]
async fn given_up_while_the_endpoint_is_down() {
    let retry = RetryOptions {
        give_up_after: Some(3_600_000),
        ..RetryOptions::default()
    };
    let world = World::new("http://127.0.0.1:1", 2, retry);
    for lane in 0..100 {
        for number in 0..10 {
            world.push(&format!("user{lane}"), &format!("{lane}.{number}"));
        }
    }
    sleep(Duration::from_mins(44)).await;
    assert!(world.failed() < 20, "{}", world.failed());
    sleep(Duration::from_mins(18)).await;
    assert_eq!((world.sent(), world.failed()), (0, 1_000));
    let verdicts = world.verdicts();
    assert!(
        verdicts
            .values()
            .all(|verdict| reason(verdict) == Some(FailureReason::GaveUp))
    );
    world.assert_empty();
    // The pool goes on.
    world.push("user0", "later");
    sleep(Duration::from_mins(20)).await;
    assert_eq!(world.pool.counts().queue.postponed, 1);
}

/// A pool that closes fails what is postponed with `shutdown`, at the end of its time and not before.
#[tokio::test(start_paused = true)]
async fn a_pool_closes() {
    let endpoint = endpoint(|_: &Seen| (503, String::new())).await;
    let world = World::new(&endpoint.url, 4, RetryOptions::default());
    for lane in 0..50 {
        world.push(&format!("user{lane}"), "one");
        world.push(&format!("user{lane}"), "two");
    }
    sleep(Duration::from_mins(10)).await;
    let closing = tokio::spawn(Arc::clone(&world.pool).close(Duration::from_secs(30)));
    sleep(Duration::from_secs(29)).await;
    assert_eq!(world.failed(), 0);
    closing.await.unwrap();
    assert_eq!(world.failed(), 100);
    let verdicts = world.verdicts();
    assert!(
        verdicts
            .values()
            .all(|verdict| reason(verdict) == Some(FailureReason::Shutdown))
    );
    world.assert_empty();
}

/// A draining pool goes on with its attempts, and is quiet after the last one.
#[tokio::test(start_paused = true)]
async fn a_pool_drains() {
    let end = Instant::now() + Duration::from_mins(5);
    let endpoint = endpoint(move |seen: &Seen| {
        let status = if seen.at < end { 503 } else { 200 };
        (status, String::new())
    })
    .await;
    let world = World::new(&endpoint.url, 4, RetryOptions::default());
    for lane in 0..50 {
        world.push(&format!("user{lane}"), "one");
    }
    sleep(Duration::from_mins(1)).await;
    Arc::clone(&world.pool).close(Duration::from_hours(2)).await;
    assert_eq!((world.sent(), world.failed()), (50, 0));
    assert!(
        Instant::now() < end + Duration::from_mins(16),
        "it ended when it was quiet"
    );
    world.assert_empty();
}

/// A handler without `retry` at the same URL is served as ever while the others wait.
#[tokio::test(start_paused = true)]
async fn a_handler_that_sets_nothing_does_not_wait() {
    let endpoint = endpoint(|_: &Seen| (503, String::new())).await;
    let world = World::new(&endpoint.url, 4, RetryOptions::default());
    for lane in 0..50 {
        world.push(&format!("user{lane}"), "one");
    }
    sleep(Duration::from_mins(10)).await;
    let plain = world.with_handler(1, DeliveryPolicy::default());
    let begin = Instant::now();
    for lane in 0..50 {
        plain.push(&format!("user{lane}"), "plain");
    }
    world.ended(50).await;
    assert!(begin.elapsed() < Duration::from_secs(1));
    assert_eq!((world.sent(), world.failed()), (50, 0), "503 is an answer");
    assert_eq!(
        world.pool.counts().queue.postponed + world.pool.counts().queue.waiting,
        50
    );
}

/// Workers that deliver at once what they are started for, but not before the endpoint is back.
#[expect(
    clippy::needless_pass_by_value,
    reason = "a pool starts its workers with these"
)]
fn at_once(pool: Arc<Pool>, opened: Arc<Opened>, _: Arc<WorkerSignals>) {
    let known = pool.endpoints();
    if known.is_empty() || known[0].down_since.is_some() || pool.counters.outages() == 0 {
        return;
    }
    let Some(taken) = pool.core().take(Instant::now()) else {
        return;
    };
    pool.in_flight(&opened, taken).conclude(Judgement::Success {
        status: StatusCode::OK,
        elapsed: Duration::ZERO,
    });
}

/// The line that says how many waited counts them before the first of them goes.
#[tokio::test(start_paused = true)]
async fn what_waited_is_counted_before_it_goes() {
    let world = World::with_workers(at_once, RetryOptions::default());
    for number in 0..100 {
        world.push(&format!("user{number}"), "hi");
    }
    let trouble = Sign::Trouble { answered: false };
    let down = (0..100).any(|lane| world.tell(trouble, lane, false));
    assert!(down);
    assert!(!world.tell(Sign::Works, 0, true));
    assert!(world.sent() > 0, "some are delivered in that step");
    let notices = world.notices();
    let expected = [
        (NoticeKind::EndpointDown, 100),
        (NoticeKind::EndpointUp, 100),
    ];
    assert_eq!(notices, expected);
}
