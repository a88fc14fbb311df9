//! Tests of handlers that send batches, on a clock that advances only when nothing else can happen, at an
//! endpoint that a closure answers for.
#![allow(clippy::unwrap_used)]

mod on_disk;
mod parts;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use notification::policy::{BatchOptions, PolicyOptions, RateOptions, RetryOptions};
use notification::{
    Content, DeliveryPolicy, Direction, FailureReason, Handler, HandlerId, HostType, HostTypeId,
    Names, Notification, RejectCounters, Verdict,
};
use parking_lot::Mutex;
use payload::{Facts, FormatOptions, PlanOptions, Value};
use serde_json::Value as Json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, advance, sleep};

use super::Pool;
use super::look::tests::{open_with, pool};
use super::outage::reason;
use crate::handler_plan::{HandlerOptions, HandlerPlan, Shared};
use crate::report::counters::CountersByPool;

/// The clock may advance a little each time the system reports an event.
const SLACK: Duration = Duration::from_millis(40);

/// A request as the endpoint saw it.
#[derive(Clone, Debug)]
struct Seen {
    at: Instant,
    id: String,
    bytes: usize,
    /// Sender and text of each event.
    events: Vec<(String, String)>,
    ids: Vec<String>,
}

/// What the endpoint answers: a status, after this time. With status 0 it closes the connection.
type Answer = (u16, Duration);

struct Endpoint {
    url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

async fn endpoint(answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::<Mutex<Vec<Seen>>>::default();
    let (answer, kept) = (Arc::new(answer), Arc::clone(&seen));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&answer), Arc::clone(&kept)));
        }
    });
    Endpoint { url, seen }
}

async fn answers(status: u16) -> Endpoint {
    endpoint(move |_| (status, Duration::ZERO)).await
}

async fn serve(
    mut stream: TcpStream,
    answer: Arc<impl Fn(&Seen) -> Answer>,
    kept: Arc<Mutex<Vec<Seen>>>,
) {
    let mut bytes = Vec::new();
    while stream
        .read_buf(&mut bytes)
        .await
        .is_ok_and(|count| count > 0)
    {
        while let Some(seen) = request(&mut bytes) {
            let (status, after) = answer(&seen);
            kept.lock().push(seen);
            if status == 0 {
                return;
            }
            sleep(after).await;
            let head = format!("HTTP/1.1 {status} x\r\ncontent-length: 2\r\n\r\nok");
            if stream.write_all(head.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

/// Takes a whole request out of `bytes`.
fn request(bytes: &mut Vec<u8>) -> Option<Seen> {
    let text = std::str::from_utf8(bytes).unwrap();
    let head = text.find("\r\n\r\n")? + 4;
    let field = |name: &str| {
        let head = text[..head].to_lowercase();
        let mut lines = head.lines().map(str::to_owned);
        let value = lines.find_map(|line| line.strip_prefix(name).map(str::to_owned));
        value.unwrap_or_default()
    };
    let length: usize = field("content-length: ").parse().unwrap();
    let id = field("webhook-id: ");
    let body: Json = serde_json::from_str(text.get(head..head + length)?).unwrap();
    let events = body.as_array().unwrap().iter();
    let text = |json: &Json| json.as_str().unwrap().to_owned();
    let seen = Seen {
        at: Instant::now(),
        id,
        bytes: length,
        events: events
            .clone()
            .map(|event| {
                let data = &event["data"];
                (text(&data["from"]["user"]), text(&data["body"]))
            })
            .collect(),
        ids: events.map(|event| text(&event["id"])).collect(),
    };
    bytes.drain(..head + length);
    Some(seen)
}

impl Endpoint {
    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().clone()
    }

    fn sizes(&self) -> Vec<usize> {
        self.seen().iter().map(|seen| seen.events.len()).collect()
    }

    /// The texts of a sender, in the order in which they came; each once.
    fn texts(&self, sender: &str) -> Vec<String> {
        let mut texts: Vec<String> = Vec::new();
        for (of, text) in self.seen().into_iter().flat_map(|seen| seen.events) {
            if of == sender && !texts.contains(&text) {
                texts.push(text);
            }
        }
        texts
    }
}

struct World {
    pool: Arc<Pool>,
    counters: Arc<CountersByPool>,
    handler: Arc<Handler>,
    ended: Mutex<HashMap<String, Verdict>>,
}

fn batch(max_events: u64, linger: u64) -> PolicyOptions {
    PolicyOptions {
        batch: Some(BatchOptions {
            max_events: Some(max_events),
            max_bytes: None,
            linger: Some(linger),
        }),
        ..PolicyOptions::default()
    }
}

fn batch_retried(max_events: u64, linger: u64) -> PolicyOptions {
    PolicyOptions {
        success: Some(vec!["2xx".to_owned()]),
        retry: Some(RetryOptions::default()),
        ..batch(max_events, linger)
    }
}

impl World {
    fn new(url: &str, workers: u64, policy: &PolicyOptions) -> Self {
        let world = Self::not_open(policy);
        open_with(&world.pool, url, 5_000, 60_000, workers);
        world
    }

    fn not_open(policy: &PolicyOptions) -> Self {
        Self::of_format(policy, FormatOptions::Json)
    }

    /// A pool that is not open, and a handler with this format.
    fn of_format(policy: &PolicyOptions, format: FormatOptions) -> Self {
        let policy = DeliveryPolicy::check(policy).unwrap();
        let id = HandlerId::default();
        let options = HandlerOptions {
            payload: PlanOptions {
                format,
                ..PlanOptions::default()
            },
            ..HandlerOptions::default()
        };
        let shared = Shared {
            notices: Arc::default(),
            names: Arc::default(),
            compressors: Arc::default(),
        };
        let plan = HandlerPlan::new(id, options, true, shared);
        let handler = Handler {
            id,
            host_type: Arc::new(HostType::new(HostTypeId::default(), "localhost")),
            pool_name: "http_pool".into(),
            path: "/n".into(),
            policy,
            plan: Some(plan.into_any()),
            rejected: RejectCounters::default(),
        };
        handler.host_type.set_open(true);
        let counters = Arc::<CountersByPool>::default();
        Self {
            pool: pool(&counters, 100_000),
            counters,
            handler: Arc::new(handler),
            ended: Mutex::default(),
        }
    }

    fn push(&self, sender: &str, text: &str) {
        let stanza = format!("<message type='chat' id='m'><body>{text}</body></message>");
        self.push_stanza(sender, text, &stanza);
    }

    fn push_stanza(&self, sender: &str, id: &str, stanza: &str) {
        let notification = self.notification(sender, id, stanza);
        self.pool.push(sender.as_bytes(), notification).unwrap();
    }

    fn notification(&self, sender: &str, id: &str, stanza: &str) -> Notification {
        let mut facts = Facts::default();
        for (key, text) in [
            ("event", "msg"),
            ("type", "chat"),
            ("direction", "in"),
            ("host", "localhost"),
            ("from_user", sender),
            ("from_server", "localhost"),
            ("from_resource", "phone"),
            ("to_user", "bob"),
            ("to_server", "localhost"),
        ] {
            facts.add(key, Value::Text(text.as_bytes()));
        }
        facts.add("timestamp", Value::Integer(1_795_696_496_789_012));
        let names = Names {
            sender: id.as_bytes(),
            server: b"localhost",
            receiver: b"bob",
        };
        let notification = Notification::new(
            Arc::clone(&self.handler),
            Direction::In,
            names,
            stanza.as_bytes(),
            Content::Event(facts.as_bytes()),
        );
        notification.unwrap()
    }

    fn sent(&self) -> u64 {
        self.counters.of("pool").sent()
    }

    fn failed(&self) -> u64 {
        self.counters.of("pool").failed()
    }

    async fn ended(&self, count: u64) {
        while self.sent() + self.failed() < count {
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// The verdicts of all outcomes, by text. Each notification has one.
    fn verdicts(&self) -> HashMap<String, Verdict> {
        let mut ended = self.ended.lock();
        while !self.pool.outcomes.is_empty() {
            let taken = self.pool.outcomes.take(0, usize::MAX, |outcome| {
                let names = outcome.notification.names();
                let text = String::from_utf8(names.sender.to_vec()).unwrap();
                let before = ended.insert(text, outcome.verdict.clone());
                assert!(before.is_none(), "two outcomes: {before:?}");
            });
            for () in taken {
                self.pool.outcomes.counted(0);
            }
        }
        ended.clone()
    }

    /// Nothing is left: not in the queue, not in the bounds.
    fn assert_empty(&self) {
        self.verdicts();
        self.verdicts();
        let state = self.pool.state();
        assert_eq!((state.pending, state.pending_bytes), (0, 0), "{state:?}");
        let tally = state.tally;
        assert_eq!(tally.accepted, tally.sent + tally.failed, "{tally:?}");
        assert_eq!(tally.waiting + tally.postponed + tally.in_flight, 0);
    }
}

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
    assert_eq!(world.pool.state().tally.waiting, 3);
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
    let endpoint = endpoint(|_| (200, Duration::from_secs(1))).await;
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
    let endpoint = endpoint(|_| (200, Duration::from_secs(1))).await;
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

/// The events of a sender stay in order, whatever the endpoint answers, and each arrives.
#[tokio::test(start_paused = true)]
async fn order_and_conservation_at_an_endpoint_that_fails_now_and_then() {
    let random = Mutex::new(fastrand::Rng::with_seed(11));
    let endpoint = endpoint(move |seen| {
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
    let endpoint = endpoint(move |_| {
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
    let state = world.pool.state();
    assert_eq!(state.tally.postponed, 4, "{state:?}");
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

/// An endpoint that takes three events at once: a batch is halved until it does, in order, and one that is
/// refused alone has that as its outcome.
#[tokio::test(start_paused = true)]
async fn halved_if_it_is_too_large() {
    for with_retry in [false, true] {
        let endpoint = endpoint(|seen| {
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
    let endpoint = endpoint(|seen| {
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
    let endpoint = endpoint(|seen| {
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
        let tally = world.pool.state().tally;
        assert_eq!((tally.postponed, tally.in_flight, tally.waiting), (5, 5, 8));
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

/// A limit counts requests, halves of a batch too, and not events.
#[tokio::test(start_paused = true)]
async fn a_limit_counts_requests() {
    let endpoint = endpoint(|seen| {
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

/// A batch that lingers keeps no worker.
#[tokio::test(start_paused = true)]
async fn one_that_waits_for_company_keeps_no_worker() {
    let endpoint = answers(200).await;
    let world = World::new(&endpoint.url, 1, &batch(500, 60_000));
    world.push("user", "u.0");
    sleep(Duration::from_millis(10)).await;
    let tally = world.pool.state().tally;
    assert_eq!((tally.in_flight, tally.workers), (0, 0), "{tally:?}");
}
