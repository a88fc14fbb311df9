//! One check of a file, on whichever thread it is.

use std::sync::Arc;

use tokio::time::Instant;

use super::{REFUSED_EVERY, Shared};
use crate::apart::Slot;
use crate::{CHECK_EVERY, Turn};

/// The right to check the file, until this is dropped.
pub(super) struct Look<T> {
    shared: Arc<Shared<T>>,
    turn: Turn,
    done: bool,
}

impl<T> Look<T> {
    pub(super) fn begin(shared: &Arc<Shared<T>>) -> Option<Self> {
        let turn = shared.watch.begin()?;
        shared.state.lock().reading_since = Some(Instant::now());
        Some(Self {
            shared: Arc::clone(shared),
            turn,
            done: false,
        })
    }

    pub(super) fn run(mut self) {
        self.shared.read(&self.turn);
        self.done = true;
    }

    pub(super) fn run_with(self, slot: Slot) {
        self.run();
        drop(slot);
    }

    pub(super) fn fail(mut self, text: String) {
        self.shared.could_not_read(&self.turn, text);
        self.done = true;
    }
}

impl<T> Drop for Look<T> {
    fn drop(&mut self) {
        if !self.done {
            let text = "there is no thread to read it, or reading it crashed";
            self.shared.could_not_read(&self.turn, text.to_owned());
        }
        let usual = if self.shared.current.load().is_some() {
            CHECK_EVERY
        } else {
            REFUSED_EVERY
        };
        // Under the lock, so that this is not the next read's.
        let mut state = self.shared.state.lock();
        if self.shared.watch.end_with(&self.turn, usual) {
            state.reading_since = None;
        }
        drop(state);
        self.shared.ended.send_replace(());
    }
}
