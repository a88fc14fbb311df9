//! Files on a mount that hangs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use engine::pool::opening::{PATIENCE, Progress, READERS_AT_MOST};
use test_endpoint::EndpointConfig;

use super::secure::Secure;
use super::support::{BOUND, Bench, options, test_endpoint, until};
use super::{assert_sent, configured, phase};

/// A FIFO in place of a file: a reader's `open` blocks until a writer opens it.
struct Fifo(PathBuf);

impl Fifo {
    fn at(path: &Path) -> Self {
        let fifo = path.with_extension("fifo");
        let _ = fs::remove_file(&fifo);
        let made = Command::new("mkfifo").arg(&fifo).status().unwrap();
        assert!(made.success());
        fs::hard_link(&fifo, path).unwrap();
        Self(fifo)
    }

    /// Each reader, present or to come, is answered. The thread ends with the process.
    fn answer(self, content: &str) {
        let content = content.to_owned();
        std::thread::spawn(move || {
            while fs::write(&self.0, &content).is_ok() {
                std::thread::sleep(Duration::from_millis(1));
            }
        });
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn files_that_hang_hold_up_their_own_pool_alone() {
    let bench = Bench::new();
    let secure = Secure::new("hangs");
    let fifo = Fifo::at(&secure.ca);
    let begin = Instant::now();
    let hanging = configured(&bench, secure.options());
    let progress = bench.engine.begin_opening(hanging).unwrap();
    assert!(matches!(progress, Progress::Reading), "{progress:?}");
    bench.push(hanging, "waits").unwrap();
    // A pool beside it.
    let plain = test_endpoint(EndpointConfig::default());
    let other = bench.pool(options(plain.url("")));
    assert_sent(&bench.deliver(other, "another pool").0);
    // The pool is replaced again and again, and each of its successors reads the same file.
    for n in 0..3 * READERS_AT_MOST {
        let next = configured(&bench, secure.options());
        bench.engine.begin_opening(next).unwrap();
        bench.push(next, &format!("successor {n}")).unwrap();
        // The first of all is one of them.
        if n + 1 >= READERS_AT_MOST {
            until("a successor is refused a reader", || {
                matches!(
                    bench.engine.progress(next).unwrap(),
                    Progress::Failed(error) if error.text.contains("earlier tries")
                )
            });
        }
        bench.engine.close_pool(next, Duration::ZERO).unwrap();
        let end = bench.outcome_of(&format!("successor {n}")).end;
        assert_eq!(end.failure().0, "shutdown");
    }
    // What waits is told so in time, and the pool opens when the file is there after all.
    let end = bench.outcome_of("waits").end;
    let (reason, _, text) = end.failure();
    assert_eq!(reason, "pool_config");
    assert!(text.contains("takes long"), "{text}");
    assert!(begin.elapsed() >= PATIENCE);
    fifo.answer(secure.endpoint.ca_pem().unwrap());
    until("the pool opens", || phase(&bench, hanging) == "open");
    assert_sent(&bench.deliver(hanging, "in time").0);
    bench.assert_conserved();
}

/// An engine that stops does not wait for files or names that hang.
#[test]
fn an_engine_stops_while_files_hang() {
    let bench = Bench::new();
    let secure = Secure::new("stops");
    let fifo = Fifo::at(&secure.ca);
    let pool = configured(&bench, secure.options());
    bench.engine.begin_opening(pool).unwrap();
    bench.push(pool, "waits").unwrap();
    let begin = Instant::now();
    bench.engine.stop();
    assert_eq!(bench.outcome_of("waits").end.failure().0, "engine_down");
    assert!(begin.elapsed() < BOUND);
    fifo.answer("");
}
