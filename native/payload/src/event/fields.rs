//! What an event's form consists of. In a form, what is absent is empty.

use std::borrow::Cow;

use super::known::Known;
use crate::stanza::Stanza;

/// The fields of an event's form.
#[derive(Debug)]
pub enum Fields<'a> {
    Message {
        author: Cow<'a, str>,
        server: Cow<'a, str>,
        receiver: Cow<'a, str>,
        message: Cow<'a, str>,
    },
    Presence {
        user: Cow<'a, str>,
        server: Cow<'a, str>,
        resource: Cow<'a, str>,
        status: Cow<'a, str>,
    },
}

impl<'a> Fields<'a> {
    pub(super) fn of_message(known: Known<'a>, stanza: Stanza<'a>) -> Self {
        Self::Message {
            author: known.from.user.unwrap_or_default(),
            server: known.from.server.unwrap_or_default(),
            receiver: known.to.user.unwrap_or_default(),
            message: stanza.body.text().unwrap_or_default(),
        }
    }

    pub(super) fn of_presence(known: Known<'a>) -> Self {
        Self::Presence {
            user: known.from.user.unwrap_or_default(),
            server: known.from.server.unwrap_or_default(),
            resource: known.from.resource.unwrap_or_default(),
            status: known.user_status.unwrap_or_default(),
        }
    }
}
