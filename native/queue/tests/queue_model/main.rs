//! The queue of a pool against a small model. Items are pushed, taken, finished, expired, postponed, held
//! by gates, purged, drained and handed over in random order, by workers that start, idle, die and leave. Items
//! of one group are taken in batches, which are collected while other things happen.
//!
//! The model says whose turn it is and how every item has ended. After every step the test compares it
//! with the queue's own counts, and checks that waiting work has a worker on its way. The test controls
//! time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::needless_pass_by_value
)]

mod groups;
mod model;
mod ops;
mod world;

use std::time::Duration;

use proptest::prelude::*;
use queue::{Rules, WhenBusy};

use crate::groups::{BATCHED, BATCHES, LIMITED, group_of};
use crate::ops::{Op, Opening, op};
use crate::world::World;

fn rules() -> impl Strategy<Value = Rules> {
    (1usize..4, any::<bool>(), proptest::option::of(0usize..4)).prop_map(
        |(workers, reject, max_waiting)| Rules {
            workers,
            when_busy: if reject {
                WhenBusy::Reject
            } else {
                WhenBusy::Wait
            },
            max_waiting,
            call_timeout: Duration::from_millis(20),
        },
    )
}

/// Set `PROPTEST_CASES` to run more cases.
fn config() -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig {
        cases: config.cases.max(1_000),
        failure_persistence: None,
        ..config
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_queue_does_what_the_model_does(
        rules in rules(),
        opened in any::<bool>(),
        ops in prop::collection::vec(op(), 1..150),
    ) {
        let mut world = World::new(rules);
        if opened {
            world.apply(Op::Open);
        }
        for op in ops {
            world.apply(op);
        }
        world.settle();
    }

    /// A lane with many items delays another lane by at most one turn of each lane.
    #[test]
    fn a_long_lane_delays_another_by_one_turn(lanes in 1u8..BATCHED, long in 2usize..4, workers in 1usize..4) {
        let rules = Rules { workers, when_busy: WhenBusy::Wait, max_waiting: None,
                            call_timeout: Duration::from_hours(1) };
        let mut world = World::new(rules);
        // A group with a limit delays its own lanes.
        let mut unlimited = (0..).filter(|lane| ![LIMITED, BATCHES].contains(&group_of(*lane)));
        for lane in unlimited.by_ref().take(usize::from(lanes)) {
            for _ in 0..long {
                world.apply(Op::Push { lane, cost: 1, age: 0 });
            }
        }
        let late = world.next_item;
        world.apply(Op::Push { lane: unlimited.next().unwrap(), cost: 1, age: 0 });
        world.apply(Op::Open);
        let mut ended_before = None;
        for round in 0..10_000 {
            world.apply(Op::Look(0));
            world.apply(Op::FinishAndTake(round, true));
            if world.model.ended.contains_key(&late) {
                ended_before = Some(world.model.ended.len() - 1);
                break;
            }
        }
        let before = ended_before.expect("its turn came");
        prop_assert!(before <= usize::from(lanes) + workers, "{before} of {lanes} lanes");
    }
}

#[test]
fn a_burst_gets_every_slot_of_a_pool_that_lets_nothing_wait() {
    let rules = Rules {
        workers: 10,
        when_busy: WhenBusy::Reject,
        max_waiting: None,
        call_timeout: Duration::from_secs(1),
    };
    let mut world = World::new(rules);
    world.apply(Op::Open);
    for lane in 0..20 {
        world.apply(Op::Push {
            lane,
            cost: 1,
            age: 0,
        });
    }
    assert_eq!(world.core.counts().accepted, 10);
}

#[test]
fn a_queue_length_of_zero_still_uses_the_workers() {
    let rules = Rules {
        workers: 3,
        when_busy: WhenBusy::Wait,
        max_waiting: Some(0),
        call_timeout: Duration::from_secs(1),
    };
    let mut world = World::new(rules);
    world.apply(Op::Open);
    for lane in 0..20 {
        world.apply(Op::Push {
            lane,
            cost: 1,
            age: 0,
        });
    }
    assert_eq!(world.core.counts().accepted, 3);
}

/// An alarm that comes before the first item does not begin the time by which items are as old as they are.
#[test]
fn an_item_that_waited_elsewhere_and_is_the_first() {
    let rules = Rules {
        workers: 1,
        when_busy: WhenBusy::Wait,
        max_waiting: None,
        call_timeout: Duration::from_secs(1),
    };
    let mut world = World::new(rules);
    world.apply(Op::Open);
    world.apply(Op::Gate(1, Opening::In(0)));
    world.apply(Op::Alarm(1));
    world.apply(Op::Wait(15));
    world.apply(Op::Alarm(1));
    world.apply(Op::Push {
        lane: BATCHED,
        cost: 1,
        age: 15,
    });
    world.settle();
}
