//! A disk that fails, files that are damaged, and a machine that loses its power.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::HashSet;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use common::{LONG, Node, integrity, load, record, size, until};
use proptest::prelude::*;
use proptest::test_runner::Config;
use spool::{Directory, Full, History, Notice, OpenError, RowId, Settings, Spool};

fn file_of(path: &Path) -> std::path::PathBuf {
    Directory::files(path).unwrap().remove(0)
}

/// The bytes of a page.
const PAGE: usize = 8192;

/// Waits until everything that was appended is written.
fn written(spool: &Spool) {
    load(spool, RowId(i64::MAX - 1), 1).unwrap();
}

#[test]
fn a_file_that_is_no_database_is_set_aside() {
    let path = tempfile::tempdir().unwrap();
    let node = Node::start(path.path(), Settings::default());
    node.spool().close();
    let file = file_of(path.path());
    fs::write(&file, b"this is no database, by any means at all").unwrap();
    let spool = node.spool();
    let Notice::SetAside {
        path: aside, saved, ..
    } = node.notice()
    else {
        panic!("another notice");
    };
    assert_eq!(saved, 0);
    assert!(aside.to_string_lossy().contains(".damaged-"));
    assert_eq!(
        fs::read(&aside).unwrap(),
        b"this is no database, by any means at all"
    );
    spool.append(record(1, b"x")).unwrap();
    assert_eq!(load(&spool, RowId(0), 10).unwrap().len(), 1);
}

#[test]
fn what_can_be_read_of_a_damaged_file_is_taken_over() {
    let path = tempfile::tempdir().unwrap();
    let node = Node::start(path.path(), Settings::default());
    let spool = node.spool();
    for n in 0..2000_u64 {
        spool.append(record(n, &[b'x'; 300])).unwrap();
    }
    spool.close();
    let file = file_of(path.path());
    // A few pages in the middle, as a bad block leaves them.
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2 / PAGE * PAGE;
    bytes[middle..middle + 3 * PAGE].fill(0xa5);
    fs::write(&file, bytes).unwrap();
    let spool = node.spool();
    // The damage is not at the start, so it is noticed when the records are read.
    let mut after = RowId(0);
    let mut found = HashSet::new();
    let began = Instant::now();
    while began.elapsed() < LONG {
        match load(&spool, after, 100) {
            Ok(records) if records.is_empty() => break,
            Ok(records) => {
                after = records[records.len() - 1].id;
                found.extend(records.into_iter().map(|record| record.id));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
    let Notice::SetAside { saved, .. } = node.notice() else {
        panic!("another notice");
    };
    // Three pages hold about 60 of the records.
    assert!((1900..2000).contains(&saved), "{saved}");
    assert!(found.len() >= 1900, "{}", found.len());
}

/// Numbers are never used again, so those of an old spool are far from zero.
#[test]
fn what_is_behind_a_damaged_first_page_is_taken_over_whatever_its_numbers() {
    for first in [1_i64, 1_000_001, 5_000_000_000] {
        let path = tempfile::tempdir().unwrap();
        let node = Node::start(path.path(), Settings::default());
        node.spool().close();
        let file = file_of(path.path());
        let connection = rusqlite::Connection::open(&file).unwrap();
        connection
            .execute("UPDATE pool SET next = ?1", [first])
            .unwrap();
        drop(connection);
        let spool = node.spool();
        for n in 0..2000_u64 {
            let id = spool.append(record(n, &[b'x'; 300])).unwrap();
            assert_eq!(id, RowId(first + n.cast_signed()));
        }
        spool.close();
        let mut bytes = fs::read(&file).unwrap();
        let leaf =
            |page: &&mut [u8]| page[0] == 0x0d && page.windows(300).any(|part| part == [b'x'; 300]);
        // The first, and the one behind the next.
        let pages = bytes.chunks_exact_mut(PAGE).filter(leaf);
        for page in pages.step_by(2).take(2) {
            page.fill(0xa5);
        }
        fs::write(&file, bytes).unwrap();
        let spool = node.spool();
        let began = Instant::now();
        while load(&spool, RowId(0), 1).is_err() {
            assert!(began.elapsed() < LONG);
            std::thread::sleep(Duration::from_millis(10));
        }
        let Notice::SetAside { saved, .. } = node.notice() else {
            panic!("another notice");
        };
        // A page holds about 20 of the records.
        assert!((1950..2000).contains(&saved), "{first}: {saved}");
        assert_eq!(spool.totals().waiting, saved);
    }
}

/// The page is sound, and what a row says is not: it costs that row alone.
#[test]
fn a_record_whose_content_is_damaged_costs_itself_alone() {
    let damages = [
        "x''",
        "x'0100'",
        "x'0701'",
        "substr(content, 1, length(content) - 1)",
        "content || x'00'",
        "'text'",
    ];
    for damage in damages {
        let path = tempfile::tempdir().unwrap();
        let node = Node::start(path.path(), Settings::default());
        let spool = node.spool();
        for n in 0..20 {
            spool.append(record(n, b"<message/>")).unwrap();
        }
        let attempted = History {
            attempts: 2,
            ..History::default()
        };
        spool.postpone(RowId(9), attempted.clone());
        spool.close();
        let connection = rusqlite::Connection::open(file_of(path.path())).unwrap();
        let sql = format!("UPDATE notification SET content = {damage} WHERE id = 8");
        connection.execute(&sql, []).unwrap();
        drop(connection);
        let spool = node.spool();
        let found = load(&spool, RowId(0), 100).unwrap();
        let Notice::SetAside { saved, .. } = node.notice() else {
            panic!("another notice");
        };
        assert_eq!(saved, 19, "{damage}");
        let expected = (1..=20).filter(|id| *id != 8);
        assert!(found.iter().map(|one| one.id.0).eq(expected), "{damage}");
        assert_eq!(found[7].history, attempted);
        spool.append(record(20, b"<message/>")).unwrap();
        written(&spool);
        assert_eq!(spool.totals().waiting, 20);
    }
}

#[test]
fn a_directory_that_cannot_be_written_is_an_error_with_its_name() {
    let path = tempfile::tempdir().unwrap();
    let file = path.path().join("file");
    File::create(&file).unwrap();
    let refused = Directory::take(&file, "one@localhost", Settings::default()).unwrap_err();
    assert!(matches!(refused, OpenError::Io { .. }));
    assert!(refused.to_string().contains("file"), "{refused}");
}

#[test]
fn what_speaks_against_a_directory_is_known_before_it_is_made() {
    let path = tempfile::tempdir().unwrap();
    let spools = path.path().join("database/spools");
    assert_eq!(spool::concern(&spools), None);
    assert!(!spools.exists() && !path.path().join("database").exists());
    File::create(path.path().join("database")).unwrap();
    let concern = spool::concern(&spools).unwrap();
    assert!(concern.ends_with("database is no directory"), "{concern}");
    // Root may write whatever the mode says.
    let locked = path.path().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, Permissions::from_mode(0o555)).unwrap();
    let concern = spool::concern(&locked.join("spools"));
    let taken = Directory::take(&locked.join("spools"), "one@localhost", Settings::default());
    assert_eq!(concern.is_some(), taken.is_err(), "{concern:?}");
}

/// `SQLite` would only say that it cannot open the file.
#[test]
fn a_directory_whose_name_is_too_long_is_named() {
    let path = tempfile::tempdir().unwrap();
    let long = (0..5).fold(path.path().to_owned(), |path, _| path.join("d".repeat(90)));
    let concern = spool::concern(&long).unwrap();
    assert!(concern.contains("too long"), "{concern}");
    let node = Node::start(&long, Settings::default());
    let refused = node.try_spool().unwrap_err();
    let text = refused.to_string();
    let expected = "bytes, and SQLite takes at most 480; choose a shorter spool_dir";
    assert!(text.ends_with(expected), "{text}");
    // Just as long as allowed.
    let file = "/global%2Fhttp_pool.sqlite3".len();
    let left = 480 - file - path.path().as_os_str().len() - 1;
    let halves = [left.div_ceil(2), left / 2 - 1].map(|bytes| "d".repeat(bytes));
    let longest = path.path().join(halves.join("/"));
    assert_eq!(spool::concern(&longest), None);
    let node = Node::start(&longest, Settings::default());
    let spool = node.spool();
    spool.append(record(1, b"x")).unwrap();
    until("it is written", || spool.totals().waiting == 1);
}

#[test]
fn a_disk_that_fails_is_said_once_and_everything_is_written_when_it_works() {
    let path = tempfile::tempdir().unwrap();
    let node = Node::start(path.path(), Settings::default());
    let spool = node.spool();
    let first = spool.append(record(0, b"before")).unwrap();
    written(&spool);
    // A lock that another process holds for longer than the spool waits looks the same for any user, root
    // included: the write fails.
    let connection = rusqlite::Connection::open(file_of(path.path())).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    for n in 1..50 {
        spool.append(record(n, b"meanwhile")).unwrap();
    }
    let Notice::Fails { text } = node.notice() else {
        panic!("another notice");
    };
    assert!(text.contains("locked"), "{text}");
    assert!(spool.totals().failing);
    assert!(load(&spool, RowId(0), 10).is_err());
    // Delivered from memory.
    spool.remove(first, size(0, b"before"));
    connection.execute_batch("ROLLBACK").unwrap();
    assert_eq!(node.notice(), Notice::Writes);
    assert!(!spool.totals().failing);
    let found = load(&spool, RowId(0), 100).unwrap();
    assert_eq!(found.len(), 49);
    assert_eq!(spool.totals().waiting, 49);
}

/// Deliveries go on from memory while the disk fails; what waits for the disk there is bounded, and what was
/// delivered meanwhile makes room.
#[test]
fn what_waits_for_a_disk_that_fails_is_bounded() {
    let path = tempfile::tempdir().unwrap();
    let node = Node::start(path.path(), Settings::default());
    let spool = node.spool();
    let connection = rusqlite::Connection::open(file_of(path.path())).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    let text = vec![b'x'; 1 << 20];
    let mut taken = Vec::new();
    let refused = loop {
        match spool.append(record(0, &text)) {
            Ok(id) => taken.push(id),
            Err(refused) => break refused,
        }
    };
    assert!(matches!(refused, Full::Memory { .. }), "{refused}");
    assert!((32..=64).contains(&taken.len()), "{}", taken.len());
    for id in &taken {
        spool.remove(*id, size(0, &text));
    }
    let begin = Instant::now();
    while spool.append(record(1, &text)).is_err() {
        assert!(begin.elapsed() < LONG);
        std::thread::sleep(Duration::from_millis(20));
    }
    connection.execute_batch("ROLLBACK").unwrap();
    while node.notice() != Notice::Writes {}
    assert_eq!(load(&spool, RowId(0), 100).unwrap().len(), 1);
}

/// What a file system without power keeps of the files after a transaction: the end of the log is torn. `power_loss` has
/// the moments in between.
fn copy_with_torn_end(from: &Path, to: &Path, torn: usize) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        let mut bytes = fs::read(entry.path()).unwrap();
        if name.to_string_lossy().ends_with("-wal") {
            let keep = bytes.len().saturating_sub(torn);
            // The last page is half written.
            bytes[keep..].fill(0x5a);
        }
        if !name.to_string_lossy().ends_with("-shm") {
            fs::write(to.join(name), bytes).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(Config { cases: 24, ..Config::default() })]

    /// At any moment of a run, with any part of the log's end torn: what is left is sound, and a start of
    /// the sequence of changes.
    #[test]
    fn after_a_loss_of_power_a_start_of_the_changes_is_there(
        batches in proptest::collection::vec((1..40_usize, 0..20_usize), 1..12),
        torn in 0..6000_usize,
    ) {
        let path = tempfile::tempdir().unwrap();
        let node = Node::start(path.path(), Settings::default());
        let spool = node.spool();
        // Each state that a commit has left.
        let mut states = vec![Vec::<i64>::new()];
        let mut present = Vec::new();
        let mut number = 0;
        for (append, remove) in batches {
            for _ in 0..append {
                number += 1;
                present.push(spool.append(record(number, &[b'y'; 200])).unwrap().0);
                written(&spool);
                states.push(present.clone());
            }
            for _ in 0..remove.min(present.len()) {
                let id = present.remove(0);
                spool.remove(RowId(id), size(id.cast_unsigned(), &[b'y'; 200]));
                written(&spool);
                states.push(present.clone());
            }
        }
        let copy = tempfile::tempdir().unwrap();
        copy_with_torn_end(path.path(), copy.path(), torn);
        let after = Node::start(copy.path(), Settings::default());
        let reopened = after.spool();
        let found: Vec<i64> = load(&reopened, RowId(0), 10_000).unwrap().iter().map(|l| l.id.0).collect();
        prop_assert!(states.contains(&found), "{found:?}");
        let totals = reopened.totals();
        prop_assert_eq!(totals.waiting, found.len() as u64);
        let bytes = found.iter().map(|id| size(id.cast_unsigned(), &[b'y'; 200])).sum::<u64>();
        prop_assert_eq!(totals.waiting_bytes, bytes);
        prop_assert_eq!(integrity(&file_of(copy.path())), "ok");
    }
}
