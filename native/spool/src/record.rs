//! What a spool holds: records, and dead letters.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use notification::Direction;

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
    pub(crate) fn from_number(number: i64) -> Option<Self> {
        [Self::Form, Self::Custom, Self::Event]
            .into_iter()
            .find(|kind| *kind as i64 == number)
    }
}

/// One notification. Everything is in terms that outlive the process. What many records have in common is
/// shared, and the parts may be in one allocation: they are made by a session and freed by another thread, which
/// costs an allocator more than all the rest of a hand-over.
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

/// What a row takes besides its own bytes: the row's and the cells' headers, and its part of the page.
const ROW: u64 = 96;

impl Record {
    /// The bytes that count against the bound.
    #[must_use]
    pub fn size(&self) -> u64 {
        let parts = [
            self.lane.len(),
            self.message_id.len(),
            self.sender.len(),
            self.server.len(),
            self.receiver.len(),
            self.text.len(),
            self.extra.len(),
        ];
        ROW + parts.iter().map(|part| *part as u64).sum::<u64>()
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
