//! The files of a spool directory, opened.

use std::path::{Path, PathBuf};

use ::spool::{Admin, Directory, Status};

/// One pool's file.
pub(super) struct PoolFile {
    pub path: PathBuf,
    pub admin: Admin,
    pub status: Status,
}

/// Opens the files of all pools, or of one. It is an error if there is none: the directory is probably
/// another one.
pub(super) fn open_all(directory: &Path, pool: Option<&str>) -> Result<Vec<PoolFile>, String> {
    let paths =
        Directory::files(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    let mut files = Vec::new();
    for path in paths {
        let admin = Admin::open(&path).map_err(|error| error.to_string())?;
        let status = admin.status().map_err(|error| explain(&path, &error))?;
        if pool.is_none_or(|pool| pool == status.pool) {
            files.push(PoolFile {
                path,
                admin,
                status,
            });
        }
    }
    match (files.is_empty(), pool) {
        (false, _) => Ok(files),
        (true, None) => Err(format!("{} holds no spool", directory.display())),
        (true, Some(pool)) => Err(format!(
            "{} holds no spool of the pool {pool}",
            directory.display()
        )),
    }
}

/// An error with the file in which it happened.
pub(super) fn explain(path: &Path, error: &dyn std::fmt::Display) -> String {
    format!("{}: {error}", path.display())
}
