//! A pool with a group for each of thousands of handlers: a step looks at as many groups as with a few of them.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use notification::HostTypeId;
use tokio::time::Instant;

use crate::lanes::looks;
use crate::{Batching, Core, GateId, GroupId, LaneLimits, Place, Rules, WhenBusy};

const FEW: u32 = 16;
const MANY: u32 = 10_000;
const STEPS: u32 = 1_500;

type Queue = Core<u32, u32>;

/// A pool with so many groups that send batches, in each of which one item waits for company.
fn pool(groups: u32, now: Instant) -> (Queue, Vec<GroupId>) {
    let limits = LaneLimits {
        items: 1_000,
        cost: usize::MAX,
    };
    let mut core = Queue::new(limits);
    let rules = Rules {
        workers: 10,
        when_busy: WhenBusy::Wait,
        max_waiting: None,
        call_timeout: Duration::from_hours(1),
    };
    let _ = core.open(rules, ());
    let batching = Batching {
        items: 3,
        cost: usize::MAX,
        linger: Duration::from_hours(1),
    };
    let groups: Vec<GroupId> = (0..groups)
        .map(|number| {
            let group = core.add_group(GateId::default(), None);
            core.set_batching(group, batching);
            push(&mut core, group, number, now);
            group
        })
        .collect();
    (core, groups)
}

fn push(core: &mut Queue, group: GroupId, number: u32, now: Instant) {
    let key = number.to_ne_bytes();
    let place = Place {
        key: &key,
        host_type: HostTypeId::default(),
        group,
        since: Some(now),
    };
    let _ = core.push(place, number, 1, now).unwrap();
    let _ = core.leftovers().free();
}

/// All that happens to three notifications of one handler: two come to the one that waits for company, the alarm
/// sounds for another reason, and they go in a batch. Another one comes.
fn step(core: &mut Queue, (group, number): (GroupId, u32), now: Instant) {
    push(core, group, number, now);
    push(core, group, number, now);
    let due = core.due(now, 64);
    assert!(due.next.is_some_and(|next| next > now));
    let taken = core.take(now).unwrap();
    let mut others = Vec::new();
    while core.collect(&taken.ticket, &mut others, 64, now).0 {}
    assert_eq!(others.len(), 2);
    for other in others {
        let _ = core.finish(other.ticket, true, now);
    }
    let _ = core.finish(taken.ticket, true, now);
    push(core, group, number, now);
}

/// How often groups are looked at in all steps together.
fn looked_at(groups: u32) -> u64 {
    let mut now = Instant::now();
    let (mut core, groups) = pool(groups, now);
    let mut numbers = (0..).zip(groups).cycle();
    let before = looks::so_far();
    for _ in 0..STEPS {
        now += Duration::from_micros(10);
        let (number, group) = numbers.next().unwrap();
        step(&mut core, (group, number), now);
    }
    looks::so_far() - before
}

#[test]
fn a_step_looks_at_no_group_that_it_does_not_concern() {
    let few = looked_at(FEW);
    assert!(few > u64::from(STEPS), "groups are looked at: {few}");
    assert_eq!(looked_at(MANY), few);
}
