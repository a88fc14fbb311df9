//! The thread of a spool: it writes what has come together, in one transaction, again and again.
//!
//! A record that comes while the thread sleeps wakes it, and is written at once. From then on, and as long as
//! records keep coming, transactions begin at a fixed pace, and the thread looks for new records by itself.
//! So a session need not wake it, and a busy pool has fewer and larger transactions. Removals wait longer (`late`).
//!
//! If the disk fails, it keeps what it could not write, and tries again with growing pauses.

mod late;
mod looking;
mod pace;
mod reading;
mod slowest;
mod superfluous;
#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use notification::fail_point;

use crate::damage;
use crate::inbox::{Inbox, Load, Shared};
use crate::notice::Notice;
use crate::record::RowId;
use crate::settings::Settings;
use crate::spool::LAZY;
use crate::store::{Change, Store};
use crate::totals::Totals;
use late::{COMPANY, Late};
use looking::LOOK;
use pace::Pace;
use reading::Place;
use slowest::Slowest;
use superfluous::forget_what_ended;

/// How often it looks for dead letters that are too old.
const TRIM: Duration = Duration::from_mins(1);
/// The pauses between two tries of a disk that fails.
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// While the disk fails, this many more changes are looked through for superfluous ones.
const COMPACT: usize = 1024;

pub(crate) struct Writer {
    shared: Arc<Shared>,
    /// None if the file could not even be opened again.
    store: Option<Store>,
    tell: Arc<dyn Fn(Notice) + Send + Sync>,
    file: PathBuf,
    pool: String,
    settings: Settings,
    /// What could not be written.
    unwritten: Vec<Change>,
    /// What waits for company.
    late: Late,
    /// How many these were when the superfluous ones were dropped last.
    compacted: usize,
    trouble: Option<Trouble>,
    /// Where damage was met, while there was no room for what can be read of the file.
    damaged: Option<Place>,
    pace: Pace,
    looked: Instant,
    trimmed: Instant,
    slowest: Slowest,
    /// When more of the dead letters that an operator asks for come back, if there are more.
    come_back: Option<Instant>,
    /// When the dead letters were counted by reason, and how many there were.
    counted: (Instant, u64),
}

/// The disk fails.
struct Trouble {
    again: Instant,
    pause: Duration,
}

impl Writer {
    pub fn new(
        shared: Arc<Shared>,
        store: Store,
        tell: Arc<dyn Fn(Notice) + Send + Sync>,
        (file, pool, settings): (PathBuf, &str, Settings),
    ) -> Self {
        let now = Instant::now();
        let dead = shared.inbox.lock().totals.dead;
        Self {
            shared,
            store: Some(store),
            tell,
            file,
            pool: pool.to_owned(),
            settings,
            unwritten: Vec::new(),
            late: Late::default(),
            compacted: 0,
            trouble: None,
            damaged: None,
            pace: Pace::default(),
            looked: now,
            trimmed: now,
            slowest: Slowest::new(now),
            come_back: None,
            counted: (now, dead),
        }
    }

    /// Runs until the spool is closed and everything is written, or cannot be. A panic is a failure of the disk
    /// to everyone else: what was to be written is kept, and the file is opened again.
    pub fn run(&mut self) {
        while catch_unwind(AssertUnwindSafe(|| self.work())).is_err() {
            self.store = None;
            self.fail("the thread that writes has panicked");
        }
    }

    fn work(&mut self) {
        loop {
            let (loads, closing) = self.wait();
            self.write();
            for load in loads {
                self.answer(load);
            }
            if closing {
                self.count_lost();
                return;
            }
            self.look_around();
        }
    }

    /// Waits for something to do, and takes it over.
    fn wait(&mut self) -> (Vec<Load>, bool) {
        let mut inbox = self.shared.inbox.lock();
        let mut company = None;
        let now = loop {
            let now = Instant::now();
            let due = self.due(&inbox, &mut company, now);
            if inbox.at_once || due <= now {
                break now;
            }
            let looks = self.pace.looks(now, inbox.urgent);
            inbox.asleep = looks.is_none();
            let until = looks.map_or(due, |looks| looks.min(due));
            let _ = self.shared.wake.wait_until(&mut inbox, until);
            inbox.asleep = false;
        };
        let records = std::mem::take(&mut inbox.urgent);
        if !inbox.changes.is_empty() {
            self.pace.takes(now, records);
        }
        let hurries = std::mem::take(&mut inbox.at_once) || self.trouble.is_some();
        let lazy_due = self.late.due().or(company.map(|since| since + COMPANY));
        let all = hurries || inbox.lazy >= LAZY || lazy_due.is_some_and(|due| due <= now);
        if all {
            inbox.lazy = 0;
        }
        inbox.coming = 0;
        self.unwritten.append(&mut inbox.changes);
        let taken = (std::mem::take(&mut inbox.loads), inbox.closing);
        drop(inbox);
        if all {
            self.late.give_back(&mut self.unwritten);
        } else {
            // They have waited since then, though a record ends the wait.
            let since = company.unwrap_or(now);
            self.late.hold_back(&mut self.unwritten, since);
        }
        taken
    }

    /// When there is something to do, if nothing else comes. `company` is since when changes wait for others.
    fn due(&self, inbox: &Inbox, company: &mut Option<Instant>, now: Instant) -> Instant {
        if inbox.urgent {
            return self.pace.due(now);
        }
        if let Some(trouble) = &self.trouble {
            return trouble.again;
        }
        let due = self.late.due().unwrap_or_else(|| {
            if inbox.changes.is_empty() {
                self.looked + LOOK
            } else {
                *company.get_or_insert(now) + COMPANY
            }
        });
        self.come_back.map_or(due, |back| back.min(due))
    }

    /// Writes what is to be written, unless the disk has failed a moment ago.
    fn write(&mut self) {
        let next = self.shared.inbox.lock().next;
        if self.unwritten.is_empty() && self.trouble.is_none() {
            return;
        }
        if let Some(trouble) = &self.trouble
            && trouble.again > Instant::now()
            && !self.shared.inbox.lock().closing
        {
            // Deliveries go on from memory: what has ended meanwhile takes no more room.
            if self.unwritten.len() > 2 * self.compacted + COMPACT {
                self.compact();
            }
            return;
        }
        fail_point::point("spool");
        let began = Instant::now();
        match self.try_to_write(next) {
            Ok(totals) => {
                self.unwritten.clear();
                self.compacted = 0;
                self.settle(totals, began.elapsed());
            }
            Err(error) => self.fail(&error),
        }
    }

    fn try_to_write(&mut self, next: RowId) -> Result<Totals, String> {
        let text = |error: rusqlite::Error| error.to_string();
        if self.store.is_none() {
            self.reopen()?;
        }
        let store = self.store.as_mut().ok_or("the file is not open")?;
        match store.write(&self.unwritten, next) {
            Ok(totals) => Ok(totals),
            Err(error) if damage::is_damage(&error) => {
                self.replace()?;
                let store = self.store.as_mut().ok_or("the file is not open")?;
                store.write(&self.unwritten, next).map_err(text)
            }
            Err(error) => {
                // A disk that was mounted again needs a file that is opened again.
                self.store = None;
                Err(text(error))
            }
        }
    }

    fn reopen(&mut self) -> Result<(), String> {
        let store = damage::open(&self.file, &self.pool, self.settings, &*self.tell)
            .map_err(|error| error.to_string())?;
        self.store = Some(store);
        // A file that is damaged further on opens all the same.
        self.read_where_damaged()
    }

    fn replace(&mut self) -> Result<(), String> {
        self.store = None;
        let store = damage::replace(&self.file, &self.pool, self.settings, &*self.tell)
            .map_err(|error| error.to_string())?;
        self.store = Some(store);
        self.damaged = None;
        Ok(())
    }

    fn settle(&mut self, totals: Totals, took: Duration) {
        self.slowest.note(Instant::now(), took);
        let recovered = self.trouble.take().is_some();
        {
            let mut inbox = self.shared.inbox.lock();
            inbox.totals.commits += 1;
            inbox.totals.slowest_commit = self.slowest.at(Instant::now());
            inbox.totals.failing = false;
            inbox.settle(totals);
        }
        if recovered {
            (self.tell)(Notice::Writes);
        }
    }

    fn fail(&mut self, error: &str) {
        let pause = match &self.trouble {
            Some(trouble) => LONGEST_PAUSE.min(trouble.pause * 2),
            None => SHORTEST_PAUSE,
        };
        let first = self.trouble.is_none();
        self.trouble = Some(Trouble {
            again: Instant::now() + pause,
            pause,
        });
        self.compact();
        {
            let mut inbox = self.shared.inbox.lock();
            inbox.totals.errors += 1;
            inbox.totals.failing = true;
        }
        if first {
            let text = format!("writing {}: {error}", self.file.display());
            (self.tell)(Notice::Fails { text });
        }
    }

    /// Counts the records that were not written, and will not be.
    fn count_lost(&mut self) {
        self.compact();
        let lost = self.unwritten.iter();
        let lost = lost.filter(|change| matches!(change, Change::Append(..)));
        self.shared.inbox.lock().lost = lost.count();
    }

    /// Drops what need not be written any more.
    fn compact(&mut self) {
        let freed = forget_what_ended(&mut self.unwritten);
        self.compacted = self.unwritten.len();
        let mut inbox = self.shared.inbox.lock();
        inbox.held = inbox.held.saturating_sub(freed);
        inbox.unwritten = inbox.unwritten.saturating_sub(freed);
    }
}
