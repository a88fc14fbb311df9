//! Records and dead letters, from their hand-over to their end, also over restarts.
#![allow(clippy::unwrap_used)]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use common::{LONG, Node, ids, integrity, load, record, size, until};
use spool::{
    Admin, DeathReason, Directory, Full, History, Notice, OpenError, RowId, Selection, Settings,
};

fn history(attempts: u32) -> History {
    History {
        attempts,
        first: Some(5),
        last: Some(9),
        status: Some(503),
        error: "bad_status".to_owned(),
        answer: "try later".to_owned(),
    }
}

#[test]
fn a_record_comes_back_as_it_was_and_in_order() {
    let path = tempfile::tempdir().unwrap();
    let node = Node::start(path.path(), Settings::default());
    let spool = node.spool();
    let given: Vec<_> = (0..100).map(|n| record(n, b"<message/>")).collect();
    let places: Vec<_> = given
        .iter()
        .map(|record| spool.append(record.clone()).unwrap())
        .collect();
    spool.postpone(places[3], history(2));
    spool.close();
    drop(node);

    let node = Node::start(path.path(), Settings::default());
    let spool = node.spool();
    let found = load(&spool, RowId(0), 1000).unwrap();
    assert_eq!(found.iter().map(|l| l.id).collect::<Vec<_>>(), places);
    assert_eq!(
        found.iter().map(|l| &l.record).collect::<Vec<_>>(),
        given.iter().collect::<Vec<_>>()
    );
    assert_eq!(found[3].history, history(2));
    assert_eq!(found[4].history, History::default());
    assert_eq!(ids(&load(&spool, places[97], 1000).unwrap()).len(), 2);
    assert_eq!(ids(&load(&spool, RowId(0), 3).unwrap()).len(), 3);
}

#[test]
fn what_was_delivered_is_gone_and_its_place_is_never_given_again() {
    let path = tempfile::tempdir().unwrap();
    let node = Node::start(path.path(), Settings::default());
    let spool = node.spool();
    let places: Vec<_> = (0..10)
        .map(|n| spool.append(record(n, b"x")).unwrap())
        .collect();
    load(&spool, RowId(0), 1).unwrap();
    for place in &places {
        spool.remove(*place, size(0, b"x"));
    }
    assert!(load(&spool, RowId(0), 10).unwrap().is_empty());
    let totals = spool.totals();
    assert_eq!((totals.waiting, totals.waiting_bytes), (0, 0));
    spool.close();
    drop(node);
    let node = Node::start(path.path(), Settings::default());
    let next = node.spool().append(record(11, b"x")).unwrap();
    assert!(next > places[9], "{next}");
}

#[test]
fn a_record_that_is_delivered_before_it_is_written_leaves_nothing() {
    let path = tempfile::tempdir().unwrap();
    let node = Node::start(path.path(), Settings::default());
    let spool = node.spool();
    for n in 0..1000 {
        let place = spool.append(record(n, b"x")).unwrap();
        spool.remove(place, size(n, b"x"));
    }
    assert!(load(&spool, RowId(0), 10).unwrap().is_empty());
    let totals = spool.totals();
    assert_eq!((totals.waiting, totals.waiting_bytes), (0, 0));
    assert!(totals.commits > 0);
}

#[test]
fn a_dead_letter_keeps_everything_and_can_be_delivered_after_all() {
    let path = tempfile::tempdir().unwrap();
    let node = Node::start(path.path(), Settings::default());
    let spool = node.spool();
    let given = record(1, b"poison");
    let place = spool.append(given.clone()).unwrap();
    let other = spool.append(record(2, b"other")).unwrap();
    spool.bury(place, history(8), DeathReason("poisoned".to_owned()));
    spool.bury(other, history(1), DeathReason("gave_up".to_owned()));
    load(&spool, RowId(0), 1).unwrap();
    let totals = spool.totals();
    assert_eq!((totals.waiting, totals.dead), (0, 2));
    assert_eq!(totals.oldest, None);
    let expected = [("gave_up", 1), ("poisoned", 1)].map(|(r, n)| (r.to_owned(), n));
    until("they are counted by reason", || {
        *spool.dead_by_reason() == expected
    });

    let file = &Directory::files(path.path()).unwrap()[0];
    let mut admin = Admin::open(file).unwrap();
    let status = admin.status().unwrap();
    assert_eq!(status.pool, "global/http_pool");
    let expected = [("gave_up", 1), ("poisoned", 1)].map(|(r, n)| (r.to_owned(), n));
    assert_eq!(status.dead, expected);
    let letter = admin.dead_letter(place).unwrap().unwrap();
    assert_eq!(letter.loaded.record, given);
    assert_eq!(letter.loaded.history, history(8));
    assert_eq!(letter.reason.0, "poisoned");
    assert!(admin.dead_letter(RowId(99)).unwrap().is_none());

    // The running node notices.
    let poisoned = Selection::Reason("poisoned".to_owned());
    assert_eq!(admin.retry(&poisoned, |_| ()).unwrap(), 1);
    let expected = Notice::BroughtBack {
        first: RowId(3),
        records: 1,
    };
    assert_eq!(node.notice(), expected);
    let back = load(&spool, other, 10).unwrap();
    assert_eq!(&*back[0].record.text, b"poison");
    assert_eq!(&*back[0].record.message_id, "msg_1");
    assert_eq!(back[0].history, History::default());
    assert_eq!(spool.totals().dead, 1);

    assert_eq!(admin.purge(&Selection::All, 100).unwrap(), 1);
    until("what another process removes is counted", || {
        spool.totals().dead == 0 && spool.dead_by_reason().is_empty()
    });
    assert!(admin.status().unwrap().dead.is_empty());
    assert_eq!(admin.status().unwrap().dead_bytes, 0);
}

#[test]
fn the_oldest_is_the_first_in_order() {
    let path = tempfile::tempdir().unwrap();
    let node = Node::start(path.path(), Settings::default());
    let spool = node.spool();
    let first = spool.append(record(500, b"first")).unwrap();
    let second = spool.append(record(501, b"second")).unwrap();
    load(&spool, RowId(0), 1).unwrap();
    assert_eq!(spool.totals().oldest, Some(500));
    spool.remove(first, size(500, b"first"));
    load(&spool, RowId(0), 1).unwrap();
    assert_eq!(spool.totals().oldest, Some(501));
    spool.close();
    let spool = node.spool();
    assert_eq!(spool.totals().oldest, Some(501));
    spool.remove(second, size(501, b"second"));
    load(&spool, RowId(0), 1).unwrap();
    assert_eq!(spool.totals().oldest, None);
}

#[test]
fn dead_letters_come_back_without_a_node_too() {
    let path = tempfile::tempdir().unwrap();
    let node = Node::start(path.path(), Settings::default());
    let spool = node.spool();
    // More than two transactions bring back.
    let all = 2_500;
    for n in 0..all {
        let place = spool.append(record(n, b"x")).unwrap();
        spool.bury(place, history(1), DeathReason("gave_up".to_owned()));
    }
    spool.close();
    drop(node);
    let directory = Directory::take(path.path(), "http-pusher", Settings::default()).unwrap();
    let mut admin = Admin::open(&Directory::files(path.path()).unwrap()[0]).unwrap();
    let (mut asked, mut brought) = (vec![], vec![]);
    let retried = admin.retry(&Selection::All, |some| asked.push(some));
    assert_eq!(retried.unwrap(), all);
    let back = admin.bring_back(&directory, |some| brought.push(some));
    assert_eq!(back.unwrap(), all);
    assert_eq!(asked, [1000, 1000, 500]);
    assert_eq!(brought, asked);
    let back = admin.records(RowId(0), 10_000).unwrap();
    let order: Vec<_> = back.iter().map(|l| &*l.record.message_id).collect();
    let expected: Vec<_> = (0..all).map(|n| format!("msg_{n}")).collect();
    assert_eq!(order, expected);
    assert_eq!(integrity(&Directory::files(path.path()).unwrap()[0]), "ok");
}

/// The node was killed before it saw that an operator had asked for them.
#[test]
fn dead_letters_that_were_asked_back_before_the_start_come_back() {
    let path = tempfile::tempdir().unwrap();
    let node = Node::start(path.path(), Settings::default());
    let spool = node.spool();
    let place = spool.append(record(1, b"x")).unwrap();
    spool.bury(place, history(1), DeathReason("gave_up".to_owned()));
    spool.close();
    drop(spool);
    let mut admin = Admin::open(&Directory::files(path.path()).unwrap()[0]).unwrap();
    assert_eq!(admin.retry(&Selection::All, |_| ()).unwrap(), 1);
    drop(admin);
    let spool = node.spool();
    let expected = Notice::BroughtBack {
        first: RowId(2),
        records: 1,
    };
    assert_eq!(node.notice(), expected);
    let back = load(&spool, RowId(0), 10).unwrap();
    assert_eq!(&*back[0].record.message_id, "msg_1");
}

#[test]
fn bounds_are_kept_by_refusing_and_by_removing_the_oldest_dead_letters() {
    let path = tempfile::tempdir().unwrap();
    let one = record(0, &[b'x'; 1000]).size();
    let settings = Settings {
        max_bytes: 10 * one,
        dead_letters_max_bytes: 3 * one,
        ..Settings::default()
    };
    let node = Node::start(path.path(), settings);
    let spool = node.spool();
    let places: Vec<_> = (0..10)
        .map(|n| spool.append(record(n, &[b'x'; 1000])).unwrap())
        .collect();
    let refused = spool.append(record(10, &[b'x'; 1000])).unwrap_err();
    assert!(matches!(refused, Full::Bound { held, most } if held == most));
    let refused = spool.append(record(11, &vec![b'x'; 20_000])).unwrap_err();
    assert!(matches!(refused, Full::Record { .. }), "{refused}");

    for place in &places {
        spool.bury(*place, history(1), DeathReason("gave_up".to_owned()));
    }
    load(&spool, RowId(0), 1).unwrap();
    assert_eq!(spool.totals().dead, 3);
    let admin = Admin::open(&Directory::files(path.path()).unwrap()[0]).unwrap();
    let left = admin.dead_letters(&Selection::All, RowId(0), 10).unwrap();
    assert_eq!(&*left[0].loaded.record.message_id, "msg_7");
    // And there is room again.
    spool.append(record(12, &[b'x'; 1000])).unwrap();
}

#[test]
fn old_dead_letters_go() {
    let path = tempfile::tempdir().unwrap();
    let settings = Settings {
        dead_letters_max_age: Duration::ZERO,
        ..Settings::default()
    };
    let node = Node::start(path.path(), settings);
    let spool = node.spool();
    for n in 0..2 {
        let place = spool.append(record(n, b"x")).unwrap();
        spool.bury(place, history(1), DeathReason("gave_up".to_owned()));
        load(&spool, RowId(0), 1).unwrap();
        std::thread::sleep(Duration::from_millis(5));
    }
    // Each commit with a dead letter removes the older ones.
    assert!(spool.totals().dead <= 1);
}

#[test]
fn a_second_node_is_refused_with_the_name_of_the_first() {
    let path = tempfile::tempdir().unwrap();
    let node = Node::start(path.path(), Settings::default());
    let refused = Directory::take(path.path(), "two@localhost", Settings::default());
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("one@localhost"), "{text}");
    let holder = Directory::holder(path.path()).unwrap();
    assert_eq!(holder.as_deref(), Some("one@localhost"));
    drop(node);
    assert_eq!(Directory::holder(path.path()).unwrap(), None);
    Directory::take(path.path(), "two@localhost", Settings::default()).unwrap();
}

#[test]
fn only_the_node_s_user_may_read_them() {
    let path = tempfile::tempdir().unwrap();
    let directory = path.path().join("database/spools");
    let _node = Node::start(&directory, Settings::default());
    let mode = std::fs::metadata(&directory).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn a_newer_file_is_refused_and_stays_as_it_is() {
    let path = tempfile::tempdir().unwrap();
    let node = Node::start(path.path(), Settings::default());
    node.spool().close();
    let file = Directory::files(path.path()).unwrap().remove(0);
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let refused = node.directory.open("global/http_pool", |_| ()).unwrap_err();
    assert!(matches!(refused, OpenError::Newer { found: 99, .. }));
    assert!(refused.to_string().contains("99"), "{refused}");
    assert_eq!(Directory::files(path.path()).unwrap(), [file]);
}

#[test]
fn closing_waits_for_what_was_appended() {
    let path = tempfile::tempdir().unwrap();
    let node = Node::start(path.path(), Settings::default());
    let spool = node.spool();
    let began = std::time::Instant::now();
    for n in 0..5000 {
        spool.append(record(n, b"x")).unwrap();
    }
    spool.close();
    assert!(began.elapsed() < LONG);
    let admin = Admin::open(&Directory::files(path.path()).unwrap()[0]).unwrap();
    assert_eq!(admin.status().unwrap().waiting, 5000);
    assert_eq!(admin.status().unwrap().oldest, Some(0));
}
