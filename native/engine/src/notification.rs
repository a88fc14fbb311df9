//! One notification: whose it is, what is sent, and which lane keeps its order.
//!
//! Not here: where it is sent (that is the pool's and the handler's), and what becomes of it
//! (`outcome`).

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};

use crate::form;
use crate::host_type::HostType;
use crate::report::totals::RejectedTotals;

/// One configured handler: an entry of the module's section, as far as the engine needs it.
#[derive(Debug)]
pub struct Handler {
    /// Number, unique in the engine.
    pub id: u32,
    /// The host type it belongs to.
    pub host_type: Arc<HostType>,
    /// `pool_name`, for reports.
    pub pool_name: Box<str>,
    /// `path`, as configured; joined with the pool's prefix when it is used.
    pub path: Box<str>,
    /// Its notifications that were not taken, since the process started.
    pub rejected: RejectedTotals,
}

/// Way of a message, as in the chat event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// A message that a user sends to the server.
    In,
    /// A message that is about to be delivered.
    Out,
}

/// Headers of a custom callback module, checked.
pub type Headers = Box<[(HeaderName, HeaderValue)]>;

/// What the POST carries.
#[derive(Debug)]
pub enum Content {
    /// The documented form of author, server, receiver and message; built when it is sent.
    Form,
    /// Headers from a custom callback module, with the text as the body.
    Custom(Headers),
}

/// A notification on its way.
#[derive(Debug)]
pub struct Notification {
    handler: Arc<Handler>,
    content: Content,
    /// Sender, server, receiver and text behind one another: one allocation for all.
    bytes: Box<[u8]>,
    ends: [u32; 3],
    direction: Direction,
}

impl Notification {
    /// Puts a notification together. `text` is the message for [`Content::Form`], otherwise the
    /// body. Where the parts are longer than 4 GiB together, the result is `None`.
    #[must_use]
    pub fn new(
        handler: Arc<Handler>,
        direction: Direction,
        names: Names<'_>,
        text: &[u8],
        content: Content,
    ) -> Option<Self> {
        let mut bytes = Vec::with_capacity(
            names.sender.len() + names.server.len() + names.receiver.len() + text.len(),
        );
        let mut ends = [0; 3];
        for (end, part) in ends
            .iter_mut()
            .zip([names.sender, names.server, names.receiver])
        {
            bytes.extend_from_slice(part);
            *end = u32::try_from(bytes.len()).ok()?;
        }
        bytes.extend_from_slice(text);
        u32::try_from(bytes.len()).ok()?;
        Some(Self {
            handler,
            content,
            bytes: bytes.into_boxed_slice(),
            ends,
            direction,
        })
    }

    /// The handler it was made for.
    #[must_use]
    pub fn handler(&self) -> &Arc<Handler> {
        &self.handler
    }

    /// Way of the message.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// Sender, server and receiver.
    #[must_use]
    pub fn names(&self) -> Names<'_> {
        let [sender, server, receiver] = self.ends.map(|end| end as usize);
        Names {
            sender: &self.bytes[..sender],
            server: &self.bytes[sender..server],
            receiver: &self.bytes[server..receiver],
        }
    }

    /// Bytes that count against the bounds.
    #[must_use]
    pub fn cost(&self) -> usize {
        let headers = match &self.content {
            Content::Form => 0,
            Content::Custom(headers) => headers
                .iter()
                .map(|(name, value)| name.as_str().len() + value.len())
                .sum(),
        };
        self.bytes.len() + headers
    }

    /// The request's body.
    #[must_use]
    pub fn body(&self) -> Bytes {
        let text = &self.bytes[self.ends[2] as usize..];
        match &self.content {
            Content::Form => form::encode(&self.names(), text).into(),
            Content::Custom(_) => Bytes::copy_from_slice(text),
        }
    }

    /// Headers of a custom callback module.
    #[must_use]
    pub fn content(&self) -> &Content {
        &self.content
    }
}

/// The names in a notification, as the host has prepared them.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// User name of the author.
    pub sender: &'a [u8],
    /// Domain of the author.
    pub server: &'a [u8],
    /// User name of the receiver.
    pub receiver: &'a [u8],
}

/// Key of the lane that keeps a notification's order: the bare sender, for `out` with the bare
/// receiver. Names contain no NUL (it is forbidden in a prepared name), so keys cannot run together.
pub fn lane_key(
    key: &mut Vec<u8>,
    host_type: u32,
    direction: Direction,
    names: Names<'_>,
    receiver_server: &[u8],
) {
    key.clear();
    key.extend_from_slice(&host_type.to_ne_bytes());
    key.extend_from_slice(names.sender);
    key.push(0);
    key.extend_from_slice(names.server);
    if direction == Direction::Out {
        key.push(0);
        key.extend_from_slice(names.receiver);
        key.push(0);
        key.extend_from_slice(receiver_server);
    }
}
