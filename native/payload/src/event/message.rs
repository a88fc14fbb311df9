//! The data of a message.

use serde::Serialize;

use super::Choice;
use super::known::Known;
use super::parts::{Address, Metadata, Text, text};
use crate::PayloadError;

/// A message, about to be delivered, sent, or not acknowledged.
#[derive(Debug, Serialize)]
pub struct Message<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Address<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Address<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    archive_id: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receiver_status: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_state: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unread: Option<i64>,
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    metadata: Metadata<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stanza: Text<'a>,
}

impl<'a> Message<'a> {
    #[expect(
        clippy::unnecessary_wraps,
        reason = "reading the stanza can fail, and follows"
    )]
    pub(super) fn new(
        known: Known<'a>,
        stanza: &'a [u8],
        choice: Choice,
    ) -> Result<Self, PayloadError> {
        Ok(Self {
            direction: known.direction,
            host: known.host,
            from: known.from.address(),
            to: known.to.address(),
            archive_id: known.archive_id,
            receiver_status: known.user_status,
            client_state: known.client_state,
            unread: known.unread,
            metadata: known.metadata,
            stanza: (choice.stanza && !choice.omit_body)
                .then(|| text(stanza))
                .flatten(),
        })
    }
}
