//! An event as web services see it: the value behind `json`, `cloudevents` and the variables of templates.
//!
//! What is absent, empty or not known is left out; nothing is ever null. docs/payloads.md says what each
//! field is, and docs/schemas what may be in it.

mod known;
mod message;
mod parts;
mod presence;

use notification::Notification;
use serde::Serialize;

use crate::PayloadError;
use crate::timestamp;
use known::Known;
pub use message::Message;
pub use presence::Presence;

/// An event: a type, a point in time and the data, the shape that Standard Webhooks recommends.
#[derive(Debug, Serialize)]
pub struct Event<'a> {
    /// What happened, such as `message.chat`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// When it happened, as RFC 3339.
    pub timestamp: String,
    /// To what.
    pub data: Data<'a>,
    /// The domain of the local user, for the `CloudEvents` source.
    #[serde(skip)]
    #[expect(dead_code, reason = "the format that needs it follows")]
    pub host: Option<std::borrow::Cow<'a, str>>,
}

/// The data of an event.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Data<'a> {
    /// Of a message, acknowledged or not.
    Message(Box<Message<'a>>),
    /// Of a change of presence.
    Presence(Presence<'a>),
}

/// What to add to an event, and what to leave out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Adds the whole stanza.
    pub stanza: bool,
    /// Leaves out what was written: body, subject, attachments, stanza.
    pub omit_body: bool,
}

impl<'a> Event<'a> {
    /// Reads the event that a notification was handed over with.
    pub fn read(notification: &'a Notification, choice: Choice) -> Result<Self, PayloadError> {
        let event = notification
            .event()
            .ok_or_else(|| PayloadError::event("the notification holds no event"))?;
        let known = Known::read(event.facts);
        let kind = known.kind()?;
        let timestamp = known
            .timestamp
            .and_then(timestamp::text)
            .ok_or_else(|| PayloadError::event("the event has no valid timestamp"))?;
        let host = known.host.clone();
        let data = if kind.starts_with("presence") {
            Data::Presence(Presence::new(known))
        } else {
            Data::Message(Box::new(Message::new(known, event.stanza, choice)?))
        };
        Ok(Self {
            kind,
            timestamp,
            data,
            host,
        })
    }
}
