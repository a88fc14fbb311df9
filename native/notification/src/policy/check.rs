//! From what an operator wrote to a policy, or to what is wrong with it.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::{
    Batch, BatchOptions, DeliveryPolicy, GONE, Guarantee, Rate, RateOptions, Retry, RetryOn,
    Statuses,
};

/// The options of a handler that make its policy, as they were written. What is `None` was not set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyOptions {
    /// `delivery`.
    pub guarantee: Guarantee,
    /// `success`: `any`, classes such as `2xx`, statuses.
    pub success: Option<Vec<String>>,
    /// `retry`.
    pub retry: Option<RetryOptions>,
    /// `batch`.
    pub batch: Option<BatchOptions>,
    /// `rate`.
    pub rate: Option<RateOptions>,
}

/// The options in the section `retry`; times are in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetryOptions {
    /// `initial`.
    pub initial: Option<u64>,
    /// `factor`.
    pub factor: Option<u64>,
    /// `max`.
    pub max: Option<u64>,
    /// `give_up_after`.
    pub give_up_after: Option<u64>,
    /// `alone`.
    pub alone: Option<u64>,
    /// `on`: classes such as `5xx`, statuses, `timeout`, `connection`.
    pub on: Option<Vec<String>>,
}

/// Why options make no policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    /// The option, with its section.
    pub option: &'static str,
    /// What is wrong with its value.
    pub what: String,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.option, self.what)
    }
}

impl std::error::Error for PolicyError {}

const DAY: u64 = 24 * 60 * 60 * 1000;
/// Pauses, in milliseconds.
const PAUSES: RangeInclusive<u64> = 1..=DAY;
const FACTORS: RangeInclusive<u64> = 1..=100;
/// How long a notification may be tried, in milliseconds.
const TRIED: RangeInclusive<u64> = 1..=365 * DAY;
const ALONE: RangeInclusive<u64> = 1..=1_000_000;

impl DeliveryPolicy {
    /// The policy that the options ask for.
    pub fn check(options: &PolicyOptions) -> Result<Self, PolicyError> {
        let certain = options.guarantee == Guarantee::AtLeastOnce;
        let success = match &options.success {
            Some(words) => success(words)?,
            None if certain => Statuses::NONE.and(200..=299),
            None => Statuses::ANY,
        };
        let retry = match &options.retry {
            Some(options) => Some(retry(options)?),
            None => certain.then(Retry::default),
        };
        Ok(Self {
            guarantee: options.guarantee,
            success,
            retry,
            batch: options.batch.as_ref().map(Batch::check).transpose()?,
            rate: options.rate.as_ref().map(Rate::check).transpose()?,
        })
    }
}

fn success(words: &[String]) -> Result<Statuses, PolicyError> {
    let option = "success";
    let mut statuses = Statuses::NONE;
    for word in words {
        if word == "any" {
            statuses = Statuses::ANY;
        } else if let Some(range) = Statuses::of_word(word) {
            statuses = statuses.and(range);
        } else {
            let what = format!(
                "\"{word}\" is no status: \"any\", \"2xx\" to \"5xx\", \"200\" to \"599\" are"
            );
            return Err(PolicyError { option, what });
        }
    }
    if words.is_empty() {
        return Err(error(option, "no answer would be a success"));
    }
    Ok(if words.iter().any(|word| word == "any") {
        Statuses::ANY
    } else {
        statuses
    })
}

fn retry(options: &RetryOptions) -> Result<Retry, PolicyError> {
    let default = Retry::default();
    let on = match &options.on {
        None => default.on,
        Some(words) => retry_on(words)?,
    };
    // Of the first and the longest pause, one that the operator did not set follows the other.
    let most = options.max.map_or(default.initial, Duration::from_millis);
    let first = default.initial.min(most);
    let initial = time("retry.initial", options.initial, PAUSES, first)?;
    let max = time("retry.max", options.max, PAUSES, default.max.max(initial))?;
    if max < initial {
        let what = format!(
            "{} ms is below retry.initial ({} ms)",
            max.as_millis(),
            initial.as_millis()
        );
        return Err(error("retry.max", &what));
    }
    let give_up_after = time(
        "retry.give_up_after",
        options.give_up_after,
        TRIED,
        default.give_up_after,
    )?;
    let factor = number("retry.factor", options.factor, FACTORS, default.factor)?;
    let alone = number("retry.alone", options.alone, ALONE, default.alone)?;
    Ok(Retry {
        initial,
        factor,
        max,
        give_up_after,
        alone,
        on,
    })
}

fn retry_on(words: &[String]) -> Result<RetryOn, PolicyError> {
    let option = "retry.on";
    let mut on = RetryOn {
        statuses: Statuses::NONE,
        timeout: false,
        connection: false,
    };
    for word in words {
        match word.as_str() {
            "timeout" => on.timeout = true,
            "connection" => on.connection = true,
            word => match Statuses::of_word(word) {
                Some(range) if range == (GONE..=GONE) => {
                    let what = "410 is always final: the endpoint wants no more";
                    return Err(error(option, what));
                }
                Some(range) => on.statuses = on.statuses.and(range),
                None => {
                    let what = format!(
                        "\"{word}\" cannot be tried again: \"timeout\", \"connection\", \"2xx\" to \
                         \"5xx\", \"200\" to \"599\" can"
                    );
                    return Err(PolicyError { option, what });
                }
            },
        }
    }
    if words.is_empty() {
        return Err(error(option, "nothing would be tried again"));
    }
    Ok(on)
}

pub(super) fn time(
    option: &'static str,
    millis: Option<u64>,
    range: RangeInclusive<u64>,
    default: Duration,
) -> Result<Duration, PolicyError> {
    let Some(millis) = millis else {
        return Ok(default);
    };
    within(option, millis, range, " ms")?;
    Ok(Duration::from_millis(millis))
}

pub(super) fn number(
    option: &'static str,
    number: Option<u64>,
    range: RangeInclusive<u64>,
    default: u32,
) -> Result<u32, PolicyError> {
    let Some(number) = number else {
        return Ok(default);
    };
    within(option, number, range, "")?;
    Ok(u32::try_from(number).unwrap_or(u32::MAX))
}

pub(super) fn within(
    option: &'static str,
    number: u64,
    range: RangeInclusive<u64>,
    unit: &str,
) -> Result<(), PolicyError> {
    if range.contains(&number) {
        return Ok(());
    }
    let what = format!(
        "{number}{unit} is not between {} and {}{unit}",
        range.start(),
        range.end()
    );
    Err(PolicyError { option, what })
}

fn error(option: &'static str, what: &str) -> PolicyError {
    let what = what.to_owned();
    PolicyError { option, what }
}

#[cfg(test)]
mod tests;
