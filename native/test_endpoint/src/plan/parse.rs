//! Parses the text form of a [`Plan`].

use super::{Behaviour, Delay, Fault, Level, Mix, Plan};
use std::str::FromStr;
use std::time::Duration;
use thiserror::Error;

/// Longest answer body that a plan may ask for, in bytes.
const MAX_BODY: usize = 1 << 30;
/// Longest delay or interval, in milliseconds: a day.
const MAX_MILLIS: f64 = 86_400_000.0;

/// Why a plan cannot be used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlanError {
    /// A word of the text is not `key=value` with a known key.
    #[error("unknown word {0:?} in the plan")]
    UnknownWord(String),
    /// A fault of that name does not exist.
    #[error("unknown fault {0:?}")]
    UnknownFault(String),
    /// The value does not fit its key.
    #[error("bad value {value:?} for {key}")]
    BadValue {
        /// The key.
        key: &'static str,
        /// What was given.
        value: String,
    },
    /// A mix without parts or with a total weight of 0.
    #[error("a mix needs at least one part with a weight above 0")]
    EmptyMix,
    /// A part of a mix must start with its weight.
    #[error("a part of a mix starts with its weight, not with {0:?}")]
    NoWeight(String),
    /// The fault is not possible there.
    #[error("the fault {fault} is not possible {place}")]
    Misplaced {
        /// Name of the fault.
        fault: &'static str,
        /// Where it was asked for.
        place: &'static str,
    },
}

impl FromStr for Plan {
    type Err = PlanError;

    /// Reads the text form of a plan.
    ///
    /// Words: `status`, `delay` (milliseconds, `5`, `0.5` or `10-50`), `seed`, `body-size`, `body`,
    /// `header` (`name:value`, may be repeated), `fault`, `interval` (milliseconds), `size`,
    /// `count`. In `body` and `header`, `%XX` stands for a byte. The empty text is the good plan.
    /// `mix seed=N | WEIGHT words… | WEIGHT words…` draws by weight.
    ///
    /// # Errors
    ///
    /// [`PlanError`] says which word is wrong.
    fn from_str(text: &str) -> Result<Self, PlanError> {
        let mut words = text.split_ascii_whitespace();
        if words.clone().next() != Some("mix") {
            return behaviour(words).map(Self::Always);
        }
        words.next();
        mix(text.trim_start().trim_start_matches("mix")).map(Self::Mix)
    }
}

fn mix(text: &str) -> Result<Mix, PlanError> {
    let mut segments = text.split('|');
    let mut seed = 0;
    for word in segments.next().unwrap_or("").split_ascii_whitespace() {
        match word.split_once('=') {
            Some(("seed", value)) => seed = number("seed", value)?,
            _ => return Err(PlanError::UnknownWord(word.to_owned())),
        }
    }
    let mut parts = Vec::new();
    for segment in segments {
        let mut words = segment.split_ascii_whitespace();
        let first = words.next().unwrap_or("");
        let weight = first
            .parse::<u32>()
            .map_err(|_| PlanError::NoWeight(first.to_owned()))?;
        let part = behaviour(words)?;
        if let Some(fault) = part.fault
            && fault.level() == Level::Listener
        {
            return Err(PlanError::Misplaced {
                fault: fault.name(),
                place: "in a mix",
            });
        }
        parts.push((weight, part));
    }
    if parts.iter().all(|(weight, _)| *weight == 0) {
        return Err(PlanError::EmptyMix);
    }
    Ok(Mix { seed, parts })
}

fn behaviour<'a>(words: impl Iterator<Item = &'a str>) -> Result<Behaviour, PlanError> {
    let mut plan = Behaviour::default();
    let mut given_seed = 0;
    for word in words {
        let unknown = || PlanError::UnknownWord(word.to_owned());
        let (key, value) = word.split_once('=').ok_or_else(unknown)?;
        match key {
            "status" => plan.status = status(value)?,
            "delay" => plan.delay = delay(value)?,
            "seed" => given_seed = number("seed", value)?,
            "body" => plan.body = decoded("body", value)?.into(),
            "body-size" => {
                plan.body = vec![b'x'; limited("body-size", value, MAX_BODY)?].into();
            }
            "header" => plan.headers.push(header(value)?),
            "fault" => {
                let fault = Fault::by_name(value);
                plan.fault = Some(fault.ok_or_else(|| PlanError::UnknownFault(value.to_owned()))?);
            }
            "interval" => plan.interval = millis("interval", value)?,
            "size" => plan.size = limited("size", value, MAX_BODY)?,
            "count" => plan.count = limited("count", value, 1_000_000)?,
            _ => return Err(unknown()),
        }
    }
    if let Delay::Range { seed, .. } = &mut plan.delay {
        *seed = given_seed;
    }
    Ok(plan)
}

fn bad(key: &'static str, value: &str) -> PlanError {
    PlanError::BadValue {
        key,
        value: value.to_owned(),
    }
}

fn number(key: &'static str, value: &str) -> Result<u64, PlanError> {
    value.parse().map_err(|_| bad(key, value))
}

fn limited(key: &'static str, value: &str, max: usize) -> Result<usize, PlanError> {
    let parsed = value.parse().ok().filter(|number| *number <= max);
    parsed.ok_or_else(|| bad(key, value))
}

fn status(value: &str) -> Result<u16, PlanError> {
    let parsed = value.parse().ok();
    // Interim answers are separate faults: a 1xx alone is no answer.
    parsed
        .filter(|status| (200..=599).contains(status))
        .ok_or_else(|| bad("status", value))
}

fn millis(key: &'static str, value: &str) -> Result<Duration, PlanError> {
    let number: f64 = value.parse().map_err(|_| bad(key, value))?;
    if !(0.0..=MAX_MILLIS).contains(&number) {
        return Err(bad(key, value));
    }
    Ok(Duration::from_secs_f64(number / 1000.0))
}

fn delay(value: &str) -> Result<Delay, PlanError> {
    let Some((from, to)) = value.split_once('-') else {
        let time = millis("delay", value)?;
        return Ok(if time.is_zero() {
            Delay::None
        } else {
            Delay::Fixed(time)
        });
    };
    let (from, to) = (millis("delay", from)?, millis("delay", to)?);
    if from > to {
        return Err(bad("delay", value));
    }
    Ok(Delay::Range { from, to, seed: 0 })
}

fn header(value: &str) -> Result<(String, String), PlanError> {
    let wrong = || bad("header", value);
    let (name, text) = value.split_once(':').ok_or_else(wrong)?;
    let text = String::from_utf8(decoded("header", text)?).map_err(|_| wrong())?;
    let name_ok = http::HeaderName::from_bytes(name.as_bytes()).is_ok();
    if !name_ok || http::HeaderValue::from_str(&text).is_err() {
        return Err(wrong());
    }
    Ok((name.to_owned(), text))
}

/// Replaces each `%XX` by its byte.
fn decoded(key: &'static str, value: &str) -> Result<Vec<u8>, PlanError> {
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        if byte != b'%' {
            out.push(byte);
            rest = tail;
            continue;
        }
        let digits = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let decoded = digits.and_then(|two| u8::from_str_radix(two, 16).ok());
        out.push(decoded.ok_or_else(|| bad(key, value))?);
        rest = tail.get(2..).unwrap_or_default();
    }
    Ok(out)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::plan::Dice;

    fn one(text: &str) -> Behaviour {
        match text.parse().unwrap() {
            Plan::Always(behaviour) => behaviour,
            Plan::Mix(mix) => panic!("{mix:?}"),
        }
    }

    fn error(text: &str) -> String {
        text.parse::<Plan>().unwrap_err().to_string()
    }

    #[test]
    fn empty_text_is_the_good_plan() {
        assert_eq!(one(""), Behaviour::default());
        assert_eq!(one("  \n\t "), Behaviour::default());
        assert_eq!("status=200 delay=0".parse(), Ok(Plan::default()));
    }

    #[test]
    fn all_words() {
        let plan = one(
            "status=503 delay=500 body=a%20b%25 header=X-A:1 header=x-b:c%20d fault=slow \
             interval=2.5 size=10 count=20",
        );
        assert_eq!(plan.status, 503);
        assert_eq!(plan.delay, Delay::Fixed(Duration::from_millis(500)));
        assert_eq!(plan.body, "a b%");
        let headers = [("X-A", "1"), ("x-b", "c d")];
        assert_eq!(
            plan.headers,
            headers.map(|(n, v)| (n.to_owned(), v.to_owned()))
        );
        assert_eq!(plan.fault, Some(Fault::Slow));
        assert_eq!(plan.interval, Duration::from_micros(2500));
        assert_eq!((plan.size, plan.count), (10, 20));
    }

    #[test]
    fn delay_range_takes_the_seed_wherever_it_stands() {
        let range = Delay::Range {
            from: Duration::from_micros(500),
            to: Duration::from_millis(3),
            seed: 9,
        };
        assert_eq!(one("seed=9 delay=0.5-3").delay, range);
        assert_eq!(one("delay=0.5-3 seed=9").delay, range);
    }

    #[test]
    fn delays_are_drawn_within_their_bounds_and_repeatable() {
        let delay = one("delay=1-2 seed=3").delay;
        let draw = || {
            let dice = Dice::new(delay.seed());
            (0..1000).map(|_| delay.pick(&dice)).collect::<Vec<_>>()
        };
        let drawn = draw();
        let bounds = Duration::from_millis(1)..=Duration::from_millis(2);
        assert!(drawn.iter().all(|time| bounds.contains(time)));
        assert!(drawn.iter().max().unwrap() > &Duration::from_micros(1900));
        assert!(drawn.iter().min().unwrap() < &Duration::from_micros(1100));
        assert_eq!(drawn, draw());
    }

    #[test]
    fn mix_has_seed_and_weights() {
        let text = "mix seed=42 | 70 status=200 | 20 status=503 delay=10-50\n| 10 fault=garbage";
        let Plan::Mix(mix) = text.parse().unwrap() else {
            panic!("no mix");
        };
        assert_eq!(mix.seed, 42);
        let weights: Vec<_> = mix.parts.iter().map(|(weight, _)| *weight).collect();
        assert_eq!(weights, [70, 20, 10]);
        assert_eq!(mix.parts[1].1.status, 503);
        assert_eq!(mix.parts[2].1.fault, Some(Fault::Garbage));
    }

    #[test]
    fn every_fault_has_a_name_of_its_own() {
        for fault in Fault::ALL {
            assert_eq!(Fault::by_name(fault.name()), Some(*fault));
            assert_eq!(one(&format!("fault={}", fault.name())).fault, Some(*fault));
        }
    }

    #[test]
    fn errors_say_what_is_wrong() {
        assert_eq!(error("hello"), "unknown word \"hello\" in the plan");
        assert_eq!(
            error("colour=red"),
            "unknown word \"colour=red\" in the plan"
        );
        assert_eq!(error("fault=nope"), "unknown fault \"nope\"");
        assert_eq!(error("status=100"), "bad value \"100\" for status");
        assert_eq!(error("status=600"), "bad value \"600\" for status");
        assert_eq!(error("delay=5-1"), "bad value \"5-1\" for delay");
        assert_eq!(error("delay=NaN"), "bad value \"NaN\" for delay");
        assert_eq!(error("body=%4"), "bad value \"%4\" for body");
        assert_eq!(error("header=a"), "bad value \"a\" for header");
        assert_eq!(
            error("header=a:%0d%0aX:1"),
            "bad value \"a:%0d%0aX:1\" for header"
        );
        assert!(error("mix seed=1").contains("at least one part"));
        assert!(error("mix | 0 status=200").contains("at least one part"));
        assert!(error("mix | status=200").contains("starts with its weight"));
        assert!(error("mix | 1 fault=refuse").contains("not possible in a mix"));
    }
}
