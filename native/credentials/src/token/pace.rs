//! When to fetch again: after a success, and after failures.

use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};

/// The pause after the first failure; it doubles.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(1);
/// The longest pause that an endpoint may ask for.
const LONGEST_ASKED: Duration = Duration::from_mins(5);
/// A token is renewed at most this long before its end.
const EARLIEST: Duration = Duration::from_mins(10);
/// The clocks of the endpoint and of the service may differ by this much.
const SKEW: Duration = Duration::from_secs(10);

/// How long a token is used, and when it is renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Life {
    /// How long the token is sent.
    pub(super) good: Duration,
    /// When a new one is fetched.
    pub(super) renew_after: Duration,
}

impl Life {
    /// For a token that is good for `expires_in`.
    pub(super) fn of(expires_in: Duration) -> Self {
        let good = expires_in.saturating_sub(SKEW.min(expires_in / 10));
        // A fifth of its life is left for failures of the endpoint. The nodes of a cluster start at the
        // same time, and should not all come at the same time again.
        let before = EARLIEST.min(expires_in / 5);
        let early = before.mul_f64(1.0 + 0.5 * random());
        Self {
            good,
            renew_after: expires_in.saturating_sub(early).min(good),
        }
    }
}

/// Failures in a row.
#[derive(Debug, Default)]
pub(super) struct Failures(u32);

impl Failures {
    /// The pause after another failure: it doubles, with a jitter of a quarter, and is as long as the
    /// endpoint asks, within bounds.
    pub(super) fn next(&mut self, asked: Option<Duration>) -> Duration {
        let doubled = SHORTEST.saturating_mul(1 << self.0.min(16)).min(LONGEST);
        self.0 = self.0.saturating_add(1);
        let asked = asked.unwrap_or_default().min(LONGEST_ASKED);
        doubled.max(asked).mul_f64(0.75 + 0.5 * random())
    }
}

/// A number from 0 to 1.
fn random() -> f64 {
    let mut bytes = [0; 2];
    // Without random numbers there is no jitter.
    let _ = SystemRandom::new().fill(&mut bytes);
    f64::from(u16::from_be_bytes(bytes)) / f64::from(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_well_before_its_end_and_not_sent_at_its_end() {
        let hour = Duration::from_hours(1);
        for _ in 0..100 {
            let life = Life::of(hour);
            assert_eq!(life.good + SKEW, hour);
            assert!(life.renew_after >= Duration::from_mins(45), "{life:?}");
            assert!(life.renew_after <= Duration::from_mins(50), "{life:?}");
            let short = Life::of(Duration::from_mins(1));
            assert_eq!(short.good, Duration::from_secs(54));
            assert!(short.renew_after >= Duration::from_secs(42), "{short:?}");
            assert!(short.renew_after <= Duration::from_secs(48), "{short:?}");
        }
    }

    #[test]
    fn pauses_double_up_to_a_minute_and_are_never_the_same() {
        let mut failures = Failures::default();
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
            let pause = failures.next(None);
            let nominal = Duration::from_secs(seconds);
            assert!(
                pause >= nominal.mul_f64(0.75) && pause <= nominal.mul_f64(1.25),
                "{pause:?}"
            );
        }
        let pauses: std::collections::HashSet<_> = (0..50).map(|_| failures.next(None)).collect();
        assert!(pauses.len() > 10, "there is jitter");
    }

    #[test]
    fn what_the_endpoint_asks_for_is_honoured_within_bounds() {
        let mut failures = Failures::default();
        let pause = failures.next(Some(Duration::from_secs(30)));
        assert!(pause >= Duration::from_secs(22), "{pause:?}");
        let pause = failures.next(Some(Duration::from_hours(9)));
        assert!(pause <= LONGEST_ASKED.mul_f64(1.25), "{pause:?}");
    }
}
