//! The engine's threads, and the bells with which they wake the reporters.

mod gate;

use std::io;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use nix::sched::{sched_getaffinity, sched_setaffinity};
use nix::unistd::{Pid, getpid};
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

use gate::{Decision, Gate};
use notification::panics;

use crate::report::outcomes::Outcomes;

/// The shortest time between two rings: a reporter that is woken for each of ten thousand outcomes a
/// second does little else. After a pause, or if a caller waits, the bell rings at once.
const BETWEEN_RINGS: Duration = Duration::from_millis(1);

/// Starts the threads that work for the engine.
///
/// # Errors
///
/// The system refuses a thread or another resource of the runtime (file descriptors). Nothing is left
/// behind, so the call can be repeated.
pub fn build(threads: usize) -> io::Result<Runtime> {
    // A new thread inherits the affinity of its creator, which may be a scheduler that the VM has bound
    // to one core. Use the main thread's affinity: it is the one the process was started with.
    let allowed = sched_getaffinity(getpid()).ok();
    let gate = Arc::new(Gate::default());
    let (entrance, alarm) = (Arc::clone(&gate), Arc::clone(&gate));
    let mut builder = Builder::new_multi_thread();
    builder
        .worker_threads(threads.max(1))
        .thread_name("http-pusher")
        .enable_all()
        .on_thread_start(move || {
            if let Some(allowed) = &allowed {
                // If the system forbids this, the thread stays where it is: slower, but not wrong.
                let _ = sched_setaffinity(Pid::from_raw(0), allowed);
            }
            panics::adopt_thread();
            if entrance.wait() == Decision::End {
                // The only way to leave before the thread serves the runtime. It calls no panic hook.
                resume_unwind(Box::new("the runtime was not started"));
            }
        });
    let built = panics::caught(
        || builder.build(),
        move || {
            alarm.decide(Decision::End);
        },
    );
    let refused = |text: &str| Err(io::Error::new(io::ErrorKind::WouldBlock, text));
    match built {
        Ok(Ok(runtime)) => match gate.decide(Decision::Serve) {
            Decision::Serve => Ok(runtime),
            Decision::End => {
                runtime.shutdown_background();
                refused("the system took too long to start them")
            }
        },
        Ok(Err(error)) => Err(error),
        Err(text) => refused(&text),
    }
}

/// Calls `bell` whenever `reporter` waits and there is something for it to take.
pub async fn ring(outcomes: Arc<Outcomes>, reporter: usize, bell: impl Fn()) {
    let mut last: Option<Instant> = None;
    loop {
        outcomes.rung(reporter).await;
        if let Some(last) = last {
            let hurried = outcomes.hurried(reporter);
            let _ = tokio::time::timeout_at(last + BETWEEN_RINGS, hurried).await;
        }
        bell();
        last = Some(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{BETWEEN_RINGS, ring};
    use crate::report::outcomes::{FIRST, Outcomes};

    /// How long the second of two rings takes if the first has just happened.
    async fn second_ring(hurry: bool) -> Duration {
        let outcomes = Arc::new(Outcomes::default());
        let rings = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&rings);
        let bell = tokio::spawn(ring(Arc::clone(&outcomes), FIRST, move || {
            count.fetch_add(1, Ordering::SeqCst);
        }));
        let begin = Instant::now();
        for expected in 1..=2 {
            // Nothing is there, so the reporter waits for the bell.
            assert!(outcomes.take(FIRST, 1, |_| ()).is_empty());
            if hurry {
                outcomes.hurry();
            }
            outcomes.ring();
            while rings.load(Ordering::SeqCst) < expected {
                tokio::task::yield_now().await;
                tokio::time::advance(Duration::from_micros(1)).await;
            }
        }
        bell.abort();
        begin.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn the_bell_rings_at_once_if_a_caller_waits() {
        assert!(second_ring(false).await >= BETWEEN_RINGS);
        assert!(second_ring(true).await < BETWEEN_RINGS / 2);
    }
}
