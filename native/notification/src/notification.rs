//! One notification: its handler, its content, and the lane that keeps its order.
//!
//! The pool and the handler say where it is sent; the crate `payload` builds the request.

use std::sync::Arc;

use bytes::Bytes;

use crate::handler::Handler;
use crate::{HostTypeId, Waiter, heap};

/// The direction of a message, as in the chat event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// A message that a user sends to the server.
    In,
    /// A message that is about to be delivered.
    Out,
}

/// The content of the POST.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// The documented form of author, server, receiver and message; built when the notification is
    /// sent.
    Form,
    /// The headers from a custom callback module; the text is the body. The crate `payload` has checked
    /// and encoded the headers, and only `payload` reads them.
    Custom(&'a [u8]),
    /// What the session says of an event, as encoded by `payload`, which alone reads it; the text is the
    /// stanza as XML, or empty. The body is built when the notification is sent.
    Event(&'a [u8]),
}

/// What a notification holds besides its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Form,
    Custom,
    Event,
}

/// The request of a custom callback module, moved out of its notification.
#[derive(Debug)]
pub struct OwnRequest {
    /// The headers, as they were handed over.
    pub headers: Bytes,
    /// The body.
    pub body: Bytes,
}

/// An event inside its notification.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// What the session says of it, encoded by `payload`.
    pub facts: &'a [u8],
    /// The stanza as XML; empty if there is none, or if the handler does not need it.
    pub stanza: &'a [u8],
}

/// A notification that was handed over.
#[derive(Debug)]
pub struct Notification {
    handler: Arc<Handler>,
    /// Sender, server, receiver, text, and headers or facts, one after another in a single allocation, which is
    /// filled up to [`heap::JOINED_AT_ONCE`].
    bytes: Box<[u8]>,
    /// The ends of these five.
    ends: [u32; 5],
    direction: Direction,
    kind: Kind,
    /// Boxed, because there is hardly ever one.
    waiter: Option<Box<Waiter>>,
}

/// A notification of up to this length keeps its content after it has started, because copying the
/// names would cost more than it saves.
const KEEP: usize = 1024;

impl Notification {
    /// Creates a notification. `text` is the message for [`Content::Form`], the body for
    /// [`Content::Custom`], the stanza for [`Content::Event`]. Returns `None` if the parts are longer than
    /// 4 GiB together.
    #[must_use]
    pub fn new(
        handler: Arc<Handler>,
        direction: Direction,
        names: Names<'_>,
        text: &[u8],
        content: Content<'_>,
    ) -> Option<Self> {
        let (kind, last) = match content {
            Content::Form => (Kind::Form, &[][..]),
            Content::Custom(headers) => (Kind::Custom, headers),
            Content::Event(facts) => (Kind::Event, facts),
        };
        let parts = [names.sender, names.server, names.receiver, text, last];
        let (bytes, ends) = join(parts)?;
        Some(Self {
            handler,
            bytes,
            ends,
            direction,
            kind,
            waiter: None,
        })
    }

    /// Adds a caller that waits until the notification has been counted.
    #[must_use]
    pub fn awaited_by(mut self, waiter: Option<Waiter>) -> Self {
        self.waiter = waiter.map(Box::new);
        self
    }

    /// The caller that waits until the notification has been counted.
    #[must_use]
    pub fn waiter(&self) -> Option<&Waiter> {
        self.waiter.as_deref()
    }

    /// The handler that the notification was made for.
    #[must_use]
    pub fn handler(&self) -> &Arc<Handler> {
        &self.handler
    }

    /// The direction of the message.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// Sender, server and receiver.
    #[must_use]
    pub fn names(&self) -> Names<'_> {
        let [sender, server, receiver, ..] = self.ends.map(|end| end as usize);
        Names {
            sender: &self.bytes[..sender],
            server: &self.bytes[sender..server],
            receiver: &self.bytes[server..receiver],
        }
    }

    /// The memory that the notification has allocated. Together with the cost of its place in a queue,
    /// this counts against the bounds.
    #[must_use]
    pub fn allocated(&self) -> usize {
        let waiter = self.waiter().map_or(0, Waiter::allocated);
        heap::taken(self.bytes.len()) + waiter
    }

    /// Whether the body is a form of names and text.
    #[must_use]
    pub fn is_form(&self) -> bool {
        self.kind == Kind::Form
    }

    /// The event, if the content is [`Content::Event`].
    #[must_use]
    pub fn event(&self) -> Option<Event<'_>> {
        (self.kind == Kind::Event).then(|| Event {
            facts: self.last(),
            stanza: self.text(),
        })
    }

    /// The content, as it was handed over. Its text is [`Notification::text`].
    #[must_use]
    pub fn content(&self) -> Content<'_> {
        match self.kind {
            Kind::Form => Content::Form,
            Kind::Custom => Content::Custom(self.last()),
            Kind::Event => Content::Event(self.last()),
        }
    }

    /// The message, the body from a custom callback module, or the stanza.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        let [.., names, text, _] = self.ends.map(|end| end as usize);
        &self.bytes[names..text]
    }

    /// The headers or facts.
    fn last(&self) -> &[u8] {
        let [.., text, end] = self.ends.map(|end| end as usize);
        &self.bytes[text..end]
    }

    /// The headers of a custom callback module's request, as they were handed over; its body is the text.
    #[must_use]
    pub fn own_headers(&self) -> Option<&[u8]> {
        (self.kind == Kind::Custom).then(|| self.last())
    }

    /// Moves the request of a custom callback module out, so that no second copy stays here. Returns
    /// `None` for any other content.
    #[must_use]
    pub fn take_own_request(&mut self) -> Option<OwnRequest> {
        if self.kind != Kind::Custom {
            return None;
        }
        let [.., names, text, end] = self.ends.map(|end| end as usize);
        let whole = Bytes::from(self.forget_content());
        Some(OwnRequest {
            headers: whole.slice(text..end),
            body: whole.slice(names..text),
        })
    }

    /// Frees the content of a long notification, except the names. Call it once the content has been
    /// sent, or never will be.
    pub fn shed(&mut self) {
        if self.bytes.len() > KEEP {
            self.forget_content();
        }
    }

    /// Keeps only the names, and returns the bytes that were there before.
    fn forget_content(&mut self) -> Box<[u8]> {
        let [_, _, names, text, end] = &mut self.ends;
        (*text, *end) = (*names, *names);
        let names = &self.bytes[..*names as usize];
        let mut kept = with_room(names.len());
        kept.extend_from_slice(names);
        std::mem::replace(&mut self.bytes, filled_up(kept))
    }
}

/// Joins parts in one allocation, and says where each ends. `None` if they are longer than 4 GiB together.
fn join<const N: usize>(parts: [&[u8]; N]) -> Option<(Box<[u8]>, [u32; N])> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut bytes = with_room(length);
    let mut ends = [0; N];
    for (end, part) in ends.iter_mut().zip(parts) {
        bytes.extend_from_slice(part);
        *end = u32::try_from(bytes.len()).ok()?;
    }
    Some((filled_up(bytes), ends))
}

fn with_room(length: usize) -> Vec<u8> {
    Vec::with_capacity(length.max(heap::JOINED_AT_ONCE))
}

/// As long as [`heap::JOINED_AT_ONCE`], at least.
fn filled_up(mut bytes: Vec<u8>) -> Box<[u8]> {
    bytes.resize(bytes.len().max(heap::JOINED_AT_ONCE), 0);
    bytes.into_boxed_slice()
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

/// Builds the key of the lane that keeps a notification's order: the bare sender, and for `out` also
/// the bare receiver. A prepared name must not contain NUL, so two different pairs of names cannot make
/// the same key.
pub fn lane_key(
    key: &mut Vec<u8>,
    host_type: HostTypeId,
    direction: Direction,
    names: Names<'_>,
    receiver_server: &[u8],
) {
    key.clear();
    key.extend_from_slice(&u32::from(host_type).to_ne_bytes());
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Content, Direction, Names, Notification};
    use crate::{Handler, HostType, heap};

    fn notification(content: Content<'_>, text: &[u8]) -> Notification {
        let host_type = Arc::new(HostType::new(0.into(), "localhost"));
        let handler = Arc::new(Handler::plain(0.into(), host_type, "http_pool", "/n"));
        let names = Names {
            sender: b"a",
            server: b"b",
            receiver: b"c",
        };
        Notification::new(handler, Direction::In, names, text, content).expect("a notification")
    }

    #[test]
    fn a_short_one_is_filled_up_and_reads_as_handed_over() {
        let mut made = notification(Content::Custom(b"headers"), b"body");
        assert_eq!(made.allocated(), heap::taken(heap::JOINED_AT_ONCE));
        let names = made.names();
        assert_eq!(
            [names.sender, names.server, names.receiver],
            [b"a", b"b", b"c"]
        );
        assert_eq!(
            (made.text(), made.own_headers()),
            (&b"body"[..], Some(&b"headers"[..]))
        );
        let own = made.take_own_request().expect("a request");
        assert_eq!(
            (&own.headers[..], &own.body[..]),
            (&b"headers"[..], &b"body"[..])
        );
        assert_eq!(
            (made.text(), made.own_headers()),
            (&b""[..], Some(&b""[..]))
        );
    }

    #[test]
    fn the_names_are_left_of_a_long_one() {
        let text = [b'x'; 5000];
        let mut made = notification(Content::Event(b"facts"), &text);
        let event = made.event().expect("an event");
        assert_eq!((event.facts, event.stanza), (&b"facts"[..], &text[..]));
        made.shed();
        assert_eq!(made.allocated(), heap::taken(heap::JOINED_AT_ONCE));
        assert_eq!((made.names().receiver, made.text()), (&b"c"[..], &b""[..]));
        assert_eq!(made.event().expect("an event").facts, b"");
    }
}
