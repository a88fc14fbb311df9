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
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn certain() -> PolicyOptions {
        PolicyOptions {
            guarantee: Guarantee::AtLeastOnce,
            ..PolicyOptions::default()
        }
    }

    #[test]
    fn defaults() {
        let plain = DeliveryPolicy::check(&PolicyOptions::default());
        assert_eq!(plain, Ok(DeliveryPolicy::default()));
        let policy = DeliveryPolicy::check(&certain()).unwrap();
        assert_eq!(policy.success, Statuses::NONE.and(200..=299));
        assert_eq!(policy.retry, Some(Retry::default()));
        let retry = RetryOptions::default();
        let policy = DeliveryPolicy::check(&PolicyOptions {
            retry: Some(retry),
            ..PolicyOptions::default()
        });
        let policy = policy.unwrap();
        assert_eq!(policy.success, Statuses::ANY);
        assert_eq!(policy.retry, Some(Retry::default()));
    }

    #[test]
    fn what_is_written() {
        let policy = DeliveryPolicy::check(&PolicyOptions {
            success: Some(words(&["2xx", "409"])),
            retry: Some(RetryOptions {
                initial: Some(200),
                factor: Some(3),
                max: Some(60_000),
                give_up_after: Some(3_600_000),
                alone: Some(2),
                on: Some(words(&["503", "4xx", "timeout"])),
            }),
            ..certain()
        });
        let policy = policy.unwrap();
        assert!(policy.is_success(200) && policy.is_success(409) && !policy.is_success(302));
        let statuses = Statuses::NONE.and(400..=499).and(503..=503);
        let retry = Retry {
            initial: Duration::from_millis(200),
            factor: 3,
            max: Duration::from_mins(1),
            give_up_after: Duration::from_hours(1),
            alone: 2,
            on: RetryOn {
                statuses,
                timeout: true,
                connection: false,
            },
        };
        assert_eq!(policy.retry, Some(retry));
        assert!(policy.retries_status(404) && !policy.retries_status(410));
    }

    #[test]
    fn the_first_and_the_longest_pause_follow_each_other() {
        let options = PolicyOptions {
            retry: Some(RetryOptions {
                initial: Some(1_000_000),
                ..RetryOptions::default()
            }),
            ..certain()
        };
        let retry = DeliveryPolicy::check(&options).unwrap().retry.unwrap();
        assert_eq!(retry.max, Duration::from_secs(1_000));
        let options = PolicyOptions {
            retry: Some(RetryOptions {
                max: Some(5),
                ..RetryOptions::default()
            }),
            ..certain()
        };
        let retry = DeliveryPolicy::check(&options).unwrap().retry.unwrap();
        assert_eq!(
            (retry.initial, retry.max),
            (retry.max, Duration::from_millis(5))
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let retry = |change: fn(&mut RetryOptions)| {
            let mut options = RetryOptions::default();
            change(&mut options);
            PolicyOptions {
                retry: Some(options),
                ..certain()
            }
        };
        let success = |list: &[&str]| PolicyOptions {
            success: Some(words(list)),
            ..certain()
        };
        let cases = [
            (success(&["9xx"]), "success: \"9xx\" is no status"),
            (success(&["2xx", "1xx"]), "success: \"1xx\" is no status"),
            (success(&["any", "600"]), "success: \"600\" is no status"),
            (success(&[]), "success: no answer would be a success"),
            (
                retry(|retry| (retry.initial, retry.max) = (Some(1000), Some(999))),
                "retry.max: 999 ms is below retry.initial (1000 ms)",
            ),
            (
                retry(|retry| retry.initial = Some(0)),
                "retry.initial: 0 ms is not between 1 and 86400000 ms",
            ),
            (
                retry(|retry| retry.give_up_after = Some(0)),
                "retry.give_up_after: 0 ms is not between 1 and 31536000000 ms",
            ),
            (
                retry(|retry| retry.give_up_after = Some(u64::MAX)),
                "retry.give_up_after: 18446744073709551615 ms is not",
            ),
            (
                retry(|retry| retry.factor = Some(0)),
                "retry.factor: 0 is not between 1 and 100",
            ),
            (
                retry(|retry| retry.alone = Some(0)),
                "retry.alone: 0 is not between 1 and",
            ),
            (
                retry(|retry| retry.on = Some(words(&["5xx", "410"]))),
                "retry.on: 410 is always final",
            ),
            (
                retry(|retry| retry.on = Some(words(&["timeouts"]))),
                "retry.on: \"timeouts\" cannot be tried again",
            ),
            (
                retry(|retry| retry.on = Some(words(&[]))),
                "retry.on: nothing would be tried again",
            ),
        ];
        for (options, expected) in cases {
            let error = DeliveryPolicy::check(&options).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
