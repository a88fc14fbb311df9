//! What a notification in memory has on disk: its row, and the attempts so far as the file tells them.

use std::sync::Arc;

use http::StatusCode;
use notification::heap;
use spool::{History, now_ms};

use super::Row;

/// The most bytes of an answer that are kept with a dead letter.
const ANSWER: usize = 512;

/// A notification's record. If it is dropped, the record stays on disk and comes in again later.
#[derive(Debug)]
pub struct Kept {
    row: Row,
    /// Boxed, because there is hardly ever one.
    history: Option<Box<History>>,
}

impl Kept {
    /// The most memory that it allocates for numbers.
    pub(crate) const ALLOCATED: usize = heap::taken(size_of::<History>());

    pub(crate) fn new(row: Row, history: History) -> Self {
        let history = (history != History::default()).then(|| Box::new(history));
        Self { row, history }
    }

    /// The row alone.
    pub(crate) fn into_row(self) -> Row {
        self.row
    }

    /// Whether an earlier notification of its lane is on disk alone.
    pub(crate) fn overtakes(&self) -> bool {
        self.row.overtakes()
    }

    /// Remembers the start of an answer that was no success.
    pub(crate) fn note_answer(&mut self, start: &[u8]) {
        let start = &start[..start.len().min(ANSWER)];
        self.history.get_or_insert_default().answer = String::from_utf8_lossy(start).into_owned();
    }

    /// Remembers a failed delivery, after which there were so many attempts. Without another attempt, the last answer
    /// is still that of the one before.
    pub(crate) fn note(&mut self, attempts: u32, status: Option<StatusCode>, text: &Arc<str>) {
        let now = now_ms();
        let history = self.history.get_or_insert_default();
        let another = attempts > history.attempts;
        if another {
            history.attempts = attempts;
            history.first.get_or_insert(now);
            history.last = Some(now);
        }
        if let Some(status) = status {
            history.status = Some(status.as_u16());
        } else if another {
            history.status = None;
            history.answer.clear();
        }
        history.error = text.to_string();
    }

    /// Its next attempt comes later.
    pub(crate) fn postponed(&self) {
        let history = self.history.as_deref().cloned();
        self.row.postponed(history.unwrap_or_default());
    }

    /// It was delivered.
    pub(crate) fn delivered(self) {
        self.row.delivered();
    }

    /// It was given up.
    pub(crate) fn buried(self, reason: &str) {
        self.row.buried(
            self.history
                .map_or_else(History::default, |history| *history),
            reason,
        );
    }
}
