//! How many requests a handler sends in a second.

use std::ops::RangeInclusive;

use super::check::{PolicyError, number};

/// A limit on a handler's deliveries. A batch is one delivery, whatever is in it, and so is one that is tried
/// again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many in a second, in the long run.
    pub per_second: u32,
    /// How many at once after a quiet time.
    pub burst: u32,
}

/// The options in the section `rate`, as they were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateOptions {
    /// `per_second`.
    pub per_second: u64,
    /// `burst`; if it was not set, as much as in a second.
    pub burst: Option<u64>,
}

const PER_SECOND: RangeInclusive<u64> = 1..=1_000_000;
const BURST: RangeInclusive<u64> = 1..=1_000_000;

impl Rate {
    /// The limit that the options ask for.
    pub(super) fn check(options: &RateOptions) -> Result<Self, PolicyError> {
        let per_second = Some(options.per_second);
        let per_second = number("rate.per_second", per_second, PER_SECOND, 1)?;
        Ok(Self {
            per_second,
            burst: number("rate.burst", options.burst, BURST, per_second)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_a_second_by_default() {
        let rate = |per_second, burst| Rate::check(&RateOptions { per_second, burst });
        for (per_second, burst, expected) in
            [(100, None, 100), (100, Some(7), 7), (1, Some(20), 20)]
        {
            let per = u32::try_from(per_second).unwrap();
            let expected = Rate {
                per_second: per,
                burst: expected,
            };
            assert_eq!(rate(per_second, burst), Ok(expected));
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (per_second, burst, expected) in [
            (0, None, "rate.per_second: 0 is not between 1 and 1000000"),
            (
                1_000_001,
                None,
                "rate.per_second: 1000001 is not between 1 and 1000000",
            ),
            (1, Some(0), "rate.burst: 0 is not between 1 and 1000000"),
        ] {
            let wrong = Rate::check(&RateOptions { per_second, burst });
            assert_eq!(wrong.unwrap_err().to_string(), expected);
        }
    }
}
