//! The header fields of a request, over HTTP/1.1 or HTTP/2.
//!
//! In HTTP/2 the authority is in `:authority` alone: if a `host` field is sent as well, nginx answers
//! 400 (RFC 9113, 8.3.1). A callback module writes its headers once for both protocols, so this module
//! translates what HTTP/2 forbids and HTTP/1.1 allows, as an intermediary would (8.2.1, 8.2.2).

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, TE};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::Payload;

/// Connection-specific fields, which HTTP/2 does not have. (`header::check` refuses those that frame a
/// request in HTTP/1.1, too.)
const HTTP1_ONLY: [HeaderName; 3] = [
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("http2-settings"),
];

impl Payload {
    /// The fields of one request: with this `host` for HTTP/1.1, without a host for HTTP/2. A field that is
    /// among the `added` ones is there with their value alone.
    #[must_use]
    pub fn fields(
        &self,
        host: Option<&HeaderValue>,
        added: &[(HeaderName, HeaderValue)],
    ) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(4 + added.len());
        if let Some(host) = host {
            headers.insert(HOST, host.clone());
        }
        headers.insert(CONTENT_LENGTH, HeaderValue::from(self.body.len()));
        match &self.headers {
            None => {
                let form = HeaderValue::from_static("application/x-www-form-urlencoded");
                headers.insert(CONTENT_TYPE, form);
            }
            Some(own) => append(&mut headers, own, host.is_some()),
        }
        for (name, _) in added.iter().filter(|(name, _)| name != HOST) {
            headers.remove(name);
        }
        append(&mut headers, added, host.is_some());
        headers
    }
}

fn append(headers: &mut HeaderMap, fields: &[(HeaderName, HeaderValue)], http1: bool) {
    // The host says where the request goes; it is already in `host` or `:authority`.
    for (name, value) in fields.iter().filter(|(name, _)| name != HOST) {
        if http1 {
            headers.append(name.clone(), value.clone());
        } else if is_legal_in_http2(name, value) {
            headers.append(name.clone(), trimmed(value));
        }
    }
}

/// Whether HTTP/2 allows this field (RFC 9113, 8.2.2). It forbids connection-specific fields, and `te`
/// with any value other than `trailers`.
fn is_legal_in_http2(name: &HeaderName, value: &HeaderValue) -> bool {
    let trailers = || {
        value
            .as_bytes()
            .trim_ascii()
            .eq_ignore_ascii_case(b"trailers")
    };
    !HTTP1_ONLY.contains(name) && (name != TE || trailers())
}

/// The value without surrounding white space. HTTP/1.1 skips white space; in HTTP/2 it makes the
/// request malformed (RFC 9113, 8.2.1).
fn trimmed(value: &HeaderValue) -> HeaderValue {
    let bytes = value.as_bytes().trim_ascii();
    if bytes.len() == value.len() {
        return value.clone();
    }
    // A part of a valid value is valid.
    HeaderValue::from_bytes(bytes).unwrap_or_else(|_| value.clone())
}
