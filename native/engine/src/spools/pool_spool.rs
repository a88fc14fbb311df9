//! One pool's spool in the engine: which of its records are in memory too.
//!
//! Memory holds a window of the oldest records. While it has room, a notification goes to the disk and into
//! the pool's queue. When the pool is full, the spool has *spilled*: from then on notifications go to the
//! disk alone, behind the others, and come in as the window empties. Only when all are in, new ones go into
//! the queue again, so that each lane keeps its order.
//!
//! While the file is being opened, notifications wait for it, behind what it may hold.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwapOption;
use parking_lot::{Mutex, RwLock};
use spool::{DeathReason, Full, History, Notice, Reasons, Record, RowId, Spool, Totals};
use transport::notices::{NoticeKind, Notices};

use super::Row;
use super::refill::NotIn;

/// The spool of one pool, whatever its incarnation.
pub struct PoolSpool {
    name: Box<str>,
    /// None if the file cannot be opened: everything is in memory alone.
    disk: ArcSwapOption<Spool>,
    window: Mutex<Window>,
    /// Why the file could not be opened at the last try.
    trouble: Mutex<Option<String>>,
    /// What was said last of a disk that fails or a file that cannot be opened, while it lasts.
    why: Mutex<Option<String>>,
    /// Whether the refill runs.
    refilling: AtomicBool,
    /// Called when records may have to come in.
    wants: RwLock<Option<Arc<dyn Fn() + Send + Sync>>>,
    notices: Arc<Notices>,
}

/// What is in memory.
#[derive(Debug, Default)]
struct Window {
    /// Records behind this one are on disk alone, if it has spilled.
    loaded: RowId,
    spilled: bool,
    in_memory: HashSet<RowId>,
    /// When so few are left in memory, others come in.
    low: usize,
    /// The first record of this run: those before were accepted in an earlier one.
    first: RowId,
    /// Whether the file is being opened for the first time.
    opening: bool,
    /// What was accepted before the file was open, in order.
    early: VecDeque<Record>,
    /// Records that have ended since the last read began, which may have seen them.
    ended: HashSet<RowId>,
}

/// The most notifications that wait for a file to be opened.
const EARLY: usize = 10_000;

/// What an open file holds, and what it has done.
#[derive(Clone, Debug)]
pub struct Held {
    /// Records, dead letters, commits.
    pub totals: Totals,
    /// Dead letters by reason.
    pub reasons: Reasons,
    /// The most bytes that the records may take.
    pub max_bytes: u64,
}

/// Where an accepted notification is.
#[derive(Debug)]
pub enum Accepted {
    /// In the queue, and on disk unless the disk fails.
    InMemory,
    /// On disk alone; it comes in when its turn is near.
    OnDisk,
}

/// Why a notification is not accepted.
#[derive(Debug)]
pub enum NotAccepted<E> {
    /// The spool is full.
    Full(Full),
    /// The pool does not take it, for another reason than that it is full.
    Pool(E),
}

impl std::fmt::Debug for PoolSpool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PoolSpool")
            .field("name", &self.name)
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}

impl PoolSpool {
    pub(super) fn new(name: &str, notices: Arc<Notices>) -> Self {
        Self {
            name: name.into(),
            disk: ArcSwapOption::empty(),
            window: Mutex::new(Window {
                opening: true,
                ..Window::default()
            }),
            trouble: Mutex::default(),
            why: Mutex::default(),
            refilling: AtomicBool::new(false),
            wants: RwLock::new(None),
            notices,
        }
    }

    /// The pool's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn disk(&self) -> Option<Arc<Spool>> {
        self.disk.load_full()
    }

    /// The file is open. What it holds comes in.
    pub(super) fn opened(&self, disk: Spool) {
        let next = disk.next();
        {
            let mut window = self.window.lock();
            window.first = next;
            window.opening = false;
            window.spilled = disk.totals().waiting > 0 || !window.early.is_empty();
            for record in window.early.drain(..) {
                disk.append_anyway(record);
            }
            self.disk.store(Some(Arc::new(disk)));
        }
        if self.trouble.lock().take().is_some() {
            self.hear(&Notice::Writes);
        }
        self.want();
    }

    /// The file cannot be opened now. Each reason is told once.
    pub(super) fn fails_to_open(&self, error: &str) {
        self.window.lock().opening = false;
        // What waits is delivered from memory.
        self.want();
        let before = self.trouble.lock().replace(error.to_owned());
        if before.as_deref() == Some(error) {
            return;
        }
        *self.why.lock() = Some(error.to_owned());
        let text = format!(
            "{error}; what is handed over to handlers with delivery = \"at_least_once\" is in memory alone, and \
             is lost if the node dies"
        );
        self.notices.tell(&self.name, NoticeKind::SpoolFails, text);
    }

    /// What the file holds, if it is open.
    #[must_use]
    pub fn totals(&self) -> Option<Totals> {
        self.disk.load().as_ref().map(|disk| disk.totals())
    }

    /// Its file, if it is open, in a form that answers questions.
    #[must_use]
    pub fn held(&self) -> Option<Held> {
        self.disk().map(|disk| Held {
            totals: disk.totals(),
            reasons: disk.dead_by_reason(),
            max_bytes: disk.max_bytes(),
        })
    }

    /// Why the disk fails now, or the file cannot be opened.
    #[must_use]
    pub fn why_failing(&self) -> Option<String> {
        self.why.lock().clone()
    }

    /// How many records are on disk alone.
    #[must_use]
    pub fn on_disk_alone(&self) -> u64 {
        let in_memory = self.window.lock().in_memory.len() as u64;
        self.totals()
            .map_or(0, |totals| totals.waiting.saturating_sub(in_memory))
    }

    /// Accepts a notification: writes its record, and puts it into the queue with `push` if there is room.
    /// `push` returns the row if the queue does not take it, with the error, or none if it is full.
    pub fn accept<E>(
        self: &Arc<Self>,
        record: Record,
        push: impl FnOnce(Option<Row>) -> Result<(), (Option<Row>, Option<E>)>,
        full: impl FnOnce() -> E,
    ) -> Result<Accepted, NotAccepted<E>> {
        // Held over both steps, so that the order on disk is the order in the queue. Neither waits.
        let mut window = self.window.lock();
        let disk = self.disk.load();
        let Some(disk) = disk.as_ref() else {
            if !window.opening && window.early.is_empty() {
                return match push(None) {
                    Ok(()) => Ok(Accepted::InMemory),
                    Err((_, error)) => Err(NotAccepted::Pool(error.unwrap_or_else(full))),
                };
            }
            if window.early.len() >= EARLY {
                return Err(NotAccepted::Pool(full()));
            }
            window.early.push_back(record);
            return Ok(Accepted::OnDisk);
        };
        let id = disk.append(record).map_err(NotAccepted::Full)?;
        if window.spilled {
            return Ok(Accepted::OnDisk);
        }
        match push(Some(Row::new(self, id))) {
            Ok(()) => {
                window.in_memory.insert(id);
                window.loaded = id;
                Ok(Accepted::InMemory)
            }
            Err((row, error)) => {
                // Its end would take the lock that is held here.
                row.map(Row::disarm);
                // A disk that fails cannot hold what memory does not.
                let error = error.or_else(|| disk.totals().failing.then(full));
                if let Some(error) = error {
                    disk.remove(id);
                    return Err(NotAccepted::Pool(error));
                }
                window.spilled = true;
                window.low = window.in_memory.len() / 2;
                Ok(Accepted::OnDisk)
            }
        }
    }

    /// Says what is to be done when records may have to come in.
    pub(crate) fn set_wants(&self, wants: Arc<dyn Fn() + Send + Sync>) {
        *self.wants.write() = Some(wants);
        self.want();
    }

    pub(super) fn want(&self) {
        {
            let window = self.window.lock();
            if !window.spilled && window.early.is_empty() {
                return;
            }
        }
        let wants = self.wants.read().clone();
        if let Some(wants) = wants {
            wants();
        }
    }

    /// Everything on disk may have to come in: a handler is there that was not.
    pub fn look_again(&self) {
        self.rewind(RowId(0));
        self.want();
    }

    pub(super) fn rewind(&self, to: RowId) {
        let mut window = self.window.lock();
        if self.disk.load().is_some() {
            window.loaded = window.loaded.min(to);
            window.spilled = true;
        }
    }

    /// The place behind which records are to be read now, or none if all are in memory.
    pub(super) fn begin_to_read(&self) -> Option<RowId> {
        let mut window = self.window.lock();
        window.ended.clear();
        window.spilled.then_some(window.loaded)
    }

    /// Puts what was accepted before the file was open into the queue with `push`, if the file cannot be
    /// opened. Returns why there is no going on.
    pub(super) fn bring_early(
        &self,
        mut push: impl FnMut(&Record) -> Result<(), NotIn>,
    ) -> Result<(), NotIn> {
        let mut window = self.window.lock();
        if window.opening || self.disk.load().is_some() {
            return Ok(());
        }
        while let Some(record) = window.early.front() {
            push(record)?;
            window.early.pop_front();
        }
        Ok(())
    }

    /// Puts a record that was read into the queue with `push`, which learns whether an earlier run had
    /// accepted it. A record that is there already is skipped. `before` is the record before it. Returns why
    /// there is no going on.
    pub(super) fn bring_in(
        self: &Arc<Self>,
        before: RowId,
        id: RowId,
        push: impl FnOnce(Row, bool) -> BroughtIn,
    ) -> Result<(), NotIn> {
        let mut window = self.window.lock();
        if window.loaded != before {
            return Err(NotIn::Rewound);
        }
        if window.in_memory.contains(&id) || window.ended.contains(&id) {
            window.loaded = id;
            return Ok(());
        }
        match push(Row::new(self, id), id < window.first) {
            BroughtIn::Queued => {
                window.in_memory.insert(id);
                window.loaded = id;
                Ok(())
            }
            BroughtIn::Skipped(row) => {
                row.disarm();
                window.loaded = id;
                Ok(())
            }
            BroughtIn::GivenUp(row, history, reason) => {
                row.disarm();
                window.loaded = id;
                if let Some(disk) = self.disk() {
                    disk.bury(id, history, DeathReason(reason.to_owned()));
                }
                Ok(())
            }
            BroughtIn::Not(row, why) => {
                row.map(Row::disarm);
                window.low = window.in_memory.len() / 2;
                Err(why)
            }
        }
    }

    /// Whether records are on disk alone, and memory has room for some.
    pub(super) fn is_low(&self) -> bool {
        let window = self.window.lock();
        let early = !window.opening && !window.early.is_empty();
        early || window.spilled && window.in_memory.len() <= window.low
    }

    /// All records that there were when `next` was the next place have been read. Returns whether that is
    /// all there are: new ones go into the queue again.
    pub(super) fn is_done(&self, next: RowId) -> bool {
        let mut window = self.window.lock();
        let more = self
            .disk
            .load()
            .as_ref()
            .is_some_and(|disk| disk.next() != next);
        if !more {
            window.spilled = false;
        }
        !more
    }

    /// What the spool's thread has to say.
    pub(super) fn hear(&self, notice: &Notice) {
        match notice {
            Notice::Fails { text } => {
                *self.why.lock() = Some(text.clone());
                let text = format!(
                    "{text}; deliveries go on from memory, and what is handed over now is lost if the node dies"
                );
                self.notices.tell(&self.name, NoticeKind::SpoolFails, text);
            }
            Notice::Writes => {
                *self.why.lock() = None;
                let text = "the disk takes notifications again".to_owned();
                self.notices.tell(&self.name, NoticeKind::SpoolWrites, text);
                self.want();
            }
            Notice::SetAside { path, saved } => {
                let text = format!(
                    "the spool was damaged and is now {}; {saved} notifications were taken over from it",
                    path.display()
                );
                self.notices
                    .tell(&self.name, NoticeKind::SpoolDamaged, text);
            }
            Notice::BroughtBack { first, .. } => {
                self.rewind(RowId(first.0 - 1));
                self.want();
            }
        }
    }

    pub(super) fn close(&self) {
        *self.wants.write() = None;
        if let Some(disk) = self.disk.swap(None) {
            disk.close();
        }
    }

    /// A record of this pool has left memory.
    pub(super) fn forget(&self, id: RowId, ended: bool) {
        let mut window = self.window.lock();
        window.in_memory.remove(&id);
        if ended && window.spilled {
            window.ended.insert(id);
        }
    }

    pub(super) fn begin_refill(&self) -> bool {
        !self.refilling.swap(true, Ordering::AcqRel)
    }

    pub(super) fn end_refill(&self) {
        self.refilling.store(false, Ordering::Release);
    }
}

/// What became of a record that was to come in.
#[derive(Debug)]
pub(super) enum BroughtIn {
    /// It is in the queue.
    Queued,
    /// It stays on disk for now: its handler does not run.
    Skipped(Row),
    /// It belongs to no handler, or is no notification: it becomes a dead letter.
    GivenUp(Row, History, &'static str),
    /// The pool does not take it.
    Not(Option<Row>, NotIn),
}
