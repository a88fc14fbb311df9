//! An event as web services see it: the value behind `json`, `cloudevents` and the variables of templates.
//!
//! What is absent, empty or not known is left out; nothing is ever null. docs/payloads.md says what each
//! field is, and docs/schemas what may be in it.

mod fields;
mod known;
mod message;
mod parts;
mod presence;

use std::borrow::Cow;

use notification::Notification;
use serde::Serialize;

use crate::PayloadError;
use crate::stanza::Stanza;
use crate::timestamp;
pub use fields::Fields;
use known::Known;
pub use message::Message;
pub use presence::Presence;

/// An event as it was handed over, decoded.
#[derive(Debug)]
pub struct Raw<'a> {
    facts: &'a [u8],
    /// As the host wrote it, with the replacement character for what is not UTF-8.
    stanza: Cow<'a, str>,
}

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

impl<'a> Raw<'a> {
    /// The event that a notification was handed over with.
    pub fn of(notification: &'a Notification) -> Result<Self, PayloadError> {
        let event = notification
            .event()
            .ok_or_else(|| PayloadError::event("the notification holds no event"))?;
        Ok(Self {
            facts: event.facts,
            stanza: parts::valid(event.stanza),
        })
    }

    /// Reads facts and stanza.
    pub fn event(&self, choice: Choice) -> Result<Event<'_>, PayloadError> {
        let known = Known::read(self.facts);
        let kind = known.kind()?;
        let timestamp = known
            .timestamp
            .and_then(timestamp::text)
            .ok_or_else(|| PayloadError::event("the event has no valid timestamp"))?;
        let data = if known.is_presence() {
            Data::Presence(Presence::new(known))
        } else {
            let stanza = self.stanza(choice)?;
            let whole = choice.stanza && !choice.omit_body && !self.stanza.is_empty();
            let whole = whole.then_some(Cow::Borrowed(&*self.stanza));
            Data::Message(Box::new(Message::new(known, stanza, whole)))
        };
        Ok(Event {
            kind,
            timestamp,
            data,
        })
    }

    /// Reads what a form needs.
    pub fn fields(&self, choice: Choice) -> Result<Fields<'_>, PayloadError> {
        let known = Known::read(self.facts);
        known.kind()?;
        Ok(if known.is_presence() {
            Fields::of_presence(known)
        } else {
            Fields::of_message(known, self.stanza(choice)?)
        })
    }

    fn stanza(&self, choice: Choice) -> Result<Stanza<'_>, PayloadError> {
        let mut stanza = Stanza::read(&self.stanza)?;
        if choice.omit_body {
            stanza.omit_body();
        }
        Ok(stanza)
    }
}

impl Event<'_> {
    /// The domain of the local user.
    pub fn host(&self) -> Option<&str> {
        match &self.data {
            Data::Message(message) => message.host(),
            Data::Presence(presence) => presence.host(),
        }
    }
}
