//! The step from version 1 to version 2: what a notification says goes from nine columns into one.
//!
//! It is one transaction, so a node that is killed meanwhile leaves the file as it was. The disk holds the old rows, the
//! new ones and the log meanwhile ([`room`]); the file stays as large as both, and what is free in it is used again.

use rusqlite::{Error, Transaction, params};

use crate::record::{Loaded, Packed};
use crate::store::Layout;

/// The tables of version 1 under other names, and those of version 2. Only a notification that was attempted has a
/// history.
pub(super) const TABLES: &str = "
    DROP INDEX IF EXISTS dead_letter_by_reason;
    DROP INDEX IF EXISTS dead_letter_by_age;
    DROP INDEX IF EXISTS dead_letter_by_retry;
    ALTER TABLE notification RENAME TO notification_1;
    ALTER TABLE dead_letter RENAME TO dead_letter_1;
    CREATE TABLE notification (
        id INTEGER PRIMARY KEY,
        handler INTEGER NOT NULL REFERENCES handler,
        size INTEGER NOT NULL,
        created INTEGER NOT NULL,
        content BLOB NOT NULL,
        attempts INTEGER,
        first INTEGER,
        last INTEGER,
        status INTEGER,
        error TEXT,
        answer TEXT
    );
    CREATE TABLE dead_letter (
        id INTEGER PRIMARY KEY,
        handler INTEGER NOT NULL REFERENCES handler,
        size INTEGER NOT NULL,
        created INTEGER NOT NULL,
        content BLOB NOT NULL,
        attempts INTEGER,
        first INTEGER,
        last INTEGER,
        status INTEGER,
        error TEXT,
        answer TEXT,
        reason TEXT NOT NULL,
        ended INTEGER NOT NULL,
        retry INTEGER NOT NULL DEFAULT 0
    );
";

/// What follows when all rows are in the new tables.
const END: &str = "
    DROP TABLE notification_1;
    DROP TABLE dead_letter_1;
    CREATE INDEX dead_letter_by_reason ON dead_letter (reason);
    CREATE INDEX dead_letter_by_age ON dead_letter (ended);
    CREATE INDEX dead_letter_by_retry ON dead_letter (retry) WHERE retry <> 0;
    UPDATE pool SET
        waiting = (SELECT count(*) FROM notification),
        waiting_bytes = (SELECT coalesce(sum(size), 0) FROM notification),
        dead = (SELECT count(*) FROM dead_letter),
        dead_bytes = (SELECT coalesce(sum(size), 0) FROM dead_letter);
";

/// The bytes that must be free on the disk for a file of `size` bytes: the log has the new rows, and then the file grows
/// by them.
pub(crate) const fn room(size: u64) -> u64 {
    size.saturating_mul(5) / 2
}

/// Packs all rows.
pub(super) fn pack(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    pack_table(transaction, "notification", "")?;
    pack_table(transaction, "dead_letter", ", reason, ended, retry")?;
    transaction.execute_batch(END)
}

/// Packs the rows of a table, which has these columns besides: they, the handler's number and the history stay as
/// they are.
fn pack_table(transaction: &Transaction<'_>, table: &str, more: &str) -> rusqlite::Result<()> {
    let Layout { columns, read } = Layout::VERSION_1;
    let select = format!(
        "SELECT {columns} FROM {table}_1 n JOIN handler h ON h.id = n.handler ORDER BY n.id"
    );
    let insert = format!(
        "INSERT INTO {table} (id, handler, size, created, content, attempts, first, last, status, error, answer{more}) \
         SELECT id, handler, ?2, created, ?3, attempts, first, last, status, error, answer{more} \
         FROM {table}_1 WHERE id = ?1"
    );
    let mut select = transaction.prepare(&select)?;
    let mut insert = transaction.prepare(&insert)?;
    let rows = select.query_map([], read)?;
    for row in rows {
        let Loaded { id, record, .. } = row?;
        let record = Packed::from(&record);
        insert.execute(params![id.0, record.size().cast_signed(), record.content()])?;
    }
    let count = |table: &str| {
        let sql = format!("SELECT count(*) FROM {table}");
        transaction.query_row(&sql, [], |row| row.get::<_, i64>(0))
    };
    if count(table)? == count(&format!("{table}_1"))? {
        Ok(())
    } else {
        // The handler of a row is not there.
        Err(Error::QueryReturnedNoRows)
    }
}

#[cfg(test)]
mod tests;
