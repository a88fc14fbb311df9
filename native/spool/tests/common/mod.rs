//! What the tests of this crate share: records, and a spool that can be asked in turn.
#![allow(dead_code, clippy::unwrap_used)]

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use notification::Direction;
use spool::{Directory, Kind, Loaded, Notice, OpenError, Record, RowId, Settings, Spool};

/// More than any step of a test takes.
pub const LONG: Duration = Duration::from_mins(1);

pub fn record(number: u64, text: &[u8]) -> Record {
    Record {
        host_type: "localhost".into(),
        handler: "http_pool /notifications".into(),
        lane: Bytes::from(format!("user{}\0localhost", number % 7).into_bytes()),
        message_id: format!("msg_{number}").into(),
        created: i64::try_from(number).unwrap(),
        direction: Direction::In,
        sender: Bytes::from(format!("user{}", number % 7).into_bytes()),
        server: Bytes::from_static(b"localhost"),
        receiver: Bytes::from(vec![0xff, 0, b'x']),
        kind: Kind::Event,
        text: Bytes::copy_from_slice(text),
        extra: Bytes::from_static(b"facts"),
    }
}

/// The bytes that [`record`] of this text takes, if its number is this one or as long.
pub fn size(number: u64, text: &[u8]) -> u64 {
    record(number, text).size()
}

/// A directory for one node, and what its spools say.
pub struct Node {
    pub directory: Directory,
    tell: mpsc::Sender<Notice>,
    notices: mpsc::Receiver<Notice>,
}

impl Node {
    pub fn start(path: &Path, settings: Settings) -> Self {
        let (tell, notices) = mpsc::channel();
        Self {
            directory: Directory::take(path, "one@localhost", settings).unwrap(),
            tell,
            notices,
        }
    }

    pub fn spool(&self) -> Spool {
        self.try_spool().unwrap()
    }

    pub fn try_spool(&self) -> Result<Spool, OpenError> {
        let tell = self.tell.clone();
        self.directory.open("global/http_pool", move |notice| {
            let _ = tell.send(notice);
        })
    }

    pub fn notice(&self) -> Notice {
        self.notices.recv_timeout(LONG).unwrap()
    }

    /// What was said and not asked for yet.
    pub fn notices(&self) -> Vec<Notice> {
        self.notices.try_iter().collect()
    }
}

/// Waits until this is so.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < LONG, "not so after a minute: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Everything behind `after`; what was changed before this call is written.
pub fn load(spool: &Spool, after: RowId, most: u32) -> Result<Vec<Loaded>, String> {
    let (reply, answer) = mpsc::channel();
    spool.load(after, most, u64::MAX, move |found| {
        let _ = reply.send(found);
    });
    answer.recv_timeout(LONG).unwrap()
}

/// Runs a case of the present test program once more, in a process that has the library of this source in between it and
/// the C library, with these variables set. It must pass.
pub fn preloaded(case: &str, source: &str, variables: &[(&str, OsString)]) {
    let path = tempfile::tempdir().unwrap();
    let library = path.path().join("preloaded.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(source);
    let compiled = Command::new(env::var("CC").as_deref().unwrap_or("cc"))
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .status();
    assert!(compiled.unwrap().success());
    passes(
        Command::new(env::current_exe().unwrap())
            .args([case, "--exact", "--nocapture"])
            .env("LD_PRELOAD", &library)
            .envs(variables.iter().map(|(name, value)| (name, value))),
    );
}

/// Runs a test program for one case, which must pass.
pub fn passes(program: &mut Command) {
    let inside = program.output().unwrap();
    let said = String::from_utf8_lossy(&inside.stdout);
    assert!(
        inside.status.success() && said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&inside.stderr)
    );
}

/// What `SQLite` says of the file: `ok`, or the first thing that is wrong with it.
pub fn integrity(file: &Path) -> String {
    rusqlite::Connection::open(file)
        .unwrap()
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .unwrap()
}

pub fn ids(records: &[Loaded]) -> Vec<i64> {
    records.iter().map(|record| record.id.0).collect()
}
