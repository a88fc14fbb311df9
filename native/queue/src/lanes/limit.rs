//! The limit of a group of lanes: a token bucket (`governor`), told the time by its caller.
//!
//! Under the pool's lock it has to answer a question that `governor` does not: how many items may be taken
//! now. So the bucket's state is kept here, and a question does not change it.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::StateInformationMiddleware;
use governor::nanos::Nanos;
use governor::state::{NotKeyed, StateStore};
use governor::{Quota, RateLimiter};
use notification::policy::Rate;
use tokio::time::Instant;

/// Nanoseconds.
const SECOND: u64 = 1_000_000_000;

/// A token bucket: each item that is taken costs a token.
#[derive(Debug)]
pub(super) struct Limit {
    bucket: RateLimiter<NotKeyed, Shared, Shared, StateInformationMiddleware>,
    state: Shared,
    /// The nanoseconds between two tokens.
    apart: u64,
    /// The first time that it was told, from which it counts.
    begin: Option<Instant>,
    /// The tokens that it is known to have; others may have come since.
    free: usize,
}

/// The time that a bucket was told, and what `governor` remembers of it. They are used under the pool's lock
/// only.
#[derive(Debug, Default)]
struct State {
    /// Nanoseconds since the bucket's beginning.
    now: AtomicU64,
    /// Until when it is full again; 0 at first.
    full: AtomicU64,
    /// Whether this is a question only.
    asks: AtomicBool,
}

#[derive(Clone, Debug, Default)]
struct Shared(Arc<State>);

impl Clock for Shared {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.now.load(Ordering::Relaxed).into()
    }
}

impl StateStore for Shared {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _: &NotKeyed, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let full = self.0.full.load(Ordering::Relaxed);
        let (outcome, full) = measure(Some(full.into()))?;
        if !self.0.asks.load(Ordering::Relaxed) {
            self.0.full.store(full.as_u64(), Ordering::Relaxed);
        }
        Ok(outcome)
    }
}

impl Limit {
    pub(super) fn new(rate: Rate) -> Self {
        let per_second = u64::from(rate.per_second.max(1));
        // Rounded up: in the long run no more than the rate.
        let apart = SECOND.div_ceil(per_second);
        let burst = NonZeroU32::new(rate.burst).unwrap_or(NonZeroU32::MIN);
        let quota =
            Quota::with_period(Duration::from_nanos(apart)).map(|quota| quota.allow_burst(burst));
        let quota = quota.unwrap_or_else(|| Quota::per_second(burst));
        let state = Shared::default();
        Self {
            bucket: RateLimiter::new(quota, state.clone(), state.clone()),
            state,
            apart,
            begin: None,
            free: burst.get() as usize,
        }
    }

    /// How many items may be taken, as far as is known.
    pub(super) fn free(&self) -> usize {
        self.free
    }

    /// An item is taken.
    pub(super) fn spend(&mut self, now: Instant) {
        self.tell(now);
        if self.bucket.check().is_err() {
            // A request that does not wait for its token takes the next one.
            self.state.0.full.fetch_add(self.apart, Ordering::Relaxed);
        }
        self.free = self.free.saturating_sub(1);
    }

    /// An item that was taken leads to no request: its token is there again.
    pub(super) fn give_back(&mut self) {
        let full = self.state.0.full.load(Ordering::Relaxed);
        let before = full.saturating_sub(self.apart);
        self.state.0.full.store(before, Ordering::Relaxed);
    }

    /// Counts the tokens that there are now. Returns when the next one comes, if there is none.
    pub(super) fn refill(&mut self, now: Instant) -> Option<Instant> {
        match self.ask(now) {
            Ok(free) => {
                self.free = free;
                None
            }
            Err(next) => {
                self.free = 0;
                Some(next)
            }
        }
    }

    /// When there is a token, now or later.
    pub(super) fn next(&mut self, now: Instant) -> Instant {
        self.ask(now).err().unwrap_or(now)
    }

    /// How many tokens there are now, or when the next one comes.
    fn ask(&mut self, now: Instant) -> Result<usize, Instant> {
        let begin = self.tell(now);
        self.state.0.asks.store(true, Ordering::Relaxed);
        let outcome = self.bucket.check();
        self.state.0.asks.store(false, Ordering::Relaxed);
        match outcome {
            Ok(rest) => Ok(rest.remaining_burst_capacity() as usize + 1),
            Err(not) => Err(begin + Duration::from(not.earliest_possible())),
        }
    }

    /// Tells the time, which never goes back: callers read the clock before they take the lock.
    fn tell(&mut self, now: Instant) -> Instant {
        let begin = *self.begin.get_or_insert(now);
        let since = now.saturating_duration_since(begin).as_nanos();
        let since = u64::try_from(since).unwrap_or(u64::MAX / 2);
        self.state.0.now.fetch_max(since, Ordering::Relaxed);
        begin
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use tokio::time::Instant;

    use super::{Limit, Rate};

    const MILLI: Duration = Duration::from_millis(1);

    proptest! {
        /// Takers come at any times, and take as much as they may. Over any span of time no more is taken than
        /// a burst and the rate allow, and a taker that waits until the time that it is told gets a token.
        #[test]
        fn never_more_than_the_limit(
            per_second in 1u32..2_000,
            burst in 1u32..50,
            pauses in prop::collection::vec((0u64..3_000_000, 0u32..20), 1..80),
        ) {
            let mut limit = Limit::new(Rate { per_second, burst });
            let (begin, mut now) = (Instant::now(), Instant::now());
            let mut taken = Vec::new();
            for (micros, wanted) in pauses {
                now += Duration::from_micros(micros);
                if let Some(next) = limit.refill(now) {
                    prop_assert!(next > now && next <= now + Duration::from_secs(1) + MILLI);
                    prop_assert!(limit.refill(next - Duration::from_nanos(1)).is_some());
                    now = next;
                    prop_assert_eq!(limit.refill(now), None);
                }
                prop_assert!((1..=burst as usize).contains(&limit.free()));
                for _ in 0..wanted.min(u32::try_from(limit.free()).unwrap()) {
                    limit.spend(now);
                    taken.push(now - begin);
                }
            }
            for (place, from) in taken.iter().enumerate() {
                for (count, to) in taken[place..].iter().enumerate() {
                    let span = to.saturating_sub(*from).as_secs_f64();
                    let most = f64::from(burst) + f64::from(per_second) * span;
                    let count = f64::from(u32::try_from(count + 1).unwrap());
                    prop_assert!(count <= most + 1e-6, "{count} in {span} s, {most} are allowed");
                }
            }
        }
    }

    #[test]
    fn as_many_as_the_rate_in_the_long_run() {
        for (per_second, burst) in [(1, 1), (3, 1), (7, 100), (1_000, 1), (999_999, 10)] {
            let mut limit = Limit::new(Rate { per_second, burst });
            let begin = Instant::now();
            let mut now = begin;
            let mut taken = 0;
            let asked = burst + 10 * per_second.min(1_000);
            while taken < asked {
                match limit.refill(now) {
                    Some(next) => now = next,
                    None => {
                        limit.spend(now);
                        taken += 1;
                    }
                }
            }
            let took = (now - begin).as_secs_f64();
            let expected = f64::from(asked - burst) / f64::from(per_second);
            assert!(
                (took - expected).abs() <= expected * 1e-3,
                "{took} s, {expected} s expected"
            );
        }
    }

    #[test]
    fn what_does_not_wait_for_its_token_takes_the_next() {
        let mut limit = Limit::new(Rate {
            per_second: 10,
            burst: 2,
        });
        let begin = Instant::now();
        for _ in 0..5 {
            limit.spend(begin);
        }
        // Two were there, so the next one is the fourth to come.
        assert_eq!(limit.refill(begin), Some(begin + 400 * MILLI));
        // A caller that read the clock before another one changes nothing.
        assert_eq!(limit.refill(begin + 400 * MILLI), None);
        limit.spend(begin);
        assert_eq!(limit.refill(begin), Some(begin + 500 * MILLI));
    }
}
