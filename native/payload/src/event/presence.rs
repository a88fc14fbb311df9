//! The data of a change of presence.

use std::borrow::Cow;

use serde::Serialize;

use super::known::Known;
use super::parts::{Metadata, Text};

/// A user's device came online or went offline. The names are those of the form.
#[derive(Debug, Serialize)]
pub struct Presence<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    metadata: Metadata<'a>,
}

impl<'a> Presence<'a> {
    pub(super) fn new(known: Known<'a>) -> Self {
        Self {
            host: known.host,
            jid: known.from.jid(),
            user: known.from.user,
            server: known.from.server,
            resource: known.from.resource,
            status: known.user_status,
            metadata: known.metadata,
        }
    }

    pub(super) fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }
}
