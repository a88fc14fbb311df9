//! What this program has allocated, and whether what is counted is close to it.

use std::alloc::System;
use std::time::{Duration, Instant};

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

use super::BOUND;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// What an allocation uses beyond what was asked for: a word, and on average half of the rounding.
const OVERHEAD: usize = 16;

fn allocated() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated + blocks() * OVERHEAD
}

/// How many allocations there are.
pub fn blocks() -> usize {
    let stats = ALLOCATOR.stats();
    stats.allocations - stats.deallocations
}

/// What is allocated after the engine has freed what it frees by itself.
pub fn settled() -> usize {
    let (mut last, mut same) = (allocated(), 0);
    // Once is not enough: the engine's thread may have stood still.
    while same < 5 {
        std::thread::sleep(Duration::from_millis(100));
        let now = allocated();
        same = if now == last { same + 1 } else { 0 };
        last = now;
    }
    last
}

/// What an empty pool uses, with one chunk of each list.
const EMPTY: usize = 128 * 1024;

/// Waits until `counted` is within a third of what this program has allocated since `before`, plus or minus
/// what an empty pool uses: other threads may still be allocating.
#[track_caller]
pub fn within_a_third(what: &str, before: usize, counted: impl Fn() -> usize) {
    let end = Instant::now() + BOUND;
    loop {
        let (held, counted) = (allocated().saturating_sub(before), counted());
        if counted >= held.saturating_sub(EMPTY) / 3 * 2 && counted <= held / 3 * 4 + EMPTY {
            println!("{what}: {counted} counted, {held} held");
            return;
        }
        assert!(
            Instant::now() < end,
            "{what}: {counted} bytes counted, {held} held"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}
