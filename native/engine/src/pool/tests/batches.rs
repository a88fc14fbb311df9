//! Tests of handlers that send batches, on a clock that advances only when nothing else can happen, at an
//! endpoint that a closure answers for.
#![allow(clippy::unwrap_used)]

mod company;
mod counted;
mod ends;
mod on_disk;
mod parts;
mod retried;
mod yielding;

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt;
use notification::policy::{BatchOptions, PolicyOptions, RateOptions, RetryOptions};
use notification::{
    Content, DeliveryPolicy, Direction, FailureReason, Handler, HandlerId, HostType, HostTypeId,
    Names, Notification, RejectCounters, Verdict,
};
use parking_lot::Mutex;
use payload::{Facts, FormatOptions, PlanOptions, TemplateOptions, Value};
use serde_json::Value as Json;
use tokio::time::{Instant, sleep};

use super::pools::{open_with, open_with_queue, pool};
use super::scripted_endpoint::{self, Endpoint, endpoint};
use super::world::reason;
use crate::handler_plan::{HandlerOptions, HandlerPlan, Shared};
use crate::pool::Pool;
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

impl scripted_endpoint::Seen for Seen {
    fn of(field: &dyn Fn(&str) -> String, body: &str) -> Self {
        let text = |json: &Json| json.as_str().unwrap().to_owned();
        let content_type = field("content-type");
        let known = |name: &str| (name == "content-type").then_some(content_type.as_bytes());
        schemas::check(known, body.as_bytes()).unwrap();
        let json: Json = serde_json::from_str(body).unwrap();
        let events = json.as_array().unwrap().iter();
        Self {
            at: Instant::now(),
            id: field("webhook-id"),
            bytes: body.len(),
            events: events
                .clone()
                .map(|event| {
                    let data = &event["data"];
                    (text(&data["from"]["user"]), text(&data["body"]))
                })
                .collect(),
            ids: events.map(|event| text(&event["id"])).collect(),
        }
    }
}

async fn answers(status: u16) -> Endpoint<Seen> {
    endpoint(move |_| (status, Duration::ZERO)).await
}

impl Endpoint<Seen> {
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
            on_disk: OnceLock::default(),
            configured: AtomicU64::new(0),
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

    /// Returns when the handler's template is read, on a thread that the paused clock does not wait for.
    fn read_template(&self) {
        let plan = HandlerPlan::of(&self.handler).unwrap();
        let begin = std::time::Instant::now();
        while !matches!(plan.ready().now_or_never(), Some(Ok(()))) {
            assert!(begin.elapsed() < Duration::from_mins(1), "it is not read");
            std::thread::sleep(Duration::from_millis(1));
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
        let counts = self.pool.counts();
        assert_eq!((counts.pending, counts.pending_bytes), (0, 0), "{counts:?}");
        let counts = counts.queue;
        assert_eq!(counts.accepted, counts.sent + counts.failed, "{counts:?}");
        assert_eq!(counts.waiting + counts.postponed + counts.in_flight, 0);
    }
}
