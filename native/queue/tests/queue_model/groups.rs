//! The lanes of the test, their groups, and what these wait for.

use std::time::Duration;

use notification::HostTypeId;
use notification::policy::Rate;
use queue::{Batching, LaneLimits};

pub const LIMITS: LaneLimits = LaneLimits {
    items: 4,
    cost: 100,
};

pub const BATCHING: Batching = Batching {
    items: 5,
    cost: 120,
    linger: Duration::from_millis(15),
};

/// Lanes below this expire; the others are in patient groups, in turn.
pub const EXPIRING: u8 = 6;

/// The lanes from this one on are in a group of batches.
pub const BATCHED: u8 = 12;

pub const LANES: u8 = 17;

/// The group of batches.
pub const BATCHES: usize = 4;

pub const GROUPS: usize = 5;

/// The gate of each group: three patient groups share one.
pub const GATE_OF: [usize; GROUPS] = [0, 1, 2, 2, 2];

pub const GATES: usize = 3;

/// The group with a limit, and the limit.
pub const LIMITED: usize = 3;

pub const RATE: Rate = Rate {
    per_second: 100,
    burst: 2,
};

/// The time between two tokens.
pub const APART: Duration = Duration::from_millis(10);

/// The group of a lane: 0 for those that expire.
pub fn group_of(lane: u8) -> usize {
    match lane {
        0..EXPIRING => 0,
        BATCHED..LANES => BATCHES,
        // More than the random test has.
        LANES.. => 1 + usize::from(lane % 2),
        lane => 1 + usize::from(lane) % (BATCHES - 1),
    }
}

/// The host type of a lane.
pub fn host_type_of(lane: u8) -> HostTypeId {
    HostTypeId::from(u32::from(lane % 2))
}
