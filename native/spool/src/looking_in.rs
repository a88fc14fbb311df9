//! How a file is opened beside the node: also if this user may only read it, or the file system is mounted read-only.

use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use nix::unistd::{AccessFlags, access};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::damage;
use crate::error::OpenError;
use crate::store;

/// How long a node's transaction may hold the file.
const BUSY: Duration = Duration::from_secs(10);

/// Opens a file that is there.
pub(crate) fn connect(path: &Path) -> Result<Connection, OpenError> {
    let failed = |error| OpenError::Sqlite {
        path: path.to_owned(),
        error,
    };
    // `SQLite` does not say why it cannot open a file.
    access(path, AccessFlags::R_OK).map_err(|error| OpenError::Io {
        path: path.to_owned(),
        error: error.into(),
    })?;
    match open(path).and_then(readable) {
        Err(error) if wants_to_write(&error) => read_only(path).and_then(readable).map_err(failed),
        opened => opened.map_err(failed),
    }
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, READ_WRITE)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

const READ_WRITE: OpenFlags =
    OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);
const READ_ONLY: OpenFlags =
    OpenFlags::SQLITE_OPEN_READ_ONLY.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

/// Nothing of a file is read before the first question.
fn readable(connection: Connection) -> rusqlite::Result<Connection> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(connection)
}

/// Whether `SQLite` failed to make the files that it wants beside this one even for reading.
fn wants_to_write(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen))
}

/// Opens a file in a directory in which none can be made. If a process had it open, the index of its log would be
/// there, and could be read: so none has, and no locks are needed.
fn read_only(path: &Path) -> rusqlite::Result<Connection> {
    if store::family(path)[1].exists() {
        // The index of the log is in memory.
        let connection = Connection::open_with_flags_and_vfs(path, READ_ONLY, "unix-none")?;
        connection.pragma_update_and_check(None, "locking_mode", "EXCLUSIVE", |_| Ok(()))?;
        return Ok(connection);
    }
    // No log is looked for.
    let name = format!("file:{}?immutable=1", escaped(path));
    Connection::open_with_flags(name, READ_ONLY | OpenFlags::SQLITE_OPEN_URI)
}

fn escaped(path: &Path) -> String {
    let mut name = String::new();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'/' => {
                name.push(char::from(*byte));
            }
            _ => {
                let _ = write!(name, "%{byte:02X}");
            }
        }
    }
    name
}

/// What an error of a file that was opened for an operator means, if that is not plain.
#[must_use]
pub fn meaning(error: &rusqlite::Error) -> Option<&'static str> {
    if damage::is_damage(error) {
        return Some(
            "the file is damaged; when a node uses it, it sets the file aside and takes over what can be read",
        );
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::ReadOnly) => {
            Some("this user may only read the file, or the file system is mounted read-only")
        }
        Some(ErrorCode::DatabaseBusy) => Some("another process uses the file"),
        _ => None,
    }
}
