//! Tests of deliveries that are tried again, on a clock that advances only when nothing else can happen, at
//! an endpoint that a closure answers for: an outage of a day, an endpoint that accepts some lanes only, a
//! notification that always fails, `Retry-After`.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use notification::policy::{PolicyOptions, RetryOptions};
use notification::{
    Content, DeliveryPolicy, Direction, FailureReason, Handler, HandlerId, HostType, HostTypeId,
    Names, Notification, RejectCounters, Verdict,
};
use parking_lot::Mutex;
use tokio::time::{Instant, sleep};
use transport::notices::{About, NoticeKind};

use super::Pool;
use super::answering::{self, Endpoint, endpoint};
use super::look::tests::{open_with, pool};
use crate::report::counters::CountersByPool;
use crate::report::outcomes::FIRST;

/// A request as the endpoint saw it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) at: Instant,
    pub(super) lane: String,
    pub(super) text: String,
}

impl answering::Seen for Seen {
    fn of(_: &dyn Fn(&str) -> String, body: &str) -> Self {
        let field = |name: &str| {
            let mut fields = body.split('&').filter_map(|pair| pair.split_once('='));
            let found = fields.find(|(field, _)| *field == name);
            found.map(|(_, value)| value.to_owned()).unwrap()
        };
        Self {
            at: Instant::now(),
            lane: field("author"),
            text: field("message"),
        }
    }
}

impl Endpoint<Seen> {
    /// The texts of a lane, in the order in which they came; each once.
    pub(super) fn texts(&self, lane: &str) -> Vec<String> {
        let mut texts: Vec<String> = Vec::new();
        for seen in self.seen().into_iter().filter(|seen| seen.lane == lane) {
            if !texts.contains(&seen.text) {
                texts.push(seen.text);
            }
        }
        texts
    }
}

pub(super) struct World {
    pub(super) pool: Arc<Pool>,
    counters: Arc<CountersByPool>,
    handler: Arc<Handler>,
}

fn policy(retry: RetryOptions) -> DeliveryPolicy {
    DeliveryPolicy::check(&PolicyOptions {
        success: Some(vec!["2xx".to_owned()]),
        retry: Some(retry),
        ..PolicyOptions::default()
    })
    .unwrap()
}

impl World {
    fn new(url: &str, workers: u64, retry: RetryOptions) -> Self {
        Self::of_policy(url, workers, policy(retry))
    }

    /// A pool that is open, and a handler with this policy.
    pub(super) fn of_policy(url: &str, workers: u64, policy: DeliveryPolicy) -> Self {
        let counters = Arc::<CountersByPool>::default();
        let pool = pool(&counters, 100_000);
        open_with(&pool, url, 5_000, 60_000, workers);
        Self {
            pool,
            counters,
            handler: Arc::new(handler(policy)),
        }
    }

    /// The same pool, and another handler.
    pub(super) fn with_handler(&self, id: u32, policy: DeliveryPolicy) -> Self {
        let handler = Handler {
            id: HandlerId::from(id),
            ..handler(policy)
        };
        Self {
            pool: Arc::clone(&self.pool),
            counters: Arc::clone(&self.counters),
            handler: Arc::new(handler),
        }
    }

    /// The same handler, and another pool of the same name, which is not open.
    pub(super) fn with_another_pool(&self) -> Self {
        Self {
            pool: pool(&self.counters, 100_000),
            counters: Arc::clone(&self.counters),
            handler: Arc::clone(&self.handler),
        }
    }

    pub(super) fn push(&self, lane: &str, text: &str) {
        let names = Names {
            sender: lane.as_bytes(),
            server: b"localhost",
            receiver: b"bob",
        };
        let handler = Arc::clone(&self.handler);
        let notification = Notification::new(
            handler,
            Direction::In,
            names,
            text.as_bytes(),
            Content::Form,
        );
        self.pool
            .push(lane.as_bytes(), notification.unwrap())
            .unwrap();
    }

    pub(super) fn sent(&self) -> u64 {
        self.counters.of("pool").sent()
    }

    pub(super) fn failed(&self) -> u64 {
        self.counters.of("pool").failed()
    }

    /// Waits until so many have an outcome.
    pub(super) async fn ended(&self, count: u64) {
        while self.sent() + self.failed() < count {
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// The verdicts of all outcomes, by text.
    pub(super) fn verdicts(&self) -> HashMap<String, Verdict> {
        let mut verdicts = HashMap::new();
        let taken = self.pool.outcomes.take(FIRST, usize::MAX, |outcome| {
            let text = String::from_utf8(outcome.notification.text().to_vec()).unwrap();
            verdicts.insert(text, outcome.verdict.clone());
        });
        for () in taken {
            self.pool.outcomes.counted(FIRST);
        }
        verdicts
    }

    /// Nothing is left: not in the queue, not in the bounds.
    pub(super) fn assert_empty(&self) {
        while !self.pool.outcomes.is_empty() {
            self.verdicts();
        }
        let counts = self.pool.counts();
        assert_eq!((counts.pending, counts.pending_bytes), (0, 0), "{counts:?}");
        let counts = counts.queue;
        assert_eq!(counts.accepted, counts.sent + counts.failed, "{counts:?}");
        assert_eq!(counts.waiting + counts.postponed + counts.in_flight, 0);
    }

    /// How many endpoints are down.
    fn down(&self) -> usize {
        let endpoints = self.pool.endpoints();
        endpoints
            .iter()
            .filter(|endpoint| endpoint.down_since.is_some())
            .count()
    }

    fn notices(&self) -> Vec<(NoticeKind, usize)> {
        let notices = self.pool.notices.take();
        let outages = notices.into_iter().map(|notice| match notice.about {
            About::Endpoint(outage) => (notice.kind, outage.waiting),
            about => panic!("{about:?}"),
        });
        outages.collect()
    }
}

fn handler(policy: DeliveryPolicy) -> Handler {
    Handler {
        id: HandlerId::default(),
        host_type: Arc::new(HostType::new(HostTypeId::default(), "localhost")),
        pool_name: "http_pool".into(),
        path: "/n".into(),
        policy,
        plan: None,
        rejected: RejectCounters::default(),
    }
}

fn status(verdict: &Verdict) -> Option<u16> {
    match verdict {
        Verdict::Sent { status, .. } => Some(*status),
        Verdict::Failed { .. } => None,
    }
}

pub(super) fn reason(verdict: &Verdict) -> Option<FailureReason> {
    match verdict {
        Verdict::Failed { reason, .. } => Some(*reason),
        Verdict::Sent { .. } => None,
    }
}

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
    assert!((3..=4).contains(&tries), "{tries}");
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
