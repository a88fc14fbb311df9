//! A file that `SQLite` cannot read: what can be read of it goes into a new one, and then it is set aside under another
//! name.
//!
//! Until the new one has all of it, the damaged one stays where it is. So a disk that is full meanwhile, or a node that
//! is killed, costs nothing: the file is found damaged again, and everything is done once more.

mod taking_over;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::ErrorCode;

use crate::clock::now_ms;
use crate::error::OpenError;
use crate::names::{self, sync_directory_of};
use crate::notice::Notice;
use crate::settings::{Settings, Sync};
use crate::store::{self, Store};
use taking_over::take_over;

/// Whether an error means that the file's content is damaged, rather than that the disk fails.
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(error, _) => matches!(
            error.code,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase
        ),
        // A row or a column that every file of this version has is not there, or holds what no release has written.
        rusqlite::Error::SqlInputError { .. }
        | rusqlite::Error::QueryReturnedNoRows
        | rusqlite::Error::InvalidColumnType(..)
        | rusqlite::Error::IntegralValueOutOfRange(..)
        | rusqlite::Error::Utf8Error(..)
        | rusqlite::Error::FromSqlConversionFailure(..) => true,
        _ => false,
    }
}

/// Opens the file. If it is damaged, sets it aside, says so, and begins a new one.
pub(crate) fn open(
    path: &Path,
    pool: &str,
    settings: Settings,
    tell: &dyn Fn(Notice),
) -> Result<Store, OpenError> {
    let io_error = |error| OpenError::Io {
        path: path.to_owned(),
        error,
    };
    let sqlite_error = |error| OpenError::Sqlite {
        path: path.to_owned(),
        error,
    };
    let finished = finish(path).map_err(io_error)?;
    match Store::open(path, pool, settings, tell).and_then(|store| {
        // Otherwise a damaged index of the dead letters would be met again and again.
        store.dead_by_reason().map_err(sqlite_error)?;
        Ok(store)
    }) {
        Ok(store) => {
            if let Some(aside) = finished {
                tell(set_aside_notice(aside, &store).map_err(sqlite_error)?);
            }
            if settings.sync == Sync::Full {
                sync_directory_of(path).map_err(io_error)?;
            }
            Ok(store)
        }
        Err(OpenError::Sqlite { error, .. }) if is_damage(&error) => {
            replace(path, pool, settings, tell)
        }
        Err(error) => Err(error),
    }
}

/// Sets a damaged file aside, in favour of a new one with what can be read of it, and says so. No connection to it may
/// be open.
///
/// A disk that cannot be read looks like damage to `SQLite`, but may work again: then this is an error, and the
/// file stays where it is.
pub(crate) fn replace(
    path: &Path,
    pool: &str,
    settings: Settings,
    tell: &dyn Fn(Notice),
) -> Result<Store, OpenError> {
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
    let aside = new_aside(path);
    let notice = {
        // The dates of dead letters are right only after they were written.
        let keep_all = Settings {
            dead_letters_max_bytes: u64::MAX,
            dead_letters_max_age: Duration::MAX,
            ..settings
        };
        let mut store = Store::open(&new, pool, keep_all, tell)?;
        take_over(path, &mut store, &settings).map_err(sqlite_error)?;
        set_aside_notice(aside.clone(), &store).map_err(sqlite_error)?
    };
    // Closed, it is one file; a log is left if the disk had no room for what is in it.
    if store::family(&new)[1].exists() {
        return Err(io_error(io::ErrorKind::StorageFull.into()));
    }
    // The damaged file must not lose its name before the new one has its own for certain.
    sync_directory_of(&new)
        .and_then(|()| set_aside(path, &aside))
        .and_then(|()| put_in_place(&new, path))
        .map_err(io_error)?;
    tell(notice);
    Store::open(path, pool, settings, tell)
}

/// What is said of a damaged file when a new one has what could be read of it, and nothing else.
fn set_aside_notice(aside: PathBuf, new: &Store) -> rusqlite::Result<Notice> {
    let (totals, _) = new.totals()?;
    Ok(Notice::SetAside {
        path: aside,
        saved: totals.waiting,
        dead: totals.dead,
    })
}

/// What the name of the file that is to take a damaged one's place ends with.
const NEW: &str = ".new";
/// What the name of a damaged file has behind the one that it had; then comes the date.
const DAMAGED: &str = ".damaged-";

/// The file that is to take a damaged one's place.
pub(crate) fn new_file(path: &Path) -> PathBuf {
    with_ending(path, NEW)
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
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
/// a part of the records, and is made once more. Returns where a damaged file is whose replacement was finished.
fn finish(path: &Path) -> io::Result<Option<PathBuf>> {
    if path.try_exists()? {
        remove(&new_file(path))?;
        return Ok(None);
    }
    finish_renames(path)
}

/// If the damaged file was set aside, the new one, which was closed before, takes its place. Returns where the damaged
/// one is.
pub(crate) fn finish_renames(path: &Path) -> io::Result<Option<PathBuf>> {
    let new = new_file(path);
    if path.try_exists()? || !new.try_exists()? {
        return Ok(None);
    }
    let aside = last_aside(path)?;
    // `SQLite` would write what a log of the damaged file holds into this one.
    let goes_with_it = aside
        .clone()
        .filter(|aside| !store::family(aside)[1].exists());
    set_aside(path, &goes_with_it.unwrap_or_else(|| new_aside(path)))?;
    put_in_place(&new, path)?;
    Ok(aside)
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

/// A name for a damaged file.
fn new_aside(path: &Path) -> PathBuf {
    with_ending(path, &format!("{DAMAGED}{}", now_ms()))
}

/// Where the file that was set aside last is.
fn last_aside(path: &Path) -> io::Result<Option<PathBuf>> {
    let begin = with_ending(path, DAMAGED);
    let mut last = None;
    for entry in fs::read_dir(names::directory_of(path))? {
        let file = path.with_file_name(entry?.file_name());
        let date = file.as_os_str().as_encoded_bytes();
        let date = date.strip_prefix(begin.as_os_str().as_encoded_bytes());
        // Those of its log and of that one's index end with a word.
        if date.is_some_and(|date| date.iter().all(u8::is_ascii_digit)) {
            last = last.max(Some(file));
        }
    }
    Ok(last)
}

/// Renames the file and its log, which must stay together. A log whose file has another name is found by that name;
/// a file whose log has another one would be read without it. So the file goes first, for certain.
fn set_aside(path: &Path, aside: &Path) -> io::Result<()> {
    for (from, to) in store::family(path).iter().zip(store::family(aside)) {
        match fs::rename(from, to) {
            Ok(()) => sync_directory_of(path)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Gives the new file the name of the damaged one. What is written to it from now on must not be lost with that name.
fn put_in_place(new: &Path, path: &Path) -> io::Result<()> {
    fs::rename(new, path)?;
    let synced = sync_directory_of(path);
    if synced.is_err() {
        // The next try finds that this is still to be done.
        let _ = fs::rename(path, new);
    }
    synced
}

#[cfg(test)]
mod tests;
