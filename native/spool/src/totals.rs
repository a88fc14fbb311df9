//! The numbers of a spool.

use std::sync::Arc;
use std::time::Duration;

/// What a spool holds, and what it has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Records.
    pub waiting: u64,
    /// The bytes that they take.
    pub waiting_bytes: u64,
    /// When the first of them was handed over, in milliseconds since the epoch.
    pub oldest: Option<i64>,
    /// Dead letters.
    pub dead: u64,
    /// The bytes that they take.
    pub dead_bytes: u64,
    /// Commits.
    pub commits: u64,
    /// How long the longest of the last minute's commits took.
    pub slowest_commit: Duration,
    /// Commits that failed.
    pub errors: u64,
    /// Whether the disk fails now.
    pub failing: bool,
}

/// How many dead letters have each reason.
pub type Reasons = Arc<[(String, u64)]>;
