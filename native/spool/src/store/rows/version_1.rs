//! The rows of version 1, which had a column for each part.

use bytes::Bytes;
use notification::Direction;
use rusqlite::Row;
use rusqlite::types::Type;

use super::{size, text, unknown};
use crate::record::{History, Kind, Loaded, Record, RowId};

pub(super) const COLUMNS: &str = "n.id, h.host_type, h.handler, n.lane, n.message_id, n.created, n.direction, n.sender, \
     n.server, n.receiver, n.kind, n.text, n.extra, n.attempts, n.first, n.last, n.status, n.error, n.answer, n.size";

pub(super) fn loaded(row: &Row<'_>) -> rusqlite::Result<Loaded> {
    Ok(Loaded {
        id: RowId(row.get(0)?),
        record: Record {
            host_type: text(row, 1)?,
            handler: text(row, 2)?,
            lane: bytes(row, 3)?,
            message_id: text(row, 4)?,
            created: row.get(5)?,
            direction: direction(row, 6)?,
            sender: bytes(row, 7)?,
            server: bytes(row, 8)?,
            receiver: bytes(row, 9)?,
            kind: kind(row, 10)?,
            text: bytes(row, 11)?,
            extra: bytes(row, 12)?,
        },
        history: History {
            attempts: row.get(13)?,
            first: row.get(14)?,
            last: row.get(15)?,
            status: row.get(16)?,
            error: row.get(17)?,
            answer: row.get(18)?,
        },
        size: size(row, 19)?,
    })
}

fn bytes(row: &Row<'_>, at: usize) -> rusqlite::Result<Bytes> {
    row.get::<_, Vec<u8>>(at).map(Bytes::from)
}

fn direction(row: &Row<'_>, at: usize) -> rusqlite::Result<Direction> {
    match row.get_ref(at)?.as_str()? {
        "in" => Ok(Direction::In),
        "out" => Ok(Direction::Out),
        _ => Err(unknown(at, Type::Text, "is neither in nor out")),
    }
}

fn kind(row: &Row<'_>, at: usize) -> rusqlite::Result<Kind> {
    Kind::from_number(row.get(at)?)
        .ok_or_else(|| unknown(at, Type::Integer, "is no kind of content"))
}
