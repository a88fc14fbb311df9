//! What counts against the bounds is what memory holds: for any mix of bodies and headers, in one lane or
//! in many, while notifications wait, while they are in flight, and while their outcomes wait for the
//! reporter. This program counts its own allocations.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod allocations;
mod mixes;
#[path = "../support/mod.rs"]
mod support;
mod world;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use engine::engine::{Engine, EngineSettings};
use engine::settings::PoolOptions;
use notification::PoolId;

use allocations::{blocks, settled, within_a_third};
use mixes::{MIXES, Mix, event, mix};
use world::World;

/// Generous: no verdict may depend on a fast machine.
const BOUND: Duration = Duration::from_mins(1);

/// What a pool and its lists allocate, at most.
const FEW: usize = 1000;

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
    places_count(&world);
    assert!(ordinary_notifications_fit());
}

fn waiting(world: &World, mix: Mix) {
    let before = settled();
    let blocks_before = blocks();
    let pool = world.engine.create_pool(mix.what).unwrap();
    for n in 0..mix.count {
        world.push(pool, mix, n, b'x');
    }
    let made = blocks() - blocks_before;
    assert!(
        made < mix.count + FEW,
        "{}: {made} allocations for {} notifications",
        mix.what,
        mix.count
    );
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
    let before = settled();
    stalled(world, mix, letter, |pool| {
        let what = format!(
            "in flight, {letter:?}, headers {:?}, event {}",
            mix.headers, mix.event
        );
        within_a_third(&what, before, || world.counts(pool).pending_bytes);
    });
}

/// Short header fields take more places than text. Beside them, connections take too much to compare sums.
fn places_count(world: &World) {
    let (count, headers) = (40, 90);
    let mix = mix("", count, count, 10, Some((headers, 4)));
    stalled(world, mix, b'x', |pool| {
        let places = count * headers * size_of::<(http::HeaderName, http::HeaderValue)>();
        let counted = world.counts(pool).pending_bytes;
        assert!(counted > places, "{counted} for {places} of places alone");
    });
}

/// Calls `check` when all of these are in flight.
fn stalled(world: &World, mix: Mix, letter: u8, check: impl FnOnce(PoolId)) {
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
    check(pool);
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
