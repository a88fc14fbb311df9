//! How a row is read: a record and its history.

mod version_1;

use std::sync::Arc;

use rusqlite::Row;
use rusqlite::types::Type;

use crate::record::{History, Loaded, Record, RowId};

/// How records and dead letters are read from a file of some version.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// What [`Layout::read`] reads, of a table called `n`, with its handler `h`.
    pub columns: &'static str,
    /// Reads a row that begins with these columns.
    pub read: fn(&Row<'_>) -> rusqlite::Result<Loaded>,
}

impl Layout {
    /// The version before contents were packed.
    pub const VERSION_1: Self = Self {
        columns: version_1::COLUMNS,
        read: version_1::loaded,
    };

    /// That of the newest version.
    pub const NEWEST: Self = Self {
        columns: COLUMNS,
        read: loaded,
    };

    /// That of this version.
    pub fn of(version: i64) -> Self {
        match version {
            1 => Self::VERSION_1,
            _ => Self::NEWEST,
        }
    }
}

const COLUMNS: &str = "n.id, h.host_type, h.handler, n.size, n.created, n.content, n.attempts, n.first, n.last, \
     n.status, n.error, n.answer";

fn loaded(row: &Row<'_>) -> rusqlite::Result<Loaded> {
    let content = row.get_ref(5)?.as_blob()?;
    let (host_type, handler) = (text(row, 1)?, text(row, 2)?);
    let record = Record::read(host_type, handler, row.get(4)?, content)
        .ok_or_else(|| unknown(5, Type::Blob, "is not the content of a notification"))?;
    Ok(Loaded {
        id: RowId(row.get(0)?),
        record,
        size: size(row, 3)?,
        history: History {
            attempts: row.get::<_, Option<_>>(6)?.unwrap_or_default(),
            first: row.get(7)?,
            last: row.get(8)?,
            status: row.get(9)?,
            error: row.get::<_, Option<_>>(10)?.unwrap_or_default(),
            answer: row.get::<_, Option<_>>(11)?.unwrap_or_default(),
        },
    })
}

fn text(row: &Row<'_>, at: usize) -> rusqlite::Result<Arc<str>> {
    row.get_ref(at)?.as_str().map(Arc::from).map_err(Into::into)
}

fn size(row: &Row<'_>, at: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(at).map(i64::cast_unsigned)
}

fn unknown(at: usize, of: Type, text: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(at, of, text.into())
}
