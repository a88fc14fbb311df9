//! One request for several notifications.
//!
//! A member that cannot be put into the format fails alone; the request has the others. Its identity is
//! made of theirs, so that the same members have the same `webhook-id` on every attempt, and others another.

use bytes::Bytes;
use notification::{MessageId, Notification};
use ring::digest::{Context, SHA256};
use serde::Serialize;
use tokio::task::yield_now;

use crate::{Made, PayloadError, forms, json};

/// A notification of a batch, with its own identity.
pub type Member<'a> = (&'a Notification, &'a MessageId);

/// What becomes of the members of a batch.
#[derive(Debug)]
pub struct BatchMade {
    /// How many of the members, from the first one on, are in the request or have failed. The others are for
    /// a next request.
    pub taken: usize,
    /// Those that cannot be sent, by their place.
    pub failed: Vec<(usize, PayloadError)>,
    /// The request and its identity; `None` if all that were taken have failed.
    pub made: Option<(Made, MessageId)>,
}

/// The members that one request has taken, and what it is if it has any.
#[derive(Debug)]
pub(crate) struct Collected {
    pub(crate) taken: usize,
    /// By their places, in order.
    pub(crate) failed: Vec<(usize, PayloadError)>,
    pub(crate) request: Option<Made>,
}

impl Collected {
    /// The ids of the members that are in the request.
    pub(crate) fn identity(&self, members: &[Member<'_>]) -> MessageId {
        let ids = members.iter().take(self.taken).enumerate();
        // In order.
        let has_failed = |at: &usize| self.failed.binary_search_by_key(at, |(at, _)| *at).is_ok();
        identity(
            ids.filter(|(at, _)| !has_failed(at))
                .map(|(_, (_, id))| *id),
        )
    }
}

/// The identity of a batch of these members.
pub(crate) fn identity<'a>(ids: impl Iterator<Item = &'a MessageId>) -> MessageId {
    let mut context = Context::new(&SHA256);
    for id in ids {
        context.update(id.as_str().as_bytes());
        // Not in an identity.
        context.update(b"\n");
    }
    let digest = context.finish();
    let mut half = [0; 16];
    for (to, from) in half.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    MessageId::of_batch(half)
}

/// A JSON array that members are added to while it is short enough.
#[derive(Debug)]
pub(crate) struct Array {
    bytes: Vec<u8>,
    max_bytes: usize,
}

/// A body of this size holds some messages.
const USUAL: usize = 4096;

impl Array {
    /// An empty array, which may grow to so many bytes.
    pub(crate) fn new(max_bytes: usize) -> Self {
        let mut bytes = Vec::with_capacity(USUAL);
        bytes.push(b'[');
        Self { bytes, max_bytes }
    }

    fn is_empty(&self) -> bool {
        self.bytes.len() == 1
    }

    /// Adds a value, unless the array becomes too long. The first one is always added.
    pub(crate) fn add(&mut self, value: &impl Serialize) -> Result<bool, PayloadError> {
        let (before, was_empty) = (self.bytes.len(), self.is_empty());
        if !was_empty {
            self.bytes.push(b',');
        }
        let written = json::add(&mut self.bytes, value);
        let is_too_long = self.bytes.len() >= self.max_bytes && !was_empty;
        if written.is_err() || is_too_long {
            self.bytes.truncate(before);
        }
        written?;
        Ok(!is_too_long)
    }

    /// The body, unless the array is empty.
    pub(crate) fn into_body(mut self) -> Option<Bytes> {
        if self.is_empty() {
            return None;
        }
        self.bytes.push(b']');
        Some(forms::fitted(self.bytes))
    }
}

/// The turns of other tasks on this thread while a batch of thousands is made.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// The bytes of the members since the last one.
    worked: usize,
}

impl Turns {
    /// The bytes of the members between two turns. A message has a few hundred.
    const APART: usize = 128 * 1024;

    /// Gives the others their turn if it is time, before work is done on another member.
    pub(crate) async fn before(&mut self, (notification, _): Member<'_>) {
        if self.worked >= Self::APART {
            self.give().await;
        }
        self.worked += notification.allocated();
    }

    /// Gives the others their turn.
    pub(crate) async fn give(&mut self) {
        self.worked = 0;
        yield_now().await;
    }
}

/// Adds members with `add`, which says whether there was room, until there is none.
pub(crate) async fn collect(
    members: &[Member<'_>],
    mut add: impl FnMut(Member<'_>) -> Result<bool, PayloadError>,
) -> (usize, Vec<(usize, PayloadError)>) {
    let (mut failed, mut turns) = (Vec::new(), Turns::default());
    for (at, member) in members.iter().enumerate() {
        turns.before(*member).await;
        match add(*member) {
            Ok(true) => {}
            Ok(false) => return (at, failed),
            Err(error) => failed.push((at, error)),
        }
    }
    (members.len(), failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(texts: &[&str]) -> MessageId {
        let ids: Vec<_> = texts
            .iter()
            .map(|text| MessageId::parse(text).expect("an id"))
            .collect();
        identity(ids.iter())
    }

    #[test]
    fn the_identity_is_that_of_the_members_in_their_order() {
        let batch = ids(&["msg_1", "msg_2"]);
        assert_eq!(batch, ids(&["msg_1", "msg_2"]));
        assert_eq!(batch.as_str().len(), "batch_".len() + 32);
        for other in [
            ids(&["msg_2", "msg_1"]),
            ids(&["msg_1"]),
            ids(&["msg_1msg_2"]),
            ids(&[]),
        ] {
            assert_ne!(batch, other);
        }
        // SHA-256 of "msg_1\nmsg_2\n": it must not change from one release to the next.
        assert_eq!(batch.as_str(), "batch_bf07b7a3a7e5d0f24e5dfec285713245");
    }

    #[test]
    fn an_array_has_at_least_one_value_and_no_more_bytes_than_it_may() {
        let mut array = Array::new(10);
        assert_eq!(array.add(&"longer than ten"), Ok(true));
        assert_eq!(array.add(&1), Ok(false));
        assert_eq!(array.into_body().unwrap(), "[\"longer than ten\"]");
        let mut array = Array::new(10);
        for (number, expected) in [(1111, true), (2222, false), (222, true), (3, false)] {
            assert_eq!(array.add(&number), Ok(expected));
        }
        let body = array.into_body().unwrap();
        assert_eq!((&*body, body.len()), (&b"[1111,222]"[..], 10));
        assert_eq!(Array::new(10).into_body(), None);
    }
}
