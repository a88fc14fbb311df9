//! Names of files and directories that outlive a loss of power. Until their directory is synced, a file system may
//! keep some of what was made and renamed in it, and not what came before.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use crate::settings::Sync;

/// The directory that this file is in.
pub(crate) fn directory_of(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Syncs the directory that this file is in.
pub(crate) fn sync_directory_of(file: &Path) -> io::Result<()> {
    match File::open(directory_of(file))?.sync_all() {
        // Some file systems (FUSE, 9P) know no such call, and there is no other.
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::InvalidInput | ErrorKind::Unsupported
            ) =>
        {
            Ok(())
        }
        synced => synced,
    }
}

/// Makes a directory, and those above it, for this user alone.
pub(crate) fn make_directory(path: &Path, sync: Sync) -> io::Result<()> {
    let is_missing = |directory: &&Path| !directory.as_os_str().is_empty() && !directory.exists();
    let made: Vec<&Path> = path.ancestors().take_while(is_missing).collect();
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)?;
    if sync == Sync::Normal {
        return Ok(());
    }
    let synced = made.iter().try_for_each(|made| sync_directory_of(made));
    if synced.is_err() {
        // Those that are there are not synced: the next try has to make them again.
        for made in made {
            let _ = fs::remove_dir(made);
        }
    }
    synced
}
