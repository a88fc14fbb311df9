//! Why a notification failed or was rejected: one word for each reason, which operators can search for.
//!
//! If the stock module has a word for the reason, this is that word. The text beside a reason says what
//! was tried and what went wrong; it is made where the failure happens.

use std::io;

/// Why an accepted notification was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RequestTimeout => "request_timeout",
            Self::PoolTimeout => "pool_timeout",
            Self::ConnectionClosed => "connection_closed",
            Self::InvalidResponse => "invalid_response",
            Self::TlsError => "tls_error",
            Self::NxDomain => "nxdomain",
            Self::Inet(name) => name,
            Self::PoolConfig => "pool_config",
            Self::TemplateError => "template_error",
            Self::PayloadError => "payload_error",
            Self::SecretError => "secret_error",
            Self::TokenError => "token_error",
            Self::BadStatus => "bad_status",
            Self::GaveUp => "gave_up",
            Self::Poisoned => "poisoned",
            Self::QueueFull => "queue_full",
            Self::Shutdown => "shutdown",
            Self::EngineDown => "engine_down",
            Self::InternalError => "internal_error",
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// The body is larger than a pool may hold.
    TooLarge,
}

impl RejectReason {
    /// All reasons.
    pub const ALL: [Self; 13] = [
        Self::QueueFull,
        Self::SpoolFull,
        Self::PoolNotStarted,
        Self::PoolConfig,
        Self::Shutdown,
        Self::EngineDown,
        Self::BadHeader,
        Self::BadHeaders,
        Self::BadBody,
        Self::CallbackUndefined,
        Self::CallbackCrashed,
        Self::EventError,
        Self::TooLarge,
    ];

    /// The reason as the word that operators see.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::SpoolFull => "spool_full",
            Self::PoolNotStarted => "pool_not_started",
            Self::PoolConfig => "pool_config",
            Self::Shutdown => "shutdown",
            Self::EngineDown => "engine_down",
            Self::BadHeader => "bad_header",
            Self::BadHeaders => "bad_headers",
            Self::BadBody => "bad_body",
            Self::CallbackUndefined => "callback_undefined",
            Self::CallbackCrashed => "callback_crashed",
            Self::EventError => "event_error",
            Self::TooLarge => "too_large",
        }
    }

    /// The reason with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|rejection| rejection.as_str() == word)
    }
}
