//! The thread of a spool: it writes what has come together, in one transaction, again and again.
//!
//! A record that comes while the thread sleeps wakes it, and is written at once. From then on, and as long as
//! records keep coming, transactions begin at a fixed pace, and the thread looks for new records by itself.
//! So a session need not wake it, and a busy pool has fewer and larger transactions.
//!
//! If the disk fails, it keeps what it could not write, and tries again with growing pauses.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use notification::fail_point;

use crate::damage;
use crate::record::{Loaded, RowId};
use crate::settings::Settings;
use crate::spool::{Inbox, Load, Notice, RECOUNT, Shared, Totals};
use crate::store::{Change, Store};
use pace::Pace;

/// How long changes without hurry wait for company.
const COMPANY: Duration = Duration::from_millis(5);
/// How often the thread looks for what an operator's program has changed.
const LOOK: Duration = Duration::from_secs(1);
/// How often it looks for dead letters that are too old.
const TRIM: Duration = Duration::from_mins(1);
/// The pauses between two tries of a disk that fails.
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// While the disk fails, this many more changes are looked through for superfluous ones.
const COMPACT: usize = 1024;
/// Dead letters that are brought back in one transaction.
const BACK: u32 = 1000;

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
    /// How many these were when the superfluous ones were dropped last.
    compacted: usize,
    trouble: Option<Trouble>,
    pace: Pace,
    looked: Instant,
    trimmed: Instant,
    slowest: (Instant, Duration),
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
            compacted: 0,
            trouble: None,
            pace: Pace::default(),
            looked: now,
            trimmed: now,
            slowest: (now, Duration::ZERO),
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
        inbox.at_once = false;
        inbox.coming = 0;
        self.unwritten.append(&mut inbox.changes);
        (std::mem::take(&mut inbox.loads), inbox.closing)
    }

    /// When there is something to do, if nothing else comes. `company` is since when changes wait for others.
    fn due(&self, inbox: &Inbox, company: &mut Option<Instant>, now: Instant) -> Instant {
        if inbox.urgent {
            return self.pace.due(now);
        }
        match &self.trouble {
            Some(trouble) => trouble.again,
            None if inbox.changes.is_empty() => self.looked + LOOK,
            None => *company.get_or_insert(now) + COMPANY,
        }
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
        let (store, aside) = damage::open(&self.file, &self.pool, self.settings)
            .map_err(|error| error.to_string())?;
        self.store = Some(store);
        if let Some(aside) = aside {
            self.say_set_aside(aside);
        }
        Ok(())
    }

    fn replace(&mut self) -> Result<(), String> {
        self.store = None;
        let (store, aside) = damage::replace(&self.file, &self.pool, self.settings)
            .map_err(|error| error.to_string())?;
        self.store = Some(store);
        self.say_set_aside(aside);
        Ok(())
    }

    fn say_set_aside(&self, aside: damage::SetAside) {
        (self.tell)(Notice::SetAside {
            path: aside.path,
            saved: aside.saved,
        });
    }

    fn settle(&mut self, totals: Totals, took: Duration) {
        if self.slowest.0.elapsed() > TRIM || took > self.slowest.1 {
            self.slowest = (Instant::now(), took);
        }
        let recovered = self.trouble.take().is_some();
        {
            let mut inbox = self.shared.inbox.lock();
            inbox.totals.commits += 1;
            inbox.totals.slowest_commit = self.slowest.1;
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

    /// Drops what need not be written any more.
    fn compact(&mut self) {
        let freed = forget_what_ended(&mut self.unwritten);
        self.compacted = self.unwritten.len();
        let mut inbox = self.shared.inbox.lock();
        inbox.held = inbox.held.saturating_sub(freed);
        inbox.unwritten = inbox.unwritten.saturating_sub(freed);
    }

    fn answer(&mut self, load: Load) {
        let found = match self.load(&load) {
            Err(ReadError::Damaged) => match self.replace() {
                Ok(()) => self.load(&load).map_err(|error| error.text(&self.file)),
                Err(error) => {
                    // The file is opened again after a pause.
                    self.fail(&error);
                    Err(error)
                }
            },
            found => found.map_err(|error| error.text(&self.file)),
        };
        (load.reply)(found);
    }

    fn load(&self, load: &Load) -> Result<Vec<Loaded>, ReadError> {
        let store = match &self.store {
            Some(store) if self.trouble.is_none() => store,
            _ => return Err(ReadError::Failing),
        };
        store
            .load(load.after, load.most, load.bytes)
            .map_err(|error| {
                if damage::is_damage(&error) {
                    ReadError::Damaged
                } else {
                    ReadError::Other(error)
                }
            })
    }

    /// Looks for what an operator's program has changed, and for dead letters that are too old.
    fn look_around(&mut self) {
        if self.looked.elapsed() < LOOK {
            return;
        }
        self.looked = Instant::now();
        if self.trouble.is_some() {
            return;
        }
        let Some(store) = self.store.as_mut() else {
            return;
        };
        if self.trimmed.elapsed() > TRIM {
            self.trimmed = Instant::now();
            // It is tried again a minute later.
            let _ = store.trim();
            if let Ok((totals, _)) = store.totals() {
                self.shared.inbox.lock().settle(totals);
            }
        }
        if store.changed_outside().unwrap_or_default() {
            self.take_changes();
        }
        self.count_dead_letters();
    }

    /// Takes over what an operator's program has changed.
    fn take_changes(&mut self) {
        let Some(store) = self.store.as_mut() else {
            return;
        };
        loop {
            let asked = store.asked_back().unwrap_or_default().min(BACK);
            if asked == 0 {
                break;
            }
            // Their places are theirs from now on; sessions append behind them meanwhile.
            let first = self.shared.inbox.lock().reserve(asked);
            match store.bring_back(first, asked) {
                Ok(records) if records > 0 => {
                    (self.tell)(Notice::BroughtBack { first, records });
                }
                _ => break,
            }
        }
        if let Ok((totals, _)) = store.totals() {
            self.shared.inbox.lock().settle(totals);
        }
    }

    /// Counts the dead letters by reason, if there are more or fewer than at the last count.
    fn count_dead_letters(&mut self) {
        let dead = self.shared.inbox.lock().totals.dead;
        if dead == self.counted.1 || self.counted.0.elapsed() < RECOUNT {
            return;
        }
        let counted = self.store.as_ref().map(Store::dead_by_reason);
        if let Some(Ok(reasons)) = counted {
            self.shared.inbox.lock().reasons = reasons;
        }
        self.counted = (Instant::now(), dead);
    }
}

/// Why records could not be read.
enum ReadError {
    /// The disk fails; it is tried again.
    Failing,
    /// The file's content is damaged.
    Damaged,
    Other(rusqlite::Error),
}

impl ReadError {
    fn text(self, file: &Path) -> String {
        let why = match self {
            Self::Failing => "the disk fails".to_owned(),
            Self::Damaged => "what was saved of it is damaged too".to_owned(),
            Self::Other(error) => error.to_string(),
        };
        format!("reading {}: {why}", file.display())
    }
}

/// Drops the records that were delivered before the disk took them, and all notes about one but the last.
/// Returns the bytes that the records take.
fn forget_what_ended(changes: &mut Vec<Change>) -> u64 {
    let removed: HashSet<RowId> = changes
        .iter()
        .filter_map(|change| match change {
            Change::Remove(id) => Some(*id),
            _ => None,
        })
        .collect();
    // From the end, so that the last note of each comes first.
    changes.reverse();
    let mut noted = HashSet::new();
    changes.retain(|change| match change {
        Change::Postpone(id, _) => noted.insert(*id),
        Change::Bury(id, ..) => {
            noted.insert(*id);
            true
        }
        _ => true,
    });
    changes.reverse();
    let mut dropped = HashSet::new();
    let mut freed = 0;
    changes.retain(|change| match change {
        Change::Append(id, record) if removed.contains(id) => {
            dropped.insert(*id);
            freed += record.size();
            false
        }
        Change::Postpone(id, _) => !removed.contains(id),
        // A record that the file has is removed from it later.
        Change::Remove(id) => !dropped.contains(id),
        _ => true,
    });
    freed
}

mod pace;
#[cfg(test)]
mod tests;
