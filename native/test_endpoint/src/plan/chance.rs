//! Repeatable random numbers: the same seed returns the same numbers in the same order. They pick
//! faults and delays; they are not for secrets.

use super::Delay;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// A seeded sequence of numbers (`SplitMix64`) that many tasks may share without a lock.
#[derive(Debug)]
pub(crate) struct Dice(AtomicU64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// The next number of the sequence.
    pub(crate) fn draw(&self) -> u64 {
        let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 if `bound` is 0.
    pub(crate) fn below(&self, bound: u64) -> u64 {
        // The bias of the remainder is below 2^-32 for every bound used here.
        self.draw().checked_rem(bound).unwrap_or(0)
    }
}

impl Delay {
    pub(crate) const fn seed(self) -> u64 {
        match self {
            Self::Range { seed, .. } => seed,
            Self::None | Self::Fixed(_) => 0,
        }
    }

    /// How long to wait this time.
    pub(crate) fn pick(self, dice: &Dice) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Fixed(time) => time,
            Self::Range { from, to, .. } => {
                let span = u64::try_from(to.saturating_sub(from).as_micros()).unwrap_or(u64::MAX);
                from + Duration::from_micros(dice.below(span.saturating_add(1)))
            }
        }
    }
}
