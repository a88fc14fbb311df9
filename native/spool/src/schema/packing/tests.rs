//! Files of version 1, as earlier releases have left them.
#![allow(clippy::unwrap_used)]

mod faults;
mod random;

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use notification::Direction;
use rusqlite::Connection;

use crate::admin::{Admin, Selection};
use crate::damage;
use crate::directory::Directory;
use crate::notice::Notice;
use crate::record::{DeadLetter, DeathReason, History, Kind, Loaded, Record, RowId};
use crate::schema::{STEPS, apply, version};
use crate::settings::Settings;
use crate::store::Store;

fn record(number: i64) -> Record {
    Record {
        host_type: format!("host{}", number % 2).into(),
        handler: "http_pool /n".into(),
        lane: Bytes::from_static(b"alice\0localhost"),
        message_id: format!("msg_{number}").into(),
        created: 1_000 + number,
        direction: Direction::In,
        sender: Bytes::from_static(b"alice"),
        server: Bytes::from_static(b"localhost"),
        receiver: Bytes::from_static(b"bob"),
        kind: Kind::Form,
        text: Bytes::from_static(b"hello"),
        extra: Bytes::new(),
    }
}

fn waiting(number: i64, record: Record, history: History) -> Loaded {
    Loaded {
        id: RowId(number),
        size: record.size(),
        record,
        history,
    }
}

fn history() -> History {
    History {
        attempts: 3,
        first: Some(5),
        last: Some(9),
        status: Some(503),
        error: "bad_status".to_owned(),
        answer: "try later".to_owned(),
    }
}

fn letter(loaded: Loaded, ended: i64) -> DeadLetter {
    DeadLetter {
        loaded,
        reason: DeathReason("gave_up".to_owned()),
        ended,
    }
}

/// A row as version 1 had it, in `table`; its columns end with these values.
fn insert(connection: &Connection, table: &str, loaded: &Loaded, more: &str) {
    let Loaded {
        id,
        record,
        history,
        ..
    } = loaded;
    let host_type = &*record.host_type;
    connection
        .execute(
            "INSERT INTO handler (host_type, handler) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            (host_type, &*record.handler),
        )
        .unwrap();
    let direction = match record.direction {
        Direction::In => "in",
        Direction::Out => "out",
    };
    let sql = format!(
        "INSERT INTO {table} VALUES (?1, (SELECT id FROM handler WHERE host_type = ?2), 300, ?3, ?4, ?5, ?6, ?7, ?8, ?9, \
         ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18{more})"
    );
    connection
        .execute(
            &sql,
            rusqlite::params![
                id.0,
                host_type,
                &*record.lane,
                &*record.message_id,
                record.created,
                direction,
                &*record.sender,
                &*record.server,
                &*record.receiver,
                record.kind.number(),
                &*record.text,
                &*record.extra,
                history.attempts,
                history.first,
                history.last,
                history.status,
                history.error,
                history.answer,
            ],
        )
        .unwrap();
}

/// A file of version 1 with these.
fn file_of_version_1(path: &Path, waiting: &[Loaded], dead: &[DeadLetter]) -> PathBuf {
    let file = path.join(crate::file_name::of_pool("http_pool"));
    let mut connection = Connection::open(&file).unwrap();
    apply(&mut connection, &STEPS[..1]).unwrap();
    let transaction = connection.transaction().unwrap();
    for loaded in waiting {
        insert(&transaction, "notification", loaded, "");
    }
    for letter in dead {
        let more = format!(", '{}', {}, 0", letter.reason.0, letter.ended);
        insert(&transaction, "dead_letter", &letter.loaded, &more);
    }
    let totals = format!(
        "INSERT INTO pool VALUES ('http_pool', 5000, {}, {}, {}, {})",
        waiting.len(),
        300 * waiting.len(),
        dead.len(),
        300 * dead.len(),
    );
    transaction.execute(&totals, []).unwrap();
    transaction.commit().unwrap();
    file
}

/// Opens the file with this release, and looks whether it has exactly these.
fn has(file: &Path, waiting: &[Loaded], dead: &[DeadLetter]) {
    let store = Store::open(file, "http_pool", Settings::default(), &|_| ()).unwrap();
    assert_eq!(store.load(RowId(0), 10_000, u64::MAX).unwrap(), waiting);
    let (totals, next) = store.totals().unwrap();
    let bytes = |loaded: &mut dyn Iterator<Item = &Loaded>| loaded.map(|one| one.size).sum::<u64>();
    assert_eq!(totals.waiting, waiting.len() as u64);
    assert_eq!(totals.waiting_bytes, bytes(&mut waiting.iter()));
    assert_eq!(totals.dead, dead.len() as u64);
    let letters = &mut dead.iter().map(|letter| &letter.loaded);
    assert_eq!(totals.dead_bytes, bytes(letters));
    assert_eq!(totals.oldest, waiting.first().map(|one| one.record.created));
    assert_eq!(next, RowId(5000));
    let admin = Admin::open(file).unwrap();
    let found = admin
        .dead_letters(&Selection::All, RowId(0), 10_000)
        .unwrap();
    assert_eq!(found, dead);
    let connection = Connection::open(file).unwrap();
    assert_eq!(version(&connection).unwrap(), 2);
    let ask = |sql: &str| {
        connection
            .query_row(sql, [], |row| row.get::<_, String>(0))
            .unwrap()
    };
    assert_eq!(ask("PRAGMA integrity_check(1)"), "ok");
    let names = "SELECT group_concat(name, ' ') FROM (SELECT name FROM sqlite_schema \
                 WHERE name NOT LIKE 'sqlite%' ORDER BY name)";
    assert_eq!(
        ask(names),
        "dead_letter dead_letter_by_age dead_letter_by_reason dead_letter_by_retry handler notification pool"
    );
}

/// With and without attempts, empty and large, with gaps.
fn some() -> (Vec<Loaded>, Vec<DeadLetter>) {
    let large = Record {
        direction: Direction::Out,
        kind: Kind::Event,
        text: vec![b'x'; 3 << 20].into(),
        extra: vec![0xff; 70_000].into(),
        ..record(8)
    };
    let empty = Record {
        lane: Bytes::new(),
        message_id: "".into(),
        sender: Bytes::new(),
        server: Bytes::new(),
        receiver: Bytes::new(),
        kind: Kind::Custom,
        text: Bytes::new(),
        ..record(9)
    };
    let timed_out = History {
        status: None,
        answer: String::new(),
        ..history()
    };
    let waits = vec![
        waiting(3, record(3), History::default()),
        waiting(4, record(4), history()),
        waiting(8, large.clone(), timed_out),
        waiting(9, empty.clone(), History::default()),
    ];
    let dead = vec![
        letter(waiting(1, record(1), history()), i64::MAX),
        letter(waiting(2, large, History::default()), i64::MAX - 1),
        letter(waiting(7, empty, history()), i64::MAX),
    ];
    (waits, dead)
}

#[test]
fn what_a_file_of_version_1_holds_stays_as_it_is() {
    let path = tempfile::tempdir().unwrap();
    let (waits, dead) = some();
    let file = file_of_version_1(path.path(), &waits, &dead);
    has(&file, &waits, &dead);
    // And at the next start.
    has(&file, &waits, &dead);
}

#[test]
fn an_update_says_when_it_begins_and_when_it_is_done() {
    let directory = tempfile::tempdir().unwrap();
    let (waiting, dead) = some();
    let file = file_of_version_1(directory.path(), &waiting, &dead);
    let told = RefCell::new(Vec::new());
    let tell = |notice| told.borrow_mut().push(notice);
    for _ in 0..2 {
        damage::open(&file, "http_pool", Settings::default(), &tell).unwrap();
    }
    let told = told.into_inner();
    // The second time there is nothing to do.
    let [
        Notice::Updates { path, bytes },
        Notice::Updated { path: done, .. },
    ] = &told[..]
    else {
        panic!("{told:?}");
    };
    assert_eq!([path, done], [&file; 2]);
    assert!(*bytes > 0);
}

#[test]
fn an_empty_file_of_version_1_is_one_of_version_2() {
    let path = tempfile::tempdir().unwrap();
    let file = file_of_version_1(path.path(), &[], &[]);
    has(&file, &[], &[]);
}

/// An operator looks into the file before the node of this release has been started.
#[test]
fn the_program_reads_a_file_of_version_1_and_leaves_it_as_it_is() {
    let path = tempfile::tempdir().unwrap();
    let (waits, dead) = some();
    let file = file_of_version_1(path.path(), &waits, &dead);
    let mut admin = Admin::open(&file).unwrap();
    let without_size = |mut loaded: Loaded| {
        loaded.size = 300;
        loaded
    };
    let found = admin.records(RowId(0), 100).unwrap();
    assert_eq!(
        found,
        waits.iter().cloned().map(without_size).collect::<Vec<_>>()
    );
    let found = admin.dead_letter(RowId(7)).unwrap().unwrap();
    assert_eq!(found.loaded, without_size(dead[2].loaded.clone()));
    assert_eq!(admin.status().unwrap().waiting, 4);
    assert_eq!(admin.retry(&Selection::One(RowId(7)), |_| ()).unwrap(), 1);
    assert_eq!(admin.purge(&Selection::One(RowId(2)), 10).unwrap(), 1);
    assert_eq!(version(&Connection::open(&file).unwrap()).unwrap(), 1);
    // Without a node it brings dead letters back itself, and the file is one of this release from then on.
    let directory = Directory::take(path.path(), "http-pusher", Settings::default()).unwrap();
    assert_eq!(admin.bring_back(&directory, |_| ()).unwrap(), 1);
    let back = admin.record(RowId(5000)).unwrap().unwrap();
    assert_eq!(back.record.text, dead[2].loaded.record.text);
    assert_eq!(back.history, History::default());
    assert_eq!(version(&Connection::open(&file).unwrap()).unwrap(), 2);
    let totals = Store::open(&file, "http_pool", Settings::default(), &|_| ()).unwrap();
    let (totals, _) = totals.totals().unwrap();
    assert_eq!((totals.waiting, totals.dead), (5, 1));
}
