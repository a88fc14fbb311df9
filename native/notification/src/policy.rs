//! What a handler asks of its deliveries: which answers are successes, which failures are tried again,
//! when, and for how long. Plain data; [`DeliveryPolicy::check`] is the only way to make one out of what
//! an operator wrote.
//!
//! What one answer means under a policy is decided in the engine (`delivery::judge`).

mod batch;
mod check;
mod rate;
mod statuses;

use std::time::Duration;

pub use batch::{Batch, BatchOptions};
pub use check::{PolicyError, PolicyOptions, RetryOptions};
pub use rate::{Rate, RateOptions};
pub use statuses::Statuses;

/// How surely a handler's notifications are delivered, and what counts as delivered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeliveryPolicy {
    /// What a crash may cost.
    pub guarantee: Guarantee,
    /// The statuses that are successes.
    pub success: Statuses,
    /// How failed deliveries are tried again; `None` if they are not, beyond a broken connection's.
    pub retry: Option<Retry>,
    /// How notifications share requests; `None` if each has its own.
    pub batch: Option<Batch>,
    /// How many requests may be sent in a second; `None` if that is not limited.
    pub rate: Option<Rate>,
}

/// What a crash of the node may cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Guarantee {
    /// Notifications are in memory only.
    #[default]
    BestEffort,
    /// Notifications are on disk until they are delivered or given up.
    AtLeastOnce,
}

/// How failed deliveries are tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The longest pause before the second attempt.
    pub initial: Duration,
    /// By how much the longest pause grows with each attempt.
    pub factor: u32,
    /// No pause is longer than this, whatever the endpoint asks for.
    pub max: Duration,
    /// How long after its hand-over a notification is given up.
    pub give_up_after: Duration,
    /// The number of failed attempts after which a notification is given up if other lanes succeeded
    /// meanwhile.
    pub alone: u32,
    /// What is tried again.
    pub on: RetryOn,
}

/// The failures that are tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryOn {
    /// These statuses.
    pub statuses: Statuses,
    /// No answer in time.
    pub timeout: bool,
    /// No connection, or one that broke.
    pub connection: bool,
}

impl Default for DeliveryPolicy {
    /// What the stock module does: any answer is a success, and a failure is final.
    fn default() -> Self {
        Self {
            guarantee: Guarantee::BestEffort,
            success: Statuses::ANY,
            retry: None,
            batch: None,
            rate: None,
        }
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            initial: Duration::from_secs(1),
            factor: 2,
            max: Duration::from_mins(15),
            give_up_after: Duration::from_hours(3 * 24),
            alone: 8,
            on: RetryOn::default(),
        }
    }
}

impl Default for RetryOn {
    /// The failures that usually pass: 408, 425, 429 and 5xx, no answer in time, no connection.
    fn default() -> Self {
        Self {
            statuses: Statuses::NONE
                .and(408..=408)
                .and(425..=425)
                .and(429..=429)
                .and(500..=599),
            timeout: true,
            connection: true,
        }
    }
}

impl DeliveryPolicy {
    /// Whether the handler's notifications wait in lanes of its own, so that they hold up no other handler's.
    #[must_use]
    pub fn has_own_lanes(&self) -> bool {
        self.retry.is_some() || self.has_own_group()
    }

    /// Whether these lanes are served by a rule that is the handler's alone.
    #[must_use]
    pub fn has_own_group(&self) -> bool {
        self.batch.is_some() || self.rate.is_some()
    }

    /// Whether an answer with this status is a success. If any status is, those are not that the handler
    /// wants to be tried again.
    #[must_use]
    pub fn is_success(&self, status: u16) -> bool {
        self.success.contains(status) && !(self.success.is_any() && self.retries_status(status))
    }

    /// Whether a request that was answered with this status is sent again. 410 is final: the endpoint
    /// wants no more.
    #[must_use]
    pub fn retries_status(&self, status: u16) -> bool {
        let retry = self.retry.as_ref();
        status != GONE && retry.is_some_and(|retry| retry.on.statuses.contains(status))
    }
}

impl Retry {
    /// The longest pause after this many failed attempts.
    #[must_use]
    pub fn longest_pause(&self, failed: u32) -> Duration {
        let mut pause = self.initial;
        for _ in 1..failed {
            if pause >= self.max || self.factor == 1 {
                break;
            }
            pause = pause.saturating_mul(self.factor);
        }
        pause.min(self.max)
    }
}

/// The status of an endpoint that is gone for good.
pub const GONE: u16 = 410;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{DeliveryPolicy, Retry, Statuses};

    #[test]
    fn pauses_grow_to_the_longest_and_no_further() {
        let retry = Retry::default();
        let seconds: Vec<u64> = (1..=12).map(|n| retry.longest_pause(n).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
        assert_eq!(retry.longest_pause(u32::MAX), Duration::from_mins(15));
        let constant = Retry { factor: 1, ..retry };
        assert_eq!(constant.longest_pause(u32::MAX), Duration::from_secs(1));
    }

    #[test]
    fn by_default_every_status_is_a_success() {
        let policy = DeliveryPolicy::default();
        assert!(
            [200, 301, 404, 410, 503, 799]
                .iter()
                .all(|status| policy.is_success(*status))
        );
        assert!(!policy.retries_status(503));
    }

    /// With `retry` alone, what would be tried again is no success, and 410 is not tried again.
    #[test]
    fn retry_alone() {
        let policy = DeliveryPolicy {
            retry: Some(Retry::default()),
            ..DeliveryPolicy::default()
        };
        assert!(
            [200, 302, 404, 410]
                .iter()
                .all(|status| policy.is_success(*status))
        );
        assert!(
            [408, 425, 429, 500, 599]
                .iter()
                .all(|status| policy.retries_status(*status))
        );
        assert!(
            ![408, 425, 429, 500, 599]
                .iter()
                .any(|status| policy.is_success(*status))
        );
    }

    #[test]
    fn what_is_called_a_success_is_not_tried_again() {
        let policy = DeliveryPolicy {
            success: Statuses::NONE.and(200..=299).and(503..=503),
            retry: Some(Retry::default()),
            ..DeliveryPolicy::default()
        };
        assert!(policy.is_success(503) && policy.is_success(204));
        assert!(!policy.is_success(500) && !policy.is_success(404));
    }
}
