//! How long connections live: their maximum age, how long they may idle, and when a silent one is given
//! up.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use tokio::time::Instant;

/// The time limits of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// An older connection accepts no more requests, however busy it is, so that a change of DNS or a
    /// new machine behind a balancer is noticed. `None` means no limit.
    pub max_age: Option<Duration>,
    /// A connection without a request for this long is closed. Balancers and NATs drop theirs after 60
    /// s, mostly without telling us.
    pub max_idle: Duration,
    /// HTTP/2: if the peer has sent no byte for this long, it is pinged.
    pub ping_after: Duration,
    /// HTTP/2: how long the peer has to answer a ping. A busy peer needs some time.
    pub ping_timeout: Duration,
    /// HTTP/2: how long sending GOAWAY and closing may take.
    pub farewell: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            max_age: Some(Duration::from_mins(5)),
            max_idle: Duration::from_secs(30),
            ping_after: Duration::from_secs(10),
            ping_timeout: Duration::from_secs(10),
            farewell: Duration::from_secs(1),
        }
    }
}

impl Lifetimes {
    /// When a connection made now becomes too old: after 80 to 100 percent of the maximum age, at
    /// random, so that connections made together do not end together.
    #[must_use]
    pub fn too_old_at(&self, now: Instant) -> Option<Instant> {
        // Each of these hashers has its own random key, which is random enough here.
        let chance = RandomState::new().build_hasher().finish();
        self.too_old_by_chance(now, chance)
    }

    fn too_old_by_chance(&self, now: Instant, chance: u64) -> Option<Instant> {
        let max_age = self.max_age?;
        let thousandths = 800 + u32::try_from(chance % 201).unwrap_or(0);
        now.checked_add(max_age / 1000 * thousandths)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_made_together_end_at_different_times_within_the_age() {
        let lifetimes = Lifetimes::default();
        let age = lifetimes.max_age.unwrap();
        let now = Instant::now();
        let ages: std::collections::BTreeSet<Duration> = (0..200)
            .map(|_| lifetimes.too_old_at(now).unwrap() - now)
            .collect();
        assert!(ages.len() > 50, "{} different ones", ages.len());
        assert!(
            ages.iter()
                .all(|found| *found >= age * 4 / 5 && *found <= age)
        );
        for (chance, expected) in [(0, age * 4 / 5), (200, age), (201, age * 4 / 5)] {
            assert_eq!(
                lifetimes.too_old_by_chance(now, chance),
                Some(now + expected)
            );
        }
    }

    #[test]
    fn without_a_limit_there_is_no_end() {
        let lifetimes = Lifetimes {
            max_age: None,
            ..Lifetimes::default()
        };
        assert_eq!(lifetimes.too_old_at(Instant::now()), None);
    }

    /// Balancers drop idle connections after 60 s; Google's and some firewalls do so earlier.
    #[test]
    fn idle_connections_end_well_before_balancers_drop_them() {
        let lifetimes = Lifetimes::default();
        assert!(lifetimes.max_idle <= Duration::from_secs(45));
        // One unanswered ping fits into the idle time; two do not.
        assert!(lifetimes.ping_after + lifetimes.ping_timeout < lifetimes.max_idle);
    }
}
