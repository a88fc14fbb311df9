//! `http-pusher spool`, on directories that a spool has written.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output};
use std::sync::mpsc;
use std::time::Duration;

use notification::Direction;
use serde_json::Value;
use spool::{DeathReason, Directory, History, Kind, Notice, Record, RowId, Settings, Spool};

const POOL: &str = "global/http_pool";

fn record(number: i64) -> Record {
    Record {
        host_type: "localhost".into(),
        handler: "http_pool /notifications".into(),
        lane: b"alice".to_vec().into(),
        message_id: format!("msg_{number}").into(),
        created: 1_764_160_496_789 + number,
        direction: Direction::In,
        sender: b"alice".to_vec().into(),
        server: b"localhost".to_vec().into(),
        receiver: b"bob".to_vec().into(),
        kind: Kind::Custom,
        text: b"hello\x1b[2J".to_vec().into(),
        extra: b"authorization: Bearer s3cret".to_vec().into(),
    }
}

/// Three that wait and two dead letters.
fn fill(spool: &Spool) {
    let places: Vec<_> = (0..5).map(|n| spool.append(record(n)).unwrap()).collect();
    let history = History {
        attempts: 8,
        first: Some(0),
        last: Some(1_764_160_496_789),
        status: Some(500),
        error: "bad_status".to_owned(),
        answer: "<html>oops".to_owned(),
    };
    spool.bury(
        places[0],
        history.clone(),
        DeathReason("poisoned".to_owned()),
    );
    spool.bury(places[1], history, DeathReason("gave_up".to_owned()));
    let (written, done) = mpsc::channel();
    spool.load(RowId(0), 1, 1, move |found| written.send(found).unwrap());
    done.recv_timeout(Duration::from_mins(1)).unwrap().unwrap();
}

fn spool(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_http-pusher"))
        .arg("spool")
        .arg(directory)
        .args(arguments)
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(directory: &Path, arguments: &[&str]) -> Vec<Value> {
    let output = spool(directory, arguments);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    text(&output)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn status_list_show_and_export_beside_a_running_node() {
    let path = tempfile::tempdir().unwrap();
    let path = path.path();
    let node = Directory::take(path, "one@localhost", Settings::default()).unwrap();
    let running = node.open(POOL, |_| ()).unwrap();
    fill(&running);

    let status = &json(path, &["status", "--json"])[0];
    assert_eq!(status["node"], "one@localhost");
    let pool = &status["pools"][0];
    assert_eq!(pool["pool"], POOL);
    assert_eq!(pool["waiting"], 3);
    assert_eq!(pool["dead_letters"]["poisoned"], 1);
    assert_eq!(pool["oldest"], "2025-11-26T12:34:56.791Z");
    let shown = text(&spool(path, &["status"]));
    for part in [POOL, "1 gave_up, 1 poisoned", "in use by one@localhost"] {
        assert!(shown.contains(part), "{shown}");
    }

    assert_eq!(json(path, &["list", "--json"]).len(), 3);
    assert_eq!(json(path, &["list", "--json", "--limit", "2"]).len(), 2);
    assert_eq!(json(path, &["list", "--json", "--dead"]).len(), 2);
    let gave_up = json(path, &["list", "--json", "--dead", "--reason", "gave_up"]);
    assert_eq!(gave_up[0]["webhook_id"], "msg_1");
    let list = text(&spool(path, &["list", "--dead"]));
    assert!(
        list.contains("poisoned") && list.contains("alice@localhost"),
        "{list}"
    );

    let letter = &json(path, &["show", "1", "--json"])[0];
    assert_eq!(letter["state"], "dead");
    assert_eq!(letter["last_status"], 500);
    assert_eq!(letter["last_answer"], "<html>oops");
    let shown = spool(path, &["show", "3"]);
    let shown = text(&shown);
    // Nothing controls the terminal, and no header's value is shown.
    assert!(shown.contains("body: hello\\u{1b}[2J"), "{shown}");
    assert!(
        !shown.contains("s3cret") && !shown.contains('\u{1b}'),
        "{shown}"
    );

    let all = json(path, &["export"]);
    assert_eq!(all.len(), 5);
    assert!(all.iter().all(|line| !line.to_string().contains("s3cret")));
}

#[test]
fn a_running_node_takes_back_what_is_retried() {
    let path = tempfile::tempdir().unwrap();
    let path = path.path();
    let node = Directory::take(path, "one@localhost", Settings::default()).unwrap();
    let (tell, notices) = mpsc::channel();
    let running = node
        .open(POOL, move |notice| tell.send(notice).unwrap())
        .unwrap();
    fill(&running);
    let said = &json(path, &["retry", "--reason", "poisoned", "--json"])[0];
    assert_eq!(
        (&said["retried"], &said["node"]),
        (&1.into(), &"one@localhost".into())
    );
    let notice = notices.recv_timeout(Duration::from_mins(1)).unwrap();
    assert!(
        matches!(notice, Notice::BroughtBack { records: 1, .. }),
        "{notice:?}"
    );
    let status = &json(path, &["status", "--json"])[0]["pools"][0];
    assert_eq!(
        (&status["waiting"], &status["dead_letters"]["poisoned"]),
        (&4.into(), &Value::Null)
    );
}

#[test]
fn without_a_node_dead_letters_are_put_back_or_removed() {
    let path = tempfile::tempdir().unwrap();
    let path = path.path();
    let node = Directory::take(path, "one@localhost", Settings::default()).unwrap();
    let running = node.open(POOL, |_| ()).unwrap();
    fill(&running);
    running.close();
    drop(node);
    let said = &json(path, &["retry", "1", "--json"])[0];
    assert_eq!((&said["retried"], &said["node"]), (&1.into(), &Value::Null));
    assert_eq!(json(path, &["list", "--json"]).len(), 4);
    let said = &json(path, &["purge", "--all", "--json"])[0];
    assert_eq!(said["removed"], 1);
    assert!(json(path, &["list", "--json", "--dead"]).is_empty());
    // Nothing is left that could be meant.
    assert_eq!(spool(path, &["purge", "--all"]).status.code(), Some(1));
    assert_eq!(
        spool(path, &["retry", "--reason", "poisoned"])
            .status
            .code(),
        Some(1)
    );
}

#[test]
fn a_number_that_several_pools_have_is_meant_for_one_only_with_its_name() {
    let path = tempfile::tempdir().unwrap();
    let path = path.path();
    let node = Directory::take(path, "one@localhost", Settings::default()).unwrap();
    for pool in [POOL, "global/other"] {
        let running = node.open(pool, |_| ()).unwrap();
        fill(&running);
        running.close();
    }
    drop(node);
    for command in ["retry", "purge"] {
        let output = spool(path, &[command, "1"]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("say --pool with one of"), "{said}");
    }
    assert_eq!(json(path, &["list", "--json", "--dead"]).len(), 4);
    let said = &json(path, &["purge", "1", "--pool", POOL, "--json"])[0];
    assert_eq!(said["removed"], 1);
    // Now only the other pool has it.
    let said = &json(path, &["retry", "1", "--json"])[0];
    assert_eq!(said["retried"], 1);
}

#[test]
fn what_is_not_there_is_said() {
    let path = tempfile::tempdir().unwrap();
    let path = path.path();
    for arguments in [&["status"][..], &["show", "1"], &["export"]] {
        let output = spool(path, arguments);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("holds no spool"), "{said}");
    }
    assert_eq!(
        spool(&path.join("none"), &["status"]).status.code(),
        Some(2)
    );
    // Nothing is meant by default.
    assert_eq!(spool(path, &["purge"]).status.code(), Some(2));
    assert_eq!(spool(path, &["retry", "1", "--all"]).status.code(), Some(2));
}
