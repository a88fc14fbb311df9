//! Dates, ages and sizes as text.

use std::time::Duration;

use indicatif::{HumanBytes, HumanDuration};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A time in milliseconds since the epoch, as RFC 3339 has it.
pub(super) fn date(ms: i64) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000)
        .ok()
        .and_then(|date| date.format(&Rfc3339).ok())
        .unwrap_or_else(|| format!("{ms} ms since the epoch"))
}

/// For example `3 hours`.
pub(super) fn age(ms: u64) -> String {
    HumanDuration(Duration::from_millis(ms)).to_string()
}

/// For example `1.50 MiB`.
pub(super) fn bytes(bytes: u64) -> String {
    HumanBytes(bytes).to_string()
}

#[cfg(test)]
mod tests {
    use super::{age, bytes, date};

    #[test]
    fn as_people_write_them() {
        assert_eq!(date(1_764_160_496_789), "2025-11-26T12:34:56.789Z");
        assert_eq!(date(i64::MAX), format!("{} ms since the epoch", i64::MAX));
        assert_eq!(age(3 * 3_600_000), "3 hours");
        assert_eq!(bytes(1 << 20), "1.00 MiB");
    }
}
