//! The engine's threads, and the bell that one of them rings for the reporter.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use nix::sched::{sched_getaffinity, sched_setaffinity};
use nix::unistd::{Pid, getpid};
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

use crate::panics;
use crate::report::outcomes::Outcomes;

/// Two rings are at least this far apart: a reporter that is woken for each of ten thousand outcomes
/// a second does little else. After a pause the bell rings at once.
const BETWEEN_RINGS: Duration = Duration::from_millis(1);

/// Threads that work for the engine.
pub fn build(threads: usize) -> io::Result<Runtime> {
    // A thread inherits the affinity of the one that makes it, which may be a scheduler that the VM
    // has bound to one core. The main thread's is what the process was started with.
    let allowed = sched_getaffinity(getpid()).ok();
    Builder::new_multi_thread()
        .worker_threads(threads.max(1))
        .thread_name("http-pusher")
        .enable_all()
        .on_thread_start(move || {
            if let Some(allowed) = &allowed {
                // A system that forbids this leaves the thread where it is, which is slower, not wrong.
                let _ = sched_setaffinity(Pid::from_raw(0), allowed);
            }
            panics::adopt_thread();
        })
        .build()
}

/// Calls `bell` whenever the reporter has something to take and waits for it.
pub async fn ring(outcomes: Arc<Outcomes>, bell: impl Fn()) {
    let mut last: Option<Instant> = None;
    loop {
        outcomes.rung().await;
        if let Some(last) = last {
            tokio::time::sleep_until(last + BETWEEN_RINGS).await;
        }
        bell();
        last = Some(Instant::now());
    }
}
