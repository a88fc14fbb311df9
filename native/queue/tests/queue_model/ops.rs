//! What can happen to the queue, at random.

use notification::HostTypeId;
use proptest::prelude::*;

use crate::groups::{BATCHED, GATES, LANES};

#[derive(Clone, Copy, Debug)]
pub enum Op {
    Push {
        lane: u8,
        cost: usize,
        /// How long ago it was handed over, in milliseconds.
        age: u64,
    },
    /// A worker takes up to so many items more for its batch.
    Collect(usize, usize),
    /// Some of the items of a batch have their outcome, the first ones.
    Part(usize),
    /// Batches wait for company, or no more.
    Hurry(bool),
    /// There is no room for more items, by a bound that the queue does not know.
    Crowd,
    /// A worker that was started or woken checks for work.
    Look(usize),
    /// A worker's notification has its outcome, and the worker takes the next one.
    FinishAndTake(usize, bool),
    /// A worker's notification has its outcome, and the worker is still busy with the response body.
    Finish(usize),
    /// A worker has read the body, or starts again after a panic.
    BodyRead(usize),
    /// A worker's task ends, in whatever state.
    Die(usize),
    /// A parked worker reaches its idle time.
    Idle(usize),
    /// Time passes.
    Wait(u64),
    /// The expiry timer fires, if it is running.
    Timer,
    /// The outcome of the expired item is reported.
    Expired,
    /// A worker puts its notification back, for some time or until its gate opens; it takes the next one or
    /// goes on with the response body.
    PutBack(usize, Option<u64>, bool),
    /// A gate of patient groups is set.
    Gate(usize, Opening),
    /// The alarm comes, on time or not, and wakes at most so many lanes.
    Alarm(usize),
    /// Items in held lanes are given up: those whose number this divides.
    Overdue(u64, usize),
    Purge(Option<HostTypeId>, usize),
    Open,
    FailToOpen,
    Drain,
    Resume,
    Close,
    /// Another pool is to take this one's place.
    BeginHandOver,
    /// A waiting item is handed to that pool, which has room for it or not.
    HandOver(bool),
    /// The endpoint says how many requests it accepts at once; `None` means a different endpoint, which
    /// has not said.
    Room(Option<usize>),
}

/// What a gate is set to.
#[derive(Clone, Copy, Debug)]
pub enum Opening {
    Open,
    One,
    In(u64),
    Closed,
}

pub fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        30 => (0u8..LANES, 1usize..60, 0u64..30).prop_map(|(lane, cost, age)| Op::Push { lane, cost, age }),
        12 => (BATCHED..LANES, 1usize..60, 0u64..4).prop_map(|(lane, cost, age)| Op::Push { lane, cost, age }),
        12 => (0usize..4, 1usize..4).prop_map(|(worker, at_once)| Op::Collect(worker, at_once)),
        4 => (0usize..4).prop_map(Op::Part),
        1 => any::<bool>().prop_map(Op::Hurry),
        1 => Just(Op::Crowd),
        15 => (0usize..4).prop_map(Op::Look),
        12 => (0usize..4, any::<bool>()).prop_map(|(worker, sent)| Op::FinishAndTake(worker, sent)),
        6 => (0usize..4).prop_map(Op::Finish),
        6 => (0usize..4).prop_map(Op::BodyRead),
        2 => (0usize..4).prop_map(Op::Die),
        4 => (0usize..4).prop_map(Op::Idle),
        6 => (0u64..40).prop_map(Op::Wait),
        9 => Just(Op::Timer),
        5 => Just(Op::Expired),
        8 => (0usize..4, proptest::option::of(0u64..40), any::<bool>())
            .prop_map(|(worker, millis, take)| Op::PutBack(worker, millis, take)),
        5 => (1usize..GATES, opening()).prop_map(|(gate, opening)| Op::Gate(gate, opening)),
        6 => (1usize..4).prop_map(Op::Alarm),
        2 => (1u64..4, 1usize..5).prop_map(|(divides, at_once)| Op::Overdue(divides, at_once)),
        2 => (proptest::option::of(0u32..2), 1usize..5)
            .prop_map(|(host_type, at_once)| Op::Purge(host_type.map(HostTypeId::from), at_once)),
        4 => Just(Op::Open),
        1 => Just(Op::FailToOpen),
        1 => Just(Op::Drain),
        1 => Just(Op::Resume),
        1 => Just(Op::Close),
        1 => Just(Op::BeginHandOver),
        3 => any::<bool>().prop_map(Op::HandOver),
        2 => proptest::option::of(0usize..5).prop_map(Op::Room),
    ]
}

pub fn opening() -> impl Strategy<Value = Opening> {
    prop_oneof![
        2 => Just(Opening::Open),
        1 => Just(Opening::One),
        2 => (0u64..40).prop_map(Opening::In),
        1 => Just(Opening::Closed),
    ]
}
