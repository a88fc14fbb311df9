//! Notices when a file has changed.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

/// A file's metadata that shows, without reading the file, whether it has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    modified: Option<SystemTime>,
    /// `ctime` in seconds and nanoseconds. It also changes when an older file replaces this one, or
    /// when a file's mode is corrected.
    changed: (i64, i64),
    len: u64,
    inode: u64,
}

impl Stamp {
    /// Returns `None` if the file does not exist or we have no access. Blocks on the file system.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let meta = fs::metadata(path).ok()?;
        Some(Self {
            modified: meta.modified().ok(),
            changed: (meta.ctime(), meta.ctime_nsec()),
            len: meta.len(),
            inode: meta.ino(),
        })
    }
}
