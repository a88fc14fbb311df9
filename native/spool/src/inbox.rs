//! What the callers hand to a spool's thread, under one lock: changes, questions for records, and the numbers that
//! go back.

use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::record::{Loaded, RowId};
use crate::store::Change;
use crate::totals::{Reasons, Totals};

/// How long after a count of the dead letters by reason the next one may begin.
pub(crate) const RECOUNT: Duration = Duration::from_secs(5);

/// What is handed from the callers to the thread.
#[derive(Debug)]
pub(crate) struct Shared {
    pub inbox: Mutex<Inbox>,
    /// The thread waits here.
    pub wake: Condvar,
}

#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "what the callers want and whether the thread sleeps change independently of each other"
)]
pub(crate) struct Inbox {
    pub changes: Vec<Change>,
    pub loads: Vec<Load>,
    pub next: RowId,
    /// How many changes without hurry there are, with those that the thread has taken over and not written.
    pub lazy: usize,
    /// Whether records are among the changes: the next transaction begins as soon as the thread's pace allows.
    pub urgent: bool,
    /// Whether the thread must not wait at all.
    pub at_once: bool,
    /// Whether the thread sleeps until it is woken. Otherwise it looks here by itself.
    pub asleep: bool,
    pub closing: bool,
    /// The bytes of the records in the file and on their way there.
    pub held: u64,
    /// Of these, the bytes that the thread has not taken over.
    pub coming: u64,
    /// The bytes of records that are in memory alone: the disk is slow, or fails.
    pub unwritten: u64,
    pub totals: Totals,
    /// Dead letters by reason, at most [`RECOUNT`] old.
    pub reasons: Reasons,
    /// Once the thread has ended: how many records it could not write.
    pub lost: usize,
}

/// A question for records, and where the answer goes.
pub(crate) struct Load {
    pub after: RowId,
    pub most: u32,
    pub bytes: u64,
    pub reply: Box<dyn FnOnce(Result<Vec<Loaded>, String>) + Send>,
}

impl std::fmt::Debug for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Load")
            .field("after", &self.after)
            .finish_non_exhaustive()
    }
}

impl Inbox {
    /// Takes the places of `records` records, and returns the first.
    pub fn reserve(&mut self, records: u32) -> RowId {
        let first = self.next;
        self.next.0 += i64::from(records);
        first
    }

    /// Counts what the file holds now.
    pub fn settle(&mut self, totals: Totals) {
        self.held = totals.waiting_bytes + self.coming;
        self.unwritten = self.coming;
        self.totals = Totals {
            commits: self.totals.commits,
            slowest_commit: self.totals.slowest_commit,
            errors: self.totals.errors,
            failing: self.totals.failing,
            ..totals
        };
    }
}
