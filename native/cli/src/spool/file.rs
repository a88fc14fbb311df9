//! The files of a spool directory, opened.

use std::path::{Path, PathBuf};

use ::spool::{Admin, Directory, OpenError, RowId, SqlError, Status, meaning};

/// One pool's file.
pub(super) struct PoolFile {
    pub path: PathBuf,
    pub admin: Admin,
    pub status: Status,
}

/// Opens the files of all pools, or of one. It is an error if one cannot be read, or if there is none: the directory is
/// probably another one.
pub(super) fn open_all(directory: &Path, pool: Option<&str>) -> Result<Vec<PoolFile>, String> {
    let (files, unreadable) = open_each(directory, pool)?;
    unreadable.whole()?;
    Ok(files)
}

/// Why a number that several pools have is refused.
pub(super) fn ambiguous(what: &str, id: RowId, pools: &[&str]) -> String {
    format!(
        "several pools have a {what} {id}: say --pool with one of {}",
        pools.join(", ")
    )
}

/// Does this with the files that can be read, and says then which cannot.
pub(super) fn with_each(
    directory: &Path,
    pool: Option<&str>,
    step: impl FnOnce(&[PoolFile]) -> Result<bool, String>,
) -> Result<bool, String> {
    let (files, unreadable) = open_each(directory, pool)?;
    if files.is_empty() {
        unreadable.whole()?;
    }
    let done = step(&files)?;
    unreadable.whole()?;
    Ok(done)
}

/// Why files cannot be read.
struct Unreadable(Vec<String>);

impl Unreadable {
    /// An error if there are any.
    fn whole(&self) -> Result<(), String> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(self.0.join("\n"))
    }
}

fn open_each(directory: &Path, pool: Option<&str>) -> Result<(Vec<PoolFile>, Unreadable), String> {
    let paths =
        Directory::files(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let (mut files, mut unreadable) = (Vec::new(), Vec::new());
    for path in paths {
        match open(path.clone()) {
            Ok(file) if pool.is_none_or(|pool| pool == file.status.pool) => files.push(file),
            Err(why) if pool.is_none_or(|pool| Directory::is_file_of(&path, pool)) => {
                unreadable.push(why);
            }
            _ => {}
        }
    }
    match pool {
        _ if !(files.is_empty() && unreadable.is_empty()) => Ok((files, Unreadable(unreadable))),
        None => Err(format!("{} holds no spool", directory.display())),
        Some(pool) => Err(format!(
            "{} holds no spool of the pool {pool}",
            directory.display()
        )),
    }
}

fn open(path: PathBuf) -> Result<PoolFile, String> {
    let admin = Admin::open(&path).map_err(|error| match error {
        OpenError::Sqlite { path, error } => explain(&path, &error),
        error => error.to_string(),
    })?;
    let status = admin.status().map_err(|error| explain(&path, &error))?;
    Ok(PoolFile {
        path,
        admin,
        status,
    })
}

/// An error with the file in which it happened.
pub(super) fn explain(path: &Path, error: &SqlError) -> String {
    match meaning(error) {
        Some(meaning) => format!("{}: {error}: {meaning}", path.display()),
        None => format!("{}: {error}", path.display()),
    }
}
