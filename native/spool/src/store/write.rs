//! The SQL of changes, and the totals that go with each.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{CachedStatement, Statement, Transaction, params};

use super::Change;
use crate::clock::now_ms;
use crate::record::{DeathReason, History, Packed, RowId};

/// The numbers of handlers, by host type and handler.
pub(super) type Numbers = HashMap<String, HashMap<String, i64>>;

/// How the totals follow what is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counts {
    /// By the bytes that each removal names. The file has what was written to it, and nothing else.
    Known,
    /// By what the file has. This takes longer.
    Asked,
}

/// Returns whether there are new dead letters, or nothing if the counts are not known after all: then nothing of this
/// may be committed.
pub(super) fn write_all(
    transaction: &Transaction<'_>,
    handlers: &mut Numbers,
    changes: &[Change],
    next: RowId,
    counts: Counts,
) -> rusqlite::Result<Option<bool>> {
    let mut removed = removed(changes);
    let mut buried = false;
    // Waiting records and their bytes; dead letters and theirs.
    let mut more = [0_i64; 4];
    {
        // Delivered before it was written: there is nothing to write.
        let lives = |id: &RowId| removed.binary_search_by_key(id, |(id, _)| *id).is_err();
        // Looked up once, not for each record.
        let mut insert = transaction.prepare_cached(INSERT)?;
        let mut last = None;
        for change in changes {
            match change {
                Change::Append(id, record) => {
                    if !lives(id) {
                        continue;
                    }
                    let handler = number_of(transaction, handlers, &mut last, record)?;
                    // A commit that failed may have reached the disk all the same.
                    if append(&mut insert, *id, handler, record)? {
                        more[0] += 1;
                        more[1] += record.size().cast_signed();
                    }
                }
                Change::Remove(..) => {}
                Change::Postpone(id, history) => {
                    if lives(id) {
                        note_history(transaction, *id, history)?;
                    }
                }
                Change::Bury(id, history, reason) => {
                    let new = bury(transaction, *id, history, reason)?;
                    let [rows, bytes] = Removal::prepare(transaction)?.count(*id, *id)?;
                    more[0] -= rows;
                    more[1] -= bytes;
                    if new {
                        more[2] += rows;
                        more[3] += bytes;
                        buried = true;
                    }
                }
            }
        }
    }
    if counts == Counts::Known {
        forget_appended(&mut removed, changes);
    }
    let mut removal = Removal::prepare(transaction)?;
    for run in removed.chunk_by(|(one, _), (other, _)| one.0 + 1 == other.0) {
        let (Some((first, _)), Some((last, _))) = (run.first(), run.last()) else {
            continue;
        };
        let [rows, bytes] = match counts {
            Counts::Asked => removal.count(*first, *last)?,
            Counts::Known => {
                if removal.delete(*first, *last)? != run.len() {
                    return Ok(None);
                }
                let bytes: u64 = run.iter().map(|(_, size)| size).sum();
                [(run.len() as u64).cast_signed(), bytes.cast_signed()]
            }
        };
        more[0] -= rows;
        more[1] -= bytes;
    }
    let sql = "UPDATE pool SET next = max(next, ?1), waiting = waiting + ?2, waiting_bytes = waiting_bytes + ?3, \
               dead = dead + ?4, dead_bytes = dead_bytes + ?5";
    transaction
        .prepare_cached(sql)?
        .execute(params![next.0, more[0], more[1], more[2], more[3]])?;
    Ok(Some(buried))
}

/// The records that are removed, each once, in their order, and the bytes that each takes.
fn removed(changes: &[Change]) -> Vec<(RowId, u64)> {
    let mut removed: Vec<_> = changes
        .iter()
        .filter_map(|change| match change {
            Change::Remove(id, size) => Some((*id, *size)),
            _ => None,
        })
        .collect();
    removed.sort_unstable();
    removed.dedup_by_key(|(id, _)| *id);
    removed
}

/// Takes out what was to be appended by the same changes: the file does not have it.
fn forget_appended(removed: &mut Vec<(RowId, u64)>, changes: &[Change]) {
    let mut appended: Vec<_> = changes
        .iter()
        .filter_map(|change| match change {
            Change::Append(id, _) => Some(*id),
            _ => None,
        })
        .collect();
    // Most often they are in order.
    appended.sort_unstable();
    removed.retain(|(id, _)| appended.binary_search(id).is_err());
}

const INSERT: &str = "INSERT INTO notification (id, handler, size, created, content) VALUES (?1, ?2, ?3, ?4, ?5) \
     ON CONFLICT (id) DO NOTHING";

/// Returns false if the record was there already.
fn append(
    insert: &mut Statement<'_>,
    id: RowId,
    handler: i64,
    record: &Packed,
) -> rusqlite::Result<bool> {
    let added = insert.execute(params![
        id.0,
        handler,
        record.size().cast_signed(),
        record.created,
        record.content(),
    ])?;
    Ok(added > 0)
}

/// The handler of the record before, and its number.
type Last<'a> = Option<(&'a Packed, i64)>;

/// The number of a record's handler, which is new if no record of it was there.
fn number_of<'a>(
    transaction: &Transaction<'_>,
    handlers: &mut Numbers,
    last: &mut Last<'a>,
    record: &'a Packed,
) -> rusqlite::Result<i64> {
    // Most often it is that of the record before: no text is looked at.
    if let Some((before, number)) = last
        && Arc::ptr_eq(&before.handler, &record.handler)
        && Arc::ptr_eq(&before.host_type, &record.host_type)
    {
        return Ok(*number);
    }
    let number = look_up(transaction, handlers, record)?;
    *last = Some((record, number));
    Ok(number)
}

fn look_up(
    transaction: &Transaction<'_>,
    handlers: &mut Numbers,
    record: &Packed,
) -> rusqlite::Result<i64> {
    let Packed {
        host_type, handler, ..
    } = record;
    let known = handlers.get(&**host_type);
    if let Some(number) = known.and_then(|of_it| of_it.get(&**handler)) {
        return Ok(*number);
    }
    let sql = "INSERT INTO handler (host_type, handler) VALUES (?1, ?2) \
               ON CONFLICT DO UPDATE SET handler = handler RETURNING id";
    let number = transaction
        .prepare_cached(sql)?
        .query_row(params![&**host_type, &**handler], |row| row.get(0))?;
    let of_it = handlers.entry(host_type.to_string()).or_default();
    of_it.insert(handler.to_string(), number);
    Ok(number)
}

/// Removes records that are in a row.
struct Removal<'a> {
    count: CachedStatement<'a>,
    delete: CachedStatement<'a>,
}

impl<'a> Removal<'a> {
    fn prepare(transaction: &'a Transaction<'_>) -> rusqlite::Result<Self> {
        let count =
            "SELECT count(*), coalesce(sum(size), 0) FROM notification WHERE id BETWEEN ?1 AND ?2";
        let delete = "DELETE FROM notification WHERE id BETWEEN ?1 AND ?2";
        Ok(Self {
            count: transaction.prepare_cached(count)?,
            delete: transaction.prepare_cached(delete)?,
        })
    }

    /// Removes the records from `first` to `last`. Returns how many there were, and how many bytes they took.
    fn count(&mut self, first: RowId, last: RowId) -> rusqlite::Result<[i64; 2]> {
        let count = |row: &rusqlite::Row<'_>| Ok([row.get(0)?, row.get(1)?]);
        let found: [i64; 2] = self.count.query_row([first.0, last.0], count)?;
        if found[0] > 0 {
            self.delete(first, last)?;
        }
        Ok(found)
    }

    /// Removes the records from `first` to `last`. Returns how many there were.
    fn delete(&mut self, first: RowId, last: RowId) -> rusqlite::Result<usize> {
        self.delete.execute([first.0, last.0])
    }
}

/// Makes a record a dead letter too, if it is there. Returns false if it is not, or was one already: of a commit that
/// failed and reached the disk.
fn bury(
    transaction: &Transaction<'_>,
    id: RowId,
    history: &History,
    reason: &DeathReason,
) -> rusqlite::Result<bool> {
    let sql = "INSERT OR IGNORE INTO dead_letter \
               SELECT id, handler, size, created, content, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0 \
               FROM notification WHERE id = ?1";
    let added = transaction.prepare_cached(sql)?.execute(params![
        id.0,
        history.attempts,
        history.first,
        history.last,
        history.status,
        history.error,
        history.answer,
        reason.0,
        now_ms(),
    ])?;
    Ok(added > 0)
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
