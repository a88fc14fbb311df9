//! Each status and failure under each policy; pauses, and when a notification is given up.
#![allow(clippy::unwrap_used)]

use http::header::RETRY_AFTER;
use notification::policy::{PolicyOptions, RetryOptions};
use notification::{Guarantee, Statuses};

use super::*;

fn certain() -> DeliveryPolicy {
    DeliveryPolicy::check(&PolicyOptions {
        guarantee: Guarantee::AtLeastOnce,
        ..PolicyOptions::default()
    })
    .unwrap()
}

fn history(now: Instant) -> History {
    History {
        accepted_at: now,
        attempts: 1,
        pauses: 0,
        alone: 0,
    }
}

fn answer(
    policy: &DeliveryPolicy,
    status: u16,
    retry_after: Option<&str>,
    history: History,
    now: Instant,
) -> Judgement {
    let mut headers = HeaderMap::new();
    if let Some(value) = retry_after {
        headers.insert(RETRY_AFTER, value.parse().unwrap());
    }
    let ending = Ending::Answer {
        status: StatusCode::from_u16(status).unwrap(),
        headers: &headers,
        url: &|| "http://endpoint/n".to_owned(),
    };
    judge(policy, ending, history, now, half)
}

fn failure(policy: &DeliveryPolicy, reason: FailureReason, now: Instant) -> Judgement {
    failure_at(policy, reason, Reach::Request, history(now), now)
}

fn failure_at(
    policy: &DeliveryPolicy,
    reason: FailureReason,
    reach: Reach,
    history: History,
    now: Instant,
) -> Judgement {
    let ending = Ending::Failure {
        reason,
        text: "POST http://endpoint/n: it went wrong".into(),
        reach,
    };
    judge(policy, ending, history, now, half)
}

fn half() -> Outside {
    Outside {
        clock: SystemTime::UNIX_EPOCH,
        chance: 0.5,
    }
}

/// `sent`, the milliseconds to the next attempt, or the reason; and what it says of the endpoint.
fn short(judgement: &Judgement, now: Instant) -> (String, Sign) {
    let word = match judgement {
        Judgement::Success { .. } => "sent".to_owned(),
        Judgement::Retry { until, .. } => (*until - now).as_millis().to_string(),
        Judgement::Final { reason, .. } => reason.as_str().to_owned(),
    };
    (word, judgement.sign())
}

const ANSWERED: Sign = Sign::Trouble { answered: true };
const SILENT: Sign = Sign::Trouble { answered: false };

#[test]
fn statuses() {
    let now = Instant::now();
    let plain = DeliveryPolicy::default();
    let strict = DeliveryPolicy {
        success: Statuses::NONE.and(200..=299),
        ..plain
    };
    let patient = DeliveryPolicy {
        retry: Some(Retry::default()),
        ..plain
    };
    let rows: [(&DeliveryPolicy, u16, &str, Sign); 17] = [
        (&plain, 200, "sent", Sign::Works),
        (&plain, 410, "sent", Sign::Works),
        (&plain, 503, "sent", Sign::Works),
        (&strict, 204, "sent", Sign::Works),
        (&strict, 301, "bad_status", Sign::Works),
        (&strict, 503, "bad_status", Sign::Works),
        (&patient, 404, "sent", Sign::Works),
        (&patient, 503, "500", ANSWERED),
        (&certain(), 299, "sent", Sign::Works),
        (&certain(), 301, "bad_status", Sign::Works),
        (&certain(), 400, "bad_status", Sign::Works),
        (&certain(), 404, "bad_status", Sign::Works),
        (&certain(), 410, "bad_status", Sign::Works),
        (&certain(), 408, "500", ANSWERED),
        (&certain(), 425, "500", ANSWERED),
        (&certain(), 429, "500", ANSWERED),
        (&certain(), 599, "500", ANSWERED),
    ];
    for (policy, status, word, sign) in rows {
        let judgement = answer(policy, status, None, history(now), now);
        assert_eq!(short(&judgement, now), (word.to_owned(), sign), "{status}");
    }
    let Judgement::Final { text, .. } = answer(&certain(), 410, None, history(now), now) else {
        panic!("410 is final");
    };
    assert_eq!(
        &*text,
        "POST http://endpoint/n: the endpoint answered 410 Gone: the endpoint wants no more \
         notifications; remove the handler, or ask its operator"
    );
}

#[test]
fn failures_without_an_answer() {
    let now = Instant::now();
    let only = |words: &[&str]| {
        let on = words.iter().map(|word| (*word).to_owned()).collect();
        DeliveryPolicy::check(&PolicyOptions {
            guarantee: Guarantee::AtLeastOnce,
            retry: Some(RetryOptions {
                on: Some(on),
                ..RetryOptions::default()
            }),
            ..PolicyOptions::default()
        })
        .unwrap()
    };
    let rows = [
        (FailureReason::RequestTimeout, true, false, SILENT),
        (FailureReason::PoolTimeout, true, false, SILENT),
        (FailureReason::ConnectionClosed, false, true, SILENT),
        (FailureReason::InvalidResponse, false, true, SILENT),
        (FailureReason::TlsError, false, true, SILENT),
        (FailureReason::NxDomain, false, true, SILENT),
        (FailureReason::Inet("econnrefused"), false, true, SILENT),
        (FailureReason::TokenError, false, true, Sign::Nothing),
        (FailureReason::SecretError, false, true, Sign::Nothing),
        (FailureReason::PoolConfig, false, false, Sign::Nothing),
        (FailureReason::TemplateError, false, false, Sign::Nothing),
        (FailureReason::PayloadError, false, false, Sign::Nothing),
        (FailureReason::Shutdown, false, false, Sign::Nothing),
        (FailureReason::EngineDown, false, false, Sign::Nothing),
        (FailureReason::InternalError, false, false, Sign::Nothing),
    ];
    for (reason, timeout, connection, sign) in rows {
        for (policy, again) in [
            (DeliveryPolicy::default(), false),
            (certain(), timeout || connection),
            (only(&["timeout"]), timeout),
            (only(&["connection"]), connection),
            (only(&["503"]), false),
        ] {
            let judgement = failure(&policy, reason, now);
            let word = if again { "500" } else { reason.as_str() };
            assert_eq!(short(&judgement, now), (word.to_owned(), sign));
        }
    }
}

/// The pause is a part of one that doubles; what the endpoint asks for counts if it is longer, up to
/// `max`.
#[test]
fn pauses() {
    let now = Instant::now();
    for (pauses, retry_after, millis) in [
        (0, None, 500),
        (1, None, 1_000),
        (9, None, 256_000),
        (1_000, None, 450_000),
        (0, Some("120"), 120_000),
        (9, Some("120"), 256_000),
        (0, Some("-5"), 500),
        (0, Some("tomorrow"), 500),
        (0, Some("1000000"), 900_000),
        (0, Some("Thu, 01 Jan 1970 00:01:00 GMT"), 60_000),
    ] {
        let before = History {
            pauses,
            ..history(now)
        };
        let judgement = answer(&certain(), 429, retry_after, before, now);
        assert_eq!(
            short(&judgement, now).0,
            millis.to_string(),
            "{retry_after:?}"
        );
    }
}

#[test]
fn given_up_if_the_next_attempt_would_be_too_late() {
    let (now, policy) = (Instant::now(), certain());
    let patience = policy.retry.unwrap().give_up_after;
    let before = |left| patience.saturating_sub(Duration::from_millis(left));
    let after = |spent: Duration| {
        let later = now + spent;
        let judgement = answer(&policy, 503, None, history(now), later);
        short(&judgement, later).0
    };
    assert_eq!(after(before(501)), "500");
    assert_eq!(after(before(500)), "gave_up");
    let asked = answer(
        &policy,
        429,
        Some("800"),
        history(now),
        now + before(800_000),
    );
    assert_eq!(short(&asked, now).0, "gave_up");
    let late = |spent| too_late(&policy, history(now), now + spent).is_some();
    assert!(!late(before(1)) && late(patience));
    let never = too_late(&DeliveryPolicy::default(), history(now), now + 2 * patience);
    assert_eq!(never, None);
}

#[test]
fn poisoned_after_enough_attempts_alone() {
    let (now, policy) = (Instant::now(), certain());
    let after = |alone| {
        let before = History {
            alone,
            ..history(now)
        };
        short(&answer(&policy, 500, None, before, now), now)
    };
    assert_eq!(after(7), ("500".to_owned(), ANSWERED));
    assert_eq!(after(8), ("poisoned".to_owned(), ANSWERED));
}

/// Another handler of the same URL may deliver while the token of this one is missing.
#[test]
fn a_notification_that_could_not_be_sent_is_not_poisoned() {
    let (now, policy) = (Instant::now(), certain());
    let alone = History {
        alone: 8,
        ..history(now)
    };
    let after = |reason, reach| {
        let judgement = failure_at(&policy, reason, reach, alone, now);
        short(&judgement, now)
    };
    let again = |sign| ("500".to_owned(), sign);
    let timeout = FailureReason::RequestTimeout;
    assert_eq!(
        after(timeout, Reach::Request),
        ("poisoned".to_owned(), SILENT)
    );
    assert_eq!(after(timeout, Reach::Attempt), again(Sign::Unreached));
    for name in ["econnrefused", "ehostunreach"] {
        let reason = FailureReason::Inet(name);
        assert_eq!(after(reason, Reach::Attempt), again(Sign::Unreached));
    }
    // This machine has too few descriptors.
    let shortage = FailureReason::Inet("emfile");
    assert_eq!(after(shortage, Reach::Attempt), again(Sign::Nothing));
    // Also one that waited for its credentials for too long.
    for reason in [
        FailureReason::TokenError,
        FailureReason::SecretError,
        FailureReason::PoolTimeout,
    ] {
        assert_eq!(after(reason, Reach::Nothing), again(Sign::Nothing));
    }
}
