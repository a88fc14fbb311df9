//! The request for one notification, over HTTP/1.1 or HTTP/2, as often as it has to be sent.
//!
//! In HTTP/2 the authority is `:authority` alone: with a `host` field beside it, nginx answers 400
//! (RFC 9113, 8.3.1). A callback module writes its headers once for both protocols, so what HTTP/2
//! forbids and HTTP/1.1 does not is translated here, as an intermediary would do it (8.2.1, 8.2.2).

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, TE};
use http::uri::{Authority, Uri};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};

use crate::notification::Payload;
use crate::pool::Opened;
use crate::pool::in_flight::InFlight;
use crate::pool::target::Target;

/// Fields about the connection, which HTTP/2 does not have. `header::check` refuses those that frame
/// a request in HTTP/1.1 as well.
const HTTP1_ONLY: [HeaderName; 3] = [
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("http2-settings"),
];

/// A request that can be sent more than once. Its headers are put together for each attempt: a second
/// one is rare, and a copy for it would cost the first.
pub struct Prepared {
    target: Target,
    payload: Payload,
}

impl Prepared {
    /// The request for `job`, or what is wrong with its URL; none if it is over.
    pub fn new(opened: &Opened, job: &mut InFlight) -> Option<Result<Self, Arc<str>>> {
        let mut target = match opened.targets.get(job.notification()?.handler()) {
            Ok(target) => target,
            Err(text) => return Some(Err(text)),
        };
        let payload = job.take_payload()?;
        let mut own = payload.headers.iter().flatten();
        if let Some((_, host)) = own.find(|(name, _)| name == HOST) {
            target = match with_host(target, host) {
                Ok(target) => target,
                Err(error) => return Some(Err(error.to_string().into())),
            };
        }
        Some(Ok(Self { target, payload }))
    }

    /// Where it goes.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// One copy of it.
    #[must_use]
    pub fn request(&self) -> Request<Bytes> {
        let mut request = Request::new(self.payload.body.clone());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.target.uri.clone();
        *request.headers_mut() = self.headers();
        request
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(4);
        let http2 = self.target.host.is_none();
        if let Some(host) = &self.target.host {
            headers.insert(HOST, host.clone());
        }
        headers.insert(CONTENT_LENGTH, HeaderValue::from(self.payload.body.len()));
        match &self.payload.headers {
            None => {
                let form = HeaderValue::from_static("application/x-www-form-urlencoded");
                headers.insert(CONTENT_TYPE, form);
            }
            Some(own) => {
                // The host is in the target already.
                for (name, value) in own.iter().filter(|(name, _)| name != HOST) {
                    if !http2 {
                        headers.append(name.clone(), value.clone());
                    } else if is_legal_in_http2(name, value) {
                        headers.append(name.clone(), trimmed(value));
                    }
                }
            }
        }
        headers
    }
}

/// The target with the host that a callback module wants.
fn with_host(target: Target, host: &HeaderValue) -> Result<Target, http::Error> {
    if target.host.is_some() {
        return Ok(Target {
            host: Some(host.clone()),
            ..target
        });
    }
    let mut parts = target.uri.into_parts();
    parts.authority = Some(Authority::try_from(host.as_bytes().trim_ascii())?);
    Ok(Target {
        uri: Uri::from_parts(parts)?,
        host: None,
    })
}

/// Whether HTTP/2 has such a field (RFC 9113, 8.2.2): none that is about the connection, and `te`
/// with no other value than `trailers`.
fn is_legal_in_http2(name: &HeaderName, value: &HeaderValue) -> bool {
    let trailers = || {
        value
            .as_bytes()
            .trim_ascii()
            .eq_ignore_ascii_case(b"trailers")
    };
    !HTTP1_ONLY.contains(name) && (name != TE || trailers())
}

/// The value without white space around it. HTTP/1.1 skips it; in HTTP/2 it makes the request
/// malformed (RFC 9113, 8.2.1).
fn trimmed(value: &HeaderValue) -> HeaderValue {
    let bytes = value.as_bytes().trim_ascii();
    if bytes.len() == value.len() {
        return value.clone();
    }
    // A part of a valid value is valid.
    HeaderValue::from_bytes(bytes).unwrap_or_else(|_| value.clone())
}
