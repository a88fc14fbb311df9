//! One pool's spool, as the engine uses it: every call returns at once, and the spool's thread does the
//! rest.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::damage;
use crate::error::{Full, OpenError};
use crate::inbox::{Inbox, Load, Shared};
use crate::notice::Notice;
use crate::record::{DeathReason, History, Loaded, Packed, RowId};
use crate::settings::Settings;
use crate::store::Change;
use crate::totals::{Reasons, Totals};
use crate::writer::Writer;

/// Changes that may wait for company: more wake the thread. At fewer than 40,000 removals a second the time that they wait
/// ends it before.
pub(crate) const LAZY: usize = 2048;

/// The most bytes of records that wait in memory for a disk that is slow or fails.
const UNWRITTEN: u64 = 64 << 20;

/// The spool of one pool. Dropping it writes what is left, in the background.
#[derive(Debug)]
pub struct Spool {
    shared: Arc<Shared>,
    max_bytes: u64,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Spool {
    pub(crate) fn open(
        file: PathBuf,
        pool: &str,
        settings: Settings,
        tell: Arc<dyn Fn(Notice) + Send + std::marker::Sync>,
    ) -> Result<Self, OpenError> {
        let store = damage::open(&file, pool, settings, &*tell)?;
        let counted = store
            .totals()
            .and_then(|totals| Ok((totals, store.dead_by_reason()?)));
        let ((totals, next), reasons) = counted.map_err(|error| OpenError::Sqlite {
            path: file.clone(),
            error,
        })?;
        let shared = Arc::new(Shared {
            inbox: Mutex::new(Inbox {
                changes: Vec::new(),
                loads: Vec::new(),
                next,
                lazy: 0,
                urgent: false,
                at_once: false,
                asleep: false,
                closing: false,
                held: totals.waiting_bytes,
                coming: 0,
                unwritten: 0,
                totals,
                reasons,
                lost: 0,
            }),
            wake: Condvar::new(),
        });
        let mut writer = Writer::new(
            Arc::clone(&shared),
            store,
            tell,
            (file.clone(), pool, settings),
        );
        let thread = thread::Builder::new()
            .name("http_pusher_spool".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| OpenError::Io { path: file, error })?;
        Ok(Self {
            shared,
            max_bytes: settings.max_bytes,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Appends a record: it is in the transaction that begins next, which is at once, or a moment after the one
    /// before has begun.
    pub fn append(&self, record: impl Into<Packed>) -> Result<RowId, Full> {
        let record = record.into();
        let size = record.size();
        if size > self.max_bytes {
            return Err(Full::Record {
                record: size,
                most: self.max_bytes,
            });
        }
        let inbox = self.shared.inbox.lock();
        if inbox.held + size > self.max_bytes {
            return Err(Full::Bound {
                held: inbox.held,
                most: self.max_bytes,
            });
        }
        if inbox.unwritten + size > UNWRITTEN {
            return Err(Full::Memory {
                unwritten: inbox.unwritten,
                most: UNWRITTEN,
            });
        }
        Ok(self.put(record, inbox))
    }

    /// Appends a record whatever the bound: one that was accepted before the file was open.
    pub fn append_anyway(&self, record: impl Into<Packed>) -> RowId {
        self.put(record.into(), self.shared.inbox.lock())
    }

    fn put(&self, record: Packed, mut inbox: MutexGuard<'_, Inbox>) -> RowId {
        let size = record.size();
        inbox.held += size;
        inbox.coming += size;
        inbox.unwritten += size;
        let id = inbox.reserve(1);
        inbox.changes.push(Change::Append(id, record));
        inbox.urgent = true;
        self.wake_if_asleep(inbox);
        id
    }

    /// Removes a record that was delivered, and takes `size` bytes. It may take a moment: removals come together.
    pub fn remove(&self, id: RowId, size: u64) {
        self.later(Change::Remove(id, size));
    }

    /// Notes the attempts so far of a record that waits for its next one.
    pub fn postpone(&self, id: RowId, history: History) {
        self.later(Change::Postpone(id, Box::new(history)));
    }

    /// Makes a record a dead letter.
    pub fn bury(&self, id: RowId, history: History, reason: DeathReason) {
        self.later(Change::Bury(id, Box::new(history), reason));
    }

    /// Reads the records behind `after`, in order: `most` at most, of about `bytes` bytes at most, but one at
    /// least if there is one. All that was appended before this call is among them, unless the disk fails.
    pub fn load(
        &self,
        after: RowId,
        most: u32,
        bytes: u64,
        reply: impl FnOnce(Result<Vec<Loaded>, String>) + Send + 'static,
    ) {
        let mut inbox = self.shared.inbox.lock();
        inbox.loads.push(Load {
            after,
            most,
            bytes,
            reply: Box::new(reply),
        });
        self.hurry(inbox);
    }

    /// The place that the next record gets.
    #[must_use]
    pub fn next(&self) -> RowId {
        self.shared.inbox.lock().next
    }

    /// What it holds.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.shared.inbox.lock().totals
    }

    /// How many dead letters have each reason. It may be some seconds behind [`Spool::totals`].
    #[must_use]
    pub fn dead_by_reason(&self) -> Reasons {
        Arc::clone(&self.shared.inbox.lock().reasons)
    }

    /// The most bytes that its records may take.
    #[must_use]
    pub fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    /// Writes what is left, and ends the thread. Waits for the disk. Returns how many records could not be written.
    pub fn close(&self) -> usize {
        let thread = self.thread.lock().take();
        if let Some(thread) = thread {
            self.say_closing();
            // A panic of the thread is no reason for one here.
            let _ = thread.join();
        }
        self.shared.inbox.lock().lost
    }

    fn later(&self, change: Change) {
        let mut inbox = self.shared.inbox.lock();
        inbox.changes.push(change);
        inbox.lazy += 1;
        if inbox.lazy == LAZY {
            self.hurry(inbox);
        } else if inbox.changes.len() == 1 {
            // From now on the thread waits only for a little company.
            self.wake_if_asleep(inbox);
        }
    }

    /// To wake a thread costs more than all the rest of a hand-over. While records come, it looks by itself.
    fn wake_if_asleep(&self, mut inbox: MutexGuard<'_, Inbox>) {
        let asleep = std::mem::take(&mut inbox.asleep);
        drop(inbox);
        if asleep {
            self.shared.wake.notify_one();
        }
    }

    fn hurry(&self, mut inbox: MutexGuard<'_, Inbox>) {
        let first = !std::mem::replace(&mut inbox.at_once, true);
        drop(inbox);
        if first {
            self.shared.wake.notify_one();
        }
    }

    fn say_closing(&self) {
        let mut inbox = self.shared.inbox.lock();
        inbox.closing = true;
        self.hurry(inbox);
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if self.thread.get_mut().is_some() {
            self.say_closing();
        }
    }
}
