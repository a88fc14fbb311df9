//! CloudEvents 1.0.2: the event as attributes and data, structured, binary or batched.
//!
//! Structured, the attributes and the data are one JSON object. Binary, the attributes are header fields
//! (`ce-id` and so on) and the body is the data. Batched, the body is an array of structured events.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue};
use notification::MessageId;
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use crate::batch::Array;
use crate::event::{Data, Event};
use crate::{PayloadError, PlanError, json};

const VERSION: &str = "1.0";
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const STRUCTURED: HeaderValue = HeaderValue::from_static("application/cloudevents+json");
const BATCHED: HeaderValue = HeaderValue::from_static("application/cloudevents-batch+json");

/// Where the attributes go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CloudEventsMode {
    /// Into the body, together with the data.
    #[default]
    Structured,
    /// Into header fields.
    Binary,
}

/// How a handler makes CloudEvents.
#[derive(Debug)]
pub struct CloudEvents {
    mode: CloudEventsMode,
    /// Instead of the local user's domain.
    source: Option<Box<str>>,
}

#[derive(Serialize)]
struct Structured<'a> {
    specversion: &'static str,
    id: &'a str,
    source: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    time: &'a str,
    datacontenttype: &'static str,
    data: &'a Data<'a>,
}

impl CloudEvents {
    /// Compiles the options. A `source` must be a URI reference.
    pub fn compile(mode: CloudEventsMode, source: Option<String>) -> Result<Self, PlanError> {
        if let Some(source) = &source
            && !is_uri_reference(source)
        {
            return Err(PlanError::Source(source.clone()));
        }
        Ok(Self {
            mode,
            source: source.map(String::into_boxed_str),
        })
    }

    /// The body and the header fields of one event.
    pub fn make(
        &self,
        event: &Event<'_>,
        id: &MessageId,
    ) -> Result<(Bytes, Vec<(HeaderName, HeaderValue)>), PayloadError> {
        let source = self.source(event);
        match self.mode {
            CloudEventsMode::Structured => Ok((
                json::body(&Structured::new(event, id, &source))?,
                vec![(CONTENT_TYPE, STRUCTURED)],
            )),
            CloudEventsMode::Binary => Ok((
                json::body(&event.data)?,
                vec![
                    (CONTENT_TYPE, JSON),
                    (SPECVERSION, HeaderValue::from_static(VERSION)),
                    (ID, attribute(id.as_str())?),
                    (SOURCE, attribute(&source)?),
                    (TYPE, attribute(event.kind)?),
                    (TIME, attribute(&event.timestamp)?),
                ],
            )),
        }
    }
}

impl CloudEvents {
    /// Adds an event to a batch, if it has room.
    pub fn add_to(
        &self,
        batch: &mut Array,
        event: &Event<'_>,
        id: &MessageId,
    ) -> Result<bool, PayloadError> {
        batch.add(&Structured::new(event, id, &self.source(event)))
    }

    /// The header field of a batch.
    pub fn batch_field() -> (HeaderName, HeaderValue) {
        (CONTENT_TYPE, BATCHED)
    }

    fn source(&self, event: &Event<'_>) -> Cow<'_, str> {
        match &self.source {
            Some(source) => Cow::Borrowed(source),
            None => Cow::Owned(default_source(event.host().unwrap_or_default())),
        }
    }
}

impl<'a> Structured<'a> {
    fn new(event: &'a Event<'_>, id: &'a MessageId, source: &'a str) -> Self {
        Self {
            specversion: VERSION,
            id: id.as_str(),
            source,
            kind: event.kind,
            time: &event.timestamp,
            datacontenttype: "application/json",
            data: &event.data,
        }
    }
}

const SPECVERSION: HeaderName = HeaderName::from_static("ce-specversion");
const ID: HeaderName = HeaderName::from_static("ce-id");
const SOURCE: HeaderName = HeaderName::from_static("ce-source");
const TYPE: HeaderName = HeaderName::from_static("ce-type");
const TIME: HeaderName = HeaderName::from_static("ce-time");

/// What is escaped in a header field, besides all that is not ASCII (HTTP Protocol Binding, 3.1.3.2).
const HEADER: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

/// The value of an attribute as a header field.
fn attribute(value: &str) -> Result<HeaderValue, PayloadError> {
    let escaped = utf8_percent_encode(value, HEADER).to_string();
    HeaderValue::try_from(escaped).map_err(|error| PayloadError::event(error.to_string()))
}

/// What is escaped in the host of a URI (RFC 3986, 3.2.2), which may be an IPv6 address in brackets.
const HOST: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'[')
    .remove(b']')
    .remove(b':');

/// `xmpp://` and the domain, which need not be ASCII.
fn default_source(host: &str) -> String {
    format!("xmpp://{}", utf8_percent_encode(host, HOST))
}

/// Whether a URI reference is made of these characters (RFC 3986, 2), and is not empty, as CloudEvents
/// demands.
#[must_use]
pub fn is_uri_reference(text: &str) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=".contains(&byte);
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let is_escape = byte == b'%'
            && [bytes.next(), bytes.next()]
                .into_iter()
                .all(|digit| digit.is_some_and(|digit| digit.is_ascii_hexdigit()));
        if !allowed(byte) && !is_escape {
            return false;
        }
    }
    !text.is_empty()
}

#[cfg(test)]
mod tests {
    use super::{attribute, default_source, is_uri_reference};

    /// The second value is the example of the specification.
    #[test]
    fn attributes_in_header_fields() {
        for (value, expected) in [
            ("xmpp://localhost", "xmpp://localhost"),
            ("Euro € 😀", "Euro%20%E2%82%AC%20%F0%9F%98%80"),
            ("50% \"off\"", "50%25%20%22off%22"),
            ("a%20b", "a%2520b"),
            (
                "!#$&'()*+,-./:;<=>?@[\\]^_`{|}~",
                "!#$&'()*+,-./:;<=>?@[\\]^_`{|}~",
            ),
            ("\r\n\t\u{0}\u{7f}", "%0D%0A%09%00%7F"),
        ] {
            assert_eq!(attribute(value).expect("a header field"), expected);
        }
    }

    #[test]
    fn the_source_is_a_uri() {
        for (host, expected) in [
            ("localhost", "xmpp://localhost"),
            ("münchen.example", "xmpp://m%C3%BCnchen.example"),
            ("[::1]", "xmpp://[::1]"),
            ("a b/c?d#e", "xmpp://a%20b%2Fc%3Fd%23e"),
        ] {
            let source = default_source(host);
            assert_eq!(source, expected);
            assert!(is_uri_reference(&source));
        }
    }

    #[test]
    fn sources() {
        for good in [
            "https://example.com/xmpp",
            "urn:example:xmpp",
            "/servers/1",
            "a%20b",
            "1-555-123-4567",
        ] {
            assert!(is_uri_reference(good), "{good}");
        }
        for bad in ["", "a b", "<a>", "é", "%", "%2", "%zz", "\"", "a\r\nb"] {
            assert!(!is_uri_reference(bad), "{bad:?}");
        }
    }
}
