//! Handlers that are held back, so that they leave room in memory for others: from which row on a handler's are on disk
//! alone although the others' are read.
//!
//! It is with them as with lanes that stay behind (`lanes`): when a handler has room again, it is read *again* from its
//! first row that was skipped, until it is held back once more, or up to the last that was skipped. Who is held back, and
//! until when, is decided by the pool.

use spool::RowId;

use super::whose::HandlerHash;

/// The handlers that are held back, and those that are read again. Most often there are none.
#[derive(Debug, Default)]
pub(super) struct HeldBack {
    behind: Vec<(HandlerHash, Skipped)>,
    /// With the last row that was skipped.
    again: Vec<(HandlerHash, RowId)>,
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
        self.behind.iter().map(|(handler, _)| *handler).collect()
    }

    /// Whether the handler is held back: then its row is skipped, or is on disk alone.
    pub fn skips(&mut self, handler: HandlerHash, row: RowId) -> bool {
        let found = self.behind.iter_mut().find(|(held, _)| *held == handler);
        let Some((_, skipped)) = found else {
            return false;
        };
        // One of its lanes may be read again from an earlier row.
        skipped.first = skipped.first.min(row);
        skipped.last = skipped.last.max(row);
        true
    }

    /// The handler, which is not held back, is so from `row` on.
    pub fn hold(&mut self, handler: HandlerHash, row: RowId) {
        let before = self.again.extract_if(.., |(again, _)| *again == handler);
        let last = before.map(|(_, last)| last).fold(row, RowId::max);
        self.behind.push((handler, Skipped { first: row, last }));
    }

    /// The handler is held back no more. Returns the row from which it is to be read again, if it was.
    pub fn let_go(&mut self, handler: HandlerHash) -> Option<RowId> {
        let place = self.behind.iter().position(|(held, _)| *held == handler)?;
        let (_, Skipped { first, last }) = self.behind.swap_remove(place);
        self.again.push((handler, last));
        Some(first)
    }

    /// All rows up to this one have been read. Returns whether no handler has to be read again behind it.
    pub fn read_to(&mut self, row: RowId) -> bool {
        self.again.retain(|(_, last)| *last > row);
        self.again.is_empty()
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
