//! A disk whose calls fail: a file system that was mounted again read-only, I/O errors while writing, and while
//! reading, and directories that cannot be synced. Each case runs in a process of its own, whose calls of the C library fail on request
//! (`disk_errors/failing.c`).
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;
use std::{env, fs};

use common::{Node, load, preloaded, record, size, until};
use spool::{Directory, Notice, RowId, Settings, Spool, Sync};

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
    let number = path.path().join("number").into_os_string();
    preloaded(case, "tests/disk_errors/failing.c", &[(FAILING, number)]);
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
        // The places are given out from one on.
        spool.remove(*id, size(id.0.cast_unsigned() - 1, b"text"));
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

/// From now on so many directories can be synced, and no more.
fn sync_directories(most: Option<usize>) {
    let file = format!("{}.directories", env::var(FAILING).unwrap());
    match most {
        Some(most) => fs::write(file, most.to_string()).unwrap(),
        None => fs::remove_file(file).unwrap(),
    }
}

/// A spool of which a page cannot be read.
fn leave_damaged(path: &Path) {
    let node = Node::start(path, Settings::default());
    let spool = node.spool();
    append(&spool, 0..400);
    spool.close();
    let file = Directory::files(path).unwrap().remove(0);
    let mut bytes = fs::read(&file).unwrap();
    // 13: a page of rows.
    let holds_it =
        |page: &&mut [u8]| page[0] == 13 && page.windows(7).any(|part| part == b"msg_100");
    let page = bytes.chunks_mut(8192).find(holds_it).unwrap();
    page.fill(0xa5);
    fs::write(&file, bytes).unwrap();
}

const FILE: &str = "global%2Fhttp_pool.sqlite3";

/// What the files are asked for meanwhile, a line each.
fn traced(meanwhile: impl FnOnce()) -> String {
    let trace = format!("{}.trace", env::var(FAILING).unwrap());
    fs::write(&trace, "").unwrap();
    meanwhile();
    fs::read_to_string(&trace).unwrap()
}

/// With `Sync::Full` what was written is on the disk, and not in the system's memory alone.
#[test]
fn each_commit_is_synced_if_asked_for() {
    if !inside("each_commit_is_synced_if_asked_for") {
        return;
    }
    for (sync, expected) in [(Sync::Full, true), (Sync::Normal, false)] {
        let path = tempfile::tempdir().unwrap();
        let settings = Settings {
            sync,
            ..Settings::default()
        };
        let node = Node::start(path.path(), settings);
        let spool = node.spool();
        append(&spool, 0..1);
        load(&spool, RowId(0), 1).unwrap();
        let trace = traced(|| {
            append(&spool, 1..2);
            load(&spool, RowId(0), 1).unwrap();
        });
        let log = format!("{FILE}-wal");
        let lines: Vec<_> = trace.lines().collect();
        let written = lines
            .iter()
            .rposition(|line| *line == format!("write {log}"));
        let synced = lines
            .iter()
            .rposition(|line| *line == format!("flush {log}"));
        assert!(written.is_some(), "{trace}");
        assert_eq!(synced > written, expected, "{sync:?}: {trace}");
    }
}

/// What is renamed while the file is opened, and when directories are synced and files written, in turn.
fn renamed(node: &Node) -> Vec<String> {
    let mut steps: Vec<_> = traced(|| assert_eq!(node.spool().close(), 0))
        .lines()
        .filter(|line| !line.starts_with("flush "))
        .map(|line| match line.split_once(' ').unwrap() {
            ("rename", from) => format!("rename {}", from.strip_prefix(FILE).unwrap()),
            ("write", to) if to.contains(".new") => "write .new".to_owned(),
            (what, _) => what.to_owned(),
        })
        .collect();
    steps.dedup();
    steps
}

/// What a file system keeps of a directory after a loss of power may be all up to its last sync, and anything of what
/// came later. So each renaming is behind a sync of what it depends on, and before one of what depends on it.
#[test]
fn renaming_a_damaged_file_is_synced_step_by_step() {
    if !inside("renaming_a_damaged_file_is_synced_step_by_step") {
        return;
    }
    let path = tempfile::tempdir().unwrap();
    leave_damaged(path.path());
    let node = Node::start(path.path(), Settings::default());
    let steps = renamed(&node);
    assert!(matches!(node.notice(), Notice::SetAside { .. }));
    let expected = [
        "write .new",
        "sync",
        "rename ",
        "sync",
        "rename .new",
        "sync",
    ];
    let begin = steps.iter().rposition(|step| step == "write .new").unwrap();
    assert_eq!(steps[begin..][..expected.len()], expected, "{steps:?}");
    // The node was killed before it set the log aside too.
    let file = path.path().join(FILE);
    fs::rename(&file, path.path().join(format!("{FILE}.new"))).unwrap();
    fs::write(file.with_extension("sqlite3-wal"), b"its log").unwrap();
    let steps = renamed(&node);
    let expected = ["rename -wal", "sync", "rename .new", "sync"];
    assert_eq!(steps[..expected.len()], expected, "{steps:?}");
}

/// Whichever sync fails, nothing is lost, and that a file was damaged is said once.
#[test]
fn directories_that_cannot_be_synced_while_a_damaged_file_is_replaced() {
    if !inside("directories_that_cannot_be_synced_while_a_damaged_file_is_replaced") {
        return;
    }
    let mut refused = 0;
    for most in 0.. {
        assert!(most < 20);
        let path = tempfile::tempdir().unwrap();
        leave_damaged(path.path());
        let node = Node::start(path.path(), Settings::default());
        sync_directories(Some(most));
        let first = node.try_spool();
        sync_directories(None);
        let is_opened = first.is_ok();
        match first {
            // Until its thread has ended, the file is its own.
            Ok(first) => assert_eq!(first.close(), 0),
            Err(error) => {
                assert!(error.to_string().contains("os error 5"), "{error}");
                refused += 1;
            }
        }
        let spool = node.spool();
        let said = node.notices();
        let [
            Notice::SetAside {
                path: aside,
                saved,
                dead: 0,
            },
        ] = &said[..]
        else {
            panic!("{most}: {said:?}");
        };
        assert!(aside.exists(), "{aside:?}");
        assert!((200..400).contains(saved), "{saved}");
        assert_eq!(load(&spool, RowId(0), 400).unwrap().len() as u64, *saved);
        if is_opened {
            break;
        }
    }
    // For the new file, for the one that was set aside, and for the new one in its place.
    assert!(refused >= 3, "{refused}");
}

/// With `Sync::Full` a commit is on the disk only if the file's name is.
#[test]
fn directories_that_cannot_be_synced_when_a_file_is_made() {
    if !inside("directories_that_cannot_be_synced_when_a_file_is_made") {
        return;
    }
    let full = Settings {
        sync: Sync::Full,
        ..Settings::default()
    };
    let path = tempfile::tempdir().unwrap();
    let path = path.path().join("database/spool");
    sync_directories(Some(0));
    for _ in 0..2 {
        let refused = Directory::take(&path, "one@localhost", full);
        assert!(refused.is_err(), "{refused:?}");
    }
    sync_directories(None);
    let node = Node::start(&path, full);
    sync_directories(Some(0));
    for _ in 0..2 {
        assert!(node.try_spool().is_err());
    }
    sync_directories(None);
    let spool = node.spool();
    append(&spool, 0..3);
    spool.close();
    drop(node);
    // Without it, the file may be gone after a loss of power, as all that was written in the last seconds.
    sync_directories(Some(0));
    let node = Node::start(&path, Settings::default());
    assert_eq!(load(&node.spool(), RowId(0), 100).unwrap().len(), 3);
    sync_directories(None);
}
