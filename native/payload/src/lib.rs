//! From a notification to what its request carries: header fields and a body.
//!
//! Before hand-over, the headers of a callback module are checked and put into their short form
//! ([`Headers`]), in which they wait inside the notification. When its turn comes, [`Payload::take`] makes
//! the body, for a default notification the form that the host itself would have sent ([`form`]), and
//! [`Payload::fields`] the header fields of each attempt, in HTTP/1.1 or in HTTP/2. Where the request goes
//! is not known here.
#![forbid(unsafe_code)]

mod fields;
pub mod form;
pub mod header;
mod headers;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderName, HeaderValue};
use notification::Notification;

pub use headers::Headers;

/// What the request of a notification carries, as often as it has to be sent.
#[derive(Debug)]
pub struct Payload {
    /// Headers of a custom callback module; without one, the body is a form.
    pub headers: Option<Vec<(HeaderName, HeaderValue)>>,
    /// The body.
    pub body: Bytes,
}

/// A form that is longer gives back what was allocated for it in vain, if that is an eighth or more.
const SHRINK: usize = 1024;

impl Payload {
    /// What is to be sent, of which no second copy stays in the notification if it is long.
    #[must_use]
    pub fn take(notification: &mut Notification) -> Self {
        if let Some(own) = notification.take_own_request() {
            return Self {
                headers: Some(headers::parse(own.headers)),
                body: own.body,
            };
        }
        let body = body(notification);
        notification.shed();
        Self {
            headers: None,
            body,
        }
    }

    /// The host that a callback module has set.
    #[must_use]
    pub fn own_host(&self) -> Option<&HeaderValue> {
        let mut own = self.headers.iter().flatten();
        own.find(|(name, _)| name == HOST).map(|(_, host)| host)
    }
}

/// The body of a notification's request.
#[must_use]
pub fn body(notification: &Notification) -> Bytes {
    if !notification.is_form() {
        return Bytes::copy_from_slice(notification.text());
    }
    let mut form = form::encode(&notification.names(), notification.text());
    if form.capacity() > SHRINK && form.capacity() - form.len() > form.len() / 8 {
        form.shrink_to_fit();
    }
    form.into()
}
