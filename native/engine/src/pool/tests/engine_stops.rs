//! The engine stops while notifications are between two places: each says so in its outcome.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use notification::FailureReason;
use notification::policy::RetryOptions;
use tokio::time::Instant;

use super::world::{World, reason};
use crate::delivery::{Judgement, Sign};
use crate::pool::WorkerSignals;
use crate::pool::in_flight::InFlight;

/// Nothing runs between two steps of these tests, so no worker takes anything.
fn take(world: &World) -> InFlight {
    let opened = world.pool.opened().unwrap();
    let taken = world.pool.core().take(Instant::now()).unwrap();
    world.pool.in_flight(&opened, taken)
}

fn again() -> Judgement {
    Judgement::Retry {
        reason: FailureReason::BadStatus,
        text: "503".into(),
        attempts: 1,
        until: Instant::now(),
        status: None,
        asked: std::time::Duration::ZERO,
        sign: Sign::Nothing,
    }
}

fn world() -> World {
    World::new("http://127.0.0.1:1", 2, RetryOptions::default())
}

fn assert_all(world: &World, expected: FailureReason) {
    let verdicts = world.verdicts();
    assert_eq!(verdicts.len(), 2);
    for (text, verdict) in &verdicts {
        assert_eq!(reason(verdict), Some(expected), "{text}: {verdict:?}");
    }
    world.assert_empty();
}

#[tokio::test(start_paused = true)]
async fn what_comes_back_to_a_pool_that_has_ended_says_why_it_has() {
    for stopped in [FailureReason::EngineDown, FailureReason::Shutdown] {
        let world = world();
        world.push("alice", "a");
        world.push("bob", "b");
        let (first, second) = (take(&world), take(&world));
        world.pool.end(stopped, "it was stopped");
        first.conclude(again());
        let opened = world.pool.opened().unwrap();
        let next = second.conclude_and_take(&WorkerSignals::default(), &opened, again());
        assert!(next.is_none());
        assert_all(&world, stopped);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_handed_over_to_a_pool_that_has_ended_says_why_it_has() {
    for stopped in [FailureReason::EngineDown, FailureReason::Shutdown] {
        let world = world();
        let spare = world.with_another_pool();
        spare.push("alice", "a");
        spare.push("bob", "b");
        world.pool.end(stopped, "it was stopped");
        assert!(spare.pool.hand_over(Arc::clone(&world.pool)));
        assert_all(&spare, stopped);
    }
}

/// A pool that was closing anyway, or was being handed over, ends with the engine.
#[tokio::test(start_paused = true)]
async fn what_was_to_end_anyway_ends_with_the_engine() {
    let world = world();
    world.push("alice", "a");
    world.push("bob", "b");
    world
        .pool
        .end(FailureReason::EngineDown, "the engine was stopped");
    // Another task was about to do this.
    world
        .pool
        .end(FailureReason::Shutdown, "the pool was stopped");
    assert_all(&world, FailureReason::EngineDown);
    let (reason, text) = world
        .pool
        .why_it_ends(FailureReason::Shutdown, "the pool was stopped");
    assert_eq!(reason, FailureReason::EngineDown);
    assert_eq!(&*text, "pool pool: the engine was stopped");
}
