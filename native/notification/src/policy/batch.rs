//! How many notifications share a request, and how long the first waits for company.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::check::{PolicyError, time, within};

/// How notifications share requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The most notifications in a request.
    pub max_events: u32,
    /// The most bytes in a body, before compression. A notification that is larger by itself is sent alone.
    pub max_bytes: usize,
    /// The longest that a notification waits for others after its hand-over.
    pub linger: Duration,
}

/// The options in the section `batch`, as they were written; what is `None` was not set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchOptions {
    /// `max_events`.
    pub max_events: Option<u64>,
    /// `max_bytes`.
    pub max_bytes: Option<u64>,
    /// `linger`, in milliseconds.
    pub linger: Option<u64>,
}

const EVENTS: RangeInclusive<u64> = 1..=10_000;
const BYTES: RangeInclusive<u64> = 1024..=64 * 1024 * 1024;
/// In milliseconds.
const LINGER: RangeInclusive<u64> = 0..=60_000;

impl Default for Batch {
    fn default() -> Self {
        Self {
            max_events: 500,
            max_bytes: 1024 * 1024,
            linger: Duration::from_millis(50),
        }
    }
}

impl Batch {
    /// The batches that the options ask for.
    pub(super) fn check(options: &BatchOptions) -> Result<Self, PolicyError> {
        let default = Self::default();
        let max_events = match options.max_events {
            None => default.max_events,
            Some(number) => {
                within("batch.max_events", number, EVENTS, "")?;
                u32::try_from(number).unwrap_or(u32::MAX)
            }
        };
        let max_bytes = match options.max_bytes {
            None => default.max_bytes,
            Some(number) => {
                within("batch.max_bytes", number, BYTES, " bytes")?;
                usize::try_from(number).unwrap_or(usize::MAX)
            }
        };
        Ok(Self {
            max_events,
            max_bytes,
            linger: time("batch.linger", options.linger, LINGER, default.linger)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_and_what_is_not() {
        assert_eq!(Batch::check(&BatchOptions::default()), Ok(Batch::default()));
        let options = BatchOptions {
            max_events: Some(1),
            max_bytes: Some(1024),
            linger: Some(60_000),
        };
        let batch = Batch {
            max_events: 1,
            max_bytes: 1024,
            linger: Duration::from_mins(1),
        };
        assert_eq!(Batch::check(&options), Ok(batch));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let with = |change: fn(&mut BatchOptions)| {
            let mut options = BatchOptions::default();
            change(&mut options);
            Batch::check(&options).unwrap_err().to_string()
        };
        for (found, expected) in [
            (
                with(|options| options.max_events = Some(0)),
                "batch.max_events: 0 is not between 1 and 10000",
            ),
            (
                with(|options| options.max_bytes = Some(1023)),
                "batch.max_bytes: 1023 bytes is not between 1024 and 67108864 bytes",
            ),
            (
                with(|options| options.linger = Some(60_001)),
                "batch.linger: 60001 ms is not between 0 and 60000 ms",
            ),
        ] {
            assert_eq!(found, expected);
        }
    }
}
