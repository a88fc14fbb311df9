//! How often a second threads push to one pool's queue, and how often they take from it. The queue is under
//! its one lock, as in the engine; nothing is posted, and nothing else is shared.

use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use notification::HostTypeId;
use parking_lot::Mutex;
use queue::{Core, LaneLimits, Place, Rules, WhenBusy};
use serde::Serialize;
use tokio::time;

use crate::load::{LoadError, cpu_seconds};

type Queue = Mutex<Core<u64, usize>>;

/// Lanes of each thread: most senders of a busy pool have nothing else waiting.
const LANES: u64 = 1000;

/// What a number of threads did.
#[derive(Debug, Serialize)]
pub struct Steps {
    threads: usize,
    pushes_per_second: f64,
    takes_per_second: f64,
    /// CPU nanoseconds of one push and one take, waiting for the lock included.
    push_cpu_ns: f64,
    take_cpu_ns: f64,
}

/// These numbers of threads, or if there are none, 1, 2, 4 and so on up to the number of cores.
pub fn or_by_cores(threads: Vec<usize>) -> Vec<usize> {
    if !threads.is_empty() {
        return threads;
    }
    let cores = thread::available_parallelism().map_or(1, usize::from);
    std::iter::successors(Some(1), |count| Some(count * 2))
        .take_while(|count| *count <= cores)
        .collect()
}

/// Each of `threads` threads pushes `each` items; then each takes and finishes as many.
pub fn run(threads: usize, each: u64) -> Result<Steps, LoadError> {
    let limits = LaneLimits {
        items: usize::MAX,
        cost: usize::MAX,
    };
    let rules = Rules {
        workers: threads,
        when_busy: WhenBusy::Wait,
        max_waiting: None,
        call_timeout: std::time::Duration::from_hours(1),
    };
    let mut core = Core::with_room(limits, 0);
    let _ = core.open(rules, ());
    let queue = Mutex::new(core);
    let (pushes_per_second, push_cpu_ns) = measure(threads, each, |thread| {
        push(&queue, thread, each);
    })?;
    let (takes_per_second, take_cpu_ns) = measure(threads, each, |_| take(&queue))?;
    let left = queue.lock().counts();
    if left.sent != threads as u64 * each {
        return Err(LoadError::Answer(format!("not all were taken: {left:?}")));
    }
    Ok(Steps {
        threads,
        pushes_per_second,
        takes_per_second,
        push_cpu_ns,
        take_cpu_ns,
    })
}

/// Runs `work` in each thread. Returns how many of the steps were done in a second, and their CPU time.
fn measure(threads: usize, each: u64, work: impl Fn(u64) + Sync) -> Result<(f64, f64), LoadError> {
    let start = Barrier::new(threads + 1);
    let (work, barrier) = (&work, &start);
    let (begin, cpu) = thread::scope(|scope| {
        for thread in 0..threads as u64 {
            scope.spawn(move || {
                barrier.wait();
                work(thread);
            });
        }
        let cpu = cpu_seconds();
        barrier.wait();
        (Instant::now(), cpu)
    });
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52 steps")]
    let steps = (threads as u64 * each) as f64;
    let cpu = cpu_seconds()? - cpu?;
    Ok((steps / begin.elapsed().as_secs_f64(), cpu * 1e9 / steps))
}

fn push(queue: &Queue, thread: u64, each: u64) {
    for item in 0..each {
        let key = (thread * LANES + item % LANES).to_ne_bytes();
        let place = Place::expiring(&key, HostTypeId::default());
        let now = time::Instant::now();
        let pushed = queue.lock().push(place, item, 1, now);
        drop(pushed);
    }
}

fn take(queue: &Queue) {
    let mut taken = queue.lock().take(time::Instant::now());
    while let Some(item) = taken {
        let now = time::Instant::now();
        let mut core = queue.lock();
        taken = core.finish_and_take(item.ticket, true, now);
        let left = core.leftovers();
        drop(core);
        drop(left);
    }
}
