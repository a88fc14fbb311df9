//! Counts of rejected notifications, by handler and reason, until the reporter has counted them.
//!
//! A session that is rejected a million times a second leaves one row here, with one example. The
//! number of rows is at most the number of handlers times the number of reasons. The reporter takes some
//! rows at a time, the ones that have waited longest, so that no row waits for more than one round of the
//! others.
//!
//! A caller that waits belongs to its row, and is listed with it: the reporter tells it once that many
//! rejections of the row are counted, and before it reports them as counted, so a reporter that is killed
//! in between loses no caller.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use notification::{Handler, HandlerId, HostTypeId, RejectReason, Waiter};
use parking_lot::Mutex;

/// How many waiting callers are kept; about 8 MiB. There are so many only if the reporter is stuck, and
/// then no caller is answered in time.
pub const WAITERS: usize = 65_536;

/// How often one handler's notifications were rejected for one reason since the reporter last counted
/// them.
#[derive(Clone, Debug)]
pub struct Rejected {
    /// The handler whose notifications were rejected.
    pub handler: Arc<Handler>,
    /// Why they were rejected.
    pub reason: RejectReason,
    /// How many were rejected.
    pub count: u64,
    /// The sender of the first one.
    pub sender: Box<[u8]>,
    /// The details of the first one.
    pub text: Box<str>,
    /// The callers to tell, each with the number of these rejections that must be counted before; in
    /// that order.
    pub waiters: Vec<(u64, Waiter)>,
}

/// Rejections that the reporter has not counted yet.
#[derive(Debug, Default)]
pub struct Rejections(Mutex<Book>);

type Key = (HandlerId, RejectReason);

#[derive(Debug, Default)]
struct Book {
    rows: HashMap<Key, Row>,
    /// The rows in the order in which they are listed.
    order: BTreeMap<u64, Key>,
    next_place: u64,
    /// The waiters of all rows.
    waiters: usize,
    /// Whether a waiter was turned away since there was last plenty of room.
    crowded: bool,
}

#[derive(Debug)]
struct Row {
    /// Without waiters, which are below.
    rejected: Rejected,
    /// Its place in the order.
    place: u64,
    /// How many of its rejections have been counted.
    counted: u64,
    /// How many were listed, and are not counted yet.
    listed: u64,
    /// Each is to be told when `counted` has reached its number.
    waiters: BTreeMap<u64, Waiter>,
}

impl Row {
    /// The row for the reporter. With more than `most` waiters, only the rejections up to the last one
    /// that is listed.
    fn list(&mut self, most: usize) -> Rejected {
        let waiters: Vec<(u64, Waiter)> = self
            .waiters
            .iter()
            .take(most)
            .map(|(number, waiter)| (number - self.counted, waiter.clone()))
            .collect();
        let count = match waiters.last() {
            Some((last, _)) if waiters.len() < self.waiters.len() => *last,
            _ => self.rejected.count,
        };
        self.listed = count;
        Rejected {
            count,
            waiters,
            ..self.rejected.clone()
        }
    }
}

impl Rejections {
    /// Adds one rejection. `text` is called only for the first of its kind. Returns false if too many
    /// callers wait already, so that `waiter` will not be told; only for the first of them.
    #[must_use]
    pub fn add(
        &self,
        handler: &Arc<Handler>,
        reason: RejectReason,
        sender: &[u8],
        waiter: Option<Waiter>,
        text: impl FnOnce() -> String,
    ) -> bool {
        let mut book = self.0.lock();
        let book = &mut *book;
        let key = (handler.id, reason);
        let row = book.rows.entry(key).or_insert_with(|| {
            let place = book.next_place;
            book.next_place += 1;
            book.order.insert(place, key);
            Row {
                rejected: Rejected {
                    handler: Arc::clone(handler),
                    reason,
                    count: 0,
                    sender: sender.into(),
                    text: text().into(),
                    waiters: Vec::new(),
                },
                place,
                counted: 0,
                listed: 0,
                waiters: BTreeMap::new(),
            }
        });
        row.rejected.count += 1;
        let Some(waiter) = waiter else { return true };
        if book.waiters >= WAITERS {
            return std::mem::replace(&mut book.crowded, true);
        }
        row.waiters.insert(row.counted + row.rejected.count, waiter);
        book.waiters += 1;
        true
    }

    /// The present rows, with all their waiters. They stay until [`Rejections::counted`].
    #[must_use]
    pub fn list(&self) -> Vec<Rejected> {
        self.some(usize::MAX, usize::MAX)
    }

    /// Up to `most` rows with up to `waiters` waiters, those first that have not been listed for the
    /// longest time; the others are returned once these have been counted.
    #[must_use]
    pub fn some(&self, most: usize, waiters: usize) -> Vec<Rejected> {
        let mut book = self.0.lock();
        let Book { rows, order, .. } = &mut *book;
        let mut left = waiters;
        let mut listed = Vec::new();
        for key in order.values().take(most) {
            let Some(row) = rows.get_mut(key) else {
                continue;
            };
            if left == 0 && !row.waiters.is_empty() {
                break;
            }
            let row = row.list(left);
            left -= row.waiters.len();
            listed.push(row);
        }
        listed
    }

    /// Records that the reporter has counted `count` rejections of this row, and has told those who
    /// waited for them.
    pub fn counted(&self, handler: HandlerId, reason: RejectReason, count: u64) {
        let mut book = self.0.lock();
        let book = &mut *book;
        let key = (handler, reason);
        let Some(row) = book.rows.get_mut(&key) else {
            return;
        };
        row.rejected.count = row.rejected.count.saturating_sub(count);
        row.listed = row.listed.saturating_sub(count);
        row.counted += count;
        while let Some(told) = row.waiters.first_entry()
            && *told.key() <= row.counted
        {
            told.remove();
            book.waiters -= 1;
        }
        book.crowded &= book.waiters > WAITERS / 2;
        if row.rejected.count == 0 {
            book.order.remove(&row.place);
            book.rows.remove(&key);
        } else if row.listed == 0 {
            // What has come since waits behind the other rows.
            book.order.remove(&row.place);
            row.place = book.next_place;
            book.order.insert(row.place, key);
            book.next_place += 1;
        }
    }

    /// How many rejections of a host type have not been counted.
    #[must_use]
    pub fn uncounted(&self, host_type: HostTypeId) -> u64 {
        let book = self.0.lock();
        book.rows
            .values()
            .filter(|row| row.rejected.handler.host_type.id == host_type)
            .map(|row| row.rejected.count)
            .sum()
    }
}
