//! Files of version 1 that are damaged, or for which the disk has no room.

use std::fs::File;
use std::sync::mpsc;

use rusqlite::Connection;

use super::{file_of_version_1, has, some};
use crate::damage;
use crate::error::OpenError;
use crate::notice::Notice;
use crate::record::RowId;
use crate::schema::version;
use crate::settings::Settings;
use crate::store::{Store, family};

/// As every damage: what can be read is taken over, and the file is set aside as it was.
#[test]
fn a_damaged_row_of_version_1_costs_itself_alone() {
    for damage in [
        "direction = 'sideways'",
        "kind = 7",
        "kind = 300",
        "message_id = x'ff'",
        "attempts = 5000000000",
        "status = 70000",
        "error = CAST(x'ff' AS TEXT)",
        "handler = 99",
    ] {
        let path = tempfile::tempdir().unwrap();
        let (waits, dead) = some();
        let file = file_of_version_1(path.path(), &waits, &dead);
        let connection = Connection::open(&file).unwrap();
        connection
            .pragma_update(None, "foreign_keys", false)
            .unwrap();
        let sql = format!("UPDATE notification SET {damage} WHERE id = 8");
        connection.execute(&sql, []).unwrap();
        drop(connection);
        let (tell, notices) = mpsc::channel();
        let tell = |notice| tell.send(notice).unwrap();
        let store = damage::open(&file, "http_pool", Settings::default(), &tell).unwrap();
        // The update began before the damage was met.
        let Ok(Notice::Updates { .. }) = notices.try_recv() else {
            panic!("no update");
        };
        let Ok(Notice::SetAside {
            path: aside,
            saved,
            dead: saved_dead,
        }) = notices.try_recv()
        else {
            panic!("another notice");
        };
        assert_eq!((saved, saved_dead), (3, 3));
        let left: Vec<_> = waits
            .iter()
            .filter(|one| one.id != RowId(8))
            .cloned()
            .collect();
        assert_eq!(store.load(RowId(0), 100, u64::MAX).unwrap(), left);
        let connection = Connection::open(&aside).unwrap();
        assert_eq!(version(&connection).unwrap(), 1);
    }
}

#[test]
fn a_file_of_version_1_without_an_index_is_one_of_version_2() {
    let path = tempfile::tempdir().unwrap();
    let (waits, dead) = some();
    let file = file_of_version_1(path.path(), &waits, &dead);
    let connection = Connection::open(&file).unwrap();
    connection
        .execute_batch("DROP INDEX dead_letter_by_age")
        .unwrap();
    drop(connection);
    has(&file, &waits, &dead);
}

/// A file that is larger than it is: no disk has room for what it would take.
#[test]
fn a_file_of_version_1_waits_for_room() {
    let path = tempfile::tempdir().unwrap();
    let (waits, dead) = some();
    let file = file_of_version_1(path.path(), &waits, &dead);
    let size = file.metadata().unwrap().len();
    let set_size = |size| {
        let file = File::options().write(true).open(&file).unwrap();
        file.set_len(size).unwrap();
    };
    set_size(1 << 42);
    let opened = Store::open(&file, "http_pool", Settings::default(), &|_| ());
    let Err(OpenError::NoRoom {
        found: 1,
        known: 2,
        needed,
        ..
    }) = opened
    else {
        panic!("{opened:?}");
    };
    assert_eq!(needed, 5 << 41);
    set_size(size);
    // Or its log: what a killed node has left.
    let log = File::create(&family(&file)[1]).unwrap();
    log.set_len(1 << 42).unwrap();
    let opened = Store::open(&file, "http_pool", Settings::default(), &|_| ());
    assert!(matches!(opened, Err(OpenError::NoRoom { needed, .. }) if needed > 5 << 41));
    log.set_len(0).unwrap();
    let connection = Connection::open(&file).unwrap();
    assert_eq!(version(&connection).unwrap(), 1);
    drop(connection);
    has(&file, &waits, &dead);
}

/// What the update has written to the log does not stay there.
#[test]
fn the_log_is_empty_after_the_update() {
    let path = tempfile::tempdir().unwrap();
    let (waits, dead) = some();
    let file = file_of_version_1(path.path(), &waits, &dead);
    let store = Store::open(&file, "http_pool", Settings::default(), &|_| ()).unwrap();
    let log = &family(&file)[1];
    assert_eq!(log.metadata().unwrap().len(), 0);
    drop(store);
}
