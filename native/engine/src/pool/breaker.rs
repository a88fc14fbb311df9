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
mod tests;
