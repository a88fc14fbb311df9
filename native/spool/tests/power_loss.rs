//! A loss of power while transactions and checkpoints are under way: what the files are at such a moment, with the write
//! that was under way half done, and anything of what was written since the last sync lost, is sound, and is what a start
//! of the changes has left. The files are copied inside the calls that write them (`power_loss/snapshots.c`).
#![allow(clippy::unwrap_used)]

mod common;

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use common::{Node, integrity, load, preloaded, record, size};
use spool::{Directory, Notice, RowId, Settings};

const SNAPSHOTS: &str = "SNAPSHOTS";

/// More than a log holds before it goes into the file.
const RECORDS: u64 = 4000;
/// So many are there at a time, at most.
const WINDOW: u64 = 400;
const TEXT: [u8; 3000] = [b'y'; 3000];

#[test]
fn what_is_left_is_a_start_of_the_changes() {
    if let Some(folder) = env::var_os(SNAPSHOTS) {
        return change_and_check(Path::new(&folder));
    }
    let some = 150 + u64::from(std::process::id()) % 50;
    for every in [some, some + 53, some + 101] {
        let path = tempfile::tempdir().unwrap();
        let set = [
            (SNAPSHOTS, path.path().as_os_str().to_owned()),
            ("EVERY", every.to_string().into()),
        ];
        let case = "what_is_left_is_a_start_of_the_changes";
        preloaded(case, "tests/power_loss/snapshots.c", &set);
        let folders = fs::read_dir(path.path()).unwrap().count();
        assert!(folders > 5, "{folders} moments");
    }
}

/// Records come and go in their order, while snapshots are made; then these are checked.
fn change_and_check(snapshots: &Path) {
    let path = tempfile::tempdir().unwrap();
    {
        let node = Node::start(path.path(), Settings::default());
        let spool = node.spool();
        for number in 1..=RECORDS {
            let id = spool.append(record(number, &TEXT)).unwrap();
            assert_eq!(id.0.cast_unsigned(), number);
            if let Some(gone) = number.checked_sub(WINDOW).filter(|gone| *gone > 0) {
                spool.remove(RowId(gone.cast_signed()), size(gone, &TEXT));
            }
            if number % 25 == 0 {
                // What has come is written, in a transaction of its own.
                load(&spool, RowId(0), 1).unwrap();
            }
        }
    }
    let mut folders: Vec<PathBuf> = fs::read_dir(snapshots)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    let mut last = 0;
    for (at, folder) in folders.iter().enumerate() {
        lose_what_was_not_synced(folder, at);
        last = last.max(check(folder));
    }
    assert!(last > WINDOW, "the last moment is that of record {last}");
}

/// Of the log, at least what was synced is there.
fn lose_what_was_not_synced(folder: &Path, seed: usize) {
    let text = fs::read_to_string(folder.join("synced")).unwrap();
    fs::remove_file(folder.join("synced")).unwrap();
    let synced: u64 = text.parse().unwrap();
    let log = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|file| file.to_string_lossy().ends_with("-wal"));
    if let Some(log) = log {
        let length = log.metadata().unwrap().len();
        // A quarter of the moments each: nothing is lost, a little, half, and all.
        let lost = length.saturating_sub(synced) * [0, 1, 50, 100][seed % 4] / 100;
        let file = File::options().write(true).open(log).unwrap();
        file.set_len(length - lost).unwrap();
    }
}

/// Returns the number of the last record.
fn check(folder: &Path) -> u64 {
    let moment = folder.display();
    let node = Node::start(folder, Settings::default());
    let spool = node.spool();
    let damaged = |notice: &Notice| matches!(notice, Notice::SetAside { .. });
    let said = node.notices();
    assert!(!said.iter().any(damaged), "{moment}: {said:?}");
    let found = load(&spool, RowId(0), u32::MAX).unwrap();
    assert_eq!(found.len() as u64, spool.totals().waiting, "{moment}");
    let ids: Vec<i64> = found.iter().map(|found| found.id.0).collect();
    // The last ones were not removed yet, and removals of those before may have been late.
    let last = ids.last().map_or(0, |last| last.cast_unsigned());
    let first = last.saturating_sub(WINDOW) + 1;
    let expected: Vec<i64> = (first..=last).map(u64::cast_signed).collect();
    assert!(
        ids.ends_with(&expected),
        "{moment}: not all of {first} to {last}: {ids:?}"
    );
    spool.close();
    let file = Directory::files(folder).unwrap().remove(0);
    assert_eq!(integrity(&file), "ok", "{moment}");
    last
}
