//! Spools: what handlers that deliver at least once have on disk.

use rustler::{Atom, NifMap};

use crate::held::held;
use crate::{ENGINE, atoms};

/// Begins to open the spool of a pool: if one of its handlers needs it, or if an earlier run has left one
/// behind. Never waits.
#[rustler::nif]
fn open_spool(pool: &str, needed: bool) -> Atom {
    let _held = held!("open_spool");
    ENGINE.open_spool(pool, needed);
    atoms::ok()
}

/// A spool, as an Erlang map.
#[derive(NifMap)]
struct SpoolInfo {
    pool: String,
    /// Whether its file is open.
    open: bool,
    /// Whether the disk fails now.
    failing: bool,
    waiting: u64,
    waiting_bytes: u64,
    on_disk_alone: u64,
    dead_letters: u64,
    dead_letter_bytes: u64,
    commits: u64,
    errors: u64,
    /// Microseconds of the longest commit of the last minute.
    slowest_commit: u64,
}

/// Every spool that is open, or cannot be opened.
#[rustler::nif]
fn spools() -> Vec<SpoolInfo> {
    let _held = held!("spools");
    let spools = ENGINE.spools();
    spools
        .iter()
        .map(|spool| {
            let totals = spool.totals();
            let open = totals.is_some();
            let totals = totals.unwrap_or_default();
            SpoolInfo {
                pool: spool.name().to_owned(),
                open,
                failing: totals.failing || !open,
                waiting: totals.waiting,
                waiting_bytes: totals.waiting_bytes,
                on_disk_alone: spool.on_disk_alone(),
                dead_letters: totals.dead,
                dead_letter_bytes: totals.dead_bytes,
                commits: totals.commits,
                errors: totals.errors,
                slowest_commit: u64::try_from(totals.slowest_commit.as_micros())
                    .unwrap_or(u64::MAX),
            }
        })
        .collect()
}
