//! What a spool says of itself: that its disk fails, that its file was damaged, what came back.

use std::path::PathBuf;

use crate::record::RowId;

/// What a spool has to say. `tell` gets it on the spool's thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The disk fails. What is handed over from now on is in memory alone, until [`Notice::Writes`].
    Fails {
        /// What was tried, and what the system said.
        text: String,
    },
    /// The disk takes what was in memory, after it had failed.
    Writes,
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
