//! A node that is killed while it replaces a damaged file.
#![allow(clippy::unwrap_used)]

use std::cell::RefCell;

use super::*;
use crate::directory::Directory;
use crate::record::RowId;

fn begin(file: &Path, records: i64) {
    let mut store = Store::open(file, "http_pool", Settings::default(), &|_| ()).unwrap();
    store.write(&[], RowId(records)).unwrap();
}

/// Opens the file. Returns it with what is said of it.
fn opened(file: &Path) -> (Store, Vec<Notice>) {
    let said = RefCell::new(Vec::new());
    let tell = |notice| said.borrow_mut().push(notice);
    let store = open(file, "http_pool", Settings::default(), &tell).unwrap();
    (store, said.into_inner())
}

fn next(file: &Path) -> RowId {
    let (store, said) = opened(file);
    assert!(said.is_empty(), "{said:?}");
    store.totals().unwrap().1
}

/// A node is killed between the two renames, or before them.
#[test]
fn what_a_killed_node_has_begun_is_finished_or_done_again() {
    let path = tempfile::tempdir().unwrap();
    let file = path.path().join("pool.sqlite3");
    begin(&new_file(&file), 7);
    assert_eq!(next(&file), RowId(7));
    assert!(!new_file(&file).exists());
    // Here the damaged file is still in its place; the new one may have a part of its records.
    begin(&new_file(&file), 9);
    assert_eq!(next(&file), RowId(7));
    assert!(!new_file(&file).exists());
    begin(&new_file(&file), 9);
    fs::write(&file, b"this is no database, by any means at all").unwrap();
    let (store, said) = opened(&file);
    assert_ne!(
        store.totals().unwrap().1,
        RowId(9),
        "nothing of the part is there"
    );
    let [
        Notice::SetAside {
            saved: 0, dead: 0, ..
        },
    ] = said[..]
    else {
        panic!("{said:?}");
    };
    assert!(!new_file(&file).exists());
}

/// A node is killed when the damaged file is set aside, and the new one has not taken its place. The next one says so.
#[test]
fn what_was_taken_over_before_a_node_was_killed_is_said_after_its_start() {
    let path = tempfile::tempdir().unwrap();
    let file = path.path().join("pool.sqlite3");
    begin(&new_file(&file), 7);
    let aside = new_aside(&file);
    fs::write(&aside, b"damaged").unwrap();
    // An older one, of another pool's file, and a log.
    fs::write(with_ending(&file, ".damaged-17"), b"older").unwrap();
    fs::write(with_ending(&aside, "-wal"), b"its log").unwrap();
    let other = path.path().join("pool2.sqlite3.damaged-9999999999999");
    fs::write(other, b"another").unwrap();
    let (store, said) = opened(&file);
    assert_eq!(store.totals().unwrap().1, RowId(7));
    let expected = Notice::SetAside {
        path: aside,
        saved: 0,
        dead: 0,
    };
    assert_eq!(said, [expected]);
    assert!(opened(&file).1.is_empty());
}

/// A node is killed when the damaged file is set aside, and its log is not.
#[test]
fn the_log_of_a_damaged_file_is_not_taken_for_that_of_the_new_one() {
    let path = tempfile::tempdir().unwrap();
    let file = path.path().join("pool.sqlite3");
    let [_, log, _] = store::family(&file);
    let kept = path.path().join("kept");
    {
        let mut store = Store::open(&file, "http_pool", Settings::default(), &|_| ()).unwrap();
        store.write(&[], RowId(3)).unwrap();
        fs::copy(&log, &kept).unwrap();
    }
    fs::remove_file(&file).unwrap();
    fs::rename(&kept, &log).unwrap();
    begin(&new_file(&file), 7);
    assert_eq!(next(&file), RowId(7));
    let mut names = fs::read_dir(path.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(names.any(|name| name.contains(".damaged-") && name.ends_with("-wal")));
}

#[test]
fn a_new_file_whose_renaming_was_cut_short_is_found() {
    let path = tempfile::tempdir().unwrap();
    let file = path.path().join(crate::file_name::of_pool("http_pool"));
    begin(&new_file(&file), 7);
    assert!(Directory::has_file(path.path(), "http_pool"));
    {
        // A node that has the directory does it by itself.
        let settings = Settings::default();
        let _node = Directory::take(path.path(), "one@localhost", settings).unwrap();
        assert!(Directory::files(path.path()).unwrap().is_empty());
    }
    for _ in 0..2 {
        let files = Directory::files(path.path()).unwrap();
        assert_eq!(files, std::slice::from_ref(&file));
    }
    assert!(!new_file(&file).exists());
    assert_eq!(next(&file), RowId(7));
}
