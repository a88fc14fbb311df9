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
        reach: Reach,
    },
}

/// How far a delivery without an answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// To no attempt.
    Nothing,
    /// To an attempt, in which no request began.
    Attempt,
    /// To a request.
    Request,
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
    /// How many deliveries of it failed at the endpoint while other lanes succeeded, with this one if it does.
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
    let (reason, text, sign, answer) = match ending {
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
            (
                FailureReason::BadStatus,
                text,
                sign,
                Some((status, headers)),
            )
        }
        Ending::Failure {
            reason,
            text,
            reach,
        } => (reason, text, sign(reason, reach), None),
    };
    let status = answer.map(|(status, _)| status);
    let again = policy
        .retry
        .filter(|retry| sign.asks_for_another(&reason, retry));
    let Some(retry) = again else {
        return Judgement::Final {
            reason,
            text,
            attempts: history.attempts,
            status,
            sign,
        };
    };
    let give_up = |reason, why: String| Judgement::Final {
        reason,
        text: format!("{text}; {why}").into(),
        attempts: history.attempts,
        status,
        sign,
    };
    if sign.is_trouble() && history.alone >= retry.alone {
        let why = format!(
            "given up after {} attempts that failed while other lanes were delivered",
            history.alone
        );
        return give_up(FailureReason::Poisoned, why);
    }
    let Outside { clock, chance } = outside();
    let asked = answer.map_or(Duration::ZERO, |(_, headers)| {
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
        status,
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
        status: None,
        sign: Sign::Nothing,
    })
}

/// Why a notification is given up.
pub(crate) fn gave_up(retry: &Retry) -> String {
    let allowed = retry.give_up_after.as_millis();
    format!("not delivered within give_up_after ({allowed} ms)")
}

/// What a failure without an answer says about the endpoint.
fn sign(reason: FailureReason, reach: Reach) -> Sign {
    match (reason, reach) {
        (FailureReason::Inet(name), _) if is_own_shortage(name) => Sign::Nothing,
        (_, Reach::Nothing) => Sign::Nothing,
        (
            FailureReason::RequestTimeout
            | FailureReason::PoolTimeout
            | FailureReason::ConnectionClosed
            | FailureReason::InvalidResponse
            | FailureReason::TlsError
            | FailureReason::NxDomain
            | FailureReason::Inet(_),
            _,
        ) => match reach {
            Reach::Request => Sign::Trouble { answered: false },
            _ => Sign::Unreached,
        },
        _ => Sign::Nothing,
    }
}

/// Whether it is this machine that lacks something for a connection.
fn is_own_shortage(inet: &str) -> bool {
    matches!(
        inet,
        "emfile" | "enfile" | "enobufs" | "enomem" | "eagain" | "eaddrnotavail"
    )
}

impl Sign {
    fn asks_for_another(self, reason: &FailureReason, retry: &Retry) -> bool {
        match (self, reason) {
            (Self::Trouble { answered: true }, _) => true,
            (Self::Trouble { answered: false } | Self::Unreached, reason) => {
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
            // Without credentials, or a descriptor, no request can be made; the token endpoint or the file may come back.
            (
                Self::Nothing,
                FailureReason::TokenError | FailureReason::SecretError | FailureReason::Inet(_),
            ) => retry.on.connection,
            (Self::Nothing, FailureReason::PoolTimeout) => retry.on.timeout || retry.on.connection,
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
mod tests;
