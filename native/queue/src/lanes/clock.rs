//! When items were handed over, in few bytes.

use std::time::Duration;

use tokio::time::Instant;

/// Milliseconds since the first item came. A node keeps the low half of its time, which is enough for items that
/// wait for less than 49 days.
#[derive(Debug, Default)]
pub(super) struct Clock(Option<Instant>);

impl Clock {
    /// The time at which an item comes.
    pub(super) fn millis(&mut self, now: Instant) -> u64 {
        self.0.get_or_insert(now);
        self.read(now)
    }

    /// The time. It begins when the first item comes, and not when an alarm looks.
    pub(super) fn read(&self, now: Instant) -> u64 {
        let gone = self
            .0
            .map_or(Duration::ZERO, |begin| now.saturating_duration_since(begin));
        u64::try_from(gone.as_millis()).unwrap_or(u64::MAX)
    }

    /// The low half of the time `since`.
    pub(super) fn low(&mut self, since: Instant, now: Instant) -> u32 {
        // The first call sets the clock.
        self.millis(now);
        low(self.millis(since.min(now)))
    }

    /// The whole time of which this is the low half.
    pub(super) fn widen(&mut self, since: u32, now: Instant) -> u64 {
        let now = self.millis(now);
        now.saturating_sub(u64::from(low(now).wrapping_sub(since)))
    }

    /// The time that is `before` or soon after it, and of which `since` is the low half.
    pub(super) fn later(before: u64, since: u32) -> u64 {
        let after = since.wrapping_sub(low(before));
        // What was handed over later may have been put before it.
        let after = if after > u32::MAX / 2 { 0 } else { after };
        before + u64::from(after)
    }

    /// When that time is.
    pub(super) fn at(&self, millis: u64) -> Option<Instant> {
        self.0?.checked_add(Duration::from_millis(millis))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "that is what it is for")]
fn low(millis: u64) -> u32 {
    millis as u32
}
