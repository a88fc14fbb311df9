//! Other tasks on the same thread have their turns, however many members a batch has. As in
//! `pool::tests::yielding`, neither clock nor speed matters.

use tokio::task::yield_now;
use tokio::time::advance;

use super::*;

const ALL: usize = 10_000;
const AT_MOST: usize = 512;

/// Runs until `count` has come to [`ALL`]. Returns by how much it has grown at most between two runs of this task.
async fn longest_step(count: impl Fn() -> u64) -> usize {
    let (mut before, mut longest, mut runs) = (0, 0, 0);
    while before < ALL {
        yield_now().await;
        runs += 1;
        assert!(runs < 10_000_000, "{before} of {ALL}");
        let now = usize::try_from(count()).unwrap();
        longest = longest.max(now.saturating_sub(before));
        before = now;
    }
    longest
}

#[tokio::test(start_paused = true)]
async fn while_a_batch_is_collected_and_while_it_ends() {
    let endpoint = answers(200).await;
    let mut policy = batch(ALL as u64, 10);
    policy.batch.as_mut().unwrap().max_bytes = Some(64 * 1024 * 1024);
    let world = World::not_open(&policy);
    for number in 0..ALL {
        world.push(&format!("user{number}"), "text");
    }
    advance(Duration::from_millis(20)).await;
    open_with(&world.pool, &endpoint.url, 60_000, 600_000, 1);
    let longest = longest_step(|| world.pool.counts().queue.in_flight).await;
    assert!(longest <= AT_MOST, "{longest} were taken in one go");
    let longest = longest_step(|| world.sent()).await;
    assert!(longest <= AT_MOST, "{longest} ended in one go");
    assert_eq!(endpoint.sizes(), [ALL]);
}
