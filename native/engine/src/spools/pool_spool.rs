//! One pool's spool in the engine: which of its records are in memory too.
//!
//! Memory holds a window of the oldest records. While it has room, a notification goes to the disk and into
//! the pool's queue. When the pool is full, the spool has *spilled*: from then on notifications go to the
//! disk alone, behind the others, and come in as the window empties. Only when all are in, new ones go into
//! the queue again, so that each lane keeps its order.
//!
//! While the file is being opened, notifications wait for it, behind what it may hold.

use std::collections::hash_map::RandomState;
use std::collections::{HashSet, VecDeque};
use std::hash::BuildHasher;
use std::ops::Range;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use parking_lot::{Mutex, RwLock};
use spool::{DeathReason, Full, History, Notice, Reasons, Record, RowId, Spool, Totals};
use transport::notices::{NoticeKind, Notices};

use super::Row;
use super::lanes::{LaneId, LaneRows};
use super::refill::NotIn;

/// The spool of one pool, whatever its incarnation.
pub struct PoolSpool {
    name: Box<str>,
    /// None if the file cannot be opened: everything is in memory alone.
    disk: ArcSwapOption<Spool>,
    window: Mutex<Window>,
    /// What was said last of a disk that fails or a file that cannot be opened, while it lasts.
    why: Mutex<Option<String>>,
    refilling: Mutex<Refilling>,
    lane_hash: RandomState,
    /// Called when records may have to come in.
    wants: RwLock<Option<Arc<dyn Fn() + Send + Sync>>>,
    notices: Arc<Notices>,
}

/// Whether the refill runs, and whether it was asked for meanwhile.
#[derive(Clone, Copy, Debug, Default)]
struct Refilling {
    runs: bool,
    asked: bool,
}

/// What is in memory.
#[derive(Debug, Default)]
struct Window {
    /// Records behind this one are on disk alone, if it has spilled.
    loaded: RowId,
    spilled: bool,
    /// How often `loaded` was set back.
    rewinds: u64,
    in_memory: HashSet<RowId>,
    lanes: LaneRows,
    /// When so few are left in memory, others come in.
    low: usize,
    /// The first record of this run: those before were accepted in an earlier one.
    first: RowId,
    /// Whether the file is being opened for the first time.
    opening: bool,
    /// Calls that need it to stay spilled until they have rewound it.
    held: u32,
    /// What was accepted before the file was open, in order.
    early: VecDeque<Record>,
    /// The bytes of `early`.
    early_bytes: u64,
    /// What waited in `early` for a handler that does not run.
    parked: VecDeque<Record>,
    /// Dead letters that an operator had brought back: as if an earlier run had accepted them.
    back: Vec<Range<RowId>>,
    /// Of those of an earlier run, the ones that are counted as accepted in this one, and on disk alone.
    counted: HashSet<RowId>,
    /// Records that have ended since the last read began, which may have seen them.
    ended: HashSet<RowId>,
}

/// The most notifications that wait for a file to be opened, and of how many bytes.
const EARLY: usize = 10_000;
const EARLY_BYTES: u64 = 16 << 20;
/// How many of them are moved under one lock.
const AT_ONCE: usize = 64;

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

/// Why a queue does not take a notification.
#[derive(Debug)]
pub enum NotTaken<E> {
    /// The pool is full.
    Full,
    /// The notification's lane is full.
    LaneFull,
    /// Another reason.
    Other(E),
}

/// Where a reader is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Records behind this one are to be read.
    pub after: RowId,
    /// Whether it is still so is seen by this.
    pub rewinds: u64,
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
            why: Mutex::default(),
            refilling: Mutex::default(),
            lane_hash: RandomState::new(),
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
        let before = disk.totals().waiting;
        let mut any = before > 0;
        // A few at a time: sessions wait for the lock.
        loop {
            let mut window = self.window.lock();
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

    /// The file cannot be opened now. Each reason is told once.
    pub(super) fn fails_to_open(&self, error: &str) {
        self.window.lock().opening = false;
        // What waits is delivered from memory.
        self.want();
        let before = self.why.lock().replace(error.to_owned());
        if before.as_deref() == Some(error) {
            return;
        }
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
    /// `push` returns the row if the queue does not take it, with the reason.
    pub fn accept<E>(
        self: &Arc<Self>,
        record: Record,
        push: impl FnOnce(Option<Row>) -> Result<(), (Option<Row>, NotTaken<E>)>,
        full: impl FnOnce() -> E,
    ) -> Result<Accepted, NotAccepted<E>> {
        let lane = self.lane_of(&record);
        // Held over both steps, so that the order on disk is the order in the queue. Neither waits.
        let mut window = self.window.lock();
        let disk = self.disk.load();
        let Some(disk) = disk.as_ref() else {
            if !window.opening && window.early.is_empty() {
                return match push(None) {
                    Ok(()) => Ok(Accepted::InMemory),
                    Err((_, NotTaken::Other(error))) => Err(NotAccepted::Pool(error)),
                    Err(_) => Err(NotAccepted::Pool(full())),
                };
            }
            let bytes = window.early_bytes + record.size();
            if window.early.len() >= EARLY || bytes > EARLY_BYTES {
                return Err(NotAccepted::Pool(full()));
            }
            window.early_bytes = bytes;
            window.early.push_back(record);
            return Ok(Accepted::OnDisk);
        };
        let id = disk.append(record).map_err(NotAccepted::Full)?;
        if window.spilled || window.lanes.is_behind(lane) {
            return Ok(Accepted::OnDisk);
        }
        match push(Some(Row::new(self, id, lane))) {
            Ok(()) => {
                window.enter(id, lane);
                Ok(Accepted::InMemory)
            }
            Err((row, why)) => {
                // Its end would take the lock that is held here.
                row.map(Row::disarm);
                let error = match why {
                    NotTaken::Other(error) => Some(error),
                    // A disk that fails cannot hold what memory does not.
                    _ if disk.totals().failing => Some(full()),
                    NotTaken::LaneFull if window.lanes.full_at(lane, id) => None,
                    NotTaken::LaneFull | NotTaken::Full => {
                        window.spilled = true;
                        window.low = window.in_memory.len() / 2;
                        None
                    }
                };
                if let Some(error) = error {
                    disk.remove(id);
                    return Err(NotAccepted::Pool(error));
                }
                Ok(Accepted::OnDisk)
            }
        }
    }

    fn lane_of(&self, record: &Record) -> LaneId {
        let key = (&record.host_type, &record.handler, &record.lane);
        LaneId(self.lane_hash.hash_one(key))
    }

    /// Says what is to be done when records may have to come in, if that `holds` still.
    pub(crate) fn set_wants(
        &self,
        wants: Arc<dyn Fn() + Send + Sync>,
        holds: impl FnOnce() -> bool,
    ) {
        {
            let mut present = self.wants.write();
            if !holds() {
                return;
            }
            *present = Some(wants);
        }
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
        {
            let mut window = self.window.lock();
            while let Some(record) = window.parked.pop_back() {
                window.early.push_front(record);
            }
        }
        self.rewind(RowId(0));
        self.want();
    }

    /// From now on, and until it is let go, new notifications go behind what is on disk.
    pub(super) fn hold(&self) {
        let mut window = self.window.lock();
        window.held += 1;
        window.spilled = self.disk.load().is_some();
    }

    pub(super) fn let_go(&self) {
        self.window.lock().held -= 1;
    }

    pub(super) fn rewind(&self, to: RowId) {
        let mut window = self.window.lock();
        if self.disk.load().is_some() {
            window.rewind(to);
        }
    }

    /// The place behind which records are to be read now, or none if all are in memory.
    pub(super) fn begin_to_read(&self) -> Option<Place> {
        let mut window = self.window.lock();
        window.ended.clear();
        window.spilled.then_some(Place {
            after: window.loaded,
            rewinds: window.rewinds,
        })
    }

    /// Puts some of what was accepted before the file was open into the queue with `push`, if the file cannot
    /// be opened. Returns whether there are more, or why there is no going on.
    pub(super) fn bring_early(
        &self,
        mut push: impl FnMut(&Record) -> Result<(), NotIn>,
    ) -> Result<bool, NotIn> {
        let mut window = self.window.lock();
        if window.opening || self.disk.load().is_some() {
            return Ok(false);
        }
        for _ in 0..AT_ONCE {
            let Some(record) = window.early.front() else {
                return Ok(false);
            };
            let parks = match push(record) {
                Ok(()) => false,
                // Others must not wait for its handler.
                Err(NotIn::NoHandler) => true,
                Err(why) => return Err(why),
            };
            let record = window.early.pop_front();
            if let Some(record) = record {
                window.early_bytes = window.early_bytes.saturating_sub(record.size());
                if parks {
                    window.parked.push_back(record);
                }
            }
        }
        Ok(true)
    }

    /// Puts a record that was read into the queue with `push`, which learns whether an earlier run had
    /// accepted it. A record that is there already is skipped, and one whose lane is behind. Returns why there
    /// is no going on.
    pub(super) fn bring_in(
        self: &Arc<Self>,
        from: Place,
        (id, record): (RowId, &Record),
        push: impl FnOnce(Row, bool) -> BroughtIn,
    ) -> Result<(), NotIn> {
        let lane = self.lane_of(record);
        let mut window = self.window.lock();
        if window.rewinds != from.rewinds {
            return Err(NotIn::Rewound);
        }
        if window.in_memory.contains(&id)
            || window.ended.contains(&id)
            || window.lanes.is_behind(lane)
        {
            window.loaded = id;
            return Ok(());
        }
        let foreign = window.is_foreign(id) && !window.counted.contains(&id);
        match push(Row::new(self, id, lane), foreign) {
            BroughtIn::Queued => {
                window.counted.remove(&id);
                window.enter(id, lane);
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
                if why == NotIn::LaneFull && window.lanes.full_at(lane, id) {
                    window.loaded = id;
                    return Ok(());
                }
                window.low = window.in_memory.len() / 2;
                Err(why)
            }
        }
    }

    /// Whether records are on disk alone, and memory has room for some.
    pub(super) fn is_low(&self) -> bool {
        self.window.lock().is_low()
    }

    /// All records behind `from` that there were when `next` was the next place have been read. Returns
    /// whether that is all there are: new ones go into the queue again.
    pub(super) fn is_done(&self, from: Place, next: RowId) -> bool {
        let mut window = self.window.lock();
        let disk = self.disk.load();
        let more = disk.as_ref().is_some_and(|disk| disk.next() != next);
        if more || window.held > 0 || window.rewinds != from.rewinds {
            return false;
        }
        window.spilled = false;
        true
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
            Notice::BroughtBack { first, records } => {
                let first = *first;
                let end = first.0.saturating_add_unsigned(*records);
                self.window.lock().back.push(first..RowId(end));
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

    /// A record has ended. Returns whether others may have to come in.
    pub(super) fn ended(&self, id: RowId, lane: LaneId) -> bool {
        let mut window = self.window.lock();
        window.in_memory.remove(&id);
        if let Some(behind) = window.lanes.went(lane) {
            window.rewind(RowId(behind.0 - 1));
            window.ended.insert(id);
            return true;
        }
        if window.spilled {
            window.ended.insert(id);
        }
        window.is_low()
    }

    /// The notification of a record is no longer in memory, and has no outcome.
    pub(super) fn left(&self, id: RowId, lane: LaneId) {
        {
            let mut window = self.window.lock();
            window.in_memory.remove(&id);
            if window.is_foreign(id) {
                window.counted.insert(id);
            }
            if self.disk.load().is_none() {
                return;
            }
            window.lanes.leaves(lane, id);
            if let Some(behind) = window.lanes.went(lane) {
                window.rewind(RowId(behind.0 - 1));
            }
        }
        self.want();
    }

    /// Whether a record of the lane before this one is on disk alone.
    pub(super) fn overtakes(&self, id: RowId, lane: LaneId) -> bool {
        self.window.lock().lanes.overtakes(lane, id)
    }

    /// Returns false if it runs already; then it is asked for once more when it has ended.
    pub(super) fn begin_refill(&self) -> bool {
        let mut refilling = self.refilling.lock();
        refilling.asked = refilling.runs;
        !std::mem::replace(&mut refilling.runs, true)
    }

    /// Returns whether it was asked for meanwhile, perhaps by a pool that has come since.
    pub(super) fn end_refill(&self) -> bool {
        std::mem::take(&mut *self.refilling.lock()).asked
    }
}

impl Window {
    fn enter(&mut self, id: RowId, lane: LaneId) {
        self.in_memory.insert(id);
        self.lanes.entered(lane);
        self.loaded = id;
    }

    fn rewind(&mut self, to: RowId) {
        self.loaded = self.loaded.min(to);
        self.spilled = true;
        self.rewinds += 1;
    }

    fn is_low(&self) -> bool {
        let early = !self.opening && !self.early.is_empty();
        early || self.spilled && self.in_memory.len() <= self.low
    }

    /// Whether this run has not accepted the record.
    fn is_foreign(&self, id: RowId) -> bool {
        id < self.first || self.back.iter().any(|back| back.contains(&id))
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
