//! The parts of the engine that run for each notification, without sockets.

use std::hint::black_box;
use std::sync::Arc;

use divan::Bencher;
use engine::engine::Engine;
use notification::{Content, Direction, HostTypeId, Names, Notification, lane_key};
use payload::{FormStyle, form, header};
use queue::{LaneLimits, Lanes};
use tokio::time::Instant;

const NAMES: Names<'static> = Names {
    sender: b"user123",
    server: b"localhost",
    receiver: b"user124",
};
const MESSAGE: &[u8] = b"Hello, this is a chat message of the usual length (about a hundred \
characters) that somebody types on a phone";
const LIMITS: LaneLimits = LaneLimits {
    items: usize::MAX,
    cost: usize::MAX,
};

fn main() {
    divan::main();
}

/// The default body.
#[divan::bench]
fn form() -> Vec<u8> {
    form::encode(black_box(&NAMES), black_box(MESSAGE), FormStyle::InGroups)
}

/// The notification that a hand-over builds from its arguments.
#[divan::bench]
fn notification(bencher: Bencher<'_, '_>) {
    let handler = Engine::default().handler("localhost", "http_pool", "/notifications");
    let mut key = Vec::new();
    bencher.bench_local(|| {
        lane_key(
            &mut key,
            HostTypeId::default(),
            Direction::In,
            NAMES,
            b"localhost",
        );
        let handler = Arc::clone(&handler);
        Notification::new(handler, Direction::In, NAMES, MESSAGE, Content::Form)
    });
}

/// A header of a custom callback module.
#[divan::bench]
fn header_check() -> bool {
    header::check(black_box(b"x-api-key"), black_box(b"0123456789abcdef")).is_ok()
}

/// An item's way through its lane while `others` lanes wait.
#[divan::bench(args = [0, 100, 100_000])]
fn lane(bencher: Bencher<'_, '_>, others: u32) {
    let now = Instant::now();
    let mut lanes = Lanes::default();
    for other in 0..others {
        let _ = lanes.push(
            &other.to_ne_bytes(),
            HostTypeId::default(),
            (),
            1,
            LIMITS,
            now,
        );
    }
    bencher.bench_local(|| {
        let ready = lanes.push(
            b"alice@localhost",
            HostTypeId::default(),
            (),
            1,
            LIMITS,
            now,
        );
        if let Some(taken) = lanes.take() {
            lanes.release(taken.ticket, now);
        }
        ready.is_ok()
    });
}
