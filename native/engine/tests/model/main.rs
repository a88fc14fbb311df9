//! Every order in which threads can meet in the queue, the park, the reporter's mailbox and the
//! bounds, tried one after the other by loom. A wake-up that is lost in any of them is a deadlock
//! here, which loom reports with the order that led to it.
//!
//! `make model` is the whole of it. In `make test` no thread is interrupted more often than
//! `MODEL_PREEMPTIONS` says, which finds less and takes seconds.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bounds;
mod lanes_that_wait;
mod pool;
mod reporters;
mod wake_ups;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Tries every order, or if there are too many, those in which threads are interrupted a limited number of times.
fn model(preemptions: Option<usize>, check: impl Fn() + Send + Sync + 'static) {
    let tried = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&tried);
    let mut builder = loom::model::Builder::new();
    // Without the variable the builder has no bound of its own.
    let short = std::env::var("MODEL_PREEMPTIONS").map(|most| most.parse().unwrap());
    builder.preemption_bound = match (preemptions, short.ok()) {
        (Some(bound), Some(short)) => Some(usize::min(bound, short)),
        (bound, short) => bound.or(short),
    };
    builder.check(move || {
        count.fetch_add(1, Ordering::Relaxed);
        check();
    });
    println!("{} orders", tried.load(Ordering::Relaxed));
}
