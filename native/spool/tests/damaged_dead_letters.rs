//! Dead letters of a damaged file: what can be read of them is taken over, within their bounds.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::{Node, load, record};
use spool::{
    Admin, DeadLetter, DeathReason, Directory, History, Notice, RowId, Selection, Settings,
};

const LETTERS: u64 = 600;
const PAGE: usize = 8192;

fn file_of(path: &Path) -> PathBuf {
    Directory::files(path).unwrap().remove(0)
}

fn letters(path: &Path) -> Vec<DeadLetter> {
    let admin = Admin::open(&file_of(path)).unwrap();
    admin
        .dead_letters(&Selection::All, RowId(0), u32::MAX)
        .unwrap()
}

/// As many dead letters and records, in a file that no node has open.
fn fill(path: &Path) {
    let node = Node::start(path, Settings::default());
    let spool = node.spool();
    for number in 0..LETTERS {
        let text = format!("letter {number:04} {}", "x".repeat(300));
        let place = spool.append(record(number, text.as_bytes())).unwrap();
        let history = History {
            attempts: 3,
            first: Some(5),
            last: Some(9),
            status: Some(503),
            error: "bad_status".to_owned(),
            answer: format!("answer {number}"),
        };
        spool.bury(place, history, DeathReason("gave_up".to_owned()));
    }
    for number in 0..LETTERS {
        let text = format!("record {number:04} {}", "x".repeat(300));
        let number = LETTERS + number;
        spool.append(record(number, text.as_bytes())).unwrap();
    }
    spool.close();
}

/// Overwrites the pages that are chosen.
fn damage(path: &Path, mut chosen: impl FnMut(&[u8]) -> bool) {
    let file = file_of(path);
    let mut bytes = fs::read(&file).unwrap();
    let mut found = 0;
    for page in bytes.chunks_mut(PAGE).skip(1) {
        if chosen(page) {
            page.fill(0xa5);
            found += 1;
        }
    }
    assert!(found > 0);
    fs::write(&file, bytes).unwrap();
}

fn count(page: &[u8], text: &str) -> usize {
    page.windows(text.len())
        .filter(|part| *part == text.as_bytes())
        .count()
}

/// Opens the file as a node does, and reads all of it. Returns how many records and dead letters were taken over.
fn replaced(path: &Path, settings: Settings) -> (u64, u64) {
    let node = Node::start(path, settings);
    let spool = node.spool();
    // If the damage was not at the start, it is met now.
    let found = load(&spool, RowId(0), 10_000).unwrap();
    let Notice::SetAside { saved, dead, .. } = node.notice() else {
        panic!("another notice");
    };
    assert_eq!(found.len() as u64, saved);
    // The thread sees the new file's numbers with the next transaction.
    spool.remove(found[0].id, found[0].size);
    load(&spool, RowId(0), 1).unwrap();
    assert_eq!(spool.totals().dead, dead);
    spool.close();
    (saved, dead)
}

#[test]
fn they_are_taken_over_as_they_were() {
    let path = tempfile::tempdir().unwrap();
    let path = path.path();
    fill(path);
    let before = letters(path);
    assert_eq!(before.len() as u64, LETTERS);
    damage(path, |page| {
        count(page, "letter 0300") + count(page, "record 0300") > 0
    });
    // A page holds less than twenty of them.
    let (saved, dead) = replaced(path, Settings::default());
    assert!((LETTERS - 40..LETTERS).contains(&saved), "{saved}");
    assert!((LETTERS - 40..LETTERS).contains(&dead), "{dead}");
    let after = letters(path);
    assert_eq!(after.len() as u64, dead);
    assert!(after.iter().all(|letter| before.contains(letter)));
}

#[test]
fn they_are_taken_over_within_their_bounds() {
    let one = record(0, format!("letter 0000 {}", "x".repeat(300)).as_bytes()).size();
    let bounds = [
        (100 * one, Duration::from_hours(24)),
        (u64::MAX, Duration::ZERO),
    ];
    for (dead_letters_max_bytes, dead_letters_max_age) in bounds {
        let path = tempfile::tempdir().unwrap();
        let path = path.path();
        fill(path);
        let newest = letters(path).split_off(500);
        damage(path, |page| count(page, "record 0300") > 0);
        let settings = Settings {
            dead_letters_max_bytes,
            dead_letters_max_age,
            ..Settings::default()
        };
        let (_, dead) = replaced(path, settings);
        let after = letters(path);
        assert_eq!(after.len() as u64, dead);
        if dead_letters_max_age.is_zero() {
            assert_eq!(dead, 0);
        } else {
            // `message_id` has another length for some of them.
            assert!((95..=100).contains(&dead), "{dead}");
            assert!(after.iter().all(|letter| newest.contains(letter)));
        }
    }
}

#[test]
fn those_that_are_asked_back_are_delivered() {
    let path = tempfile::tempdir().unwrap();
    let path = path.path();
    fill(path);
    let mut admin = Admin::open(&file_of(path)).unwrap();
    assert_eq!(admin.retry(&Selection::One(RowId(7)), |_| ()).unwrap(), 1);
    drop(admin);
    damage(path, |page| count(page, "record 0300") > 0);
    let node = Node::start(path, Settings::default());
    let spool = node.spool();
    load(&spool, RowId(0), 10_000).unwrap();
    let is_said = [node.notice(), node.notice()];
    let first = RowId(i64::try_from(2 * LETTERS).unwrap() + 1);
    let expected = Notice::BroughtBack { first, records: 1 };
    assert!(is_said.contains(&expected), "{is_said:?}");
    let back = load(&spool, RowId(first.0 - 1), 1).unwrap();
    assert!(back[0].record.text.starts_with(b"letter 0006"));
}

/// The records are sound, and so are the dead letters; what finds them by their reason is not.
#[test]
fn a_damaged_index_of_them_costs_nothing() {
    let path = tempfile::tempdir().unwrap();
    let path = path.path();
    fill(path);
    let before = letters(path);
    damage(path, |page| count(page, "gave_up") > 50);
    assert_eq!(replaced(path, Settings::default()), (LETTERS, LETTERS));
    assert_eq!(letters(path), before);
}
