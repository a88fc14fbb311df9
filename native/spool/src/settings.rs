//! How a spool writes, and how much it may hold.

use std::time::Duration;

/// When a commit is on the disk itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sync {
    /// A commit survives the end of the process, but not that of the machine.
    #[default]
    Normal,
    /// A commit survives the end of the machine too.
    Full,
}

/// The settings of all spools of a node.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// When a commit is on the disk.
    pub sync: Sync,
    /// The most bytes that the records of one pool may take.
    pub max_bytes: u64,
    /// The most bytes that the dead letters of one pool may take; the oldest are removed first.
    pub dead_letters_max_bytes: u64,
    /// How long a dead letter is kept.
    pub dead_letters_max_age: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sync: Sync::Normal,
            max_bytes: 1 << 30,
            dead_letters_max_bytes: 256 << 20,
            dead_letters_max_age: Duration::from_hours(30 * 24),
        }
    }
}
