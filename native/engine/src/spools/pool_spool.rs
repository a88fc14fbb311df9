//! One pool's spool in the engine: which of its records are in memory too.
//!
//! Memory holds a window of the oldest records. While it has room, a notification goes to the disk and into
//! the pool's queue. When the pool is full, the spool has *spilled*: from then on notifications go to the
//! disk alone, behind the others, and come in as the window empties. Only when all are in, new ones go into
//! the queue again, so that each lane keeps its order.
//!
//! While the file is being opened, notifications wait for it, behind what it may hold.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arc_swap::ArcSwapOption;
use notification::PoolId;
use parking_lot::Mutex;
use queue::Share;
use spool::{Notice, OpenError, Reasons, RowId, Spool, Totals};
use transport::notices::{NoticeKind, Notices};

use super::coming_in::AT_ONCE;
use super::lanes::Behinds;
use super::locked::Leaving;
use super::whose::HandlerHash;
use super::window::Window;

/// The spool of one pool, whatever its incarnation.
pub struct PoolSpool {
    pub(super) name: Box<str>,
    /// None if the file cannot be opened: everything is in memory alone.
    pub(super) disk: ArcSwapOption<Spool>,
    /// Locked by [`PoolSpool::window`] alone.
    pub(super) window: Mutex<Window>,
    /// How many of its lanes are behind, or will be when a record that leaves is seen to.
    pub(super) behinds: Arc<Behinds>,
    pub(super) leaving: Leaving,
    /// What was said last of a disk that fails or a file that cannot be opened, while it lasts.
    pub(super) why: Mutex<Option<String>>,
    /// Whether it was said that the file is updated.
    pub(super) updates: AtomicBool,
    pub(super) refilling: Mutex<Refilling>,
    pub(super) wants: ArcSwapOption<Wants>,
    pub(super) notices: Arc<Notices>,
}

type Shares = dyn Fn(&[HandlerHash]) -> Vec<Share> + Send + Sync;

/// The pool into whose queue records come.
pub(crate) struct Wants {
    /// Of several that take notifications, the one with the highest number has come last.
    pub pool: PoolId,
    /// Whether it takes notifications.
    pub takes: Box<dyn Fn() -> bool + Send + Sync>,
    /// Whether at least one of so many equal parts of each of its bounds is free.
    pub has_room: Box<dyn Fn(usize) -> bool + Send + Sync>,
    /// How much of its memory each of these handlers uses; nothing if it is gone.
    pub shares: Box<Shares>,
    /// Called when records may have to come in.
    pub ask: Box<dyn Fn() + Send + Sync>,
}

/// Whether the refill runs, and whether it was asked for meanwhile.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Refilling {
    pub runs: bool,
    pub asked: bool,
}

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

impl std::fmt::Debug for PoolSpool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PoolSpool")
            .field("name", &self.name)
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}

impl PoolSpool {
    pub(crate) fn new(name: &str, notices: Arc<Notices>) -> Self {
        let window = Window {
            opening: true,
            ..Window::default()
        };
        Self {
            name: name.into(),
            disk: ArcSwapOption::empty(),
            behinds: window.lanes.behinds(),
            window: Mutex::new(window),
            leaving: Leaving::default(),
            why: Mutex::default(),
            updates: AtomicBool::new(false),
            refilling: Mutex::default(),
            wants: ArcSwapOption::empty(),
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
    pub(crate) fn opened(&self, disk: Spool) {
        let next = disk.next();
        let before = disk.totals().waiting;
        let mut any = before > 0;
        // A few at a time: sessions wait for the lock.
        loop {
            let mut window = self.window();
            // What waits goes to the file alone from now on.
            window.opening = true;
            for _ in 0..AT_ONCE {
                let record = window.parked.pop_front();
                let Some(record) = record.or_else(|| window.early.pop_front()) else {
                    break;
                };
                disk.append_anyway(record);
                any = true;
            }
            if window.parked.is_empty() && window.early.is_empty() {
                window.early_bytes = 0;
                window.first = next;
                window.opening = false;
                window.stopped.clear();
                window.spilled = any;
                self.disk.store(Some(Arc::new(disk)));
                break;
            }
        }
        if self.why_failing().is_some() {
            self.hear(&Notice::Writes);
        }
        self.want();
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
        let in_memory = self.window().in_memory.len() as u64;
        self.totals()
            .map_or(0, |totals| totals.waiting.saturating_sub(in_memory))
    }

    /// Records come into this pool's queue from now on, unless the pool takes no notifications, or a later pool does: the
    /// thread that attaches a pool may be late.
    pub(crate) fn set_wants(&self, wants: Wants) {
        let wants = Arc::new(wants);
        let mut present = self.wants.load();
        loop {
            // A queue is locked for that, under whose lock another thread may ask for records.
            let later = present
                .as_ref()
                .is_some_and(|present| present.pool > wants.pool && (present.takes)());
            if later || !(wants.takes)() {
                return;
            }
            let before = self
                .wants
                .compare_and_swap(&*present, Some(Arc::clone(&wants)));
            let same = before.as_ref().map(Arc::as_ptr) == present.as_ref().map(Arc::as_ptr);
            if same {
                break;
            }
            present = before;
        }
        self.want();
    }

    pub(super) fn want(&self) {
        let wants = self.window().wants();
        if wants {
            self.ask();
        }
    }

    /// Has records come in. The window need not be locked.
    pub(super) fn ask(&self) {
        if let Some(wants) = &*self.wants.load() {
            (wants.ask)();
        }
    }

    /// Everything on disk may have to come in: a handler is there that was not.
    pub fn look_again(&self) {
        self.window().look_again(self.disk.load().is_some());
        self.want();
    }

    pub(super) fn rewind(&self, to: RowId) {
        let mut window = self.window();
        if self.disk.load().is_some() {
            window.rewind(to);
        }
    }

    /// Writes what is left and closes the file. What waits for a file that was never opened goes into the one that
    /// `open` opens now. If that fails, it is lost, and a notice says so.
    pub(super) fn close(&self, open: impl FnOnce() -> Result<Spool, OpenError>) {
        self.wants.store(None);
        self.tell_all_that_was_given_up();
        let waiting = {
            let window = self.window();
            window.early.len() + window.parked.len()
        };
        if waiting > 0 && self.disk.load().is_none() {
            match open() {
                Ok(disk) => self.opened(disk),
                Err(error) => {
                    let text = format!(
                        "{error}; notifications that waited for the file, and are lost with the engine: {waiting}"
                    );
                    self.notices.tell(&self.name, NoticeKind::SpoolFails, text);
                }
            }
        }
        if let Some(disk) = self.disk.swap(None) {
            let lost = disk.close();
            if lost > 0 {
                let why = self.why_failing().unwrap_or_default();
                let text = format!(
                    "{why}; notifications that could not be written, and are lost with the engine: {lost}"
                );
                self.notices.tell(&self.name, NoticeKind::SpoolFails, text);
            }
        }
    }
}
