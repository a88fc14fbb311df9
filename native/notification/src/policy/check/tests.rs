//! What options are read as, and what is wrong with them.

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
