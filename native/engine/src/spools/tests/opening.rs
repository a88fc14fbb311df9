//! A file that takes long to open, because it is updated or another program has it: it keeps no other pool waiting, and
//! the log says why.

use std::path::PathBuf;

use rusqlite::Connection;
use spool::Notice;

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
        // Time to come to the lock. The verdict does not need it, but it would find more faults.
        thread::sleep(Duration::from_millis(50));
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

/// A handler that needs a file comes while a thread looks whether an earlier run has left one.
#[test]
fn a_file_that_is_needed_while_it_is_looked_for_is_made() {
    let path = tempfile::tempdir().unwrap();
    let settings = settings(path.path());
    let notices = Arc::new(Notices::default());
    let spools = Spools::new(Some(settings), Handlers::default(), Arc::clone(&notices));
    let spools = Arc::new(spools);
    let pools: Vec<_> = (0..20).map(|number| format!("pool{number}")).collect();
    for pool in &pools {
        spools.begin_to_open(pool, false, || ());
        spools.begin_to_open(pool, true, || ());
    }
    let until = Instant::now() + Duration::from_mins(5);
    for pool in &pools {
        let spool = spools.of(pool).unwrap();
        while spool.totals().is_none() {
            let told = || notices.take();
            assert!(Instant::now() < until, "{pool} is not open: {:?}", told());
            thread::sleep(Duration::from_millis(5));
        }
    }
    spools.close();
}

/// An update that fails begins once more with each try.
#[test]
fn an_update_is_said_once() {
    let notices = Arc::new(Notices::default());
    let spool = PoolSpool::new("http_pool", Arc::clone(&notices));
    let path = PathBuf::from("pool.sqlite3");
    for _ in 0..2 {
        spool.hear(&Notice::Updates {
            path: path.clone(),
            bytes: 5 << 20,
        });
    }
    spool.hear(&Notice::Updated {
        path,
        took: Duration::from_millis(1500),
    });
    let told = notices.take();
    assert!(
        told.iter()
            .all(|notice| notice.kind == NoticeKind::SpoolUpdate)
    );
    let texts: Vec<_> = told.iter().map(|notice| &*notice.text).collect();
    let [begins, done] = texts[..] else {
        panic!("{texts:?}");
    };
    assert!(
        begins.starts_with("pool.sqlite3 (5 MiB) is brought to"),
        "{begins}"
    );
    assert!(done.ends_with("after 1.5 s"), "{done}");
}
