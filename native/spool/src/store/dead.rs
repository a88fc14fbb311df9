//! Dead letters: brought back, and removed when they are too old or too many.

use rusqlite::{Transaction, TransactionBehavior, params};

use super::Store;
use crate::clock::now_ms;
use crate::record::RowId;
use crate::settings::Settings;

/// Dead letters that are removed in one go when there are too many.
const TRIM: u32 = 256;

/// Which dead letters are asked back, so that `SQLite` finds them by their index and reads no others: for that it has to
/// see the index's own condition too.
pub(super) const ASKED_BACK: &str = "retry <> 0 AND retry = 1";

/// What a dead letter of another file has besides its record, its history and its reason.
#[derive(Debug)]
pub(crate) struct Ended {
    pub id: RowId,
    /// When it was given up.
    pub at: i64,
    /// Whether it is asked back.
    pub retry: bool,
}

impl Store {
    /// Gives dead letters what they had in another file. Those that are too old then, or too many, are removed.
    pub fn restore(&mut self, letters: &[Ended], settings: &Settings) -> rusqlite::Result<()> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let sql = "UPDATE dead_letter SET ended = ?2, retry = ?3 WHERE id = ?1";
            let mut statement = transaction.prepare_cached(sql)?;
            for letter in letters {
                statement.execute(params![letter.id.0, letter.at, letter.retry])?;
            }
        }
        trim(&transaction, settings)?;
        transaction.commit()
    }
}

/// Makes dead letters that are asked back records again. Returns how many.
pub(crate) fn bring_back(
    transaction: &Transaction<'_>,
    first: RowId,
    most: u32,
) -> rusqlite::Result<i64> {
    let sql = format!(
        "INSERT INTO notification (id, handler, size, created, content) \
         SELECT ?1 + row_number() OVER (ORDER BY id) - 1, handler, size, ?3, content \
         FROM (SELECT * FROM dead_letter WHERE {ASKED_BACK} ORDER BY id LIMIT ?2)"
    );
    // `created` is now: the time after which it is given up begins again.
    let back = transaction.execute(&sql, params![first.0, most, now_ms()])?;
    let back = i64::try_from(back).unwrap_or(i64::MAX);
    let sizes = format!(
        "SELECT coalesce(sum(size), 0) FROM \
         (SELECT size FROM dead_letter WHERE {ASKED_BACK} ORDER BY id LIMIT ?1)"
    );
    let bytes: i64 = transaction.query_row(&sizes, [most], |row| row.get(0))?;
    let removal = format!(
        "DELETE FROM dead_letter WHERE id IN \
         (SELECT id FROM dead_letter WHERE {ASKED_BACK} ORDER BY id LIMIT ?1)"
    );
    transaction.execute(&removal, [most])?;
    transaction.execute(
        "UPDATE pool SET next = max(next, ?1), waiting = waiting + ?2, waiting_bytes = waiting_bytes + ?3, \
         dead = dead - ?2, dead_bytes = dead_bytes - ?3",
        params![first.0 + back, back, bytes],
    )?;
    Ok(back)
}

/// Removes the dead letters that are older than their age, and the oldest while there are too many bytes.
pub(super) fn trim(transaction: &Transaction<'_>, settings: &Settings) -> rusqlite::Result<()> {
    let age = i64::try_from(settings.dead_letters_max_age.as_millis()).unwrap_or(i64::MAX);
    let oldest = now_ms().saturating_sub(age);
    remove_dead(
        transaction,
        "DELETE FROM dead_letter WHERE ended < ?1 RETURNING size",
        oldest,
    )?;
    let most = i64::try_from(settings.dead_letters_max_bytes).unwrap_or(i64::MAX);
    loop {
        let held: i64 =
            transaction.query_row("SELECT dead_bytes FROM pool", [], |row| row.get(0))?;
        if held <= most {
            return Ok(());
        }
        let sql = "DELETE FROM dead_letter WHERE id IN \
                   (SELECT id FROM dead_letter ORDER BY ended, id LIMIT ?1) RETURNING size";
        // One at a time near the bound, so that no more goes than has to.
        let average = held / i64::max(1, count_dead(transaction)?);
        let over = (held - most) / i64::max(1, average);
        let removed = remove_dead(transaction, sql, over.clamp(1, i64::from(TRIM)))?;
        if removed == 0 {
            // The totals are wrong, which a damaged file can bring.
            return transaction
                .execute("UPDATE pool SET dead = 0, dead_bytes = 0", [])
                .map(drop);
        }
    }
}

fn count_dead(transaction: &Transaction<'_>) -> rusqlite::Result<i64> {
    transaction.query_row("SELECT dead FROM pool", [], |row| row.get(0))
}

/// Removes dead letters with a statement that returns their sizes. Returns how many.
pub(crate) fn remove_dead(
    transaction: &Transaction<'_>,
    sql: &str,
    parameter: impl rusqlite::ToSql,
) -> rusqlite::Result<u64> {
    let mut statement = transaction.prepare_cached(sql)?;
    let sizes = statement.query_map([parameter], |row| row.get::<_, i64>(0))?;
    let (mut removed, mut bytes) = (0_u64, 0_i64);
    for size in sizes {
        removed += 1;
        bytes += size?;
    }
    transaction
        .prepare_cached("UPDATE pool SET dead = dead - ?1, dead_bytes = dead_bytes - ?2")?
        .execute(params![removed.cast_signed(), bytes])?;
    Ok(removed)
}
