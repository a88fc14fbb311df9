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
mod tests;
