//! A file that `SQLite` cannot read: what can be read of it goes into a new one, and then it is set aside under another
//! name.
//!
//! Until the new one has all of it, the damaged one stays where it is. So a disk that is full meanwhile, or a node that
//! is killed, costs nothing: the file is found damaged again, and everything is done once more.

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
    finish(path).map_err(|error| OpenError::Io {
        path: path.to_owned(),
        error,
    })?;
    match Store::open(path, pool, settings) {
        Ok(store) => Ok((store, None)),
        Err(OpenError::Sqlite { error, .. }) if is_damage(&error) => {
            let (store, aside) = replace(path, pool, settings)?;
            Ok((store, Some(aside)))
        }
        Err(error) => Err(error),
    }
}

/// Sets a damaged file aside, in favour of a new one with what can be read of it. No connection to it may be open.
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
    let sqlite_error = |error| OpenError::Sqlite {
        path: path.to_owned(),
        error,
    };
    read_through(path).map_err(io_error)?;
    let new = new_file(path);
    // What an earlier try has left.
    remove(&new).map_err(io_error)?;
    let saved = {
        let mut store = Store::open(&new, pool, settings)?;
        take_over(path, &mut store).map_err(sqlite_error)?
    };
    // Closed, it is one file; a log is left if the disk had no room for what is in it.
    if store::family(&new)[1].exists() {
        return Err(io_error(io::ErrorKind::StorageFull.into()));
    }
    let aside = set_aside(path).map_err(io_error)?;
    fs::rename(&new, path).map_err(io_error)?;
    let store = Store::open(path, pool, settings)?;
    Ok((store, SetAside { path: aside, saved }))
}

/// What the name of the file that is to take a damaged one's place ends with.
const NEW: &str = ".new";

/// The file that is to take a damaged one's place.
fn new_file(path: &Path) -> PathBuf {
    let mut new = path.as_os_str().to_owned();
    new.push(NEW);
    PathBuf::from(new)
}

/// Whether there is a file, or a new one that is still to take its place.
pub(crate) fn is_there(path: &Path) -> bool {
    path.is_file() || new_file(path).is_file()
}

/// The name of the file whose place this one is to take.
pub(crate) fn file_of_new(name: &str) -> Option<&str> {
    name.strip_suffix(NEW)
}

/// Finishes what a killed node has begun, or ends it: as long as the damaged file is in its place, the new one may have
/// a part of the records, and is made once more.
fn finish(path: &Path) -> io::Result<()> {
    if path.try_exists()? {
        return remove(&new_file(path));
    }
    finish_renames(path)
}

/// If the damaged file was set aside, the new one, which was closed before, takes its place.
pub(crate) fn finish_renames(path: &Path) -> io::Result<()> {
    let new = new_file(path);
    if path.try_exists()? || !new.try_exists()? {
        return Ok(());
    }
    // `SQLite` would write what a log of the damaged file holds into this one.
    set_aside(path)?;
    fs::rename(new, path)
}

fn remove(file: &Path) -> io::Result<()> {
    for file in store::family(file) {
        match fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
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
fn take_over(damaged: &Path, store: &mut Store) -> rusqlite::Result<u64> {
    let damaged = Connection::open_with_flags(damaged, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
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
            // It could be read a moment ago, and can be later.
            Err(error) if is_the_disk_s(&error) => return Err(error),
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

/// How many places in a row that cannot be read end the search: gaps up to 2^20.
const MISSES: u32 = 16 * 20;

fn save(store: &mut Store, batch: &mut Vec<Change>, last: i64) -> rusqlite::Result<u64> {
    store.write(batch, RowId(last + 1))?;
    let saved = batch.len() as u64 / 2;
    batch.clear();
    Ok(saved)
}

#[cfg(test)]
mod tests;
