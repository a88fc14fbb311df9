//! One pool's file: the SQL behind each change, and the totals that go with it.
//!
//! Not here: when a change is written, and what happens if the disk fails (`writer`).

mod dead;
mod rows;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use crate::clock::now_ms;
use crate::error::OpenError;
use crate::record::{DeathReason, History, Loaded, Record, RowId};
use crate::schema;
use crate::settings::{Settings, Sync};
use crate::spool::{Reasons, Totals};
use dead::trim;
pub(crate) use dead::{bring_back, remove_dead};
use rows::direction_word;
pub(crate) use rows::{COLUMNS, loaded};

/// How long a transaction of another process (the command-line program) may hold the file.
const BUSY: Duration = Duration::from_secs(5);

/// A change that is to be written.
#[derive(Debug)]
pub(crate) enum Change {
    Append(RowId, Box<Record>),
    Remove(RowId),
    Postpone(RowId, Box<History>),
    Bury(RowId, Box<History>, DeathReason),
}

/// An open file.
#[derive(Debug)]
pub(crate) struct Store {
    connection: Connection,
    settings: Settings,
    /// The numbers of the handlers that were written or read.
    handlers: HashMap<(String, String), i64>,
    data_version: i64,
}

impl Store {
    /// Opens the file, makes it if it is not there, and brings it to this release's version.
    pub fn open(path: &Path, pool: &str, settings: Settings) -> Result<Self, OpenError> {
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
        schema::migrate(&mut connection, pool).map_err(failed)?;
        let mut store = Self {
            connection,
            settings,
            handlers: HashMap::new(),
            data_version: 0,
        };
        store.check().map_err(failed)?;
        store.data_version = store.read_data_version().map_err(failed)?;
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
        let sql = "SELECT waiting, waiting_bytes, dead, dead_bytes, next, \
                   (SELECT created FROM notification ORDER BY id LIMIT 1) FROM pool";
        let mut statement = self.connection.prepare_cached(sql)?;
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

    /// How many dead letters have each reason. It reads an index of all of them.
    pub fn dead_by_reason(&self) -> rusqlite::Result<Reasons> {
        let sql = "SELECT reason, count(*) FROM dead_letter GROUP BY reason";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([], |row| {
            Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned()))
        })?;
        rows.collect()
    }

    /// Writes changes in one transaction. On an error, nothing of them is written.
    pub fn write(&mut self, changes: &[Change], next: RowId) -> rusqlite::Result<()> {
        let removed: HashSet<RowId> = changes
            .iter()
            .filter_map(|change| match change {
                Change::Remove(id) => Some(*id),
                _ => None,
            })
            .collect();
        let handlers = &mut self.handlers;
        let known = handlers.len();
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let written =
            write_all(&transaction, handlers, changes, &removed, next).and_then(|buried| {
                if buried {
                    trim(&transaction, &self.settings)?;
                }
                transaction.commit()
            });
        if written.is_err() && self.handlers.len() > known {
            // Some of their rows were rolled back.
            self.handlers.clear();
        }
        written
    }

    /// Up to `most` records behind `after`, in order, of about `bytes` bytes at most, but at least one.
    pub fn load(&self, after: RowId, most: u32, bytes: u64) -> rusqlite::Result<Vec<Loaded>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM notification n JOIN handler h ON h.id = n.handler \
             WHERE n.id > ?1 ORDER BY n.id LIMIT ?2"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rows = statement.query_map(params![after.0, most], loaded)?;
        let (mut records, mut taken) = (Vec::new(), 0);
        for row in rows {
            let row = row?;
            taken += row.record.size();
            records.push(row);
            if taken >= bytes {
                break;
            }
        }
        Ok(records)
    }

    /// Whether another process has changed the file since the last call.
    pub fn changed_outside(&mut self) -> rusqlite::Result<bool> {
        let version = self.read_data_version()?;
        Ok(std::mem::replace(&mut self.data_version, version) != version)
    }

    fn read_data_version(&self) -> rusqlite::Result<i64> {
        self.connection
            .prepare_cached("PRAGMA data_version")?
            .query_row([], |row| row.get(0))
    }

    /// How many dead letters an operator wants delivered after all.
    pub fn asked_back(&self) -> rusqlite::Result<u32> {
        let sql = "SELECT count(*) FROM dead_letter WHERE retry <> 0";
        self.connection.query_row(sql, [], |row| row.get(0))
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

fn connect(path: &Path, sync: Sync) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    let synchronous = match sync {
        Sync::Normal => "NORMAL",
        Sync::Full => "FULL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

/// Returns whether there are new dead letters.
fn write_all(
    transaction: &Transaction<'_>,
    handlers: &mut HashMap<(String, String), i64>,
    changes: &[Change],
    removed: &HashSet<RowId>,
    next: RowId,
) -> rusqlite::Result<bool> {
    let mut buried = false;
    // Waiting records and their bytes; dead letters and theirs.
    let mut more = [0_i64; 4];
    for change in changes {
        match change {
            // Delivered before it was written: there is nothing to write.
            Change::Append(id, _) if removed.contains(id) => {}
            Change::Append(id, record) => {
                // A commit that failed may have reached the disk all the same.
                if append(transaction, handlers, *id, record)? {
                    more[0] += 1;
                    more[1] += record.size().cast_signed();
                }
            }
            Change::Remove(id) => {
                if let Some(size) = remove(transaction, *id)? {
                    more[0] -= 1;
                    more[1] -= size;
                }
            }
            Change::Postpone(id, history) => note_history(transaction, *id, history)?,
            Change::Bury(id, history, reason) => {
                note_history(transaction, *id, history)?;
                let sql = "INSERT OR REPLACE INTO dead_letter SELECT id, handler, size, lane, message_id, created, \
                           direction, sender, server, receiver, kind, text, extra, attempts, first, last, \
                           status, error, answer, ?2, ?3, 0 FROM notification WHERE id = ?1";
                transaction
                    .prepare_cached(sql)?
                    .execute(params![id.0, reason.0, now_ms()])?;
                if let Some(size) = remove(transaction, *id)? {
                    more[0] -= 1;
                    more[1] -= size;
                    more[2] += 1;
                    more[3] += size;
                    buried = true;
                }
            }
        }
    }
    let sql = "UPDATE pool SET next = max(next, ?1), waiting = waiting + ?2, waiting_bytes = waiting_bytes + ?3, \
               dead = dead + ?4, dead_bytes = dead_bytes + ?5";
    transaction
        .prepare_cached(sql)?
        .execute(params![next.0, more[0], more[1], more[2], more[3]])?;
    Ok(buried)
}

/// Returns false if the record was there already.
fn append(
    transaction: &Transaction<'_>,
    handlers: &mut HashMap<(String, String), i64>,
    id: RowId,
    record: &Record,
) -> rusqlite::Result<bool> {
    let key = (record.host_type.clone(), record.handler.clone());
    let handler = match handlers.get(&key) {
        Some(handler) => *handler,
        None => {
            let sql = "INSERT INTO handler (host_type, handler) VALUES (?1, ?2) \
                       ON CONFLICT DO UPDATE SET handler = handler RETURNING id";
            let handler = transaction
                .prepare_cached(sql)?
                .query_row(params![key.0, key.1], |row| row.get(0))?;
            handlers.insert(key, handler);
            handler
        }
    };
    let sql = "INSERT INTO notification (id, handler, size, lane, message_id, created, direction, sender, server, \
               receiver, kind, text, extra) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) \
               ON CONFLICT (id) DO NOTHING";
    let added = transaction.prepare_cached(sql)?.execute(params![
        id.0,
        handler,
        record.size().cast_signed(),
        record.lane,
        record.message_id,
        record.created,
        direction_word(record.direction),
        record.sender,
        record.server,
        record.receiver,
        record.kind as i64,
        record.text,
        record.extra,
    ])?;
    Ok(added > 0)
}

/// Returns the size of the record, if it was there.
fn remove(transaction: &Transaction<'_>, id: RowId) -> rusqlite::Result<Option<i64>> {
    let sql = "DELETE FROM notification WHERE id = ?1 RETURNING size";
    let mut statement = transaction.prepare_cached(sql)?;
    let mut rows = statement.query([id.0])?;
    rows.next()?.map(|row| row.get(0)).transpose()
}

fn note_history(
    transaction: &Transaction<'_>,
    id: RowId,
    history: &History,
) -> rusqlite::Result<()> {
    let sql = "UPDATE notification SET attempts = ?2, first = ?3, last = ?4, status = ?5, error = ?6, answer = ?7 \
               WHERE id = ?1";
    transaction.prepare_cached(sql)?.execute(params![
        id.0,
        history.attempts,
        history.first,
        history.last,
        history.status,
        history.error,
        history.answer,
    ])?;
    Ok(())
}

/// The files that belong to a database.
pub(crate) fn family(path: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|ending| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    })
}
