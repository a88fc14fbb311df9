//! The parts of the engine that run for each notification, without sockets.

use std::hint::black_box;
use std::sync::Arc;

use divan::Bencher;
use engine::engine::Engine;
use notification::{Content, Direction, HostTypeId, MessageId, Names, Notification, lane_key};
use payload::{
    CloudEventsMode, Facts, FormStyle, FormatOptions, Plan, PlanOptions, Value, form, header,
};
use queue::{LaneLimits, Lanes, Place};
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

/// What a session knows of a usual message, encoded.
fn facts() -> Facts {
    let mut facts = Facts::default();
    for (key, text) in [
        ("event", "msg"),
        ("type", "chat"),
        ("direction", "out"),
        ("host", "localhost"),
        ("from_user", "user123"),
        ("from_server", "localhost"),
        ("from_resource", "phone"),
        ("to_user", "user124"),
        ("to_server", "localhost"),
        ("user_status", "offline"),
    ] {
        facts.add(key, Value::Text(text.as_bytes()));
    }
    facts.add("timestamp", Value::Integer(1_795_696_496_789_012));
    facts
}

/// The facts of an event as a hand-over encodes them.
#[divan::bench]
fn event_facts() -> Facts {
    facts()
}

/// The request's part of a message with the elements that clients send today.
#[divan::bench(args = ["form", "json", "structured", "binary"])]
fn event(bencher: Bencher<'_, '_>, format: &str) {
    let mode = match format {
        "binary" => CloudEventsMode::Binary,
        _ => CloudEventsMode::Structured,
    };
    let options = PlanOptions {
        format: match format {
            "form" => FormatOptions::Form,
            "json" => FormatOptions::Json,
            _ => FormatOptions::CloudEvents { mode, source: None },
        },
        ..PlanOptions::default()
    };
    let plan = Plan::compile(options).unwrap_or_default();
    let message = String::from_utf8_lossy(MESSAGE);
    let stanza = format!(
        "<message xmlns='jabber:client' from='user123@localhost/phone' to='user124@localhost' \
         type='chat' id='6f6e3b0e-9a8d-4a57-9c1e-3b0c4d5e6f70' xml:lang='en'><body>{message}</body>\
         <origin-id xmlns='urn:xmpp:sid:0' id='6f6e3b0e-9a8d-4a57-9c1e-3b0c4d5e6f70'/>\
         <request xmlns='urn:xmpp:receipts'/><active xmlns='http://jabber.org/protocol/chatstates'/>\
         <stanza-id xmlns='urn:xmpp:sid:0' by='user124@localhost' id='CLI6UJ4GBM01'/></message>"
    );
    let handler = Engine::default().handler("localhost", "http_pool", "/notifications");
    let facts = facts();
    let content = Content::Event(facts.as_bytes());
    let notification =
        Notification::new(handler, Direction::Out, NAMES, stanza.as_bytes(), content);
    bencher.bench_local(|| {
        let id = MessageId::new();
        let made = notification
            .as_ref()
            .map(|notification| plan.make(notification, &id, FormStyle::InGroups));
        black_box(made)
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
            Place::expiring(&other.to_ne_bytes(), HostTypeId::default()),
            (),
            1,
            LIMITS,
            now,
        );
    }
    bencher.bench_local(|| {
        let ready = lanes.push(
            Place::expiring(b"alice@localhost", HostTypeId::default()),
            (),
            1,
            LIMITS,
            now,
        );
        if let Some(taken) = lanes.take(now) {
            lanes.release(taken.ticket, now);
        }
        ready.is_ok()
    });
}
