//! `http-pusher spool`, if the directory can only be read, and beside what a killed node has left.
#![allow(clippy::unwrap_used)]

use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use notification::Direction;
use serde_json::Value;
use spool::{DeathReason, Directory, History, Kind, Record, RowId, Settings, Spool};
use tempfile::TempDir;

const POOL: &str = "global/http_pool";
const FILE: &str = "global%2Fhttp_pool.sqlite3";

/// A user to whom nothing belongs, for tests that run as root: root may write everywhere.
const USER: u32 = 54_321;

/// Runs a program that was just copied. A process that began meanwhile may have it open for writing.
fn output(command: &mut Command) -> Output {
    let begin = Instant::now();
    loop {
        match command.output() {
            Err(error)
                if error.kind() == ErrorKind::ExecutableFileBusy
                    && begin.elapsed() < Duration::from_mins(1) =>
            {
                thread::sleep(Duration::from_millis(10));
            }
            output => return output.unwrap(),
        }
    }
}

/// Directories that others may look into, with the program.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        fs::set_permissions(place.path(), Permissions::from_mode(0o755)).unwrap();
        // The directory of the build may be closed to other users.
        let program = place.path().join("http-pusher");
        fs::copy(env!("CARGO_BIN_EXE_http-pusher"), program).unwrap();
        Self(place)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Runs the program as a user that may only read.
    fn run(&self, directory: &Path, arguments: &[&str]) -> Output {
        let mut command = Command::new(self.path("http-pusher"));
        command.arg("spool").arg(directory).args(arguments);
        if self.0.path().metadata().unwrap().uid() == 0 {
            command.uid(USER).gid(USER);
        }
        output(command.current_dir("/"))
    }

    fn json(&self, directory: &Path, arguments: &[&str]) -> Vec<Value> {
        let output = self.run(directory, arguments);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        lines(&output)
    }

    /// A directory like this one that can only be read.
    fn read_only(&self, from: &Path, name: &str) -> ReadOnly {
        let to = self.path(name);
        copy(from, &to);
        ReadOnly::new(to)
    }
}

/// Can only be read until it is dropped.
struct ReadOnly(PathBuf);

impl ReadOnly {
    fn new(path: PathBuf) -> Self {
        for entry in fs::read_dir(&path).unwrap() {
            let file = entry.unwrap().path();
            fs::set_permissions(file, Permissions::from_mode(0o444)).unwrap();
        }
        fs::set_permissions(&path, Permissions::from_mode(0o555)).unwrap();
        Self(path)
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        let _ = fs::set_permissions(&self.0, Permissions::from_mode(0o755));
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

fn lines(output: &Output) -> Vec<Value> {
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Three that wait and a dead letter, all of them written.
fn fill(spool: &Spool) {
    for number in 0..4 {
        let record = Record {
            host_type: "localhost".into(),
            handler: "http_pool /notifications".into(),
            lane: b"alice".to_vec().into(),
            message_id: format!("msg_{number}").into(),
            created: 1_764_160_496_789 + number,
            direction: Direction::In,
            sender: b"alice".to_vec().into(),
            server: b"localhost".to_vec().into(),
            receiver: b"bob".to_vec().into(),
            kind: Kind::Form,
            text: b"hello".to_vec().into(),
            extra: Vec::new().into(),
        };
        let place = spool.append(record).unwrap();
        if number == 0 {
            spool.bury(place, History::default(), DeathReason("gave_up".to_owned()));
        }
    }
    let (written, done) = mpsc::channel();
    spool.load(RowId(0), 1, 1, move |found| written.send(found).unwrap());
    done.recv_timeout(Duration::from_mins(1)).unwrap().unwrap();
}

/// What a node leaves that was killed, and one that has ended.
fn left(place: &Place) -> [PathBuf; 2] {
    let ended = place.path("ended");
    let killed = place.path("killed");
    let node = Directory::take(&ended, "one@localhost", Settings::default()).unwrap();
    let running = node.open(POOL, |_| ()).unwrap();
    fill(&running);
    copy(&ended, &killed);
    running.close();
    drop(node);
    // The node's is for its own user alone.
    fs::set_permissions(&ended, Permissions::from_mode(0o755)).unwrap();
    assert!(killed.join(format!("{FILE}-wal")).exists());
    assert!(!ended.join(format!("{FILE}-wal")).exists());
    [ended, killed]
}

/// Everything is listed, and what cannot be changed is said.
fn is_listed(place: &Place, directory: &Path) {
    let status = &place.json(directory, &["status", "--json"])[0];
    assert_eq!(status["node"], Value::Null);
    let pool = &status["pools"][0];
    assert_eq!((&pool["pool"], &pool["waiting"]), (&POOL.into(), &3.into()));
    assert_eq!(pool["dead_letters"]["gave_up"], 1);
    assert_eq!(place.json(directory, &["list", "--json"]).len(), 3);
    assert_eq!(
        place.json(directory, &["list", "--dead", "--json"]).len(),
        1
    );
    assert_eq!(place.json(directory, &["show", "2", "--json"]).len(), 1);
    assert_eq!(place.json(directory, &["export"]).len(), 4);
    for arguments in [["retry", "--all"], ["purge", "--all"]] {
        let output = place.run(directory, &arguments);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let said = said(&output);
        assert!(
            said.contains(FILE) && said.contains("this user may only read the file"),
            "{said}"
        );
    }
    assert_eq!(place.json(directory, &["export"]).len(), 4);
}

#[test]
fn a_directory_that_can_only_be_read() {
    let place = Place::new();
    let [ended, killed] = left(&place);
    let directory = place.read_only(&ended, "ended, read-only? 100%");
    is_listed(&place, &directory.0);
    let directory = place.read_only(&killed, "killed, read-only");
    is_listed(&place, &directory.0);
    // As a copy may be.
    fs::remove_file(killed.join(format!("{FILE}-shm"))).unwrap();
    let directory = place.read_only(&killed, "without the log's index");
    is_listed(&place, &directory.0);
}

/// A node was killed while it replaced a damaged file: before the renaming, or in the middle of it.
#[test]
fn a_new_file_that_a_killed_node_has_left() {
    let place = Place::new();
    let [ended, _] = left(&place);
    let new = ended.join(format!("{FILE}.new"));
    fs::write(&new, b"the beginning of a new file").unwrap();
    is_listed(&place, &place.read_only(&ended, "before, read-only").0);
    assert_eq!(place.json(&ended, &["export"]).len(), 4);
    assert!(new.exists());
    fs::rename(ended.join(FILE), &new).unwrap();
    is_listed(
        &place,
        &place.read_only(&ended, "in the middle, read-only").0,
    );
    let mut command = Command::new(place.path("http-pusher"));
    let output = output(command.arg("spool").arg(&ended).arg("export"));
    assert_eq!(lines(&output).len(), 4, "{output:?}");
    assert!(ended.join(FILE).exists() && !new.exists());
}

/// One file that cannot be read hides no other, and is said.
#[test]
fn a_file_that_cannot_be_read() {
    let place = Place::new();
    let [ended, _] = left(&place);
    let other = ended.join("other.sqlite3");
    fs::write(&other, b"this is no database, by any means at all").unwrap();
    for (mode, why) in [
        (0o644, "the file is damaged; when a node uses it"),
        (0o200, "Permission denied"),
    ] {
        fs::set_permissions(&other, Permissions::from_mode(mode)).unwrap();
        for (command, found) in [("list", 3), ("export", 4), ("status", 1)] {
            let arguments: &[&str] = match command {
                "export" => &["export"],
                command => &[command, "--json"],
            };
            let output = place.run(&ended, arguments);
            assert_eq!(output.status.code(), Some(2), "{output:?}");
            assert_eq!(lines(&output).len(), found, "{output:?}");
            let said = said(&output);
            assert!(said.contains("other.sqlite3: "), "{said}");
            assert!(said.contains(why), "{said}");
        }
        // Another pool is meant.
        assert_eq!(
            place
                .json(&ended, &["list", "--json", "--pool", POOL])
                .len(),
            3
        );
        let output = place.run(&ended, &["list", "--pool", "other"]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        // Nothing is removed if it is not known from what.
        let output = place.run(&ended, &["purge", "--all"]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
}
