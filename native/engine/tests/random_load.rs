//! Random load from a printed seed: sessions push in bursts, the endpoint mostly works, pools are replaced,
//! handed over and closed meanwhile, host types come and go. At the end every single notification is
//! accounted for.
//!
//! Longer, as a soak, and the same again:
//! `SOAK_SECONDS=120 SOAK_SEED=7 cargo test --release -p http-pusher-engine --test random_load -- --nocapture`
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use engine::settings::PoolOptions;
use notification::{PoolId, PushError};
use support::process::{descriptors, status};
use support::{Bench, End, options, test_endpoint, until};
use test_endpoint::{EndpointConfig, EndpointHandle, Observer, Record};

const FAULTS: &str = "70 status=200 delay=0-5 | 8 status=503 delay=0-40 body-size=3000 | \
     2 fault=close-before-head | 2 fault=close-in-status | 2 fault=reset-before-head | \
     2 fault=close-in-body body-size=500 | 1 fault=stall-before-head | 1 fault=stall-in-body body-size=9 | \
     2 fault=silent-close | 1 fault=silent-death | 2 fault=garbage | 2 fault=connection-close | \
     1 fault=endless-body | 1 fault=accept-close | 1 fault=accept-reset | 2 fault=chunked-trailers";

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

/// Numbers that follow from the seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }
}

/// What is known of each notification, by the number that is its text: one byte each, so that a long run
/// needs little memory.
#[derive(Default)]
struct Known(Mutex<Vec<u8>>);

const SENT: u8 = 1;
const FAILED: u8 = 2;
const TWO_OUTCOMES: u8 = 4;
const RECEIVED: u8 = 8;
const RECEIVED_TWICE: u8 = 16;

impl Known {
    /// Records `first` for a number, or `second` if `first` is recorded already.
    fn add(&self, form: &[u8], first: u8, before: u8, second: u8) {
        let text = std::str::from_utf8(form).unwrap();
        let number: usize = text.rsplit('=').next().unwrap().parse().unwrap();
        let mut known = self.0.lock().unwrap();
        if known.len() <= number {
            known.resize(number + 1024, 0);
        }
        let again = known[number] & before != 0;
        known[number] |= if again { first | second } else { first };
    }

    fn count(&self, wanted: impl Fn(u8) -> bool) -> usize {
        let known = self.0.lock().unwrap();
        known.iter().filter(|known| wanted(**known)).count()
    }
}

fn receiving(known: &Arc<Known>) -> Observer {
    let known = Arc::clone(known);
    Observer(Arc::new(move |record: &Record| {
        if record.complete {
            known.add(&record.body, RECEIVED, RECEIVED, RECEIVED_TWICE);
        }
    }))
}

fn ending(known: &Arc<Known>) -> support::Watch {
    let known = Arc::clone(known);
    Box::new(move |seen| {
        let end = match seen.end {
            End::Sent { .. } => SENT,
            End::Failed { .. } => FAILED,
        };
        known.add(&seen.text, end, SENT | FAILED, TWO_OUTCOMES);
    })
}

/// What the sessions and the disturbances share.
struct Scene {
    bench: Bench,
    seed: u64,
    url: String,
    /// The pool to push to.
    present: AtomicU32,
    next: AtomicU64,
    done: AtomicBool,
}

impl Scene {
    fn present(&self) -> PoolId {
        self.present.load(Ordering::Acquire).into()
    }

    fn set_present(&self, pool: PoolId) {
        self.present.store(pool.into(), Ordering::Release);
    }

    fn options(&self, random: &mut Random) -> PoolOptions {
        PoolOptions {
            request_timeout: 300,
            call_timeout: 1_000,
            workers: 1 + random.below(20),
            strategy: if random.below(8) == 0 {
                "next_available_worker".to_owned()
            } else {
                "best_worker".to_owned()
            },
            ..options(self.url.clone())
        }
    }

    /// A session that pushes in bursts. Returns how many it pushed, and how many of these were accepted.
    fn push(&self, session: u64) -> (u64, u64) {
        let mut random = Random(self.seed.wrapping_mul(31 + session) | 1);
        // Of three sessions, one has a handler whose deliveries are tried again.
        let handler = if session == 1 {
            let (pause, patience) = (Duration::from_millis(30), Duration::from_secs(2));
            self.bench.patient("/n", pause, patience)
        } else {
            self.bench.handler("/n")
        };
        let mut counts = (0, 0);
        while !self.done.load(Ordering::Acquire) {
            for _ in 0..random.below(40) {
                let number = self.next.fetch_add(1, Ordering::Relaxed).to_string();
                let sender = format!("user{}", random.below(300));
                // A pool that was replaced a moment ago is looked up again.
                let pushed = loop {
                    let pool = self.present();
                    let text = number.as_bytes();
                    match self.bench.push_text(pool, &handler, &sender, text) {
                        Err(PushError::NotOpen) => std::thread::yield_now(),
                        pushed => break pushed,
                    }
                };
                counts.0 += 1;
                counts.1 += u64::from(pushed.is_ok());
            }
            std::thread::sleep(Duration::from_micros(random.below(20_000)));
        }
        counts
    }

    /// Disturbs the pool or the host type once. Returns whether the pool was replaced.
    fn disturb(&self, random: &mut Random, endpoint: &EndpointHandle) -> bool {
        let engine = &self.bench.engine;
        let old = self.present();
        match random.below(5) {
            0 | 1 => {
                // Other settings: a new incarnation, the old one drains.
                let new = engine.create_pool("replaced").unwrap();
                self.set_present(new);
                let allowed = Duration::from_millis(random.below(600));
                engine.close_pool(old, allowed).unwrap();
                std::thread::sleep(Duration::from_millis(random.below(20)));
                engine.configure_pool(new, self.options(random)).unwrap();
                engine.open_pool(new).unwrap();
                return true;
            }
            2 => {
                // The same settings under a new process: what waited meanwhile is handed over.
                let spare = engine.create_pool("spare").unwrap();
                self.set_present(spare);
                std::thread::sleep(Duration::from_millis(random.below(20)));
                engine.hand_over(spare, old).unwrap();
                self.set_present(old);
                engine.close_pool(spare, Duration::ZERO).unwrap();
            }
            3 => {
                engine.close_host_type(support::HOST_TYPE);
                if random.below(2) == 0 {
                    engine.abort_host_type(support::HOST_TYPE);
                }
                std::thread::sleep(Duration::from_millis(random.below(10)));
                engine.open_host_type(support::HOST_TYPE);
            }
            _ => endpoint.close_connections(),
        }
        false
    }
}

#[test]
fn conservation_under_random_load() {
    let seconds = setting("SOAK_SECONDS", 6);
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seed = setting("SOAK_SEED", clock.unwrap().as_secs());
    println!("seed {seed}");
    let known = Arc::new(Known::default());
    let endpoint = test_endpoint(EndpointConfig {
        plan: format!("mix seed={seed} | {FAULTS}").parse().unwrap(),
        max_records: 0,
        observer: Some(receiving(&known)),
        ..EndpointConfig::default()
    });
    let scene = Arc::new(Scene {
        bench: Bench::watched(ending(&known)),
        seed,
        url: endpoint.url(""),
        present: AtomicU32::new(0),
        next: AtomicU64::new(1),
        done: AtomicBool::new(false),
    });
    let bench = &scene.bench;
    let mut random = Random(seed | 1);
    let first = bench.pool(scene.options(&mut random));
    scene.set_present(first);
    bench.deliver_number(first);
    let (rss, threads, fds) = (status("VmRSS"), status("Threads"), descriptors());

    let sessions: Vec<_> = (0..3)
        .map(|session| {
            let scene = Arc::clone(&scene);
            std::thread::spawn(move || scene.push(session))
        })
        .collect();
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut replaced = 0;
    let mut told = Instant::now();
    while Instant::now() < end {
        std::thread::sleep(Duration::from_millis(20 + random.below(200)));
        replaced += u64::from(scene.disturb(&mut random, &endpoint));
        if told.elapsed() > Duration::from_secs(5) {
            let counts = bench.counts(scene.present());
            println!("{:?} {counts:?}", bench.counters());
            told = Instant::now();
        }
    }
    scene.done.store(true, Ordering::Release);
    let mut counts = (1, 1);
    for session in sessions {
        let (pushed, accepted) = session.join().unwrap();
        counts = (counts.0 + pushed, counts.1 + accepted);
    }
    until("all is acknowledged", || bench.counters().pending == 0);
    let counters = bench.counters();
    assert_eq!((counters.pushed, counters.accepted), counts, "{counters:?}");
    assert_eq!(
        known.count(|known| known & TWO_OUTCOMES != 0),
        0,
        "two outcomes"
    );
    let ended = known.count(|known| known & (SENT | FAILED) != 0);
    assert_eq!(ended as u64, counters.accepted, "one outcome each");
    let lost = known.count(|known| known & SENT != 0 && known & RECEIVED == 0);
    assert_eq!(lost, 0, "sent, and not received");
    bench.assert_conserved();

    // Everything is given back.
    let kept = scene.present();
    bench.engine.close_pool(kept, Duration::ZERO).unwrap();
    endpoint.release();
    until("connections are closed", || descriptors() <= fds);
    until("threads are gone", || status("Threads") <= threads + 1);
    println!(
        "{{\"seed\":{seed},\"pushed\":{},\"accepted\":{},\"rejected\":{},\"sent\":{},\
         \"failed\":{},\"received_once\":{},\"received_twice\":{},\"lost\":{lost},\
         \"replaced\":{replaced},\"rss_start_kb\":{rss},\"rss_end_kb\":{},\"threads\":{},\
         \"fds\":{}}}",
        counters.pushed,
        counters.accepted,
        counters.rejected,
        counters.sent,
        counters.failed,
        known.count(|known| known & (RECEIVED | RECEIVED_TWICE) == RECEIVED),
        known.count(|known| known & RECEIVED_TWICE != 0),
        status("VmRSS"),
        status("Threads"),
        descriptors(),
    );
}

impl Bench {
    /// Delivers a notification that is counted like the others.
    fn deliver_number(&self, pool: PoolId) {
        self.push_text(pool, &self.handler("/n"), "first", b"0")
            .unwrap();
        until("it has its outcome", || self.seen() == 1);
    }
}
