//! The facts of an event, by name.

use super::parts::{Metadata, Parts, Scalar, Text, text, valid};
use crate::PayloadError;
use crate::facts::{self, Key, Value};

/// What is known of an event without its stanza.
#[derive(Debug, Default)]
pub struct Known<'a> {
    /// `msg`, `unack_msg` or `user_status`.
    pub event: &'a [u8],
    /// The type of the message.
    pub message_type: &'a [u8],
    /// `in` or `out`.
    pub direction: Text<'a>,
    /// Microseconds after the start of 1970.
    pub timestamp: Option<i64>,
    /// The domain of the local user.
    pub host: Text<'a>,
    /// The sender; for presence the user.
    pub from: Parts<'a>,
    /// The receiver.
    pub to: Parts<'a>,
    /// `online` or `offline`: the receiver's, for presence the user's.
    pub user_status: Text<'a>,
    /// `active` or `inactive`.
    pub client_state: Text<'a>,
    /// The id in the archive, if the session knows it.
    pub archive_id: Text<'a>,
    /// Messages of this conversation that the receiver has not read, this one included.
    pub unread: Option<i64>,
    /// What other modules of the host put into the hook.
    pub metadata: Metadata<'a>,
}

impl<'a> Known<'a> {
    /// Reads encoded facts. Unknown keys, and values of another type than the key has, are skipped.
    pub fn read(mut bytes: &'a [u8]) -> Self {
        let mut known = Self::default();
        while let Some((key, value)) = facts::take(&mut bytes) {
            match (key, value) {
                (Key::Known(key), Value::Text(bytes)) => known.set_text(key, bytes),
                (Key::Known(key), Value::Integer(number)) => known.set_integer(key, number),
                (Key::Known(_), Value::Float(_) | Value::Bool(_)) => {}
                (Key::SpeltOut(key), value) => {
                    if let Some(key) = key.strip_prefix(METADATA)
                        && let Some(value) = Scalar::new(value)
                    {
                        known.metadata.insert(valid(key), value);
                    }
                }
            }
        }
        known
    }

    fn set_text(&mut self, key: facts::Known, bytes: &'a [u8]) {
        use facts::Known;
        let field = match key {
            Known::Event => return self.event = bytes,
            Known::Type => return self.message_type = bytes,
            Known::Direction => &mut self.direction,
            Known::Host => &mut self.host,
            Known::FromUser => &mut self.from.user,
            Known::FromServer => &mut self.from.server,
            Known::FromResource => &mut self.from.resource,
            Known::ToUser => &mut self.to.user,
            Known::ToServer => &mut self.to.server,
            Known::ToResource => &mut self.to.resource,
            Known::UserStatus => &mut self.user_status,
            Known::ClientState => &mut self.client_state,
            Known::ArchiveId => &mut self.archive_id,
            Known::Timestamp | Known::Unread => return,
        };
        *field = text(bytes);
    }

    fn set_integer(&mut self, key: facts::Known, number: i64) {
        match key {
            facts::Known::Timestamp => self.timestamp = Some(number),
            facts::Known::Unread => self.unread = Some(number).filter(|number| *number >= 0),
            _ => {}
        }
    }

    /// Whether the event is a message of a room.
    pub fn is_groupchat(&self) -> bool {
        self.message_type == b"groupchat"
    }

    /// Whether the event is a change of presence.
    pub fn is_presence(&self) -> bool {
        self.event == b"user_status"
    }

    /// The type of the event.
    pub fn kind(&self) -> Result<&'static str, PayloadError> {
        Ok(match (self.event, self.message_type) {
            (b"msg", b"chat") => "message.chat",
            (b"msg", b"groupchat") => "message.groupchat",
            (b"msg", b"headline") => "message.headline",
            (b"msg", b"normal" | b"") => "message.normal",
            (b"unack_msg", b"chat") => "unacknowledged.chat",
            (b"unack_msg", b"groupchat") => "unacknowledged.groupchat",
            (b"unack_msg", b"headline") => "unacknowledged.headline",
            (b"unack_msg", b"normal" | b"") => "unacknowledged.normal",
            (b"user_status", _) => match self.user_status.as_deref() {
                Some("online") => "presence.online",
                Some("offline") => "presence.offline",
                _ => return Err(PayloadError::event("a change of presence without a status")),
            },
            _ => return Err(PayloadError::event("an event of an unknown type")),
        })
    }
}

const METADATA: &[u8] = b"metadata.";
