//! Which headers a callback module may set.
//!
//! A name or a value that HTTP forbids (RFC 9110, sections 5.1 and 5.5) is refused. So are headers that
//! frame the connection, because framing is the engine's: if two parties disagree on where a request
//! ends, requests can be smuggled (RFC 9112, section 11.2). A request has one `host`, and every server
//! answers an invalid one with 400 (RFC 9112, section 3.2). Both are refused here, by name, instead of
//! at the server.

use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING, UPGRADE};
use http::uri::Authority;
use http::{HeaderName, HeaderValue};
use thiserror::Error;

/// A header that must not be sent. The text contains the header's name, but never its value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// The name is empty, or contains a character that HTTP does not allow in a name.
    #[error("the header name {0:?} is not allowed in HTTP")]
    Name(String),
    /// The value contains CR, LF, NUL or another control character.
    #[error(
        "the value of header {0} has a control character (CR, LF, NUL), which HTTP does not allow"
    )]
    Value(String),
    /// The header frames the connection.
    #[error("the header {0} is set by the client itself; a callback module must leave it out")]
    Framing(String),
    /// The value of `host` is not a host with or without a port.
    #[error("the value of header host is not a host with or without a port")]
    Host,
    /// The request already has a `host`.
    #[error("the header host is there twice; a request has one")]
    SecondHost,
}

/// Checks a single header.
pub fn check(name: &[u8], value: &[u8]) -> Result<(HeaderName, HeaderValue), HeaderError> {
    let shown = || String::from_utf8_lossy(&name[..name.len().min(64)]).into_owned();
    let checked = HeaderName::from_bytes(name).map_err(|_| HeaderError::Name(shown()))?;
    let framing = [CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION, UPGRADE];
    if framing.contains(&checked) {
        return Err(HeaderError::Framing(checked.to_string()));
    }
    let value = HeaderValue::from_bytes(value).map_err(|_| HeaderError::Value(shown()))?;
    if checked == HOST && !is_host(value.as_bytes().trim_ascii()) {
        return Err(HeaderError::Host);
    }
    Ok((checked, value))
}

/// Whether the value is a host with or without a port, and without user information.
fn is_host(value: &[u8]) -> bool {
    !value.contains(&b'@')
        && Authority::try_from(value).is_ok_and(|authority| !authority.host().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Headers, headers};

    #[test]
    fn ordinary_headers_pass_with_the_name_in_lower_case() {
        let (name, value) = check(b"X-Api-Key", b"s3cret \xe9").expect("an ordinary header");
        assert_eq!(
            (name.as_str(), value.as_bytes()),
            ("x-api-key", &b"s3cret \xe9"[..])
        );
        assert!(check(b"Host", b"other.example").is_ok());
        assert!(check(b"x-empty", b"").is_ok());
    }

    #[test]
    fn names_and_values_that_http_forbids() {
        for name in [&b""[..], b"a b", b"a\r\nb", b"a:b", b"\xe9", b"a\0"] {
            assert!(
                matches!(check(name, b"v"), Err(HeaderError::Name(_))),
                "{name:?}"
            );
        }
        for value in [&b"a\r\nb: c"[..], b"a\nb", b"a\0", b"a\x7f"] {
            let error = check(b"x-a", value).expect_err("a control character");
            assert_eq!(error, HeaderError::Value("x-a".to_owned()));
            assert!(error.to_string().contains("x-a"));
        }
    }

    #[test]
    fn one_host_and_a_valid_one() {
        for host in [
            "other.example",
            "other.example:1234",
            "[::1]:8000",
            "my_service",
            " x ",
        ] {
            let mut headers = Headers::default();
            headers.add(b"X-A", b"1").expect("an ordinary header");
            headers.add(b"Host", host.as_bytes()).expect("a host");
            let again = headers.add(b"host", host.as_bytes());
            assert_eq!(again, Err(HeaderError::SecondHost));
            let kept = headers::parse(headers.as_bytes().to_vec().into());
            assert_eq!(kept.len(), 2);
        }
        for none in [
            "",
            " ",
            "a b",
            "user@other.example",
            "a/b",
            "a:b:c",
            "a?b",
            ":80",
        ] {
            let host = check(b"host", none.as_bytes());
            assert_eq!(host, Err(HeaderError::Host), "{none:?}");
        }
    }

    #[test]
    fn framing_headers_in_any_case() {
        for name in [
            "Content-Length",
            "transfer-encoding",
            "CONNECTION",
            "Upgrade",
        ] {
            let error = check(name.as_bytes(), b"1").expect_err("a framing header");
            assert_eq!(error, HeaderError::Framing(name.to_lowercase()));
        }
    }
}
