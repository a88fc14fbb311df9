//! The request for one notification, over HTTP/1.1 or HTTP/2, for every attempt.
//!
//! It combines the payload (what is sent) with the target (where it goes).

use std::sync::Arc;

use bytes::Bytes;
use http::uri::{Authority, Uri};
use http::{HeaderValue, Method, Request};
use payload::Payload;

use crate::delivery::target::Target;
use crate::delivery::{Job, Opened};

/// A request that can be sent more than once. Its headers are assembled for each attempt: a second
/// attempt is rare, and a copy for it would slow down the first.
pub struct Prepared {
    target: Target,
    payload: Payload,
}

impl Prepared {
    /// Builds the request for `job`. Fails with what is wrong with its URL.
    pub fn new(opened: &Opened, job: &mut Job) -> Result<Self, Arc<str>> {
        let mut target = opened.targets.get(job.notification.handler())?;
        let payload = job.take_payload(opened.form_style);
        if let Some(host) = payload.own_host() {
            target = with_host(target, host).map_err(|error| error.to_string())?;
        }
        Ok(Self { target, payload })
    }

    /// Where the request goes.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Builds the request for one attempt.
    #[must_use]
    pub fn request(&self) -> Request<Bytes> {
        let mut request = Request::new(self.payload.body.clone());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.target.uri.clone();
        *request.headers_mut() = self.payload.fields(self.target.host.as_ref());
        request
    }
}

/// The target with the host that a callback module has set.
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
