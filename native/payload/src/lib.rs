//! Builds what a notification's request carries: header fields and a body.
//!
//! Before hand-over, the headers of a callback module are checked and encoded compactly ([`Headers`]);
//! in this form they wait inside the notification. When the notification's turn comes,
//! [`Payload::take`] makes the body (for a default notification, the form that the host itself would
//! have sent, [`form`]), and [`Payload::fields`] makes the header fields of each attempt, for HTTP/1.1
//! or HTTP/2. This crate does not know where the request goes.
//!
//! Events for the other formats are handed over as [`Facts`], what the session knows, and a stanza. The
//! [`Plan`] of the handler says what is made of them: [`Plan::make`].
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(unused_crate_dependencies))]

mod batch;
mod cloudevents;
pub mod compress;
mod error;
mod event;
mod facts;
mod fields;
pub mod form;
mod forms;
pub mod header;
mod headers;
mod json;
mod lengths;
mod plan;
pub mod signature;
mod stanza;
pub mod template;
mod timestamp;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderName, HeaderValue};
use notification::Notification;

pub use batch::{BatchMade, Member};
pub use cloudevents::{CloudEventsMode, is_uri_reference};
pub use compress::Compression;
pub use error::{PayloadError, PlanError};
pub use facts::{Basics, Facts, Value};
pub use form::FormStyle;
pub use headers::Headers;
pub use plan::{FormatOptions, Made, Plan, PlanOptions};
pub use template::TemplateOptions;

/// The headers and the body of a notification's request, which can be sent several times.
#[derive(Debug)]
pub struct Payload {
    /// The headers of a custom callback module; `None` if the body is a form.
    pub headers: Option<Vec<(HeaderName, HeaderValue)>>,
    /// The body, which attempts share without copying.
    pub body: Bytes,
}

impl Payload {
    /// Takes the content to send out of the notification. A long notification keeps no second copy.
    #[must_use]
    pub fn take(notification: &mut Notification, style: FormStyle) -> Self {
        if let Some(own) = notification.take_own_request() {
            return Self {
                headers: Some(headers::parse(own.headers)),
                body: own.body,
            };
        }
        let body = body(notification, style);
        notification.shed();
        Self {
            headers: None,
            body,
        }
    }

    /// Like [`Payload::take`], but leaves the notification whole, for another delivery.
    #[must_use]
    pub fn copy(notification: &Notification, style: FormStyle) -> Self {
        let headers = notification
            .own_headers()
            .map(|headers| headers::parse(Bytes::copy_from_slice(headers)));
        Self {
            headers,
            body: body(notification, style),
        }
    }

    /// The host that a callback module has set, if any.
    #[must_use]
    pub fn own_host(&self) -> Option<&HeaderValue> {
        self.headers.as_deref().and_then(host_in)
    }
}

/// The host among these fields, if any.
#[must_use]
pub fn host_in(fields: &[(HeaderName, HeaderValue)]) -> Option<&HeaderValue> {
    let mut fields = fields.iter();
    fields.find(|(name, _)| name == HOST).map(|(_, host)| host)
}

/// The body of a notification's request, if it is a form of names and text or comes from a callback module.
#[must_use]
pub fn body(notification: &Notification, style: FormStyle) -> Bytes {
    if !notification.is_form() {
        return Bytes::copy_from_slice(notification.text());
    }
    forms::fitted(form::encode(
        &notification.names(),
        notification.text(),
        style,
    ))
}
