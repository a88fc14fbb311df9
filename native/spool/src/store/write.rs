//! The SQL of changes, and the totals that go with each.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{CachedStatement, Statement, Transaction, params};

use super::Change;
use super::rows::direction_word;
use crate::clock::now_ms;
use crate::record::{History, Record, RowId};

/// The numbers of handlers, by host type and handler.
pub(super) type Numbers = HashMap<String, HashMap<String, i64>>;

/// Returns whether there are new dead letters.
pub(super) fn write_all(
    transaction: &Transaction<'_>,
    handlers: &mut Numbers,
    changes: &[Change],
    next: RowId,
) -> rusqlite::Result<bool> {
    let removed = removed(changes);
    // Delivered before it was written: there is nothing to write.
    let lives = |id: &RowId| removed.binary_search(id).is_err();
    let mut buried = false;
    // Waiting records and their bytes; dead letters and theirs.
    let mut more = [0_i64; 4];
    // Looked up once, not for each record.
    let mut insert = transaction.prepare_cached(INSERT)?;
    let mut last = None;
    for change in changes {
        match change {
            Change::Append(id, record) => {
                // A commit that failed may have reached the disk all the same.
                if lives(id)
                    && append(
                        &mut insert,
                        *id,
                        number_of(transaction, handlers, &mut last, record)?,
                        record,
                    )?
                {
                    more[0] += 1;
                    more[1] += record.size().cast_signed();
                }
            }
            Change::Remove(_) => {}
            Change::Postpone(id, history) => {
                if lives(id) {
                    note_history(transaction, *id, history)?;
                }
            }
            Change::Bury(id, history, reason) => {
                note_history(transaction, *id, history)?;
                let sql = "INSERT OR REPLACE INTO dead_letter SELECT id, handler, size, lane, message_id, created, \
                           direction, sender, server, receiver, kind, text, extra, attempts, first, last, \
                           status, error, answer, ?2, ?3, 0 FROM notification WHERE id = ?1";
                transaction
                    .prepare_cached(sql)?
                    .execute(params![id.0, reason.0, now_ms()])?;
                let [rows, bytes] = Removal::prepare(transaction)?.of(*id, *id)?;
                if rows > 0 {
                    more[0] -= rows;
                    more[1] -= bytes;
                    more[2] += rows;
                    more[3] += bytes;
                    buried = true;
                }
            }
        }
    }
    let mut removal = Removal::prepare(transaction)?;
    for run in removed.chunk_by(|one, other| one.0 + 1 == other.0) {
        if let (Some(first), Some(last)) = (run.first(), run.last()) {
            let [rows, bytes] = removal.of(*first, *last)?;
            more[0] -= rows;
            more[1] -= bytes;
        }
    }
    let sql = "UPDATE pool SET next = max(next, ?1), waiting = waiting + ?2, waiting_bytes = waiting_bytes + ?3, \
               dead = dead + ?4, dead_bytes = dead_bytes + ?5";
    transaction
        .prepare_cached(sql)?
        .execute(params![next.0, more[0], more[1], more[2], more[3]])?;
    Ok(buried)
}

/// The records that are removed, each once, in their order.
fn removed(changes: &[Change]) -> Vec<RowId> {
    let mut removed: Vec<RowId> = changes
        .iter()
        .filter_map(|change| match change {
            Change::Remove(id) => Some(*id),
            _ => None,
        })
        .collect();
    removed.sort_unstable();
    removed.dedup();
    removed
}

const INSERT: &str = "INSERT INTO notification (id, handler, size, lane, message_id, created, direction, sender, server, \
     receiver, kind, text, extra) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) \
     ON CONFLICT (id) DO NOTHING";

/// Returns false if the record was there already.
fn append(
    insert: &mut Statement<'_>,
    id: RowId,
    handler: i64,
    record: &Record,
) -> rusqlite::Result<bool> {
    let added = insert.execute(params![
        id.0,
        handler,
        record.size().cast_signed(),
        &*record.lane,
        &*record.message_id,
        record.created,
        direction_word(record.direction),
        &*record.sender,
        &*record.server,
        &*record.receiver,
        record.kind as i64,
        &*record.text,
        &*record.extra,
    ])?;
    Ok(added > 0)
}

/// The handler of the record before, and its number.
type Last<'a> = Option<(&'a Record, i64)>;

/// The number of a record's handler, which is new if no record of it was there.
fn number_of<'a>(
    transaction: &Transaction<'_>,
    handlers: &mut Numbers,
    last: &mut Last<'a>,
    record: &'a Record,
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
    record: &Record,
) -> rusqlite::Result<i64> {
    let Record {
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
    fn of(&mut self, first: RowId, last: RowId) -> rusqlite::Result<[i64; 2]> {
        let range = [first.0, last.0];
        let count = |row: &rusqlite::Row<'_>| Ok([row.get(0)?, row.get(1)?]);
        let found: [i64; 2] = self.count.query_row(range, count)?;
        if found[0] > 0 {
            self.delete.execute(range)?;
        }
        Ok(found)
    }
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
