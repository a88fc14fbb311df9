//! A disk that is full, and has room again later. The test runs itself once more under a limit on the size
//! of files, whose errors reach `SQLite` as those of a full disk do.
#![allow(clippy::unwrap_used)]

mod common;

use std::env;
use std::process::Command;
use std::thread;
use std::time::Duration;

use common::{Node, load, record};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use spool::{Notice, RowId, Settings};

const INSIDE: &str = "SPOOL_TEST_UNDER_A_LIMIT";

#[test]
fn a_full_disk_costs_nothing_and_is_written_to_when_it_has_room() {
    if env::var_os(INSIDE).is_some() {
        return under_the_limit();
    }
    let script = "trap '' XFSZ; ulimit -S -f 600; exec \"$0\" --nocapture";
    let program = env::current_exe().unwrap();
    let inside = Command::new("sh")
        .args(["-c", script])
        .arg(program)
        .env(INSIDE, "yes")
        .output()
        .unwrap();
    assert!(
        inside.status.success(),
        "{}{}",
        String::from_utf8_lossy(&inside.stdout),
        String::from_utf8_lossy(&inside.stderr)
    );
}

fn under_the_limit() {
    let path = tempfile::tempdir().unwrap();
    let node = Node::start(path.path(), Settings::default());
    let spool = node.spool();
    // 300 KiB are allowed.
    for n in 0..400 {
        spool.append(record(n, &[b'z'; 1000])).unwrap();
        if n % 50 == 0 {
            let _ = load(&spool, RowId(0), 1);
        }
    }
    let Notice::Fails { text } = node.notice() else {
        panic!("another notice");
    };
    assert!(text.contains(".sqlite3"), "{text}");
    assert!(spool.totals().failing);
    assert!(spool.totals().errors >= 1);
    // Room.
    let (_, hard) = getrlimit(Resource::RLIMIT_FSIZE).unwrap();
    setrlimit(Resource::RLIMIT_FSIZE, hard, hard).unwrap();
    assert_eq!(node.notice(), Notice::Writes);
    while spool.totals().failing {
        thread::sleep(Duration::from_millis(1));
    }
    let found = load(&spool, RowId(0), 1000).unwrap();
    assert_eq!(found.len(), 400);
    assert!(found.windows(2).all(|two| two[0].id < two[1].id));
}
