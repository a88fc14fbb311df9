//! Deliveries that survive the engine: what a handler with `delivery = "at_least_once"` accepted is delivered
//! or becomes a dead letter, over stops, outages and full queues.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bounds;
mod dead_letters;
mod directory_taken;
mod disk_fails;
mod neighbours;
mod stops;
#[path = "../support/mod.rs"]
mod support;

use notification::PushError;
use support::spooled::Node;
use support::until;
use test_endpoint::{EndpointHandle, Record};

impl Node {
    fn push(&self, sender: &str, text: &str) -> Result<(), PushError> {
        self.bench
            .push_text(self.pool, &self.handler, sender, text.as_bytes())
    }

    /// Pushes texts of one sender, which must be accepted.
    fn push_all(&self, texts: Vec<String>) {
        for text in texts {
            self.push("alice", &text).unwrap();
        }
    }

    /// Accepted is sent, failed, pending or on disk alone.
    fn assert_accounted(&self) {
        until("the account is level", || {
            let account = self.bench.counters();
            account.accepted == account.sent + account.failed + account.pending + account.on_disk
                && account.pushed == account.accepted + account.rejected
        });
    }
}

/// The messages in the order of their first arrival.
fn messages(endpoint: &EndpointHandle) -> Vec<String> {
    let mut seen = Vec::new();
    for record in endpoint.records_from(0) {
        let message = message(&record);
        if !seen.contains(&message) {
            seen.push(message);
        }
    }
    seen
}

fn message(record: &Record) -> String {
    let form = record.form();
    form.iter()
        .find(|(name, _)| name == "message")
        .unwrap()
        .1
        .clone()
}

fn numbers(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|n| format!("{n:04}")).collect()
}
