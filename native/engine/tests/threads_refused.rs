//! A system that refuses threads: a pids cgroup or `RLIMIT_NPROC` that is used up. Each test runs its
//! engine in a process of its own under such a limit.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use engine::engine::{Engine, EngineError, EngineSettings};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use support::{Bench, End, options, process, test_endpoint};
use test_endpoint::EndpointConfig;

const CHILD: &str = "ENGINE_TEST_THREADS_REFUSED";
/// A user of whom nothing else runs: the limit counts all threads of a user. Root has no such limit.
const USER: u32 = 47_911;
/// Far more than a start that fails takes.
const BOUND: Duration = Duration::from_mins(10);
/// Less than what the threads that have started wait for the others (`runtime::gate`).
const NO_THREAD_HAS_WAITED: Duration = Duration::from_secs(9);
/// So often a machine may be too slow to show that.
const TRIES: u32 = 5;

/// Sets how many threads the user of this process may have.
fn limit(threads: u64) {
    let (_, hard) = getrlimit(Resource::RLIMIT_NPROC).unwrap();
    setrlimit(Resource::RLIMIT_NPROC, threads.min(hard), hard).unwrap();
}

/// No process begins while a program is written: it would have the file open, and that could not be run.
static ONE: Mutex<()> = Mutex::new(());

/// The test `name` of this file once more, in a process of its own and as a user of its own, if that
/// is possible.
fn in_a_process_of_its_own(name: &str, url: &str) {
    let dir = std::env::temp_dir().join(format!("threads-refused-{name}-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).unwrap();
    // The directory of the build may be closed to other users.
    let test: PathBuf = dir.join("test");
    let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    fs::copy(std::env::current_exe().unwrap(), &test).unwrap();
    let mut child = Command::new(&test);
    child
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(CHILD, url)
        .current_dir("/");
    if nix::unistd::geteuid().is_root() {
        child.uid(USER).gid(USER);
    }
    let begin = Instant::now();
    let child = child
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(one);
    let output = wait(child, begin);
    fs::remove_dir_all(&dir).unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}{complained}");
    assert!(said.contains("1 passed"), "{said}");
}

fn wait(mut child: std::process::Child, begin: Instant) -> Output {
    while child.try_wait().unwrap().is_none() {
        if begin.elapsed() > BOUND {
            child.kill().unwrap();
            let output = child.wait_with_output().unwrap();
            panic!("still there: {output:?}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.wait_with_output().unwrap()
}

fn settings(threads: usize) -> EngineSettings {
    EngineSettings {
        threads,
        ..EngineSettings::default()
    }
}

/// Starts the engine, which fails; returns how long that took.
fn refused(engine: &Engine, threads_before: u64) -> Duration {
    let begin = Instant::now();
    let error = engine.start(settings(4), |_| {}).unwrap_err();
    let took = begin.elapsed();
    assert!(matches!(error, EngineError::Threads(_)), "{error}");
    assert!(error.to_string().contains("thread"), "{error}");
    assert!(!engine.ping());
    let gone = Instant::now();
    while process::status("Threads") > threads_before {
        assert!(gone.elapsed() < BOUND, "threads are left behind");
        std::thread::sleep(Duration::from_millis(1));
    }
    took
}

/// Whichever thread is the one that is refused: the start fails with a reason, leaves no thread behind,
/// and succeeds once the system has threads again.
#[test]
fn a_start_that_is_refused_a_thread_fails_and_can_be_made_again() {
    if std::env::var(CHILD).is_err() {
        return in_a_process_of_its_own(
            "a_start_that_is_refused_a_thread_fails_and_can_be_made_again",
            "",
        );
    }
    let before = process::status("Threads");
    let engine = Engine::default();
    for more in 0..4 {
        limit(before + more);
        let soon = (0..TRIES).any(|_| refused(&engine, before) < NO_THREAD_HAS_WAITED);
        assert!(soon, "each start waited for threads that never came");
    }
    limit(u64::MAX);
    engine.start(settings(4), |_| {}).unwrap();
    let begin = Instant::now();
    while !engine.ping() {
        assert!(begin.elapsed() < BOUND, "no sign of life");
        std::thread::sleep(Duration::from_millis(1));
    }
    engine.stop();
}

/// Delivery needs no more threads than there were at the start, but for look-ups of names: those fail
/// with a reason, and go on when there are threads again.
#[test]
fn deliveries_go_on_where_no_more_threads_are_to_be_had() {
    let Ok(url) = std::env::var(CHILD) else {
        let endpoint = test_endpoint(EndpointConfig::default());
        in_a_process_of_its_own(
            "deliveries_go_on_where_no_more_threads_are_to_be_had",
            &endpoint.url(""),
        );
        assert_eq!(endpoint.stats().received, 2);
        return;
    };
    let bench = Bench::new();
    let by_address = bench.pool(options(&url));
    let by_name = bench.pool(options(url.replace("127.0.0.1", "localhost")));
    limit(1);
    let (end, _) = bench.deliver(by_address, "no name to look up");
    assert!(matches!(end, End::Sent { .. }), "{end:?}");
    let (end, _) = bench.deliver(by_name, "no thread to look it up");
    assert!(
        matches!(
            end,
            End::Failed {
                reason: "eagain",
                ..
            }
        ),
        "{end:?}"
    );
    limit(u64::MAX);
    support::until("the name is looked up again", || {
        let sender = format!("again {}", bench.seen());
        matches!(bench.deliver(by_name, &sender).0, End::Sent { .. })
    });
    bench.assert_conserved();
}
