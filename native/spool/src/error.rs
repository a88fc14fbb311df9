//! Why a spool cannot be opened, or takes no more.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// A spool that cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another node uses the directory.
    #[error("the spool directory {} is in use by {holder}; each node needs one of its own", .directory.display())]
    Held {
        /// The directory.
        directory: PathBuf,
        /// The name of the node, as it wrote it there.
        holder: String,
    },
    /// The directory or the file cannot be read or written.
    #[error("{}: {error}", .path.display())]
    Io {
        /// What was opened.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A newer release made the file.
    #[error("{} has version {found}, and this release reads versions up to {known}; install the newer release again, or move the file away", .path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version that this release knows.
        known: i64,
    },
    /// The disk has no room to bring an older file to this release's version.
    #[error("{} has version {found}: to bring it to version {known} takes {needed} bytes of disk besides, and {free} are free; until then the pool works from memory", .path.display())]
    NoRoom {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// This release's version.
        known: i64,
        /// The bytes that must be free.
        needed: u64,
        /// The bytes that are free.
        free: u64,
    },
    /// The file's name is too long for `SQLite`.
    #[error("{}: the name has {length} bytes, and SQLite takes at most {most}; choose a shorter spool_dir", .path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The bytes of its name, from the root on.
        length: usize,
        /// The most that are allowed.
        most: usize,
    },
    /// `SQLite` cannot work with the file.
    #[error("{}: {error}", .path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What `SQLite` said.
        error: rusqlite::Error,
    },
}

/// A record for which there is no room. It is not in the spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Full {
    /// The bound is reached.
    #[error("the spool holds {held} of at most {most} bytes (spool_max_bytes)")]
    Bound {
        /// The bytes that its records take.
        held: u64,
        /// The bound.
        most: u64,
    },
    /// The disk is slow or fails, and too much waits in memory.
    #[error("the disk is slow or fails: {unwritten} of at most {most} bytes wait to be written")]
    Memory {
        /// The bytes that wait.
        unwritten: u64,
        /// The bound.
        most: u64,
    },
    /// The record alone is larger than the bound.
    #[error(
        "the notification takes {record} bytes, and the spool holds at most {most} (spool_max_bytes)"
    )]
    Record {
        /// The bytes that the record would take.
        record: u64,
        /// The bound.
        most: u64,
    },
}
