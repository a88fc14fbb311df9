//! Why a notification failed or was rejected: one word for each reason, which operators can search for.
//!
//! If the stock module has a word for the reason, this is that word. The text beside a reason says what
//! was tried and what went wrong; it is made where the failure happens.

use std::io;

use strum::{EnumCount, EnumString, IntoStaticStr, VariantArray};

/// Why an accepted notification was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum FailureReason {
    /// An attempt took longer than `request_timeout`.
    RequestTimeout,
    /// `call_timeout` ended before the notification was sent.
    PoolTimeout,
    /// The connection broke before a response, on every attempt.
    ConnectionClosed,
    /// The response is not HTTP.
    InvalidResponse,
    /// TLS could not be set up.
    TlsError,
    /// The name of the endpoint does not resolve.
    #[strum(serialize = "nxdomain")]
    NxDomain,
    /// An error of the operating system, by its `inet` name (such as `econnrefused`).
    Inet(&'static str),
    /// The pool's configuration is invalid.
    PoolConfig,
    /// A template of the handler fails for this event, or could not be compiled.
    TemplateError,
    /// The event cannot be put into the handler's format.
    PayloadError,
    /// A secret of the handler was never readable.
    SecretError,
    /// The token endpoint issued no token.
    TokenError,
    /// The endpoint answered with a status that is no success for the handler.
    BadStatus,
    /// It was not delivered within `retry.give_up_after`.
    GaveUp,
    /// It failed again and again while other lanes were delivered.
    Poisoned,
    /// A restarted pool has no room for a notification that waited for it.
    QueueFull,
    /// The pool, the module or the node was stopped before the notification's turn came.
    Shutdown,
    /// The engine's threads have ended.
    EngineDown,
    /// A defect in this product. The notification was given up; the pool goes on.
    InternalError,
}

impl FailureReason {
    /// The reason as the word that operators see.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inet(name) => name,
            other => other.into(),
        }
    }

    /// The reason for an error of the operating system, by its `inet` name.
    #[must_use]
    pub fn from_io(error: &io::Error) -> Self {
        use nix::errno::Errno;
        let Some(code) = error.raw_os_error() else {
            return Self::Inet(match error.kind() {
                io::ErrorKind::ConnectionRefused => "econnrefused",
                io::ErrorKind::TimedOut => "etimedout",
                _ => "eio",
            });
        };
        Self::Inet(match Errno::from_raw(code) {
            Errno::ECONNREFUSED => "econnrefused",
            Errno::ECONNRESET => "econnreset",
            Errno::ECONNABORTED => "econnaborted",
            Errno::EPIPE => "epipe",
            Errno::ETIMEDOUT => "etimedout",
            Errno::EHOSTUNREACH => "ehostunreach",
            Errno::EHOSTDOWN => "ehostdown",
            Errno::ENETUNREACH => "enetunreach",
            Errno::ENETDOWN => "enetdown",
            Errno::EADDRNOTAVAIL => "eaddrnotavail",
            Errno::EADDRINUSE => "eaddrinuse",
            Errno::EACCES => "eacces",
            Errno::EPERM => "eperm",
            Errno::EAGAIN => "eagain",
            Errno::EMFILE => "emfile",
            Errno::ENFILE => "enfile",
            Errno::ENOBUFS => "enobufs",
            Errno::ENOMEM => "enomem",
            Errno::EINVAL => "einval",
            Errno::EAFNOSUPPORT => "eafnosupport",
            _ => "eio",
        })
    }
}

/// Why a notification was rejected.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, EnumCount, EnumString, IntoStaticStr, VariantArray,
)]
#[strum(serialize_all = "snake_case")]
pub enum RejectReason {
    /// A bound of the lane, the pool or the node is reached, or no worker is free in a pool that lets
    /// nothing wait.
    QueueFull,
    /// The pool's spool holds as much as it may.
    SpoolFull,
    /// There is no such pool.
    PoolNotStarted,
    /// The pool's configuration is invalid.
    PoolConfig,
    /// The module is being stopped for this host type.
    Shutdown,
    /// The engine is not running.
    EngineDown,
    /// The callback module returned a header that must not be sent.
    BadHeader,
    /// The callback module returned headers that are not a list of pairs.
    BadHeaders,
    /// The callback module returned a body that is not iodata.
    BadBody,
    /// The callback module does not exist or lacks the function.
    CallbackUndefined,
    /// The callback module crashed.
    CallbackCrashed,
    /// The rules of a handler cannot be evaluated for an event, or the event cannot be read.
    EventError,
    /// It is longer than 4 GiB or, if it is kept on disk, larger than a lane may hold.
    TooLarge,
}

impl RejectReason {
    /// The reason as the word that operators see.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The reason with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        word.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::{FailureReason, RejectReason};

    /// Every reason for a failure, with its word.
    const FAILURES: [(FailureReason, &str); 19] = [
        (FailureReason::RequestTimeout, "request_timeout"),
        (FailureReason::PoolTimeout, "pool_timeout"),
        (FailureReason::ConnectionClosed, "connection_closed"),
        (FailureReason::InvalidResponse, "invalid_response"),
        (FailureReason::TlsError, "tls_error"),
        (FailureReason::NxDomain, "nxdomain"),
        (FailureReason::Inet("econnrefused"), "econnrefused"),
        (FailureReason::PoolConfig, "pool_config"),
        (FailureReason::TemplateError, "template_error"),
        (FailureReason::PayloadError, "payload_error"),
        (FailureReason::SecretError, "secret_error"),
        (FailureReason::TokenError, "token_error"),
        (FailureReason::BadStatus, "bad_status"),
        (FailureReason::GaveUp, "gave_up"),
        (FailureReason::Poisoned, "poisoned"),
        (FailureReason::QueueFull, "queue_full"),
        (FailureReason::Shutdown, "shutdown"),
        (FailureReason::EngineDown, "engine_down"),
        (FailureReason::InternalError, "internal_error"),
    ];

    /// Operators search for these words: a new name for a reason in the code must not change them.
    #[test]
    fn words_stay_as_they_are() {
        let words: Vec<_> = RejectReason::VARIANTS
            .iter()
            .map(|reason| reason.as_str())
            .collect();
        let known = [
            "queue_full",
            "spool_full",
            "pool_not_started",
            "pool_config",
            "shutdown",
            "engine_down",
            "bad_header",
            "bad_headers",
            "bad_body",
            "callback_undefined",
            "callback_crashed",
            "event_error",
            "too_large",
        ];
        assert_eq!(words, known);
        for (word, reason) in words.into_iter().zip(RejectReason::VARIANTS) {
            assert_eq!(RejectReason::from_word(word), Some(*reason));
        }
        assert_eq!(RejectReason::from_word("QueueFull"), None);
        for (reason, word) in FAILURES {
            assert_eq!(reason.as_str(), word);
        }
    }

    /// The table is where the log's lines, the alerts and the other pages send an operator.
    #[test]
    fn the_readme_explains_each_reason() {
        let page = include_str!("../../../README.md");
        let table = page.split_once("\n| reason | what happened |").unwrap().1;
        let table = table.split("\n\n").next().unwrap();
        let rejected = RejectReason::VARIANTS.iter().map(|reason| reason.as_str());
        for word in rejected.chain(FAILURES.iter().map(|(_, word)| *word)) {
            let mut reasons = table.lines().filter_map(|row| row.split(" | ").next());
            assert!(
                reasons.any(|reasons| reasons.contains(&format!("`{word}`"))),
                "{word}"
            );
        }
    }
}
