//! A file that takes long to open, because it is updated or another program has it, keeps no other pool waiting.

use rusqlite::Connection;

use super::*;

const SLOW: &str = "slow";
const OTHER: &str = "other";

/// Whether the file of the other pool is open before that of the slow one, which `lock` has and whose opening has begun
/// before.
fn overtakes(settings: &SpoolSettings, lock: &Connection) -> bool {
    let spools = Spools::new(Some(settings.clone()), Handlers::default(), Arc::default());
    lock.execute_batch("BEGIN IMMEDIATE").unwrap();
    let overtakes = thread::scope(|scope| {
        let slow = scope.spawn(|| spools.open(settings, SLOW));
        while spools.of(SLOW).is_none() {
            thread::yield_now();
        }
        assert!(spools.open(settings, OTHER));
        let overtakes = !slow.is_finished();
        lock.execute_batch("ROLLBACK").unwrap();
        overtakes
    });
    spools.close();
    overtakes
}

#[test]
fn a_file_that_takes_long_to_open_keeps_no_other_waiting() {
    let path = tempfile::tempdir().unwrap();
    let settings = settings(path.path());
    let spools = Spools::new(Some(settings.clone()), Handlers::default(), Arc::default());
    assert!(spools.open(&settings, SLOW) && spools.open(&settings, OTHER));
    spools.close();
    let lock = Connection::open(path.path().join("slow.sqlite3")).unwrap();
    // The slow one is given up after five seconds, in which a machine may not get to open the other.
    assert!((0..10).any(|_| overtakes(&settings, &lock)));
}
