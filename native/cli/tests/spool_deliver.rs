//! `http-pusher spool DIR deliver`, on directories that a spool has written, to a test endpoint.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use common::{Dir, program};
use notification::Direction;
use serde_json::{Value, json};
use spool::{Directory, Kind, Record, RowId, Settings, Spool};
use test_endpoint::{EndpointConfig, EndpointHandle, TestEndpoint};

const POOL: &str = "global/http_pool";
const LANES: u64 = 5;

fn endpoint(plan: &str) -> EndpointHandle {
    let config = EndpointConfig {
        plan: plan.parse().unwrap(),
        ..EndpointConfig::default()
    };
    TestEndpoint::start_in_thread(config, 2).unwrap()
}

/// A configuration whose pool sends to the endpoint, with a handler at `/n`.
fn configure(dir: &Dir, endpoint: &EndpointHandle, handler: &str) {
    let text = format!(
        "[general]\nhosts = [\"localhost\"]\n\
         [[modules.mod_event_pusher.http.handlers]]\npath = \"/n\"\ndelivery = \"at_least_once\"\n\
         retry = {{initial = 20, max = 100}}\n{handler}\n\
         [outgoing_pools.http.http_pool]\nworkers = 4\ncall_timeout = 600000\n\
         [outgoing_pools.http.http_pool.connection]\nhost = \"{}\"\n\
         request_timeout = 600000\n",
        endpoint.url("")
    );
    dir.file("mongooseim.toml", &text);
}

fn record(number: u64, path: &str) -> Record {
    let lane = format!("user{}", number % LANES).into_bytes();
    Record {
        host_type: "localhost".into(),
        handler: format!("http_pool {path}").into(),
        lane: lane.clone().into(),
        message_id: format!("msg_{number}").into(),
        created: spool::now_ms(),
        direction: Direction::In,
        sender: lane.into(),
        server: b"localhost".to_vec().into(),
        receiver: b"bob".to_vec().into(),
        kind: Kind::Form,
        text: number.to_string().into_bytes().into(),
        extra: Vec::new().into(),
    }
}

/// A spool that a node has left behind, with so many notifications for a path.
fn fill(directory: &Path, pool: &str, path: &str, count: u64) {
    let node = Directory::take(directory, "one@localhost", Settings::default()).unwrap();
    let spool = node.open(pool, |_| ()).unwrap();
    for number in 0..count {
        spool.append(record(number, path)).unwrap();
    }
    written(&spool);
    spool.close();
}

/// One more that is too large for any lane: a tenth of 64 MiB.
fn add_a_large_one(directory: &Path) {
    let node = Directory::take(directory, "one@localhost", Settings::default()).unwrap();
    let spool = node.open(POOL, |_| ()).unwrap();
    let large = Record {
        text: vec![b'x'; 7 << 20].into(),
        ..record(0, "/n")
    };
    spool.append(large).unwrap();
    written(&spool);
    spool.close();
}

/// An endpoint that answers so, its configuration, and so many notifications for it that a node has left behind.
fn left_behind(plan: &str, count: u64) -> (Dir, EndpointHandle) {
    let (dir, endpoint) = (Dir::new(), endpoint(plan));
    configure(&dir, &endpoint, "");
    fill(&dir.path().join("spool"), POOL, "/n", count);
    (dir, endpoint)
}

fn written(spool: &Spool) {
    let (written, done) = mpsc::channel();
    spool.load(RowId(0), 1, 1, move |found| written.send(found).unwrap());
    done.recv_timeout(Duration::from_mins(1)).unwrap().unwrap();
}

fn deliver(dir: &Dir, more: &[&str]) -> (Option<i32>, Value) {
    let output = run(dir, more);
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let found = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{output:?}"));
    (output.status.code(), found)
}

fn run(dir: &Dir, more: &[&str]) -> Output {
    command(dir).args(more).output().unwrap()
}

fn command(dir: &Dir) -> Command {
    let mut command = program(dir);
    command.args([
        "spool",
        "spool",
        "deliver",
        "--config",
        "mongooseim.toml",
        "--json",
    ]);
    command
}

fn waiting(dir: &Dir) -> Value {
    let output = program(dir)
        .args(["spool", "spool", "status", "--json"])
        .output()
        .unwrap();
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    status["pools"][0]["waiting"].clone()
}

/// The texts that arrived, in order.
fn texts(endpoint: &EndpointHandle) -> Vec<u64> {
    let records = endpoint.records();
    let text = |body: &[u8]| {
        let body = String::from_utf8_lossy(body).into_owned();
        let (_, text) = body.split_once("message=").unwrap();
        text.parse().unwrap()
    };
    records.iter().map(|record| text(&record.body)).collect()
}

/// It has no outcome, and is a dead letter all the same.
#[test]
fn what_is_given_up_on_its_way_in_is_in_the_account() {
    let (dir, _endpoint) = left_behind("", 3);
    add_a_large_one(&dir.path().join("spool"));
    let output = run(&dir, &[]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["delivered"], 3, "{said}");
    assert_eq!(said["dead_letters"], json!({ "too_large": 1 }), "{said}");
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(
        errors.contains("too_large: ") && errors.contains("from the disk: 1."),
        "{errors}"
    );
}

/// All arrive, each once, each lane in its order; after that nothing waits.
#[test]
fn all_is_delivered() {
    let (dir, endpoint) = left_behind("", 500);
    let (code, said) = deliver(&dir, &[]);
    assert_eq!(
        said,
        json!({ "delivered": 500, "dead_letters": {}, "left": 0, "without_handler": [] })
    );
    assert_eq!(code, Some(0));
    let texts = texts(&endpoint);
    assert_eq!(texts.len(), 500);
    for lane in 0..LANES {
        let arrived = texts.iter().copied().filter(|text| text % LANES == lane);
        let expected: Vec<u64> = (0..500).filter(|text| text % LANES == lane).collect();
        assert_eq!(arrived.collect::<Vec<_>>(), expected);
    }
    assert_eq!(waiting(&dir), 0);
    let (code, said) = deliver(&dir, &[]);
    assert_eq!((code, &said["delivered"]), (Some(0), &0.into()));
}

/// While a node has the directory, nothing is sent.
#[test]
fn beside_a_node_it_is_refused() {
    let (dir, endpoint) = left_behind("", 3);
    let directory = dir.path().join("spool");
    let _node = Directory::take(&directory, "two@localhost", Settings::default()).unwrap();
    let output = run(&dir, &[]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("two@localhost uses it"), "{said}");
    assert!(endpoint.records().is_empty());
}

/// What the configuration has no handler for stays on disk, and is said.
#[test]
fn what_has_no_handler_stays() {
    let (dir, endpoint) = left_behind("", 3);
    let directory = dir.path().join("spool");
    fill(&directory, POOL, "/other", 4);
    fill(&directory, "global/gone", "/n", 5);
    let (code, said) = deliver(&dir, &[]);
    assert_eq!(code, Some(1), "{said}");
    assert_eq!((&said["delivered"], &said["left"]), (&3.into(), &0.into()));
    let without: Vec<_> = said["without_handler"]
        .as_array()
        .unwrap()
        .iter()
        .map(|left| (left["pool"].clone(), left["waiting"].clone()))
        .collect();
    assert_eq!(
        without,
        [("global/gone".into(), 5.into()), (POOL.into(), 4.into())]
    );
    // With the handler, it is delivered.
    configure(
        &dir,
        &endpoint,
        "[[modules.mod_event_pusher.http.handlers]]\npath = \"/other\"\ndelivery = \"at_least_once\"",
    );
    let (_, said) = deliver(&dir, &[]);
    assert_eq!(said["delivered"], 4);
}

/// An endpoint that is down: it ends when its time is over, and what is left arrives later. What the endpoint
/// refuses for good becomes a dead letter.
#[test]
fn an_endpoint_that_is_down_and_one_that_refuses() {
    let (dir, down) = left_behind("status=503", 20);
    // On a slow machine a second may be over before the first attempt.
    while down.records().is_empty() {
        let (code, said) = deliver(&dir, &["--for", "1"]);
        assert_eq!(
            (code, &said["left"], &said["delivered"]),
            (Some(1), &20.into(), &0.into())
        );
        assert_eq!(waiting(&dir), 20);
    }
    let refuses = endpoint("status=400");
    configure(&dir, &refuses, "");
    let (code, said) = deliver(&dir, &[]);
    assert_eq!(code, Some(1));
    assert_eq!(said["dead_letters"], json!({ "bad_status": 20 }));
    assert_eq!((&said["left"], waiting(&dir)), (&0.into(), 0.into()));
}

/// A signal ends it; what is left stays, and is counted.
#[test]
fn a_signal_ends_it() {
    let (dir, down) = left_behind("status=503", 20);
    let running = command(&dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while down.records().is_empty() {
        thread::sleep(Duration::from_millis(10));
    }
    let ended = Command::new("kill").arg(running.id().to_string()).status();
    assert!(ended.unwrap().success());
    let output = running.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&said["left"], waiting(&dir)), (&20.into(), 20.into()));
}
