//! Whether an endpoint is down: a state machine that is told of every delivery to one URL.
//!
//! Deliveries of more than one lane that fail in a row open it. While it is open, one lane at a time asks
//! whether the endpoint is back, with pauses that grow; one success closes it.
//!
//! An endpoint may refuse some lanes and serve others. So what counts are first attempts: a lane that failed
//! before says nothing new. The breaker opens if more of them fail in a row than the share that succeeded
//! before explains, or if nothing was delivered for a minute; but not while a lane is ready whose delivery
//! is about to say more. It knows neither a clock nor a queue nor chance.

use std::time::Duration;

use notification::Retry;
use tokio::time::Instant;

/// So many first attempts that fail in a row open the breaker, however few succeeded before.
const ENOUGH: u32 = 64;
/// The breaker opens if deliveries of more than one lane fail for so long and none succeeds.
const LONG: Duration = Duration::from_mins(1);
/// A run of failures is explained by the share of successes if it is not rarer than this.
const RARE: f64 = 1e-3;
/// The weight of one delivery in the share of successes.
const WEIGHT: f64 = 1.0 / 32.0;

/// The breaker of one URL.
#[derive(Debug)]
pub struct Breaker {
    state: State,
    run: Run,
    /// The share of first attempts that succeed, as far as is known.
    share: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    Closed,
    /// Since when the endpoint is down, and how many pauses there were.
    Open {
        since: Instant,
        pauses: u32,
    },
}

/// Failures in a row.
#[derive(Clone, Copy, Debug, Default)]
struct Run {
    /// How many of them were first attempts.
    firsts: u32,
    /// The first one's lane, and when it failed.
    first: Option<(u32, Instant)>,
    /// Another lane failed too.
    several: bool,
    /// The endpoint answered at least one of them.
    answered: bool,
    /// How many first attempts in vain the share of successes before them does not explain.
    enough: u32,
}

/// A delivery that failed.
#[derive(Clone, Copy, Debug)]
pub struct Failure {
    /// The number of its lane.
    pub lane: u32,
    /// Whether it was its notification's first attempt.
    pub first: bool,
    /// Whether it was the one that asks whether the endpoint is back.
    pub probe: bool,
    /// Whether the endpoint answered.
    pub answered: bool,
    /// How long the endpoint asked to wait.
    pub asked: Duration,
}

/// What a delivery changed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// Nothing.
    None,
    /// The endpoint is down since the first failure in a row; one lane asks again at this time.
    Down {
        /// When the first of the failures was.
        since: Instant,
        /// When one lane asks.
        ask: Instant,
    },
    /// The endpoint is still down; one lane asks again at this time.
    Ask(Instant),
    /// The endpoint, down since this time, is back.
    Up {
        /// Since when it was down.
        since: Instant,
    },
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            state: State::Closed,
            run: Run::default(),
            // Nothing is known.
            share: 0.5,
        }
    }
}

impl Breaker {
    /// Since when the endpoint is down.
    #[must_use]
    pub fn down_since(&self) -> Option<Instant> {
        match self.state {
            State::Closed => None,
            State::Open { since, .. } => Some(since),
        }
    }

    /// Whether the last delivery, if there was one, succeeded.
    #[must_use]
    pub fn last_succeeded(&self) -> bool {
        self.run.first.is_none()
    }

    /// A delivery succeeded.
    pub fn succeeded(&mut self) -> Change {
        self.share += WEIGHT * (1.0 - self.share);
        self.run = Run::default();
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Closed => Change::None,
            State::Open { since, .. } => Change::Up { since },
        }
    }

    /// A delivery failed. `others_ready`: another lane's is about to say more. `chance` is at least 0 and less
    /// than 1.
    pub fn failed(
        &mut self,
        failure: Failure,
        others_ready: bool,
        retry: &Retry,
        now: Instant,
        chance: f64,
    ) -> Change {
        if self.run.first.is_none() {
            self.run.enough = self.enough();
        }
        let run = &mut self.run;
        if failure.first {
            run.firsts = run.firsts.saturating_add(1);
            self.share -= WEIGHT * self.share;
        }
        let (lane, since) = *run.first.get_or_insert((failure.lane, now));
        run.several |= lane != failure.lane;
        run.answered |= failure.answered;
        match self.state {
            State::Closed => {
                // An endpoint that never answers does not choose.
                let enough = if run.answered { run.enough } else { 2 };
                let enough = run.firsts >= enough || now >= since + LONG;
                let certain = run.firsts >= ENOUGH || enough && !others_ready;
                if !run.several || !certain {
                    return Change::None;
                }
                self.state = State::Open { since, pauses: 0 };
                let ask = self.pause(retry, now, failure.asked, chance);
                Change::Down { since, ask }
            }
            // A request that began before the breaker opened says nothing new.
            State::Open { .. } if !failure.probe => Change::None,
            State::Open { .. } => Change::Ask(self.pause(retry, now, failure.asked, chance)),
        }
    }

    /// A delivery ended without a word about the endpoint. If it was to ask, another lane asks.
    pub fn said_nothing(&mut self, probe: bool, retry: &Retry, now: Instant) -> Change {
        match self.state {
            State::Open { .. } if probe => Change::Ask(now + retry.initial),
            _ => Change::None,
        }
    }

    /// How many failures in a row the share of successes does not explain.
    fn enough(&self) -> u32 {
        let explained = RARE.ln() / (-self.share).ln_1p();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 2 and 64"
        )]
        let enough = explained.clamp(2.0, f64::from(ENOUGH)).ceil() as u32;
        enough
    }

    /// The end of the next pause.
    fn pause(&mut self, retry: &Retry, now: Instant, asked: Duration, chance: f64) -> Instant {
        let State::Open { pauses, .. } = &mut self.state else {
            return now;
        };
        *pauses = pauses.saturating_add(1);
        let pause = retry.longest_pause(*pauses).mul_f64(chance);
        now + pause.max(asked.min(retry.max))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum Event {
        Success,
        Failure(Failure, bool),
        Nothing { probe: bool },
    }

    fn event() -> impl Strategy<Value = Event> {
        let failure = (0u32..3, any::<[bool; 3]>(), prop::bool::weighted(0.3));
        prop_oneof![
            2 => Just(Event::Success),
            6 => failure.prop_map(|(lane, [first, probe, answered], others_ready)| {
                Event::Failure(Failure { lane, first, probe, answered, asked: Duration::ZERO }, others_ready)
            }),
            1 => any::<bool>().prop_map(|probe| Event::Nothing { probe }),
        ]
    }

    fn failure(lane: u32, probe: bool, answered: bool) -> Failure {
        Failure {
            lane,
            first: true,
            probe,
            answered,
            asked: Duration::ZERO,
        }
    }

    /// Since when the endpoint is down, worked out from all events so far.
    fn expected(events: &[(Event, Instant)]) -> Option<Instant> {
        let mut since = None;
        let mut run: Vec<(Failure, Instant)> = Vec::new();
        let (mut share, mut before): (f64, f64) = (0.5, 0.5);
        for (event, at) in events {
            match *event {
                Event::Success => {
                    share += (1.0 - share) / 32.0;
                    since = None;
                    run.clear();
                }
                Event::Failure(failure, others_ready) => {
                    if run.is_empty() {
                        before = share;
                    }
                    run.push((failure, *at));
                    let begin = run[0].1;
                    let lanes = run.iter().any(|(other, _)| other.lane != run[0].0.lane);
                    let silent = run.iter().all(|(other, _)| !other.answered);
                    let firsts = run.iter().filter(|(other, _)| other.first).count();
                    // The chance of such a run, if the endpoint is as it was.
                    let chance = (0..firsts).fold(1.0, |chance: f64, _| chance * (1.0 - before));
                    let rare = firsts >= 2 && (silent || chance <= RARE * (1.0 + 1e-9));
                    let long = *at - begin >= Duration::from_mins(1);
                    let sure = firsts >= 64 || (rare || long) && !others_ready;
                    if lanes && sure {
                        since = since.or(Some(begin));
                    }
                    if failure.first {
                        share -= share / 32.0;
                    }
                }
                Event::Nothing { .. } => {}
            }
        }
        since
    }

    proptest! {
        #[test]
        fn opens_and_closes_as_the_reference(
            events in prop::collection::vec((event(), 0u64..4), 1..150),
        ) {
            let mut now = Instant::now();
            let mut timed = Vec::new();
            let mut breaker = Breaker::default();
            let retry = Retry::default();
            for (event, seconds) in events {
                now += Duration::from_secs(seconds);
                timed.push((event, now));
                let before = breaker.down_since();
                let change = match event {
                    Event::Success => breaker.succeeded(),
                    Event::Failure(failure, others) => breaker.failed(failure, others, &retry, now, 0.5),
                    Event::Nothing { probe } => breaker.said_nothing(probe, &retry, now),
                };
                let since = expected(&timed);
                prop_assert_eq!(breaker.down_since(), since, "after {} events", timed.len());
                match change {
                    Change::None => prop_assert_eq!(before, since),
                    Change::Down { since: told, ask } => {
                        prop_assert_eq!((before, Some(told)), (None, since));
                        prop_assert!(ask >= now);
                    }
                    Change::Ask(ask) => {
                        prop_assert!(before.is_some() && before == since);
                        prop_assert!(ask - now <= retry.max);
                    }
                    Change::Up { since: told } => {
                        prop_assert_eq!((Some(told), since), (before, None));
                    }
                }
                // A lane that has asked in vain is followed by another.
                let asked = match event {
                    Event::Failure(failure, _) => failure.probe,
                    Event::Nothing { probe } => probe,
                    Event::Success => false,
                };
                if asked && before.is_some() {
                    prop_assert!(matches!(change, Change::Ask(_)), "{change:?}");
                }
            }
        }
    }

    fn good() -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..200 {
            assert_eq!(breaker.succeeded(), Change::None);
        }
        breaker
    }

    #[test]
    fn two_lanes_of_a_good_endpoint_are_enough() {
        let (mut breaker, retry, now) = (good(), Retry::default(), Instant::now());
        for _ in 0..1000 {
            let one = breaker.failed(failure(1, false, true), false, &retry, now, 0.0);
            assert_eq!(one, Change::None, "one lane alone");
            breaker.succeeded();
        }
        for _ in 0..200 {
            breaker.succeeded();
        }
        breaker.failed(failure(1, false, true), false, &retry, now, 0.0);
        let change = breaker.failed(failure(2, false, true), false, &retry, now, 0.0);
        assert_eq!(
            change,
            Change::Down {
                since: now,
                ask: now
            }
        );
    }

    /// Lanes that failed before say nothing new, unless nothing else is heard for a minute.
    #[test]
    fn lanes_that_failed_before() {
        let (mut breaker, retry, now) = (good(), Retry::default(), Instant::now());
        let again = |lane| Failure {
            first: false,
            ..failure(lane, false, true)
        };
        for second in 0..60 {
            let at = now + Duration::from_secs(second);
            let change = breaker.failed(again(u32::from(second % 2 == 0)), false, &retry, at, 0.0);
            assert_eq!(change, Change::None, "after {second} s");
        }
        let at = now + Duration::from_mins(1);
        let change = breaker.failed(again(0), false, &retry, at, 0.0);
        assert_eq!(
            change,
            Change::Down {
                since: now,
                ask: at
            }
        );
    }

    #[test]
    fn nobody_answers() {
        let (mut breaker, retry, now) = (Breaker::default(), Retry::default(), Instant::now());
        breaker.failed(failure(1, false, false), false, &retry, now, 0.0);
        let change = breaker.failed(failure(2, false, false), true, &retry, now, 0.0);
        assert_eq!(change, Change::None, "another lane is about to say more");
        let change = breaker.failed(failure(3, false, false), false, &retry, now, 0.0);
        assert!(matches!(change, Change::Down { .. }));
    }

    /// A hundred lanes, of which ten succeed, in any order that has one of these among the first sixty.
    #[test]
    fn ten_of_a_hundred() {
        let (mut breaker, retry, now) = (Breaker::default(), Retry::default(), Instant::now());
        for round in 0..100 {
            for lane in 0..100 {
                let change = if lane % 10 == round % 10 {
                    breaker.succeeded()
                } else {
                    breaker.failed(failure(lane, false, true), lane < 99, &retry, now, 0.0)
                };
                assert_eq!(change, Change::None);
            }
        }
    }

    #[test]
    fn pauses_grow_and_follow_what_the_endpoint_asks_for() {
        let (mut breaker, retry, now) = (good(), Retry::default(), Instant::now());
        breaker.failed(failure(1, false, false), false, &retry, now, 0.5);
        let asked = |seconds, probe| Failure {
            asked: Duration::from_secs(seconds),
            ..failure(2, probe, true)
        };
        let mut pauses = Vec::new();
        for seconds in [0, 0, 0, 60, 0, 1_000_000, 0, 0, 0, 0, 0, 0, 0] {
            let probe = breaker.down_since().is_some();
            match breaker.failed(asked(seconds, probe), false, &retry, now, 0.5) {
                Change::Down { ask, .. } | Change::Ask(ask) => pauses.push((ask - now).as_millis()),
                change => panic!("{change:?}"),
            }
        }
        let expected = [
            500, 1_000, 2_000, 60_000, 8_000, 900_000, 32_000, 64_000, 128_000, 256_000, 450_000,
            450_000, 450_000,
        ];
        assert_eq!(pauses, expected);
        // A late failure of a request that began before.
        let late = breaker.failed(asked(0, false), false, &retry, now, 0.5);
        assert_eq!(late, Change::None);
        assert_eq!(breaker.succeeded(), Change::Up { since: now });
    }
}
