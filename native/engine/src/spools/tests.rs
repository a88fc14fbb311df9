//! What waits for a file that is not open when the engine stops.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use super::sample::record;
use super::*;

/// Accepts a notification before the file is open, and stops.
fn stop_with_one(path: &Path) -> Arc<Notices> {
    let settings = SpoolSettings {
        directory: path.to_owned(),
        node: "one@localhost".to_owned(),
        spool: Settings::default(),
        grace: GRACE,
    };
    let notices = Arc::new(Notices::default());
    let spools = Spools::new(Some(settings), Handlers::default(), Arc::clone(&notices));
    let pool = spools.known("http_pool");
    let queue = |row| Err((row, NotTaken::Other("no queue is asked")));
    let accepted = pool.accept(record(), queue, || "the bound");
    assert!(matches!(accepted, Ok(Accepted::OnDisk)), "{accepted:?}");
    spools.close();
    notices
}

#[test]
fn it_is_on_disk_after_the_stop() {
    let path = tempfile::tempdir().unwrap();
    stop_with_one(path.path());
    let directory = Directory::take(path.path(), "one@localhost", Settings::default()).unwrap();
    let disk = directory.open("http_pool", |_| {}).unwrap();
    assert_eq!(disk.totals().waiting, 1);
}

/// Another node has the directory.
#[test]
fn if_there_can_be_no_file_a_notice_says_what_is_lost() {
    let path = tempfile::tempdir().unwrap();
    let _taken = Directory::take(path.path(), "two@localhost", Settings::default()).unwrap();
    let notices = stop_with_one(path.path());
    let told = notices.take();
    let texts: Vec<_> = told.iter().map(|notice| &*notice.text).collect();
    let says = |text: &&str| text.ends_with("lost with the engine: 1");
    assert!(texts.iter().any(says), "{texts:?}");
}
