//! A disk whose calls fail: a file system that was mounted again read-only, I/O errors while writing, and while
//! reading. Each case runs in a process of its own, whose calls of the C library fail on request
//! (`disk_errors/failing.c`).
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use common::{Node, load, record, until};
use spool::{Notice, RowId, Settings, Spool, Sync};

/// Names the file that says how calls fail.
const FAILING: &str = "FAILING";

const EIO: i32 = 5;
const EROFS: i32 = 30;
const ENOSPC: i32 = 28;

/// Runs a case of this file once more, in a process whose calls may fail. Returns whether this is that process.
fn inside(case: &str) -> bool {
    if env::var_os(FAILING).is_some() {
        return true;
    }
    let path = tempfile::tempdir().unwrap();
    let library = path.path().join("failing.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/disk_errors/failing.c");
    let compiled = Command::new(env::var("CC").as_deref().unwrap_or("cc"))
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .status();
    assert!(compiled.unwrap().success());
    let inside = Command::new(env::current_exe().unwrap())
        .args([case, "--exact", "--nocapture"])
        .env("LD_PRELOAD", &library)
        .env(FAILING, path.path().join("number"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&inside.stdout);
    assert!(
        inside.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&inside.stderr)
    );
    false
}

/// From now on calls fail with this error.
fn fail_with(error: i32) {
    let file = env::var_os(FAILING).unwrap();
    let whole = Path::new(&file).with_extension("new");
    fs::write(&whole, error.to_string()).unwrap();
    fs::rename(whole, file).unwrap();
}

fn work_again() {
    fs::remove_file(env::var_os(FAILING).unwrap()).unwrap();
}

fn append(spool: &Spool, numbers: std::ops::Range<u64>) -> Vec<RowId> {
    numbers
        .map(|number| spool.append(record(number, b"text")).unwrap())
        .collect()
}

/// Writes fail with this error while notifications come and go. It is said once, with these words; nothing is
/// lost, what was delivered meanwhile does not come back, and the order is kept.
fn writes_fail(error: i32, sync: Sync, words: &[&str]) {
    let path = tempfile::tempdir().unwrap();
    let settings = Settings {
        sync,
        ..Settings::default()
    };
    let node = Node::start(path.path(), settings);
    let spool = node.spool();
    let before = append(&spool, 0..20);
    assert_eq!(load(&spool, RowId(0), 100).unwrap().len(), 20);
    fail_with(error);
    let meanwhile = append(&spool, 20..60);
    let Notice::Fails { text } = node.notice() else {
        panic!("another notice");
    };
    assert!(words.iter().any(|words| text.contains(words)), "{text}");
    assert!(spool.totals().failing);
    // Delivered from memory, some that are on disk and some that are not.
    for id in before[..5].iter().chain(&meanwhile[..10]) {
        spool.remove(*id);
    }
    let errors = spool.totals().errors;
    until("it is tried again", || spool.totals().errors > errors);
    work_again();
    assert_eq!(node.notice(), Notice::Writes);
    let found = load(&spool, RowId(0), 100).unwrap();
    let ids: Vec<RowId> = found.iter().map(|found| found.id).collect();
    let expected = before[5..].iter().chain(&meanwhile[10..]);
    assert_eq!(ids, expected.copied().collect::<Vec<_>>());
    assert_eq!(spool.totals().waiting, 45);
    spool.close();
    drop(spool);
    // The file says the same.
    let spool = node.spool();
    assert_eq!(load(&spool, RowId(0), 100).unwrap().len(), 45);
}

#[test]
fn a_file_system_that_is_read_only_now() {
    if inside("a_file_system_that_is_read_only_now") {
        let words = ["readonly", "Read-only", "disk I/O error"];
        writes_fail(EROFS, Sync::Normal, &words);
    }
}

#[test]
fn errors_of_the_disk() {
    if inside("errors_of_the_disk") {
        writes_fail(EIO, Sync::Full, &["disk I/O error"]);
    }
}

#[test]
fn a_disk_that_is_full() {
    if inside("a_disk_that_is_full") {
        writes_fail(ENOSPC, Sync::Normal, &["disk is full", "disk I/O error"]);
    }
}

/// What cannot be read is an error, not a record that is not there nor a file that is damaged, and is read when
/// it can be.
#[test]
fn errors_while_reading() {
    if !inside("errors_while_reading") {
        return;
    }
    let path = tempfile::tempdir().unwrap();
    let node = Node::start(path.path(), Settings::default());
    let spool = node.spool();
    append(&spool, 0..20);
    assert_eq!(load(&spool, RowId(0), 100).unwrap().len(), 20);
    spool.close();
    drop(spool);
    // Nothing is in SQLite's memory yet.
    let spool = node.spool();
    fail_with(-EIO);
    let mut unreadable = false;
    for number in 20..40 {
        spool.append(record(number, b"text")).unwrap();
        unreadable |= load(&spool, RowId(0), 100).is_err();
    }
    work_again();
    until("all can be read", || {
        load(&spool, RowId(0), 100).is_ok_and(|found| found.len() == 40)
    });
    assert!(unreadable);
    assert!(matches!(node.notice(), Notice::Fails { .. }));
    // It was not taken for damage: nothing was set aside.
    assert_eq!(node.notice(), Notice::Writes);
}

/// A disk that cannot be read when the node starts.
#[test]
fn errors_at_the_start() {
    if !inside("errors_at_the_start") {
        return;
    }
    let path = tempfile::tempdir().unwrap();
    let node = Node::start(path.path(), Settings::default());
    let spool = node.spool();
    append(&spool, 0..20);
    spool.close();
    drop(spool);
    fail_with(-EIO);
    for _ in 0..3 {
        let refused = node.directory.open("global/http_pool", |_| {});
        assert!(refused.is_err(), "{refused:?}");
    }
    work_again();
    let spool = node.spool();
    assert_eq!(load(&spool, RowId(0), 100).unwrap().len(), 20);
}
