//! Handlers that are held back, so that they leave room in memory for others: from which row on a handler's are on disk
//! alone although the others' are read.
//!
//! It is with them as with lanes that stay behind (`lanes`): when a handler has room again, it is read *again* from its
//! first row that was skipped, until it is held back once more, or up to the last that was skipped. Who is held back, and
//! until when, is decided by the pool.

use spool::RowId;

use super::numbers::NumberMap;
use super::whose::HandlerHash;

/// The handlers that are held back, and those that are read again. Most often there are none.
#[derive(Debug, Default)]
pub(super) struct HeldBack {
    behind: NumberMap<HandlerHash, Skipped>,
    again: NumberMap<HandlerHash, Skipped>,
}

/// The first and the last row that was skipped.
#[derive(Clone, Copy, Debug)]
struct Skipped {
    first: RowId,
    last: RowId,
}

impl HeldBack {
    pub fn is_empty(&self) -> bool {
        self.behind.is_empty()
    }

    pub fn handlers(&self) -> Vec<HandlerHash> {
        self.behind.keys().copied().collect()
    }

    /// Whether the handler is held back: then its row is skipped, or is on disk alone.
    pub fn skips(&mut self, handler: HandlerHash, row: RowId) -> bool {
        if self.behind.is_empty() {
            return false;
        }
        let Some(skipped) = self.behind.get_mut(&handler) else {
            return false;
        };
        // One of its lanes may be read again from an earlier row.
        skipped.first = skipped.first.min(row);
        skipped.last = skipped.last.max(row);
        true
    }

    /// The handler, which is not held back, is so from `row` on.
    pub fn hold(&mut self, handler: HandlerHash, row: RowId) {
        let before = self.again.remove(&handler);
        let last = before.map_or(row, |before| before.last.max(row));
        self.behind.insert(handler, Skipped { first: row, last });
    }

    /// The handler is held back no more. Returns the row from which it is to be read again, if it was.
    pub fn let_go(&mut self, handler: HandlerHash) -> Option<RowId> {
        let skipped = self.behind.remove(&handler)?;
        self.again.insert(handler, skipped);
        Some(skipped.first)
    }

    /// All rows up to this one have been read. Returns the first behind it that is to be read again, if there is one.
    pub fn read_to(&mut self, row: RowId) -> Option<RowId> {
        if self.again.is_empty() {
            return None;
        }
        self.again.retain(|_, skipped| skipped.last > row);
        let firsts = self.again.values().map(|skipped| skipped.first);
        firsts.min().map(|first| first.max(RowId(row.0 + 1)))
    }

    /// Everything is read again, or has been: no handler more than the others.
    pub fn forget_again(&mut self) {
        self.again.clear();
    }

    /// Everything is looked at again.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}
