//! What a spool holds: records, and dead letters.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use notification::Direction;

use crate::content::Parts;

/// The place of a record in the order of hand-over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowId(pub i64);

impl fmt::Display for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What the content of a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A form; the text is the message.
    Form,
    /// The request of a callback module; the text is its body, `extra` its headers.
    Custom,
    /// An event; the text is the stanza, `extra` what the session says of it.
    Event,
}

impl Kind {
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        [Self::Form, Self::Custom, Self::Event]
            .into_iter()
            .find(|kind| kind.number() == number)
    }

    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Form => 0,
            Self::Custom => 1,
            Self::Event => 2,
        }
    }
}

/// One notification, as it was read. Everything is in terms that outlive the process. What many records have in common
/// is shared, and the parts may be in one allocation. It is handed over as a [`Packed`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The host type of the handler.
    pub host_type: Arc<str>,
    /// The handler, in the terms of its configuration: the engine writes it and finds the handler by it.
    pub handler: Arc<str>,
    /// The key of the lane, without what belongs to one run.
    pub lane: Bytes,
    /// `webhook-id`.
    pub message_id: Arc<str>,
    /// When it was handed over, in milliseconds since the epoch.
    pub created: i64,
    /// The direction of the message.
    pub direction: Direction,
    /// The author's user name.
    pub sender: Bytes,
    /// The author's domain.
    pub server: Bytes,
    /// The receiver's user name.
    pub receiver: Bytes,
    /// What the content is.
    pub kind: Kind,
    /// The message, the body or the stanza.
    pub text: Bytes,
    /// Headers or facts, as the crate `payload` encodes them.
    pub extra: Bytes,
}

/// What a row takes besides its content: its other columns, the cell's header, and its part of the page.
const ROW: u64 = 64;

impl Record {
    /// The bytes that count against the bound.
    #[must_use]
    pub fn size(&self) -> u64 {
        ROW + self.parts().encoded_len() as u64
    }

    fn parts(&self) -> Parts<'_> {
        Parts {
            lane: &self.lane,
            message_id: &self.message_id,
            direction: self.direction,
            sender: &self.sender,
            server: &self.server,
            receiver: &self.receiver,
            kind: self.kind,
            text: &self.text,
            extra: &self.extra,
        }
    }
}

/// A record as a file has it: its content is in one allocation, because a session makes it and another thread frees it,
/// which costs an allocator more than all the rest of a hand-over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// The host type of the handler.
    pub host_type: Arc<str>,
    /// The handler, as in [`Record`].
    pub handler: Arc<str>,
    /// When it was handed over, in milliseconds since the epoch.
    pub created: i64,
    content: Vec<u8>,
}

impl Packed {
    /// Packs these parts.
    #[must_use]
    pub fn new(host_type: Arc<str>, handler: Arc<str>, created: i64, parts: &Parts<'_>) -> Self {
        Self {
            host_type,
            handler,
            created,
            content: parts.encode(),
        }
    }

    /// The bytes that count against the bound.
    #[must_use]
    pub fn size(&self) -> u64 {
        ROW + self.content.len() as u64
    }

    pub(crate) fn content(&self) -> &[u8] {
        &self.content
    }

    /// The record. There is always one.
    #[must_use]
    pub fn unpack(&self) -> Option<Record> {
        let (host_type, handler) = (Arc::clone(&self.host_type), Arc::clone(&self.handler));
        Record::read(host_type, handler, self.created, &self.content)
    }
}

impl Record {
    /// The record of this content; none if it is damaged.
    pub(crate) fn read(
        host_type: Arc<str>,
        handler: Arc<str>,
        created: i64,
        content: &[u8],
    ) -> Option<Self> {
        let content = Bytes::copy_from_slice(content);
        let parts = Parts::decode(&content)?;
        let bytes = |part| content.slice_ref(part);
        Some(Self {
            host_type,
            handler,
            created,
            lane: bytes(parts.lane),
            message_id: parts.message_id.into(),
            direction: parts.direction,
            sender: bytes(parts.sender),
            server: bytes(parts.server),
            receiver: bytes(parts.receiver),
            kind: parts.kind,
            text: bytes(parts.text),
            extra: bytes(parts.extra),
        })
    }
}

impl From<&Record> for Packed {
    fn from(record: &Record) -> Self {
        let (host_type, handler) = (Arc::clone(&record.host_type), Arc::clone(&record.handler));
        Self::new(host_type, handler, record.created, &record.parts())
    }
}

impl From<Record> for Packed {
    fn from(record: Record) -> Self {
        Self::from(&record)
    }
}

/// The attempts so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// How many.
    pub attempts: u32,
    /// The first one, in milliseconds since the epoch.
    pub first: Option<i64>,
    /// The last one.
    pub last: Option<i64>,
    /// The status of the last answer, if there was one.
    pub status: Option<u16>,
    /// What the last attempt came to, in words.
    pub error: String,
    /// The start of the last answer's body.
    pub answer: String,
}

/// A record that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Its place.
    pub id: RowId,
    /// What was appended.
    pub record: Record,
    /// The bytes that it takes, as the file counts them.
    pub size: u64,
    /// The attempts so far.
    pub history: History,
}

/// Why a notification was given up: one word, as operators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeathReason(pub String);

/// A notification that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The notification and its attempts.
    pub loaded: Loaded,
    /// Why it was given up.
    pub reason: DeathReason,
    /// When, in milliseconds since the epoch.
    pub ended: i64,
}
