//! What counts against the bounds is what memory holds: for any mix of bodies and headers, in one lane or
//! in many, while notifications wait, while they are in flight, and while their outcomes wait for the
//! reporter. This program counts its own allocations.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::alloc::System;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::engine::{Engine, EngineSettings};
use engine::pool::PoolCounts;
use engine::report::outcomes::FIRST;
use engine::settings::PoolOptions;
use notification::{
    Content, DeliveryPolicy, Direction, Handler, Names, Notification, PoolId, lane_key,
};
use payload::Headers;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use support::events;

/// Generous: no verdict may depend on a fast machine.
const BOUND: Duration = Duration::from_mins(1);

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What an allocation uses beyond what was asked for: a word, and on average half of the rounding.
const OVERHEAD: usize = 16;

/// A kind of notification.
#[derive(Clone, Copy, Debug)]
struct Mix {
    what: &'static str,
    count: usize,
    senders: usize,
    text: usize,
    /// The size of each header in bytes; without headers, the notification is a form.
    headers: Option<(usize, usize)>,
    /// An event whose stanza has the text as its body, sent as JSON.
    event: bool,
}

const MIXES: [Mix; 11] = [
    mix(
        "short forms, each of another sender",
        20_000,
        20_000,
        100,
        None,
    ),
    mix("short forms of one sender", 20_000, 1, 100, None),
    mix("empty forms of many senders", 20_000, 20_000, 0, None),
    mix(
        "short bodies with 20 short headers",
        5_000,
        5_000,
        100,
        Some((20, 8)),
    ),
    mix(
        "short bodies with 90 short headers",
        2_000,
        2_000,
        100,
        Some((90, 4)),
    ),
    mix("90 headers of one sender", 2_000, 1, 10, Some((90, 4))),
    mix(
        "headers longer than the body",
        500,
        100,
        10,
        Some((3, 5_000)),
    ),
    mix(
        "long bodies with 20 headers",
        100,
        10,
        300_000,
        Some((20, 50)),
    ),
    mix("long forms", 100, 10, 300_000, None),
    event("short events", 10_000, 10_000, 100),
    event("long events", 100, 10, 300_000),
];

const fn mix(
    what: &'static str,
    count: usize,
    senders: usize,
    text: usize,
    headers: Option<(usize, usize)>,
) -> Mix {
    Mix {
        what,
        count,
        senders,
        text,
        headers,
        event: false,
    }
}

const fn event(what: &'static str, count: usize, senders: usize, text: usize) -> Mix {
    Mix {
        event: true,
        ..mix(what, count, senders, text, None)
    }
}

struct World {
    engine: Engine,
    handler: Arc<Handler>,
    json: Arc<Handler>,
}

impl World {
    fn new() -> Self {
        let engine = Engine::default();
        let settings = EngineSettings {
            threads: 1,
            max_pending_bytes: 1 << 30,
            max_node_bytes: 1 << 30,
            max_lane_percent: 100,
            ..EngineSettings::default()
        };
        engine.start(settings, |_| {}).unwrap();
        Self::of(engine)
    }

    fn of(engine: Engine) -> Self {
        let handler = engine.handler("localhost", "http_pool", "/n");
        let policy = DeliveryPolicy::default();
        let options = Some(events::json());
        let json = engine.planned_handler("localhost", "http_pool", "/n", policy, options);
        Self {
            engine,
            handler,
            json,
        }
    }

    fn push(&self, pool: PoolId, mix: Mix, n: usize, letter: u8) {
        let sender = format!("user{}", n % mix.senders);
        let names = Names {
            sender: sender.as_bytes(),
            server: b"localhost",
            receiver: b"receiver",
        };
        let mut key = Vec::new();
        lane_key(
            &mut key,
            self.handler.host_type.id,
            Direction::In,
            names,
            b"",
        );
        let text = vec![letter; mix.text];
        if mix.event {
            let stanza = events::stanza(&String::from_utf8(text).unwrap());
            let facts = events::facts(&sender);
            let content = Content::Event(facts.as_bytes());
            let handler = Arc::clone(&self.json);
            let notification =
                Notification::new(handler, Direction::In, names, stanza.as_bytes(), content);
            return self.engine.push(pool, &key, notification.unwrap()).unwrap();
        }
        let handler = Arc::clone(&self.handler);
        let new = |content| Notification::new(handler, Direction::In, names, &text, content);
        let notification = match mix.headers {
            None => new(Content::Form),
            Some((count, length)) => {
                let mut headers = Headers::default();
                for header in 0..count {
                    let name = format!("x-{header}");
                    headers.add(name.as_bytes(), &vec![b'v'; length]).unwrap();
                }
                new(Content::Custom(headers.as_bytes()))
            }
        };
        self.engine.push(pool, &key, notification.unwrap()).unwrap();
    }

    fn counts(&self, pool: PoolId) -> PoolCounts {
        self.engine.pool(pool).unwrap().counts()
    }

    /// Acknowledges all outcomes, including those that are still to come.
    fn take_all(&self) {
        let end = Instant::now() + BOUND;
        while self
            .engine
            .host_type("localhost")
            .unwrap()
            .counters()
            .pending
            > 0
        {
            for () in self.engine.outcomes.take(FIRST, 256, |_| ()) {
                self.engine.outcomes.counted(FIRST);
            }
            assert!(Instant::now() < end);
        }
    }
}

fn allocated() -> usize {
    let stats = ALLOCATOR.stats();
    let count = stats.allocations - stats.deallocations;
    stats.bytes_allocated - stats.bytes_deallocated + count * OVERHEAD
}

/// What is allocated after the engine has freed what it frees by itself.
fn settled() -> usize {
    let mut last = allocated();
    loop {
        std::thread::sleep(Duration::from_millis(100));
        let now = allocated();
        if now == last {
            return now;
        }
        last = now;
    }
}

/// What an empty pool uses, with one chunk of each list.
const EMPTY: usize = 128 * 1024;

/// Waits until `counted` is within a third of what this program has allocated since `before`, plus or minus
/// what an empty pool uses: other threads may still be allocating.
#[track_caller]
fn within_a_third(what: &str, before: usize, counted: impl Fn() -> usize) {
    let end = Instant::now() + BOUND;
    loop {
        let (held, counted) = (allocated().saturating_sub(before), counted());
        if counted >= held.saturating_sub(EMPTY) / 3 * 2 && counted <= held / 3 * 4 + EMPTY {
            println!("{what}: {counted} counted, {held} held");
            return;
        }
        assert!(
            Instant::now() < end,
            "{what}: {counted} bytes counted, {held} held"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// One after the other, because the allocations of the whole program are counted.
#[test]
fn what_counts_is_what_memory_holds() {
    let world = World::new();
    for mix in MIXES {
        waiting(&world, mix);
    }
    // One pool with some of each.
    let before = settled();
    let pool = world.engine.create_pool("all").unwrap();
    for mix in MIXES {
        for n in 0..mix.count / 4 {
            world.push(pool, mix, n, b'x');
        }
    }
    within_a_third("all of them", before, || world.counts(pool).pending_bytes);
    end(&world, pool);
    let long = [
        mix("", 40, 40, 300_000, None),
        mix("", 40, 40, 300_000, Some((20, 50))),
    ];
    for mix in long {
        for letter in [b'x', b'&'] {
            in_flight(&world, mix, letter);
        }
    }
    in_flight(&world, event("", 40, 40, 300_000), b'x');
    assert!(ordinary_notifications_fit());
}

fn waiting(world: &World, mix: Mix) {
    let before = settled();
    let pool = world.engine.create_pool(mix.what).unwrap();
    for n in 0..mix.count {
        world.push(pool, mix, n, b'x');
    }
    within_a_third(mix.what, before, || world.counts(pool).pending_bytes);
    // Outcomes that the reporter has not taken: the bodies are gone, and count no more.
    let handle = world.engine.pool(pool).unwrap();
    world.engine.close_pool(pool, Duration::ZERO).unwrap();
    let what = format!("outcomes of {}", mix.what);
    let failed = || world.engine.outcomes.len() == mix.count;
    let start = Instant::now();
    while !failed() {
        assert!(start.elapsed() < BOUND, "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
    within_a_third(&what, before, || handle.counts().pending_bytes);
    drop(handle);
    world.take_all();
}

/// Long notifications for an endpoint that reads nothing.
fn in_flight(world: &World, mix: Mix, letter: u8) {
    let endpoint = TcpListener::bind("127.0.0.1:0").unwrap();
    let options = PoolOptions {
        host: format!("http://{}", endpoint.local_addr().unwrap()),
        path_prefix: "/".to_owned(),
        request_timeout: 600_000,
        call_timeout: 600_000,
        workers: mix.count as u64,
        strategy: "best_worker".to_owned(),
        max_worker_queue_len: None,
        http2: false,
        tls: None,
    };
    let before = settled();
    let pool = world.engine.create_pool("stalled").unwrap();
    world.engine.configure_pool(pool, options).unwrap();
    world.engine.open_pool(pool).unwrap();
    for n in 0..mix.count {
        world.push(pool, mix, n, letter);
    }
    let start = Instant::now();
    while world.counts(pool).queue.in_flight < mix.count as u64 {
        assert!(start.elapsed() < BOUND);
        std::thread::sleep(Duration::from_millis(1));
    }
    let what = format!(
        "in flight, {letter:?}, headers {:?}, event {}",
        mix.headers, mix.event
    );
    within_a_third(&what, before, || world.counts(pool).pending_bytes);
    end(world, pool);
}

fn end(world: &World, pool: PoolId) {
    let handle = world.engine.pool(pool).unwrap();
    world.engine.close_pool(pool, Duration::ZERO).unwrap();
    world.take_all();
    let start = Instant::now();
    while handle.counts().pending_bytes > 0 {
        assert!(start.elapsed() < BOUND, "{:?}", handle.counts());
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A hundred thousand notifications of ordinary length, each from another sender, fit the default bounds.
fn ordinary_notifications_fit() -> bool {
    let engine = Engine::default();
    engine.start(EngineSettings::default(), |_| {}).unwrap();
    let world = World::of(engine);
    let pool = world.engine.create_pool("ordinary").unwrap();
    let ordinary = mix("ordinary", 100_000, 100_000, 300, None);
    for n in 0..ordinary.count {
        world.push(pool, ordinary, n, b'x');
    }
    let counts = world.counts(pool);
    println!(
        "{} bytes for a notification of 300",
        counts.pending_bytes / counts.pending
    );
    world.engine.stop();
    world.take_all();
    counts.pending == ordinary.count
}
