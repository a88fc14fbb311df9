//! `Retry-After` (RFC 9110, 10.2.3): how long the endpoint asks to wait.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};

/// How long the endpoint asks to wait, at most `most`; nothing if it does not ask, or if the value is neither
/// seconds nor a date. A date counts from the answer's own date, so that neither clock has to be right; without
/// one, from `now`.
pub(super) fn pause(headers: &HeaderMap, now: SystemTime, most: Duration) -> Duration {
    let Some(value) = headers
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
    else {
        return Duration::ZERO;
    };
    let value = value.trim();
    let asked = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number too long to be read is too long a pause.
        value.parse().map_or(most, Duration::from_secs)
    } else {
        let date = headers.get(DATE).and_then(|date| date.to_str().ok());
        let now = date.and_then(read).unwrap_or(now);
        let until = read(value).unwrap_or(now);
        until.duration_since(now).unwrap_or_default()
    };
    asked.min(most)
}

fn read(date: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(date.trim()).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    const MOST: Duration = Duration::from_mins(15);
    const NOON: &str = "Thu, 26 Nov 2026 12:00:00 GMT";

    fn noon() -> SystemTime {
        read(NOON).unwrap()
    }

    fn asked(retry_after: &str, date: Option<&str>, now: SystemTime) -> u64 {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, retry_after.parse().unwrap());
        if let Some(date) = date {
            headers.insert(DATE, date.parse().unwrap());
        }
        pause(&headers, now, MOST).as_secs()
    }

    #[test]
    fn seconds() {
        for (value, seconds) in [
            ("0", 0),
            ("1", 1),
            (" 120 ", 120),
            ("900", 900),
            ("901", 900),
            ("1000000", 900),
            ("99999999999999999999999999", 900),
            ("-5", 0),
            ("+5", 0),
            ("1.5", 0),
            ("tomorrow", 0),
            ("", 0),
            ("5, 6", 0),
        ] {
            assert_eq!(asked(value, None, noon()), seconds, "{value}");
        }
        assert_eq!(pause(&HeaderMap::new(), noon(), MOST), Duration::ZERO);
    }

    #[test]
    fn dates() {
        for (value, seconds) in [
            ("Thu, 26 Nov 2026 12:02:00 GMT", 120),
            ("Thursday, 26-Nov-26 12:02:00 GMT", 120),
            ("Thu Nov 26 12:02:00 2026", 120),
            ("Thu, 26 Nov 2026 11:00:00 GMT", 0),
            ("Fri, 27 Nov 2026 12:00:00 GMT", 900),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 900),
            ("Thu, 26 Nov 2026 12:02:00 CET", 0),
        ] {
            assert_eq!(asked(value, None, noon()), seconds, "{value}");
        }
    }

    /// The node's clock was set back by an hour, or is a year ahead: what counts is the endpoint's own date,
    /// and without one, the pause is within its bounds.
    #[test]
    fn a_clock_that_is_wrong() {
        let value = "Thu, 26 Nov 2026 12:02:00 GMT";
        let hour = Duration::from_hours(1);
        for now in [
            noon() - hour,
            noon() + hour,
            noon() + 8766 * hour,
            SystemTime::UNIX_EPOCH,
        ] {
            assert_eq!(asked(value, Some(NOON), now), 120);
        }
        assert_eq!(asked(value, None, noon() - hour), 900);
        assert_eq!(asked(value, None, noon() + hour), 0);
        assert_eq!(asked(value, Some("yesterday"), noon()), 120);
    }

    proptest! {
        #[test]
        fn any_bytes_are_within_the_bounds(value in "[ -~\t]{0,40}", date in "[ -~\t]{0,40}") {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, value.parse().unwrap());
            headers.insert(DATE, date.parse().unwrap());
            prop_assert!(pause(&headers, SystemTime::now(), MOST) <= MOST);
        }
    }
}
