//! One check of a file, on whichever thread it is.

use std::sync::Arc;

use tokio::time::Instant;

use super::{REFUSED_EVERY, Shared};
use crate::CHECK_EVERY;
use crate::apart::Slot;

/// The exclusive right to check the file, until this is dropped.
pub(super) struct Look<T> {
    shared: Arc<Shared<T>>,
    done: bool,
}

impl<T> Look<T> {
    pub(super) fn begin(shared: &Arc<Shared<T>>) -> Option<Self> {
        if !shared.watch.begin() {
            return None;
        }
        let mut state = shared.state.lock();
        state.reading_since = Some(Instant::now());
        state.told_that_it_hangs = false;
        drop(state);
        Some(Self {
            shared: Arc::clone(shared),
            done: false,
        })
    }

    pub(super) fn run(mut self) {
        let seen = self.shared.read(self.shared.watch.seen());
        self.shared.watch.saw(seen);
        self.done = true;
    }

    pub(super) fn run_with(self, slot: Slot) {
        self.run();
        drop(slot);
    }

    pub(super) fn fail(mut self, text: String) {
        self.failed(text);
        self.done = true;
    }

    fn failed(&mut self, text: String) {
        let mut seen = self.shared.watch.seen();
        self.shared.bad(text, seen.failures == 0);
        seen.failures = seen.failures.saturating_add(1);
        self.shared.watch.saw(seen);
    }
}

impl<T> Drop for Look<T> {
    fn drop(&mut self) {
        if !self.done {
            self.failed("there is no thread to read it, or reading it crashed".to_owned());
        }
        self.shared.state.lock().reading_since = None;
        let usual = if self.shared.current.load().is_some() {
            CHECK_EVERY
        } else {
            REFUSED_EVERY
        };
        self.shared.watch.end_with(usual);
        self.shared.ended.send_replace(());
    }
}
