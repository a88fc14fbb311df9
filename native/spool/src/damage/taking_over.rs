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

/// Before a sound row that was found, others are looked for in steps of so many numbers, over so many.
const STEP: usize = 8;
const NEAR: i64 = 1024;

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
    let table = Table::new("dead_letter", layout, ", n.reason, n.ended, n.retry");
    let letter = |row: &Row<'_>| {
        let loaded = (layout.read)(row)?;
        let ended = Ended {
            id: loaded.id,
            at: row.get("ended")?,
            retry: row.get("retry")?,
        };
        Ok((loaded, (DeathReason(row.get("reason")?), ended)))
    };
    table.each(&damaged, letter, |loaded, (reason, ended)| {
        batch.bury(loaded, reason, ended)
    })?;
    let table = Table::new("notification", layout, "");
    let record = |row: &Row<'_>| Ok(((layout.read)(row)?, ()));
    table.each(&damaged, record, |loaded, ()| batch.append(loaded))?;
    batch.write()
}

/// A table of the damaged file, whose rows are read in the order of their numbers, each with a statement of its own.
struct Table {
    /// The row behind a number.
    row: String,
    /// The number of that row alone.
    id: String,
}

impl Table {
    fn new(name: &str, layout: Layout, more: &str) -> Self {
        let columns = layout.columns;
        Self {
            row: format!(
                "SELECT {columns}{more} FROM {name} n JOIN handler h ON h.id = n.handler \
                 WHERE n.id > ?1 ORDER BY n.id LIMIT 1"
            ),
            id: format!("SELECT id FROM {name} WHERE id > ?1 ORDER BY id LIMIT 1"),
        }
    }

    /// Reads all rows that can be read.
    fn each<T>(
        &self,
        damaged: &Connection,
        read: impl Fn(&Row<'_>) -> rusqlite::Result<(Loaded, T)>,
        mut take: impl FnMut(Loaded, T) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        let mut after = 0;
        loop {
            let found = damaged
                .prepare_cached(&self.row)
                .and_then(|mut statement| statement.query_row([after], &read));
            match found {
                // Rows of a damaged file may be in any order.
                Ok((loaded, more)) if loaded.id.0 > after => {
                    after = loaded.id.0;
                    take(loaded, more)?;
                }
                Err(rusqlite::Error::QueryReturnedNoRows) => return Ok(()),
                // It could be read a moment ago, and can be later.
                Err(error) if is_the_disk_s(&error) => return Err(error),
                _ => match self.behind_damage(damaged, after)? {
                    Some(behind) => after = behind,
                    None => return Ok(()),
                },
            }
        }
    }

    /// The row behind `after` cannot be read: a number from which on rows can be found, if there is one.
    fn behind_damage(&self, damaged: &Connection, after: i64) -> rusqlite::Result<Option<i64>> {
        match self.behind(damaged, after)? {
            // Only this one is damaged.
            Behind::Row(id) => return Ok(Some(id)),
            Behind::Nothing => return Ok(None),
            Behind::Damage => {}
        }
        // Its page cannot be read. The next one's rows have numbers near to it, or, at the beginning, far from it.
        let mut step = 1_i64;
        let mut found = loop {
            let at = after.saturating_add(step);
            match self.behind(damaged, at)? {
                Behind::Damage if at == i64::MAX => return Ok(None),
                Behind::Damage => step = step.saturating_mul(2),
                _ => break self.first_sound(damaged, after, at)?,
            }
        };
        // That may have passed over sound rows between two damaged pages.
        while let Some(earlier) = self.sound_before(damaged, after, found)? {
            found = self.first_sound(damaged, after, earlier)?;
        }
        Ok(Some(found))
    }

    /// Between a number behind which nothing can be read and one behind which something can: where one becomes the other.
    fn first_sound(
        &self,
        damaged: &Connection,
        mut fails: i64,
        mut found: i64,
    ) -> rusqlite::Result<i64> {
        while found - fails > 1 {
            let middle = fails + (found - fails) / 2;
            match self.behind(damaged, middle)? {
                Behind::Damage => fails = middle,
                _ => found = middle,
            }
        }
        Ok(found)
    }

    /// A number near before `found`, and behind `after`, behind which a row can be read.
    fn sound_before(
        &self,
        damaged: &Connection,
        after: i64,
        found: i64,
    ) -> rusqlite::Result<Option<i64>> {
        let from = after.saturating_add(1).max(found.saturating_sub(NEAR));
        for at in (from..found - 1).rev().step_by(STEP) {
            if !matches!(self.behind(damaged, at)?, Behind::Damage) {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }

    /// What comes after this number.
    fn behind(&self, damaged: &Connection, after: i64) -> rusqlite::Result<Behind> {
        let found = damaged
            .prepare_cached(&self.id)
            .and_then(|mut statement| statement.query_row([after], |row| row.get(0)));
        match found {
            Ok(id) if id > after => Ok(Behind::Row(id)),
            Err(rusqlite::Error::QueryReturnedNoRows) => Ok(Behind::Nothing),
            Err(error) if is_the_disk_s(&error) => Err(error),
            _ => Ok(Behind::Damage),
        }
    }
}

/// What comes after a number in a table.
enum Behind {
    /// A row with this number, whatever is in it.
    Row(i64),
    Nothing,
    /// What cannot be read.
    Damage,
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
