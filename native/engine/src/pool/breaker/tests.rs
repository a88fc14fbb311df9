//! The breaker against a reference, and the cases that it was made for.
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
