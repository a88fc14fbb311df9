//! What waking another thread costs the one that wakes it, a thousand times a second on an idle
//! machine: the part of a hand-over that is the kernel's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;

/// Percentiles of the calls, in microseconds.
#[derive(Debug, Serialize)]
pub struct Woken {
    p50: f64,
    p99: f64,
}

/// Wakes a parked thread `calls` times, one millisecond apart.
pub fn run(calls: u32) -> Woken {
    let over = Arc::new(AtomicBool::new(false));
    let sleeper = thread::spawn({
        let over = Arc::clone(&over);
        move || {
            while !over.load(Ordering::Acquire) {
                thread::park();
            }
        }
    });
    let begin = Instant::now();
    let mut micros: Vec<f64> = (1..=calls)
        .map(|call| {
            let due = begin + Duration::from_millis(call.into());
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let called = Instant::now();
            sleeper.thread().unpark();
            called.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    over.store(true, Ordering::Release);
    sleeper.thread().unpark();
    // It cannot panic.
    let _ = sleeper.join();
    micros.sort_by(f64::total_cmp);
    let at = |percent: usize| micros.get(micros.len() * percent / 100).copied();
    Woken {
        p50: at(50).unwrap_or_default(),
        p99: at(99).unwrap_or_default(),
    }
}
