//! What an answer means: success, another attempt after a pause, or a failure for good. Decided here, from
//! the handler's policy and what is known of the notification, without a clock or chance of its own.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode};
use notification::policy::GONE;
use notification::{DeliveryPolicy, FailureReason, Retry};
use tokio::time::Instant;

use super::judgement::{Judgement, Sign};
use super::retry_after;

/// How the attempts of one delivery ended.
pub(super) enum Ending<'a> {
    /// With an answer.
    Answer {
        status: StatusCode,
        headers: &'a HeaderMap,
        /// The URL, for messages.
        url: &'a dyn Fn() -> String,
    },
    /// Without one.
    Failure {
        reason: FailureReason,
        text: Arc<str>,
    },
}

/// What is known of the notification, with the attempts of this delivery.
#[derive(Clone, Copy, Debug)]
pub(super) struct History {
    /// When it was handed over.
    pub accepted_at: Instant,
    /// The attempts made.
    pub attempts: u32,
    /// The pauses that it has had.
    pub pauses: u32,
    /// How many deliveries of it failed while other lanes succeeded, with this one if it fails.
    pub alone: u32,
}

/// What a failure is judged with besides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outside {
    /// The time of day, for dates that an answer names.
    pub clock: SystemTime,
    /// At least 0, less than 1.
    pub chance: f64,
}

/// Judges the end of a delivery.
pub(super) fn judge(
    policy: &DeliveryPolicy,
    ending: Ending<'_>,
    history: History,
    now: Instant,
    outside: impl FnOnce() -> Outside,
) -> Judgement {
    let (reason, text, sign, headers) = match ending {
        Ending::Answer { status, .. } if policy.is_success(status.as_u16()) => {
            return Judgement::Success {
                status,
                elapsed: now.saturating_duration_since(history.accepted_at),
            };
        }
        Ending::Answer {
            status,
            headers,
            url,
        } => {
            let text = format!("POST {}: {}", url(), meaning(status)).into();
            let sign = if policy.retries_status(status.as_u16()) {
                Sign::Trouble { answered: true }
            } else {
                Sign::Works
            };
            (FailureReason::BadStatus, text, sign, Some(headers))
        }
        Ending::Failure { reason, text } => (reason, text, sign(reason), None),
    };
    let again = policy
        .retry
        .filter(|retry| sign.asks_for_another(&reason, retry));
    let Some(retry) = again else {
        return Judgement::Final {
            reason,
            text,
            attempts: history.attempts,
            sign,
        };
    };
    let give_up = |reason, why: String| Judgement::Final {
        reason,
        text: format!("{text}; {why}").into(),
        attempts: history.attempts,
        sign,
    };
    if history.alone >= retry.alone {
        let why = format!(
            "given up after {} attempts that failed while other lanes were delivered",
            history.alone
        );
        return give_up(FailureReason::Poisoned, why);
    }
    let Outside { clock, chance } = outside();
    let asked = headers.map_or(Duration::ZERO, |headers| {
        retry_after::pause(headers, clock, retry.max)
    });
    let longest = retry.longest_pause(history.pauses.saturating_add(1));
    let until = now + longest.mul_f64(chance).max(asked);
    if until >= history.accepted_at + retry.give_up_after {
        return give_up(FailureReason::GaveUp, gave_up(&retry));
    }
    Judgement::Retry {
        reason,
        text,
        attempts: history.attempts,
        until,
        asked,
        sign,
    }
}

/// Judges a notification whose time is over before it is sent.
pub(super) fn too_late(
    policy: &DeliveryPolicy,
    history: History,
    now: Instant,
) -> Option<Judgement> {
    let retry = policy.retry.as_ref()?;
    (now >= history.accepted_at + retry.give_up_after).then(|| Judgement::Final {
        reason: FailureReason::GaveUp,
        text: gave_up(retry).into(),
        attempts: history.attempts,
        sign: Sign::Nothing,
    })
}

/// Why a notification is given up.
pub(crate) fn gave_up(retry: &Retry) -> String {
    let allowed = retry.give_up_after.as_millis();
    format!("not delivered within give_up_after ({allowed} ms)")
}

/// What a failure without an answer says about the endpoint.
fn sign(reason: FailureReason) -> Sign {
    match reason {
        FailureReason::RequestTimeout
        | FailureReason::PoolTimeout
        | FailureReason::ConnectionClosed
        | FailureReason::InvalidResponse
        | FailureReason::TlsError
        | FailureReason::NxDomain
        | FailureReason::Inet(_) => Sign::Trouble { answered: false },
        _ => Sign::Nothing,
    }
}

impl Sign {
    fn asks_for_another(self, reason: &FailureReason, retry: &Retry) -> bool {
        match (self, reason) {
            (Self::Trouble { answered: true }, _) => true,
            (Self::Trouble { answered: false }, reason) => {
                let timeout = matches!(
                    reason,
                    FailureReason::RequestTimeout | FailureReason::PoolTimeout
                );
                if timeout {
                    retry.on.timeout
                } else {
                    retry.on.connection
                }
            }
            // Without credentials no request can be made; the token endpoint or the file may come back.
            (Self::Nothing, FailureReason::TokenError | FailureReason::SecretError) => {
                retry.on.connection
            }
            (Self::Nothing | Self::Works, _) => false,
        }
    }
}

fn meaning(status: StatusCode) -> String {
    let what = match status.as_u16() {
        GONE => {
            ": the endpoint wants no more notifications; remove the handler, or ask its operator"
        }
        300..=399 => ": redirects are not followed",
        401 | 403 | 407 => ": the endpoint refuses the credentials",
        413 => ": the endpoint refuses notifications of this size",
        _ => "",
    };
    format!("the endpoint answered {status}{what}")
}

#[cfg(test)]
mod tests {
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
        let text = "POST http://endpoint/n: it went wrong".into();
        judge(
            policy,
            Ending::Failure { reason, text },
            history(now),
            now,
            half,
        )
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
}
