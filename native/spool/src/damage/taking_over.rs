//! What can be read of a damaged file goes into a new one. Each row is read by its own, so that a damaged page costs
//! the rows on it alone.

use std::path::Path;

use rusqlite::{Connection, ErrorCode, OpenFlags, Row};

use crate::record::{DeathReason, History, Loaded, RowId};
use crate::schema;
use crate::settings::Settings;
use crate::store::{Change, Ended, Layout, Store};

/// So many rows, or rows of so many bytes, are written together.
const ROWS: usize = 1024;
const BYTES: u64 = 8 << 20;

/// How many places in a row that cannot be read end the search: gaps up to 2^20.
const MISSES: u32 = 16 * 20;

/// Copies the records, and as many of the dead letters as `settings` keep. The store must not remove any by itself.
pub(super) fn take_over(
    damaged: &Path,
    store: &mut Store,
    settings: &Settings,
) -> rusqlite::Result<()> {
    let damaged = Connection::open_with_flags(damaged, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // If the version cannot be read, the rest of the first page cannot be read either.
    let layout = Layout::of(schema::version(&damaged).unwrap_or(schema::VERSION));
    let mut batch = Batch {
        store,
        settings,
        changes: Vec::new(),
        ended: Vec::new(),
        rows: 0,
        bytes: 0,
        last: RowId(0),
    };
    // The dead letters are first: each is a record for a moment, whose number a damaged file may give to another
    // record too.
    let sql = select(layout, ", n.reason, n.ended, n.retry", "dead_letter");
    let letter = |row: &Row<'_>| {
        let loaded = (layout.read)(row)?;
        let ended = Ended {
            id: loaded.id,
            at: row.get("ended")?,
            retry: row.get("retry")?,
        };
        Ok((loaded, (DeathReason(row.get("reason")?), ended)))
    };
    each(&damaged, &sql, letter, |loaded, (reason, ended)| {
        batch.bury(loaded, reason, ended)
    })?;
    let sql = select(layout, "", "notification");
    let record = |row: &Row<'_>| Ok(((layout.read)(row)?, ()));
    each(&damaged, &sql, record, |loaded, ()| batch.append(loaded))?;
    batch.write()
}

fn select(layout: Layout, more: &str, table: &str) -> String {
    let columns = layout.columns;
    format!(
        "SELECT {columns}{more} FROM {table} n JOIN handler h ON h.id = n.handler \
         WHERE n.id > ?1 ORDER BY n.id LIMIT 1"
    )
}

/// Reads the rows in the order of their numbers, each with a statement of its own.
fn each<T>(
    damaged: &Connection,
    sql: &str,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<(Loaded, T)>,
    mut take: impl FnMut(Loaded, T) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let (mut after, mut misses) = (0_i64, 0);
    loop {
        let found = damaged
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row([after], &read));
        match found {
            // Rows of a damaged file may be in any order.
            Ok((loaded, more)) if loaded.id.0 > after => {
                misses = 0;
                after = loaded.id.0;
                take(loaded, more)?;
            }
            Err(rusqlite::Error::QueryReturnedNoRows) => return Ok(()),
            // It could be read a moment ago, and can be later.
            Err(error) if is_the_disk_s(&error) => return Err(error),
            // The rows behind a damaged page may be on sound ones. Gaps grow, so that this ends.
            _ if misses < MISSES => {
                after = after.saturating_add(1 << (misses / 16));
                misses += 1;
            }
            _ => return Ok(()),
        }
    }
}

/// Whether an error is one of the disk, which may work again, or has no room for what reading needs.
fn is_the_disk_s(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::ReadOnly
                | ErrorCode::CannotOpen
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
        )
    )
}

/// Rows that are written together.
struct Batch<'a> {
    store: &'a mut Store,
    settings: &'a Settings,
    changes: Vec<Change>,
    ended: Vec<Ended>,
    rows: usize,
    bytes: u64,
    last: RowId,
}

impl Batch<'_> {
    fn append(&mut self, loaded: Loaded) -> rusqlite::Result<()> {
        let Loaded {
            id,
            record,
            history,
            ..
        } = loaded;
        let bytes = record.size();
        self.changes.push(Change::Append(id, record.into()));
        if history != History::default() {
            self.changes.push(Change::Postpone(id, Box::new(history)));
        }
        self.added(id, bytes)
    }

    fn bury(&mut self, loaded: Loaded, reason: DeathReason, ended: Ended) -> rusqlite::Result<()> {
        let Loaded {
            id,
            record,
            history,
            ..
        } = loaded;
        let bytes = record.size();
        self.changes.push(Change::Append(id, record.into()));
        self.changes
            .push(Change::Bury(id, Box::new(history), reason));
        self.ended.push(ended);
        self.added(id, bytes)
    }

    fn added(&mut self, id: RowId, bytes: u64) -> rusqlite::Result<()> {
        self.rows += 1;
        self.bytes += bytes;
        self.last = self.last.max(id);
        if self.rows < ROWS && self.bytes < BYTES {
            return Ok(());
        }
        self.write()
    }

    fn write(&mut self) -> rusqlite::Result<()> {
        let next = RowId(self.last.0.saturating_add(1));
        self.store.write(&self.changes, next)?;
        if !self.ended.is_empty() {
            self.store.restore(&self.ended, self.settings)?;
        }
        self.changes.clear();
        self.ended.clear();
        (self.rows, self.bytes) = (0, 0);
        Ok(())
    }
}
