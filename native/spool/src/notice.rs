//! What a spool says of itself: that its disk fails, that its file was damaged or is updated, what came back.

use std::path::PathBuf;
use std::time::Duration;

use crate::record::RowId;

/// What a spool has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The disk fails. What is handed over from now on is in memory alone, until [`Notice::Writes`].
    Fails {
        /// What was tried, and what the system said.
        text: String,
    },
    /// The disk takes what was in memory, after it had failed.
    Writes,
    /// The file is of an earlier version, and is brought to this release's. That takes a while if much is in it.
    Updates {
        /// The file.
        path: PathBuf,
        /// How many bytes it has, with its log.
        bytes: u64,
    },
    /// That is done.
    Updated {
        /// The file.
        path: PathBuf,
        /// How long it took.
        took: Duration,
    },
    /// The file was damaged. A new one was begun.
    SetAside {
        /// Where the damaged file is.
        path: PathBuf,
        /// How many records were taken over.
        saved: u64,
        /// How many dead letters were taken over.
        dead: u64,
    },
    /// An operator wants dead letters delivered: they are records again.
    BroughtBack {
        /// The first one; the others are right behind it.
        first: RowId,
        /// How many.
        records: u64,
    },
}
