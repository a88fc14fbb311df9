//! The totals of a file, whatever is written to it.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use bytes::Bytes;
use notification::Direction;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::Config;

use super::*;
use crate::record::{Kind, Record};

fn record(id: i64) -> Packed {
    let record = Record {
        host_type: "localhost".into(),
        handler: "http_pool /n".into(),
        lane: Bytes::from_static(b"alice"),
        message_id: format!("msg_{id}").into(),
        created: id,
        direction: Direction::In,
        sender: Bytes::from_static(b"alice"),
        server: Bytes::from_static(b"localhost"),
        receiver: Bytes::from_static(b"bob"),
        kind: Kind::Form,
        text: vec![b'x'; usize::try_from(id % 90).unwrap()].into(),
        extra: Bytes::new(),
    };
    record.into()
}

fn remove(id: i64) -> Change {
    Change::Remove(RowId(id), record(id).size())
}

fn append(id: i64) -> Change {
    Change::Append(RowId(id), record(id))
}

/// What a batch of changes does to one record.
#[derive(Clone, Copy, Debug)]
enum Step {
    Append,
    Remove,
    AppendAndRemove,
    Postpone,
    Bury,
}

fn steps() -> impl Strategy<Value = Vec<(i64, Step)>> {
    let step = prop_oneof![
        4 => Just(Step::Append),
        4 => Just(Step::Remove),
        2 => Just(Step::AppendAndRemove),
        1 => Just(Step::Postpone),
        1 => Just(Step::Bury),
    ];
    vec((1..60_i64, step), 0..40)
}

fn changes(steps: &[(i64, Step)]) -> Vec<Change> {
    let mut changes = Vec::new();
    for (id, step) in steps {
        let id = *id;
        let history = || {
            Box::new(History {
                attempts: 1,
                ..History::default()
            })
        };
        match step {
            Step::Append => changes.push(append(id)),
            Step::Remove => changes.push(remove(id)),
            Step::AppendAndRemove => changes.extend([append(id), remove(id)]),
            Step::Postpone => changes.push(Change::Postpone(RowId(id), history())),
            Step::Bury => {
                let reason = DeathReason("gave_up".to_owned());
                changes.push(Change::Bury(RowId(id), history(), reason));
            }
        }
    }
    changes
}

/// What the file holds, counted row by row.
fn counted(store: &Store) -> [u64; 4] {
    let ask = |sql: &str| {
        let number = store
            .connection
            .query_row(sql, [], |row| row.get::<_, i64>(0));
        number.unwrap().cast_unsigned()
    };
    [
        ask("SELECT count(*) FROM notification"),
        ask("SELECT coalesce(sum(size), 0) FROM notification"),
        ask("SELECT count(*) FROM dead_letter"),
        ask("SELECT coalesce(sum(size), 0) FROM dead_letter"),
    ]
}

fn told(totals: Totals) -> [u64; 4] {
    [
        totals.waiting,
        totals.waiting_bytes,
        totals.dead,
        totals.dead_bytes,
    ]
}

fn store(path: &Path) -> Store {
    Store::open(
        &path.join("pool.sqlite3"),
        "http_pool",
        Settings::default(),
        &|_| (),
    )
    .unwrap()
}

/// A removal names its bytes, so that nothing is counted first. The file may be another one than was thought.
#[test]
fn a_removal_of_what_is_not_there_counts_for_nothing() {
    let path = tempfile::tempdir().unwrap();
    let mut store = store(path.path());
    store
        .write(&[append(1), append(2), append(4)], RowId(5))
        .unwrap();
    assert!(!store.unsure);
    let totals = store
        .write(&[remove(2), remove(3), remove(4)], RowId(5))
        .unwrap();
    assert_eq!(told(totals), [1, record(1).size(), 0, 0]);
    assert_eq!(told(totals), counted(&store));
}

/// Of a commit that failed, the log may have the records all the same.
#[test]
fn a_removal_after_a_commit_that_failed_and_reached_the_disk_is_counted() {
    let path = tempfile::tempdir().unwrap();
    let mut store = store(path.path());
    store.write(&[append(1), append(2)], RowId(3)).unwrap();
    store.unsure = true;
    let totals = store
        .write(&[append(1), append(2), remove(1)], RowId(3))
        .unwrap();
    assert_eq!(told(totals), [1, record(2).size(), 0, 0]);
    assert_eq!(told(totals), counted(&store));
}

#[test]
fn a_file_is_not_known_after_an_error_until_something_was_written() {
    let path = tempfile::tempdir().unwrap();
    let mut store = store(path.path());
    assert!(store.unsure);
    store.write(&[append(1)], RowId(2)).unwrap();
    assert!(!store.unsure);
    let file = path.path().join("pool.sqlite3");
    let other = Connection::open(&file).unwrap();
    store.connection.busy_timeout(Duration::ZERO).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    store.write(&[append(2)], RowId(3)).unwrap_err();
    assert!(store.unsure);
    other.execute_batch("ROLLBACK").unwrap();
    store.write(&[append(2)], RowId(3)).unwrap();
    assert!(!store.unsure);
}

proptest! {
    #![proptest_config(Config { cases: 32, ..Config::default() })]

    /// Removals of records that never were, that come twice, that come with their record, and of buried ones.
    #[test]
    fn the_totals_are_what_the_file_holds(
        batches in vec((steps(), any::<bool>()), 1..8),
    ) {
        let path = tempfile::tempdir().unwrap();
        let mut store = store(path.path());
        // What a record comes to: a place is given once.
        let mut held = BTreeSet::new();
        for (mut steps, again) in batches {
            steps.retain(|(id, step)| match step {
                Step::Append | Step::AppendAndRemove => held.insert(*id),
                _ => true,
            });
            let changes = changes(&steps);
            let mut totals = store.write(&changes, RowId(60)).unwrap();
            prop_assert_eq!(told(totals), counted(&store));
            if again {
                // It was taken for failed.
                store.unsure = true;
                totals = store.write(&changes, RowId(60)).unwrap();
                prop_assert_eq!(told(totals), counted(&store));
            }
            let bytes = store.load(RowId(0), 100, u64::MAX).unwrap().iter().map(|one| one.record.size()).sum::<u64>();
            prop_assert_eq!(totals.waiting_bytes, bytes);
        }
    }
}

/// Those of another reason may be hundreds of thousands.
#[test]
fn dead_letters_that_are_asked_back_are_found_by_their_index() {
    let path = tempfile::tempdir().unwrap();
    let file = path.path().join("pool.sqlite3");
    let store = Store::open(&file, "http_pool", Settings::default(), &|_| ()).unwrap();
    let sql = format!(
        "EXPLAIN QUERY PLAN SELECT * FROM dead_letter WHERE {} ORDER BY id LIMIT 5",
        dead::ASKED_BACK
    );
    let plan: String = store
        .connection
        .query_row(&sql, [], |row| row.get("detail"))
        .unwrap();
    assert!(
        plan.contains("SEARCH") && plan.contains("dead_letter_by_retry"),
        "{plan}"
    );
}
