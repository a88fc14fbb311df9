//! What is given up, what belongs to no handler, and what is asked back.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use spool::{Admin, Directory, RowId, Selection};
use transport::notices::NoticeKind;

use crate::support::spooled::{Node, endpoint, plan, policy, settings};
use crate::support::{Bench, End, HOST_TYPE, options, until};

#[test]
fn what_is_given_up_is_a_dead_letter_with_the_last_answer() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    plan(&endpoint, "status=404 body=no%20such%20path");
    let node = Node::start(settings(path.path()), &endpoint);
    node.push("alice", "hello").unwrap();
    let End::Failed { reason, .. } = node.bench.outcomes(1).remove(0).end else {
        panic!("it was sent");
    };
    assert_eq!(reason, "bad_status");
    until("it is a dead letter", || node.totals().dead == 1);
    let admin = Admin::open(&Directory::files(path.path()).unwrap()[0]).unwrap();
    let letters = admin.dead_letters(&Selection::All, RowId(0), 10).unwrap();
    let history = &letters[0].loaded.history;
    assert_eq!(letters[0].reason.0, "bad_status");
    assert_eq!((history.attempts, history.status), (1, Some(404)));
    assert_eq!(history.answer, "no such path");
    assert!(history.error.contains("404"), "{}", history.error);
    assert_eq!(&*letters[0].loaded.record.text, b"hello");
    node.bench.assert_conserved();
}

#[test]
fn a_dead_letter_that_is_asked_back_is_delivered() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    plan(&endpoint, "status=404");
    let node = Node::start(settings(path.path()), &endpoint);
    node.push("alice", "hello").unwrap();
    node.bench.outcomes(1);
    plan(&endpoint, "status=200");
    let file = Directory::files(path.path()).unwrap().remove(0);
    until("it is a dead letter", || node.totals().dead == 1);
    Admin::open(&file)
        .unwrap()
        .retry(&Selection::All, |_| ())
        .unwrap();
    let outcomes = node.bench.outcomes(2);
    assert!(matches!(outcomes[1].end, End::Sent { status: 200, .. }));
    until("nothing is on disk", || node.waiting() == 0);
    // It counts as handed over once more: it has a second outcome.
    node.bench.assert_conserved();
}

/// An engine that takes handlers for gone soon, with an open host type.
fn soon_settled(path: &Path) -> Bench {
    let mut soon = settings(path);
    soon.spools.as_mut().unwrap().grace = Duration::from_millis(50);
    let bench = Bench::with(soon, Arc::default());
    bench.engine.open_host_type(HOST_TYPE);
    bench
}

#[test]
fn a_file_whose_pool_no_handler_uses_is_said() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    plan(&endpoint, "status=503");
    let node = Node::start(settings(path.path()), &endpoint);
    node.push("alice", "hello").unwrap();
    node.push("alice", "again").unwrap();
    drop(node);

    let bench = soon_settled(path.path());
    let mut said = Vec::new();
    until("it is said", || {
        said.extend(bench.engine.notices.take());
        said.retain(|notice| notice.kind == NoticeKind::SpoolUnused);
        !said.is_empty()
    });
    assert!(
        said[0].text.contains("notifications that wait: 2,"),
        "{said:?}"
    );
    // The handler comes back.
    drop(bench);
    plan(&endpoint, "status=200");
    let node = Node::start(settings(path.path()), &endpoint);
    node.bench.outcomes(2);
}

#[test]
fn what_belongs_to_no_handler_becomes_a_dead_letter_after_a_while() {
    let path = tempfile::tempdir().unwrap();
    let endpoint = endpoint();
    plan(&endpoint, "status=503");
    let node = Node::start(settings(path.path()), &endpoint);
    node.push("alice", "hello").unwrap();
    drop(node);

    let bench = soon_settled(path.path());
    // Another handler, with the same pool.
    let other = bench
        .engine
        .planned_handler(HOST_TYPE, "http_pool", "/other", policy(), None);
    let pool = bench.pool(options(endpoint.url("")));
    bench.engine.open_spool(&endpoint.url(""), false);
    until("it is a dead letter", || {
        let spools = bench.engine.spools();
        let totals = spools.first().and_then(|spool| spool.totals());
        totals.is_some_and(|totals| (totals.waiting, totals.dead) == (0, 1))
    });
    let admin = Admin::open(&Directory::files(path.path()).unwrap()[0]).unwrap();
    let dead = admin.status().unwrap().dead;
    assert_eq!(dead, [("handler_gone".to_owned(), 1)]);
    // It has no outcome, so the log says it.
    let mut said = Vec::new();
    until("it is said", || {
        said.extend(bench.engine.notices.take());
        said.iter().any(|notice| {
            notice.kind == NoticeKind::SpoolGivenUp
                && notice.text.starts_with("handler_gone: ")
                && notice.text.contains("from the disk: 1.")
        })
    });
    assert!(bench.push_text(pool, &other, "alice", b"x").is_ok());
}
