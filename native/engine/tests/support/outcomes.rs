//! A reporter that remembers every outcome.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

use engine::engine::Engine;
use engine::report::outcomes::FIRST;
use notification::Verdict;
use payload::FormStyle;

/// An outcome as the reporter saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    Sent {
        status: u16,
        elapsed: Duration,
    },
    Failed {
        reason: &'static str,
        text: String,
        attempts: u32,
    },
}

impl End {
    /// Why it failed: the reason, the attempts made, and the text.
    #[track_caller]
    pub fn failure(&self) -> (&'static str, u32, &str) {
        match self {
            Self::Failed {
                reason,
                text,
                attempts,
            } => (reason, *attempts, text),
            Self::Sent { .. } => panic!("{self:?}"),
        }
    }
}

/// It was sent, and the answer was 200.
#[track_caller]
pub fn assert_sent(end: &End) {
    assert_answered(end, 200);
}

/// It was sent, and the answer had this status.
#[track_caller]
pub fn assert_answered(end: &End, expected: u16) {
    assert!(
        matches!(end, End::Sent { status, .. } if *status == expected),
        "{expected}: {end:?}"
    );
}

#[derive(Clone, Debug)]
pub struct Seen {
    pub sender: String,
    pub text: Vec<u8>,
    pub end: End,
    pub at: Instant,
}

/// Told of an outcome instead of its being remembered.
pub type Watch = Box<dyn Fn(&Seen) + Send + Sync>;

#[derive(Default)]
pub(super) struct Book {
    pub(super) seen: Mutex<Vec<Seen>>,
    pub(super) total: AtomicUsize,
    pub(super) watch: Option<Watch>,
    pub(super) more: Condvar,
    pub(super) done: AtomicBool,
}

pub(super) fn report(engine: &Engine, book: &Book) {
    loop {
        let done = book.done.load(Ordering::Acquire);
        let batch = engine.outcomes.take(FIRST, 256, |outcome| Seen {
            sender: String::from_utf8(outcome.notification.names().sender.to_vec()).unwrap(),
            text: payload::body(&outcome.notification, FormStyle::default()).to_vec(),
            end: match &outcome.verdict {
                Verdict::Sent { status, elapsed } => End::Sent {
                    status: *status,
                    elapsed: *elapsed,
                },
                Verdict::Failed {
                    reason,
                    text,
                    attempts,
                } => End::Failed {
                    reason: reason.as_str(),
                    text: text.to_string(),
                    attempts: *attempts,
                },
            },
            at: Instant::now(),
        });
        if batch.is_empty() {
            if done {
                return;
            }
            // No time-out: the bell has to ring.
            std::thread::park();
            continue;
        }
        for seen in batch {
            match &book.watch {
                Some(watch) => watch(&seen),
                None => book.seen.lock().unwrap().push(seen),
            }
            book.total.fetch_add(1, Ordering::AcqRel);
            engine.outcomes.counted(FIRST);
        }
        book.more.notify_all();
    }
}

/// How often each sender's notifications have an outcome.
pub fn per_sender(seen: &[Seen]) -> HashMap<&str, usize> {
    let mut counts = HashMap::new();
    for seen in seen {
        *counts.entry(seen.sender.as_str()).or_default() += 1;
    }
    counts
}
