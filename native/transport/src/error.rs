//! Why an attempt failed, and whether another attempt may help.

use std::error::Error as StdError;
use std::io;

use notification::FailureReason;

use super::names::LookUpError;

/// An attempt that ended without a response.
#[derive(Clone, Debug)]
pub struct AttemptError {
    /// The failure reason of the outcome, if this was the last attempt.
    pub reason: FailureReason,
    /// What was tried and what went wrong.
    pub text: String,
    /// Whether another attempt may succeed.
    pub again: Again,
}

/// Whether another attempt may succeed where this one failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// Another attempt would fail in the same way.
    No,
    /// The connection broke before the response head was complete; a new connection may work.
    Broken,
    /// The endpoint said that it did not process this request (RFC 9113, 8.7), but answered others on
    /// the same connection: it serves everyone, only a few requests per connection. Such an attempt
    /// does not count.
    Unserved,
}

impl AttemptError {
    /// Creates an error that another attempt would only repeat.
    pub fn last(reason: FailureReason, text: String) -> Self {
        Self {
            reason,
            text,
            again: Again::No,
        }
    }

    /// Creates the error of a connection that broke.
    pub fn broken(text: String) -> Self {
        Self {
            reason: FailureReason::ConnectionClosed,
            text,
            again: Again::Broken,
        }
    }

    /// Converts the error of a name look-up.
    pub fn from_look_up(error: &LookUpError, host: &str) -> Self {
        match error {
            LookUpError::Failed(text) => Self::last(
                FailureReason::NxDomain,
                format!("the name {host} does not resolve: {text}"),
            ),
            LookUpError::NoThread(refused) => Self::last(
                FailureReason::from_io(refused),
                format!("the name {host} could not be looked up: {error}"),
            ),
        }
    }

    /// Converts an error of an HTTP/1.1 connection.
    pub fn from_hyper(error: &hyper::Error) -> Self {
        let text = chain(error);
        if let Some(tls) = find::<rustls::Error>(error) {
            return Self::last(
                FailureReason::TlsError,
                format!("TLS to the endpoint failed: {tls}"),
            );
        }
        if error.is_parse() || error.is_parse_status() || error.is_parse_too_large() {
            let text = format!("the endpoint's answer is not a valid HTTP response: {text}");
            return Self::last(FailureReason::InvalidResponse, text);
        }
        Self::broken(format!(
            "the endpoint closed the connection before it answered: {text}"
        ))
    }

    /// Converts an error of an HTTP/2 stream or its connection.
    pub fn from_h2(error: &h2::Error) -> Self {
        let passing = error.is_io()
            || error.is_go_away() && error.is_remote()
            || error.reason() == Some(h2::Reason::REFUSED_STREAM);
        if passing {
            return Self::broken(format!(
                "the endpoint closed the connection before it answered: {error}"
            ));
        }
        Self {
            reason: FailureReason::InvalidResponse,
            text: format!("HTTP/2 failed: {error}"),
            // If the whole connection was given up, the cause may be the answer to another request.
            again: if error.is_go_away() {
                Again::Broken
            } else {
                Again::No
            },
        }
    }

    /// Returns the TLS error inside `error`; `None` if the error is the connection's.
    pub fn from_tls(error: &io::Error) -> Option<Self> {
        let inner = error.get_ref()?;
        let tls = inner.downcast_ref::<rustls::Error>()?;
        let text = format!("TLS to the endpoint failed: {tls}");
        Some(Self::last(FailureReason::TlsError, text))
    }

    /// Converts a TCP error that occurred while connecting to `peer`.
    pub fn from_connect(error: &io::Error, peer: &str) -> Self {
        // A refusal is final. A reset comes from a peer that accepted the connection and dropped it;
        // only timing decides whether we see the reset here or at the first byte.
        if error.kind() == io::ErrorKind::ConnectionReset {
            return Self::broken(format!(
                "{peer} dropped the connection as soon as it was made: {error}"
            ));
        }
        let reason = FailureReason::from_io(error);
        Self::last(reason, format!("connecting to {peer} failed: {error}"))
    }

    /// Converts an error of the TLS handshake with `peer`, or of the connection during the handshake.
    pub fn from_handshake(error: &io::Error, peer: &str) -> Self {
        if let Some(tls) = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>())
        {
            return Self::last(
                FailureReason::TlsError,
                format!("TLS handshake with {peer} failed: {tls}"),
            );
        }
        // Only timing decides whether we see a peer's close as an end of file or as a reset.
        Self::broken(format!(
            "{peer} closed the connection during the TLS handshake: {error}"
        ))
    }
}

/// The error and its causes, in one line.
#[must_use]
pub fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}

/// The first error of type `E` in the chain of causes, including the error inside an `io::Error`.
fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        let inner = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        if let Some(found) = inner.and_then(|inner| inner.downcast_ref::<E>()) {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;

    use super::*;

    #[test]
    fn a_connection_dropped_at_once_is_a_broken_one() {
        let error = AttemptError::from_connect(&Errno::ECONNRESET.into(), "127.0.0.1:1");
        assert_eq!(error.reason, FailureReason::ConnectionClosed);
        assert_eq!(error.again, Again::Broken);
    }

    #[test]
    fn nobody_there_is_no_broken_connection() {
        let error = AttemptError::from_connect(&Errno::ECONNREFUSED.into(), "127.0.0.1:1");
        assert_eq!(error.reason, FailureReason::Inet("econnrefused"));
        assert_eq!(error.again, Again::No);
    }
}
