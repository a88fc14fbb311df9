//! A disk that is full, and has room again later. The test runs itself once more under a limit on the size
//! of files, whose errors reach `SQLite` as those of a full disk do.
#![allow(clippy::unwrap_used)]

mod common;

use std::process::Command;
use std::thread;
use std::time::Duration;
use std::{env, fs};

use common::{Node, load, passes, record, until};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use spool::{Directory, Notice, RowId, Settings};

const INSIDE: &str = "SPOOL_TEST_UNDER_A_LIMIT";

/// 300 KiB.
const LIMIT: u64 = 600 * 512;

/// Runs a case of this file once more, in a process of its own. Returns whether this is that process: a larger file is
/// an error to it, and no signal.
fn inside(case: &str) -> bool {
    if env::var_os(INSIDE).is_some() {
        return true;
    }
    let script = "trap '' XFSZ; exec \"$0\" \"$1\" --exact --nocapture";
    let program = env::current_exe().unwrap();
    passes(
        Command::new("sh")
            .args(["-c", script])
            .arg(program)
            .arg(case)
            .env(INSIDE, "yes"),
    );
    false
}

fn limit(bytes: Option<u64>) {
    let (_, hard) = getrlimit(Resource::RLIMIT_FSIZE).unwrap();
    setrlimit(Resource::RLIMIT_FSIZE, bytes.unwrap_or(hard), hard).unwrap();
}

/// The disk has no room for what is taken over from a damaged file. When it has, everything is.
#[test]
fn what_can_be_read_of_a_damaged_file_waits_for_room() {
    if !inside("what_can_be_read_of_a_damaged_file_waits_for_room") {
        return;
    }
    let path = tempfile::tempdir().unwrap();
    let node = Node::start(path.path(), Settings::default());
    let spool = node.spool();
    for n in 0..2000 {
        spool.append(record(n, &[b'x'; 300])).unwrap();
    }
    spool.close();
    drop(spool);
    let file = Directory::files(path.path()).unwrap().remove(0);
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2 / 8192 * 8192;
    bytes[middle..middle + 3 * 8192].fill(0xa5);
    fs::write(&file, bytes).unwrap();
    let spool = node.spool();
    limit(Some(LIMIT));
    // The damage is found in the middle.
    let mut after = RowId(0);
    while let Ok(found) = load(&spool, after, 100) {
        after = found.last().expect("there are more").id;
    }
    let Notice::Fails { .. } = node.notice() else {
        panic!("another notice");
    };
    let errors = spool.totals().errors;
    // Meanwhile one comes.
    let late = spool.append(record(2000, b"meanwhile")).unwrap();
    until("it is tried again and again", || {
        let _ = load(&spool, RowId(0), 5000);
        spool.totals().errors >= errors + 2
    });
    limit(None);
    until("they are there", || {
        load(&spool, RowId(0), 5000).is_ok_and(|found| found.len() >= 1900)
    });
    // What failed meanwhile was said once, and nothing was said to work before it did.
    let saved = match node.notice() {
        Notice::SetAside { saved, .. } => saved,
        other => panic!("{other:?}"),
    };
    assert_eq!(node.notice(), Notice::Writes);
    // Three pages hold about 60 of the records.
    assert!((1900..=2000).contains(&saved), "{saved}");
    let found = load(&spool, RowId(0), 5000).unwrap();
    assert!(found.len() >= 1900, "{}", found.len());
    assert!(found.windows(2).all(|two| two[0].id < two[1].id));
    assert_eq!(found.last().unwrap().id, late);
    drop(spool);
    let left: Vec<_> = fs::read_dir(path.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains(".new"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_full_disk_costs_nothing_and_is_written_to_when_it_has_room() {
    if !inside("a_full_disk_costs_nothing_and_is_written_to_when_it_has_room") {
        return;
    }
    limit(Some(LIMIT));
    let path = tempfile::tempdir().unwrap();
    let node = Node::start(path.path(), Settings::default());
    let spool = node.spool();
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
    limit(None);
    assert_eq!(node.notice(), Notice::Writes);
    while spool.totals().failing {
        thread::sleep(Duration::from_millis(1));
    }
    let found = load(&spool, RowId(0), 1000).unwrap();
    assert_eq!(found.len(), 400);
    assert!(found.windows(2).all(|two| two[0].id < two[1].id));
}
