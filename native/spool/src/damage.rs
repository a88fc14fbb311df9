//! A file that `SQLite` cannot read: it is set aside under another name, and what can be read of it goes
//! into a new one.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags, params};

use crate::clock::now_ms;
use crate::error::OpenError;
use crate::record::RowId;
use crate::settings::Settings;
use crate::store::{self, Change, Store};

/// What became of a damaged file.
#[derive(Debug)]
pub(crate) struct SetAside {
    /// Where it is now.
    pub path: PathBuf,
    /// How many records were taken over from it.
    pub saved: u64,
}

/// Whether an error means that the file's content is damaged, rather than that the disk fails.
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(error, _) => matches!(
            error.code,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase
        ),
        // A table, a row or a column that every file of this version has is not there.
        rusqlite::Error::SqlInputError { .. }
        | rusqlite::Error::QueryReturnedNoRows
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::FromSqlConversionFailure(..) => true,
        _ => false,
    }
}

/// Opens the file. If it is damaged, sets it aside and begins a new one.
pub(crate) fn open(
    path: &Path,
    pool: &str,
    settings: Settings,
) -> Result<(Store, Option<SetAside>), OpenError> {
    match Store::open(path, pool, settings) {
        Ok(store) => Ok((store, None)),
        Err(OpenError::Sqlite { error, .. }) if is_damage(&error) => {
            let (store, aside) = replace(path, pool, settings)?;
            Ok((store, Some(aside)))
        }
        Err(error) => Err(error),
    }
}

/// Sets a damaged file aside and begins a new one with what can be read of it. No connection to it may be
/// open.
///
/// A disk that cannot be read looks like damage to `SQLite`, but may work again: then this is an error, and the
/// file stays where it is.
pub(crate) fn replace(
    path: &Path,
    pool: &str,
    settings: Settings,
) -> Result<(Store, SetAside), OpenError> {
    let io_error = |error| OpenError::Io {
        path: path.to_owned(),
        error,
    };
    read_through(path).map_err(io_error)?;
    let aside = set_aside(path).map_err(io_error)?;
    let mut store = Store::open(path, pool, settings)?;
    let saved = take_over(&aside, &mut store).map_err(|error| OpenError::Sqlite {
        path: path.to_owned(),
        error,
    })?;
    Ok((store, SetAside { path: aside, saved }))
}

/// Reads the file and its log to their ends. A connection of this process would lose its locks by that.
fn read_through(path: &Path) -> io::Result<()> {
    for file in store::family(path) {
        match File::open(file) {
            Ok(mut file) => drop(io::copy(&mut file, &mut io::sink())?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Renames the file and its log, which must stay together.
fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let date = now_ms();
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".damaged-{date}"));
    let aside = PathBuf::from(aside);
    for (from, to) in store::family(path).iter().zip(store::family(&aside)) {
        match fs::rename(from, to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(aside)
}

/// Copies the records that can be read. Each is read by its own, so that a damaged page costs the records
/// on it alone.
fn take_over(aside: &Path, store: &mut Store) -> rusqlite::Result<u64> {
    let Ok(damaged) = Connection::open_with_flags(aside, OpenFlags::SQLITE_OPEN_READ_WRITE) else {
        return Ok(0);
    };
    let sql = format!(
        "SELECT {} FROM notification n JOIN handler h ON h.id = n.handler WHERE n.id > ?1 ORDER BY n.id LIMIT 1",
        store::COLUMNS
    );
    let (mut saved, mut after) = (0, 0_i64);
    let mut misses = 0;
    let mut batch = Vec::new();
    loop {
        let found = damaged.query_row(&sql, params![after], store::loaded);
        match found {
            Ok(loaded) => {
                misses = 0;
                after = loaded.id.0;
                batch.push(Change::Append(loaded.id, Box::new(loaded.record)));
                batch.push(Change::Postpone(loaded.id, Box::new(loaded.history)));
            }
            Err(rusqlite::Error::QueryReturnedNoRows) => break,
            // The records behind a damaged page may be on sound ones. Gaps grow, so that this ends.
            Err(_) if misses < MISSES => {
                after = after.saturating_add(1 << (misses / 16));
                misses += 1;
            }
            Err(_) => break,
        }
        if batch.len() >= 2048 {
            saved += save(store, &mut batch, after)?;
        }
    }
    saved += save(store, &mut batch, after)?;
    Ok(saved)
}

/// How many places in a row that cannot be read end the search: gaps up to 2^20.
const MISSES: u32 = 16 * 20;

fn save(store: &mut Store, batch: &mut Vec<Change>, last: i64) -> rusqlite::Result<u64> {
    store.write(batch, RowId(last + 1))?;
    let saved = batch.len() as u64 / 2;
    batch.clear();
    Ok(saved)
}
