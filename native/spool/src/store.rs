//! One pool's file: opened, read, and changed in transactions.
//!
//! Not here: when a change is written, and what happens if the disk fails (`writer`).

mod dead;
mod rows;
mod write;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::statvfs::statvfs;
use parking_lot::Mutex;
use rusqlite::{Connection, TransactionBehavior, params};

use crate::error::OpenError;
use crate::notice::Notice;
use crate::record::{DeathReason, History, Loaded, Packed, RowId};
use crate::schema;
use crate::settings::{Settings, Sync};
use crate::totals::{Reasons, Totals};
use dead::trim;
pub(crate) use dead::{Ended, bring_back, remove_dead};
pub(crate) use rows::Layout;
use write::{Counts, Numbers, write_all};

/// How long a transaction of another process (the command-line program) may hold the file.
const BUSY: Duration = Duration::from_secs(5);

/// The most memory that pages of the file take, in KiB: those of a window of 20,000 notifications of the usual size.
/// Otherwise each removal reads its page from the log.
const CACHE_KIB: i64 = 8 << 10;

/// The bytes of a page of a new file. Of `SQLite`'s own 4 KiB twice as many pages are written, at a greater cost than that
/// of their bytes; larger ones cost more bytes.
const PAGE: i64 = 8 << 10;

/// After so many pages (16 MiB) in the log they go into the file: a page that was written several times goes there
/// once.
const CHECKPOINT_PAGES: i64 = 2000;

/// A change that is to be written.
#[derive(Debug)]
pub(crate) enum Change {
    Append(RowId, Packed),
    /// With the bytes that the record takes.
    Remove(RowId, u64),
    Postpone(RowId, Box<History>),
    Bury(RowId, Box<History>, DeathReason),
}

/// An open file.
#[derive(Debug)]
pub(crate) struct Store {
    connection: Connection,
    settings: Settings,
    /// The numbers of the handlers that were written, by host type and handler.
    handlers: Numbers,
    /// None until it is asked for: what another process has changed before is looked at once.
    data_version: Option<i64>,
    /// Whether the file may have records that were not written here, or lack some that were: of a commit that failed,
    /// it is not known whether it has reached the disk.
    unsure: bool,
}

impl Store {
    /// Opens the file, makes it if it is not there, and brings it to this release's version, of which it tells.
    pub fn open(
        path: &Path,
        pool: &str,
        settings: Settings,
        tell: &dyn Fn(Notice),
    ) -> Result<Self, OpenError> {
        let failed = |error| OpenError::Sqlite {
            path: path.to_owned(),
            error,
        };
        let mut connection = connect(path, settings.sync).map_err(failed)?;
        let found = schema::version(&connection).map_err(failed)?;
        if found > schema::VERSION {
            return Err(OpenError::Newer {
                path: path.to_owned(),
                found,
                known: schema::VERSION,
            });
        }
        if (1..schema::VERSION).contains(&found) {
            update(&mut connection, path, found, tell)?;
        }
        schema::migrate(&mut connection, pool).map_err(failed)?;
        let store = Self {
            connection,
            settings,
            handlers: HashMap::new(),
            data_version: None,
            unsure: true,
        };
        store.check().map_err(failed)?;
        Ok(store)
    }

    /// Reads a little of each table, so that a file that is damaged from its start is noticed now.
    fn check(&self) -> rusqlite::Result<()> {
        self.totals()?;
        for table in ["handler", "notification", "dead_letter"] {
            let sql = format!("SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT 64)");
            self.connection.query_row(&sql, [], |_| Ok(()))?;
        }
        Ok(())
    }

    /// The totals, and the place of the next record.
    pub fn totals(&self) -> rusqlite::Result<(Totals, RowId)> {
        totals(&self.connection)
    }

    /// How many dead letters have each reason. It reads an index of all of them.
    pub fn dead_by_reason(&self) -> rusqlite::Result<Reasons> {
        let sql = "SELECT reason, count(*) FROM dead_letter GROUP BY reason";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([], |row| {
            Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned()))
        })?;
        rows.collect()
    }

    /// Writes changes in one transaction. On an error, nothing of them is written. Returns the totals after it.
    pub fn write(&mut self, changes: &[Change], next: RowId) -> rusqlite::Result<Totals> {
        let unsure = std::mem::replace(&mut self.unsure, true);
        let mut counts = if unsure { Counts::Asked } else { Counts::Known };
        loop {
            if let Some(totals) = self.try_to_write(changes, next, counts)? {
                self.unsure = false;
                return Ok(totals);
            }
            // What is asked for is always known.
            counts = Counts::Asked;
        }
    }

    /// Returns none, and has written nothing, if the counts are known and the file has other records.
    fn try_to_write(
        &mut self,
        changes: &[Change],
        next: RowId,
        counts: Counts,
    ) -> rusqlite::Result<Option<Totals>> {
        let handlers = &mut self.handlers;
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let written = write_all(&transaction, handlers, changes, next, counts).and_then(|buried| {
            let Some(buried) = buried else {
                transaction.rollback()?;
                return Ok(None);
            };
            if buried {
                trim(&transaction, &self.settings)?;
            }
            let (totals, _) = totals(&transaction)?;
            transaction.commit()?;
            Ok(Some(totals))
        });
        if !matches!(written, Ok(Some(_))) {
            // Some of their rows may have been rolled back.
            self.handlers.clear();
        }
        written
    }

    /// Up to `most` records behind `after`, in order, of about `bytes` bytes at most, but at least one.
    pub fn load(&self, after: RowId, most: u32, bytes: u64) -> rusqlite::Result<Vec<Loaded>> {
        let sql = format!(
            "SELECT {} FROM notification n JOIN handler h ON h.id = n.handler \
             WHERE n.id > ?1 ORDER BY n.id LIMIT ?2",
            Layout::NEWEST.columns
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![after.0, most], Layout::NEWEST.read)?;
        let (mut records, mut taken) = (Vec::new(), 0);
        for row in rows {
            let row = row?;
            taken += row.size;
            records.push(row);
            if taken >= bytes {
                break;
            }
        }
        Ok(records)
    }

    /// Whether another process has changed the file since the last call, or before the first.
    pub fn changed_outside(&mut self) -> rusqlite::Result<bool> {
        let version = self
            .connection
            .prepare_cached("PRAGMA data_version")?
            .query_row([], |row| row.get(0))?;
        Ok(self.data_version.replace(version) != Some(version))
    }

    /// How many dead letters an operator wants delivered after all; counts up to `most`.
    pub fn asked_back(&self, most: u32) -> rusqlite::Result<u32> {
        let sql = format!(
            "SELECT count(*) FROM (SELECT 1 FROM dead_letter WHERE {} LIMIT ?1)",
            dead::ASKED_BACK
        );
        self.connection.query_row(&sql, [most], |row| row.get(0))
    }

    /// Makes up to `most` of those dead letters records again, from the place `first` on. Returns how many.
    pub fn bring_back(&mut self, first: RowId, most: u32) -> rusqlite::Result<u64> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let back = bring_back(&transaction, first, most)?;
        transaction.commit()?;
        Ok(back.cast_unsigned())
    }

    /// Removes the dead letters that are too old or too many.
    pub fn trim(&mut self) -> rusqlite::Result<()> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        trim(&transaction, &self.settings)?;
        transaction.commit()
    }
}

/// Brings a file of an older version to the newest one.
fn update(
    connection: &mut Connection,
    path: &Path,
    found: i64,
    tell: &dyn Fn(Notice),
) -> Result<(), OpenError> {
    // One at a time: each asks whether there is room, and then takes it.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock();
    let failed = |error| OpenError::Sqlite {
        path: path.to_owned(),
        error,
    };
    let bytes = size_if_there_is_room(path, found)?;
    let began = Instant::now();
    tell(Notice::Updates {
        path: path.to_owned(),
        bytes,
    });
    schema::update(connection).map_err(failed)?;
    tell(Notice::Updated {
        path: path.to_owned(),
        took: began.elapsed(),
    });
    // The log has grown by the whole file, and would stay as large.
    connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .map_err(failed)
}

/// The bytes of a file of an older version, with its log, if the disk has room to bring it to the newest one. A
/// transaction that fills the disk leaves none for what comes next.
fn size_if_there_is_room(path: &Path, found: i64) -> Result<u64, OpenError> {
    let io_error = |error| OpenError::Io {
        path: path.to_owned(),
        error,
    };
    // Of a node that was killed, most may be in the log.
    let log = family(path)[1].metadata().map_or(0, |log| log.len());
    let size = path.metadata().map_err(io_error)?.len();
    let bytes = size.saturating_add(log);
    let needed = schema::room(bytes);
    let disk = statvfs(path).map_err(|error| io_error(error.into()))?;
    let free = disk.blocks_available().saturating_mul(disk.fragment_size());
    if free >= needed {
        return Ok(bytes);
    }
    Err(OpenError::NoRoom {
        path: path.to_owned(),
        found,
        known: schema::VERSION,
        needed,
        free,
    })
}

fn connect(path: &Path, sync: Sync) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "page_size", PAGE)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    let synchronous = match sync {
        Sync::Normal => "NORMAL",
        Sync::Full => "FULL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    // A record's handler is written before it, and never removed.
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

fn totals(connection: &Connection) -> rusqlite::Result<(Totals, RowId)> {
    let sql = "SELECT waiting, waiting_bytes, dead, dead_bytes, next, \
               (SELECT created FROM notification ORDER BY id LIMIT 1) FROM pool";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_row([], |row| {
        let number = |at| row.get::<_, i64>(at).map(i64::cast_unsigned);
        let totals = Totals {
            waiting: number(0)?,
            waiting_bytes: number(1)?,
            dead: number(2)?,
            dead_bytes: number(3)?,
            oldest: row.get(5)?,
            ..Totals::default()
        };
        Ok((totals, RowId(row.get(4)?)))
    })
}

/// The files that belong to a database.
pub(crate) fn family(path: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|ending| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    })
}

#[cfg(test)]
mod tests;
