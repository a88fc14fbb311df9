//! Certificate files that hang, vanish and come back while an endpoint is in use, on a clock that the test
//! moves.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::cell::Cell;
use std::fs::Permissions;
use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use support::{BOUND, TempFile, pool_at, process, test_endpoint};
use test_endpoint::{EndpointConfig, EndpointHandle, TlsSettings};
use tokio::time::{Instant, advance};
use transport::TlsOptions;
use transport::endpoint::Endpoint;
use transport::notices::Notices;
use transport::tls::{CHECK_EVERY, GIVEN_UP_AFTER, TlsClient};

/// An endpoint that trusts the CA certificate in a file.
struct Bench {
    endpoint: Endpoint,
    notices: Arc<Notices>,
    ca: TempFile,
    server: EndpointHandle,
}

impl Bench {
    fn new() -> Self {
        let server = test_endpoint(EndpointConfig {
            tls: Some(TlsSettings::self_signed()),
            ..EndpointConfig::default()
        });
        let (options, ca) = pool_at(&server, false);
        let (settings, _) = options.check().unwrap();
        let tls: &TlsOptions = settings.tls.as_ref().unwrap();
        let (client, _) = TlsClient::open(tls, &settings.base.host, false).unwrap();
        let notices = Arc::<Notices>::default();
        let endpoint = Endpoint::new(
            "pool",
            Arc::clone(&notices),
            Arc::default(),
            settings.base,
            Some(client),
            None,
        );
        Self {
            endpoint,
            notices,
            ca: ca.unwrap(),
            server,
        }
    }

    async fn links(&self) -> bool {
        self.endpoint.link().await.is_ok()
    }

    /// Connects again and again while time passes, until the check that follows makes `seen` true.
    async fn until(&self, what: &str, seen: impl Fn(bool) -> bool) {
        let begin = std::time::Instant::now();
        while !seen(self.links().await) {
            assert!(begin.elapsed() < BOUND, "not in time: {what}");
            until("the end of the look", || readers() == 0).await;
            advance(Duration::from_secs(1)).await;
        }
    }

    async fn notice(&self) -> String {
        let taken = Cell::new(Vec::new());
        self.until("a notice", |_| {
            taken.set(self.notices.take());
            let notices = taken.take();
            let came = !notices.is_empty();
            taken.set(notices);
            came
        })
        .await;
        let mut taken = taken.take();
        assert_eq!(taken.len(), 1, "{taken:?}");
        taken.remove(0).text
    }
}

/// Runs a test on a clock that moves only when the test says so, and fails if it hangs. Tests run one at a
/// time, because threads are counted.
fn on_a_clock_of_its_own<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let (done, end) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let (release, held) = mpsc::channel::<()>();
        runtime.spawn_blocking(move || held.recv());
        runtime.block_on(test());
        drop(release);
        runtime.shutdown_background();
        done.send(()).unwrap();
    });
    end.recv_timeout(BOUND)
        .expect("the test failed, or a thread of the engine hangs");
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = std::time::Instant::now();
    while !holds() {
        assert!(begin.elapsed() < BOUND, "not in time: {what}");
        tokio::task::yield_now().await;
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Puts a FIFO in place of the file: a reader's `open` blocks until a writer opens it.
fn fifo(path: &Path) {
    std::fs::remove_file(path).unwrap();
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Threads of this process that read certificate files.
fn readers() -> usize {
    let threads = process::threads().into_iter();
    threads.filter(|name| name == "http-pusher-pem").count()
}

#[test]
fn a_file_that_hangs_holds_nothing_up_and_is_read_once_at_a_time() {
    on_a_clock_of_its_own(|| async {
        let bench = Bench::new();
        let pem = bench.server.ca_pem().unwrap().to_owned();
        assert!(bench.links().await);
        fifo(&bench.ca.0);
        let begin = Instant::now();
        while begin.elapsed() < GIVEN_UP_AFTER {
            advance(CHECK_EVERY).await;
            assert!(bench.links().await);
        }
        assert_eq!(readers(), 1);
        let text = bench.notices.take().remove(0).text;
        assert!(text.contains("has taken 10 s so far"), "{text}");
        // Answered at last: the file is read, and looked at again in its time.
        std::fs::write(&bench.ca.0, &pem).unwrap();
        until("the end of the look", || readers() == 0).await;
        std::fs::remove_file(&bench.ca.0).unwrap();
        std::fs::write(&bench.ca.0, "no certificate").unwrap();
        let text = bench.notice().await;
        assert!(text.contains("no PEM block"), "{text}");
        assert!(text.contains("until a file changes"), "{text}");
    });
}

/// As on a mount that was taken away and put back: what hangs there hangs for ever.
#[test]
fn a_read_that_never_ends_is_given_up_and_the_new_file_is_used() {
    on_a_clock_of_its_own(|| async {
        let bench = Bench::new();
        let other = test_endpoint(EndpointConfig {
            tls: Some(TlsSettings::self_signed()),
            ..EndpointConfig::default()
        });
        fifo(&bench.ca.0);
        let old = TempFile(bench.ca.0.with_extension("old"));
        std::fs::hard_link(&bench.ca.0, &old.0).unwrap();
        for hang in 1..=2 {
            let begin = Instant::now();
            while begin.elapsed() < GIVEN_UP_AFTER {
                advance(CHECK_EVERY).await;
                assert!(bench.links().await);
            }
            until("it hangs", || readers() == hang).await;
        }
        // The certificate of another CA, which shows that it is in use.
        std::fs::remove_file(&bench.ca.0).unwrap();
        std::fs::write(&bench.ca.0, other.ca_pem().unwrap()).unwrap();
        // Beside one that hangs, the next is given twice the time.
        advance(2 * GIVEN_UP_AFTER).await;
        let begin = std::time::Instant::now();
        while bench.links().await {
            assert!(begin.elapsed() < BOUND, "the new file is not used");
            std::thread::sleep(Duration::from_millis(1));
        }
        until("only those hang that did", || readers() == 2).await;
        // What they read at last is nothing, and is not used.
        drop(std::fs::File::options().write(true).open(&old.0).unwrap());
        until("the end of the old looks", || readers() == 0).await;
        assert!(!bench.links().await);
        let texts = bench.notices.take();
        assert_eq!(texts.len(), 2, "{texts:?}");
        let hangs = |text: &str| text.contains("has taken 10 s so far");
        assert!(texts.iter().all(|notice| hangs(&notice.text)), "{texts:?}");
    });
}

/// A rotation to the certificate of another CA, which shows which of the two is in use.
#[test]
fn a_rotated_file_that_cannot_be_read_at_the_one_look_is_looked_at_again() {
    on_a_clock_of_its_own(|| async {
        let bench = Bench::new();
        let pem = bench.server.ca_pem().unwrap().to_owned();
        let other = TlsSettings::self_signed();
        let other = test_endpoint(EndpointConfig {
            tls: Some(other),
            ..EndpointConfig::default()
        });
        std::fs::remove_file(&bench.ca.0).unwrap();
        advance(CHECK_EVERY).await;
        assert!(bench.links().await);
        let text = bench.notice().await;
        assert!(text.contains("No such file"), "{text}");
        assert!(text.contains("again soon"), "{text}");
        // Still not there: nothing new to say.
        for _ in 0..10 {
            advance(Duration::from_secs(2)).await;
            assert!(bench.links().await);
            until("the end of the look", || readers() == 0).await;
        }
        assert!(bench.notices.take().is_empty());
        // It comes, and the pool trusts no other any more. Passing trouble is looked at every half a
        // minute at least, so this takes no minute.
        std::fs::write(&bench.ca.0, other.ca_pem().unwrap()).unwrap();
        let begin = Instant::now();
        bench.until("the new file", |linked| !linked).await;
        assert!(begin.elapsed() < CHECK_EVERY, "{:?}", begin.elapsed());
        // And back, the mode wrong at first, which root does not notice.
        std::fs::write(&bench.ca.0, &pem).unwrap();
        let mode = Permissions::from_mode(0o000);
        std::fs::set_permissions(&bench.ca.0, mode).unwrap();
        if std::fs::read(&bench.ca.0).is_err() {
            let text = bench.notice().await;
            assert!(text.contains("denied"), "{text}");
        }
        let mode = Permissions::from_mode(0o600);
        std::fs::set_permissions(&bench.ca.0, mode).unwrap();
        bench.until("the mended file", |linked| linked).await;
    });
}
