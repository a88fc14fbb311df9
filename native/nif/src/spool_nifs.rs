//! Spools: what handlers that deliver at least once have on disk.

use engine::spools::PoolSpool;
use rustler::{Atom, Env, NifMap, Term};

use crate::held::held;
use crate::watch_nifs::or_undefined;
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
struct SpoolInfo<'a> {
    pool: String,
    /// Whether its file is open.
    open: bool,
    /// Whether the disk fails now.
    failing: bool,
    /// Why it fails.
    why: Term<'a>,
    waiting: u64,
    waiting_bytes: u64,
    max_bytes: u64,
    /// Milliseconds since the oldest was handed over.
    oldest: Term<'a>,
    on_disk_alone: u64,
    dead_letters: u64,
    dead_letter_bytes: u64,
    /// By reason; some seconds behind `dead_letters`.
    reasons: Vec<(String, u64)>,
    commits: u64,
    errors: u64,
    /// Microseconds of the longest commit of the last minute.
    slowest_commit: u64,
}

impl<'a> SpoolInfo<'a> {
    fn of(env: Env<'a>, spool: &PoolSpool, now: i64) -> Self {
        let held = spool.held();
        let open = held.is_some();
        let totals = held.as_ref().map(|held| held.totals).unwrap_or_default();
        let reasons = held.as_ref().map(|held| held.reasons.to_vec());
        let why = spool.why_failing();
        Self {
            pool: spool.name().to_owned(),
            open,
            // A file that is still being opened is no trouble.
            failing: totals.failing || !open && why.is_some(),
            why: or_undefined(env, why),
            waiting: totals.waiting,
            waiting_bytes: totals.waiting_bytes,
            max_bytes: held.map_or(0, |held| held.max_bytes),
            // The clock may have been set back.
            oldest: or_undefined(
                env,
                totals
                    .oldest
                    .map(|created| u64::try_from(now - created).unwrap_or_default()),
            ),
            on_disk_alone: spool.on_disk_alone(),
            dead_letters: totals.dead,
            dead_letter_bytes: totals.dead_bytes,
            reasons: reasons.unwrap_or_default(),
            commits: totals.commits,
            errors: totals.errors,
            slowest_commit: u64::try_from(totals.slowest_commit.as_micros()).unwrap_or(u64::MAX),
        }
    }
}

/// Every spool that is open, or cannot be opened.
#[rustler::nif]
fn spools(env: Env<'_>) -> Vec<SpoolInfo<'_>> {
    let _held = held!("spools");
    let now = spool::now_ms();
    let spools = ENGINE.spools();
    spools
        .iter()
        .map(|spool| SpoolInfo::of(env, spool, now))
        .collect()
}
