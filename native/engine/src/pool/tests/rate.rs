//! Tests of handlers with a limit, on a clock that advances only when nothing else can happen.
//!
//! Requests are dated by the endpoint, which may see one a moment late if the clock advances meanwhile: hence
//! the slack. That no item is taken without a token is exact in the queue's own tests.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use notification::policy::{PolicyOptions, Rate, RateOptions, RetryOptions};
use notification::{DeliveryPolicy, FailureReason};
use tokio::time::{Instant, sleep};

use super::pools::open_with;
use super::scripted_endpoint::{Endpoint, endpoint};
use super::world::{Seen, World, reason};

/// How late the endpoint may date a request.
const SLACK: Duration = Duration::from_millis(500);

fn policy(per_second: u64, burst: u64, retry: Option<RetryOptions>) -> DeliveryPolicy {
    let rate = RateOptions {
        per_second,
        burst: Some(burst),
    };
    DeliveryPolicy::check(&PolicyOptions {
        rate: Some(rate),
        retry,
        ..PolicyOptions::default()
    })
    .unwrap()
}

async fn answers_200() -> Endpoint<Seen> {
    endpoint(|_| 200).await
}

/// Over no span of time did the endpoint see more requests than the limit allows.
fn assert_within(rate: Rate, endpoint: &Endpoint<Seen>) {
    let seen: Vec<Instant> = endpoint.seen().iter().map(|seen| seen.at).collect();
    for (place, from) in seen.iter().enumerate() {
        for (count, to) in (1..).zip(&seen[place..]) {
            let span = (*to - *from + SLACK).as_secs_f64();
            let most = f64::from(rate.burst) + f64::from(rate.per_second) * span;
            assert!(
                f64::from(count) <= most,
                "{count} in {span} s, {most} are allowed"
            );
        }
    }
}

/// Many workers, and much to do: a burst at once, then as the rate says. Nothing expires, though it waits for
/// longer than `call_timeout`; lanes keep their order; the gauge says that the limit holds them up.
#[tokio::test(start_paused = true)]
async fn what_is_over_the_limit_waits() {
    let endpoint = answers_200().await;
    let policy = policy(2, 20, None);
    let world = World::of_policy(&endpoint.url, 50, policy);
    let begin = Instant::now();
    for lane in 0..100 {
        for number in 0..3 {
            world.push(&format!("user{lane}"), &format!("{lane}.{number}"));
        }
    }
    sleep(SLACK).await;
    assert!((20..=22).contains(&world.sent()), "{}", world.sent());
    assert!(
        (275..=280).contains(&world.pool.limited()),
        "{}",
        world.pool.limited()
    );
    world.ended(300).await;
    assert_eq!((world.sent(), world.failed()), (300, 0));
    let took = begin.elapsed();
    let expected = Duration::from_secs(140);
    assert!(
        took + SLACK >= expected && took < expected + 2 * SLACK,
        "{took:?}"
    );
    assert_within(policy.rate.unwrap(), &endpoint);
    for lane in 0..100 {
        let texts = [0, 1, 2].map(|number| format!("{lane}.{number}"));
        assert_eq!(endpoint.texts(&format!("user{lane}")), texts);
    }
    assert_eq!(world.pool.limited(), 0);
    world.assert_empty();
    // After a quiet time there may be a burst again.
    sleep(Duration::from_secs(10)).await;
    let begin = Instant::now();
    for lane in 0..20 {
        world.push(&format!("user{lane}"), "later");
    }
    world.ended(320).await;
    assert!(begin.elapsed() < SLACK, "{:?}", begin.elapsed());
    assert_within(policy.rate.unwrap(), &endpoint);
    world.assert_empty();
}

/// Notifications come at any time, also while the bucket is empty, or half full.
#[tokio::test(start_paused = true)]
async fn notifications_that_come_now_and_then() {
    let endpoint = answers_200().await;
    let policy = policy(100, 5, None);
    let world = World::of_policy(&endpoint.url, 10, policy);
    let mut random = fastrand::Rng::with_seed(7);
    let mut pushed = 0;
    for round in 0..300 {
        for lane in 0..random.u64(0..6) {
            world.push(&format!("user{lane}"), &format!("{lane}.{round}"));
            pushed += 1;
        }
        sleep(Duration::from_millis(random.u64(0..60))).await;
    }
    world.ended(pushed).await;
    assert_eq!((world.sent(), world.failed()), (pushed, 0));
    assert_within(policy.rate.unwrap(), &endpoint);
    world.assert_empty();
}

/// A limit is a handler's own: one without is served at once, and one with another limit by that.
#[tokio::test(start_paused = true)]
async fn others_do_not_wait() {
    let endpoint = answers_200().await;
    let slow = World::of_policy(&endpoint.url, 3, policy(1, 1, None));
    let plain = slow.with_handler(1, DeliveryPolicy::default());
    let fast = slow.with_handler(2, policy(50, 10, None));
    let begin = Instant::now();
    for lane in 0..60 {
        slow.push(&format!("user{lane}"), "slow");
        fast.push(&format!("user{lane}"), "fast");
        plain.push(&format!("user{lane}"), "plain");
    }
    slow.ended(180).await;
    let last = |text: &str| {
        let seen = endpoint.seen();
        let times: Vec<_> = seen.iter().filter(|seen| seen.text == text).collect();
        assert_eq!(times.len(), 60);
        times[59].at - begin
    };
    assert!(last("plain") < SLACK, "{:?}", last("plain"));
    let fast = last("fast");
    assert!(fast < Duration::from_secs(1) + SLACK, "{fast:?}");
    let slow = last("slow");
    assert!((58..=60).contains(&slow.as_secs()), "{slow:?}");
}

/// The limit and the breaker both hold: while the endpoint is down it is asked rarely, and when it is back what
/// has waited goes out as the rate says, the repeated attempts too.
#[tokio::test(start_paused = true)]
async fn a_limit_and_an_outage() {
    let end = Instant::now() + Duration::from_mins(30);
    let endpoint = endpoint(move |seen: &Seen| {
        let status = if seen.at < end { 503 } else { 200 };
        (status, String::new())
    })
    .await;
    let policy = policy(5, 10, Some(RetryOptions::default()));
    let world = World::of_policy(&endpoint.url, 20, policy);
    for lane in 0..200 {
        for number in 0..3 {
            world.push(&format!("user{lane}"), &format!("{lane}.{number}"));
        }
    }
    sleep(Duration::from_mins(29)).await;
    let attempts = endpoint.seen().len();
    assert!(attempts < 200, "{attempts} attempts while it was down");
    assert_eq!(world.pool.endpoints()[0].pending, 600);
    world.ended(600).await;
    assert_eq!((world.sent(), world.failed()), (600, 0));
    assert_within(policy.rate.unwrap(), &endpoint);
    for lane in 0..200 {
        let texts = [0, 1, 2].map(|number| format!("{lane}.{number}"));
        assert_eq!(endpoint.texts(&format!("user{lane}")), texts);
    }
    world.assert_empty();
}

/// Twice as many come as the rate lets go, and what has waited for too long is given up. That uses up no token: the
/// others are delivered at the rate.
#[tokio::test(start_paused = true)]
async fn what_is_given_up_takes_no_token() {
    let endpoint = answers_200().await;
    let retry = RetryOptions {
        give_up_after: Some(10_000),
        ..RetryOptions::default()
    };
    let policy = policy(1, 1, Some(retry));
    let world = World::of_policy(&endpoint.url, 2, policy);
    for number in 0..240 {
        world.push(&format!("user{number}"), "hello");
        sleep(Duration::from_millis(500)).await;
    }
    world.ended(240).await;
    assert!(world.sent() >= 120, "{} sent", world.sent());
    assert_within(policy.rate.unwrap(), &endpoint);
    world.assert_empty();
}

/// An endpoint that takes longer for an answer than tokens take to come: the workers are the limit.
#[tokio::test(start_paused = true)]
async fn a_slow_endpoint_gets_no_more_for_that() {
    let endpoint = answers_200().await;
    let world = World::of_policy(&endpoint.url, 2, policy(1_000, 1_000, None));
    for lane in 0..500 {
        world.push(&format!("user{lane}"), "hello");
    }
    world.ended(500).await;
    assert_eq!(
        (world.sent(), world.failed(), world.pool.limited()),
        (500, 0, 0)
    );
    world.assert_empty();
}

/// A pool that is stopped goes on as the rate says until its time is over; the rest fails with `shutdown`.
#[tokio::test(start_paused = true)]
async fn a_pool_closes() {
    let endpoint = answers_200().await;
    let policy = policy(10, 10, None);
    let world = World::of_policy(&endpoint.url, 5, policy);
    for lane in 0..200 {
        world.push(&format!("user{lane}"), &lane.to_string());
    }
    Arc::clone(&world.pool).close(Duration::from_secs(5)).await;
    world.ended(200).await;
    assert!((58..=62).contains(&world.sent()), "{}", world.sent());
    assert_eq!(world.sent() + world.failed(), 200);
    assert_within(policy.rate.unwrap(), &endpoint);
    let verdicts = world.verdicts();
    let shutdown = |verdict: &&_| reason(verdict) == Some(FailureReason::Shutdown);
    assert_eq!(
        verdicts.values().filter(shutdown).count() as u64,
        world.failed()
    );
    world.assert_empty();
}

/// A pool that drains within its time ends when the last one is out.
#[tokio::test(start_paused = true)]
async fn a_pool_drains() {
    let endpoint = answers_200().await;
    let world = World::of_policy(&endpoint.url, 5, policy(10, 10, None));
    let begin = Instant::now();
    for lane in 0..50 {
        world.push(&format!("user{lane}"), "hello");
    }
    Arc::clone(&world.pool).close(Duration::from_mins(1)).await;
    assert_eq!((world.sent(), world.failed()), (50, 0));
    assert!(begin.elapsed() + SLACK >= Duration::from_secs(4));
    assert!(
        begin.elapsed() < Duration::from_secs(6),
        "{:?}",
        begin.elapsed()
    );
    world.assert_empty();
}

/// What waits in a pool that has no options yet is handed over as a whole, however small the burst.
#[tokio::test(start_paused = true)]
async fn handed_over_to_the_pool_that_opens() {
    let endpoint = answers_200().await;
    let policy = policy(100, 2, None);
    let world = World::of_policy(&endpoint.url, 5, policy);
    let spare = world.with_another_pool();
    for lane in 0..50 {
        spare.push(&format!("user{lane}"), "hello");
    }
    assert!(spare.pool.hand_over(Arc::clone(&world.pool)));
    world.ended(50).await;
    assert_eq!((world.sent(), world.failed()), (50, 0));
    assert_within(policy.rate.unwrap(), &endpoint);
    world.assert_empty();
}

/// What waited before the pool opened is within the limit, too.
#[tokio::test(start_paused = true)]
async fn a_pool_opens_late() {
    let endpoint = answers_200().await;
    let policy = policy(10, 3, None);
    let world = World::of_policy(&endpoint.url, 1, policy);
    let late = world.with_another_pool();
    for lane in 0..30 {
        late.push(&format!("user{lane}"), "hello");
        sleep(Duration::from_secs(1)).await;
    }
    open_with(&late.pool, &endpoint.url, 5_000, 60_000, 20);
    sleep(Duration::from_secs(4)).await;
    assert_eq!(endpoint.seen().len(), 30);
    assert_within(policy.rate.unwrap(), &endpoint);
}
