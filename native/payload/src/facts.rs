//! What a session knows of an event, apart from the stanza: keys with a value each, encoded compactly,
//! because in this form they wait inside the notification.
//!
//! A fact is one byte for a known key, or 255 and the key with its [length](crate::lengths); then one byte
//! for the type of the value, and the value.

mod basics;

use bytes::Buf;

use crate::lengths;

pub use basics::Basics;

/// A key that is one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    Event,
    Type,
    Direction,
    Timestamp,
    Host,
    FromUser,
    FromServer,
    FromResource,
    ToUser,
    ToServer,
    ToResource,
    UserStatus,
    ClientState,
    ArchiveId,
    Unread,
}

/// The keys that are one byte, in the order of these bytes. Any other key is spelt out; those of a hook's
/// metadata are.
const KEYS: [(&str, Known); 15] = [
    ("event", Known::Event),
    ("type", Known::Type),
    ("direction", Known::Direction),
    ("timestamp", Known::Timestamp),
    ("host", Known::Host),
    ("from_user", Known::FromUser),
    ("from_server", Known::FromServer),
    ("from_resource", Known::FromResource),
    ("to_user", Known::ToUser),
    ("to_server", Known::ToServer),
    ("to_resource", Known::ToResource),
    ("user_status", Known::UserStatus),
    ("client_state", Known::ClientState),
    ("archive_id", Known::ArchiveId),
    ("unread", Known::Unread),
];

/// The byte of a known key. Sessions add facts, so the key is not searched for in the list.
fn code(key: &[u8]) -> Option<u8> {
    Some(match key {
        b"event" => Known::Event,
        b"type" => Known::Type,
        b"direction" => Known::Direction,
        b"timestamp" => Known::Timestamp,
        b"host" => Known::Host,
        b"from_user" => Known::FromUser,
        b"from_server" => Known::FromServer,
        b"from_resource" => Known::FromResource,
        b"to_user" => Known::ToUser,
        b"to_server" => Known::ToServer,
        b"to_resource" => Known::ToResource,
        b"user_status" => Known::UserStatus,
        b"client_state" => Known::ClientState,
        b"archive_id" => Known::ArchiveId,
        b"unread" => Known::Unread,
        _ => return None,
    } as u8)
}

/// A key as it was encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key<'a> {
    Known(Known),
    /// It need not be valid UTF-8.
    SpeltOut(&'a [u8]),
}

const SPELT_OUT: u8 = u8::MAX;
const FALSE: u8 = 0;
const TRUE: u8 = 1;
const INTEGER: u8 = 2;
const FLOAT: u8 = 3;
const TEXT: u8 = 4;

/// The value of a fact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// A text, which need not be valid UTF-8.
    Text(&'a [u8]),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// True or false.
    Bool(bool),
}

/// Facts while they are collected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts(Vec<u8>);

impl Facts {
    /// Adds a fact. If a key is added twice, the later value counts. A key need not be valid UTF-8.
    pub fn add(&mut self, key: impl AsRef<[u8]>, value: Value<'_>) {
        let key = key.as_ref();
        match code(key) {
            Some(code) => self.0.push(code),
            None => {
                self.0.push(SPELT_OUT);
                self.push_text(key);
            }
        }
        match value {
            Value::Bool(false) => self.0.push(FALSE),
            Value::Bool(true) => self.0.push(TRUE),
            Value::Integer(number) => self.push_integer(number),
            Value::Float(number) => {
                self.0.push(FLOAT);
                self.0.extend_from_slice(&number.to_le_bytes());
            }
            Value::Text(text) => {
                self.0.push(TEXT);
                self.push_text(text);
            }
        }
    }

    /// The encoded facts, for a notification's content.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Forgets all facts and keeps the memory.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Adds a text under a known key, unless it is empty.
    fn put(&mut self, key: Known, text: &[u8]) {
        if !text.is_empty() {
            self.0.extend_from_slice(&[key as u8, TEXT]);
            self.push_text(text);
        }
    }

    fn push_integer(&mut self, number: i64) {
        self.0.push(INTEGER);
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn push_text(&mut self, text: &[u8]) {
        lengths::push(&mut self.0, text.len());
        self.0.extend_from_slice(text);
    }
}

/// Takes the next fact off the front of encoded facts; `None` at the end, or if the bytes are no fact.
pub(crate) fn take<'a>(bytes: &mut &'a [u8]) -> Option<(Key<'a>, Value<'a>)> {
    let key = match bytes.try_get_u8().ok()? {
        SPELT_OUT => Key::SpeltOut(take_text(bytes)?),
        code => Key::Known(KEYS.get(usize::from(code))?.1),
    };
    let value = match bytes.try_get_u8().ok()? {
        FALSE => Value::Bool(false),
        TRUE => Value::Bool(true),
        INTEGER => Value::Integer(bytes.try_get_i64_le().ok()?),
        FLOAT => Value::Float(bytes.try_get_f64_le().ok()?),
        TEXT => Value::Text(take_text(bytes)?),
        _ => return None,
    };
    Some((key, value))
}

fn take_text<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = lengths::take(bytes)?;
    bytes.split_off(..length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Facts, KEYS, Key, Value, code, take};

    fn all(mut bytes: &[u8]) -> (Vec<(&[u8], Value<'_>)>, usize) {
        let mut facts = Vec::new();
        while let Some((key, value)) = take(&mut bytes) {
            let key = match key {
                Key::Known(key) => KEYS
                    .iter()
                    .find(|(_, known)| *known == key)
                    .unwrap()
                    .0
                    .as_bytes(),
                Key::SpeltOut(key) => key,
            };
            facts.push((key, value));
        }
        (facts, bytes.len())
    }

    #[derive(Clone, Debug)]
    enum Given {
        Text(Vec<u8>),
        Integer(i64),
        Float(f64),
        Bool(bool),
    }

    fn given() -> impl Strategy<Value = Given> {
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..300).prop_map(Given::Text),
            any::<i64>().prop_map(Given::Integer),
            // Any float but NaN, which does not equal itself.
            proptest::num::f64::ANY
                .prop_filter("a number", |n| !n.is_nan())
                .prop_map(Given::Float),
            any::<bool>().prop_map(Given::Bool),
        ]
    }

    fn key() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            proptest::sample::select(&KEYS[..]).prop_map(|(key, _)| key.into()),
            "metadata\\.\\PC{0,40}".prop_map(String::into_bytes),
            proptest::collection::vec(any::<u8>(), 0..40),
        ]
    }

    #[test]
    fn the_bytes_of_keys_are_their_places() {
        for ((key, _), place) in KEYS.iter().zip(0..) {
            assert_eq!(code(key.as_bytes()), Some(place), "{key}");
        }
        assert_eq!(code(b"metadata.event"), None);
    }

    proptest! {
        #[test]
        fn come_back_as_they_were_added(given in proptest::collection::vec((key(), given()), 0..12)) {
            let added: Vec<(&[u8], Value<'_>)> = given
                .iter()
                .map(|(key, value)| {
                    let value = match value {
                        Given::Text(text) => Value::Text(text),
                        Given::Integer(number) => Value::Integer(*number),
                        Given::Float(number) => Value::Float(*number),
                        Given::Bool(truth) => Value::Bool(*truth),
                    };
                    (key.as_slice(), value)
                })
                .collect();
            let mut facts = Facts::default();
            for (key, value) in &added {
                facts.add(key, *value);
            }
            prop_assert_eq!(all(facts.as_bytes()), (added, 0));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            let _ = all(&bytes);
        }
    }

    #[test]
    fn a_usual_message_takes_few_bytes() {
        let mut facts = Facts::default();
        facts.add("event", Value::Text(b"msg"));
        facts.add("timestamp", Value::Integer(1_795_782_896_789_012));
        facts.add("from_user", Value::Text(b"alice"));
        assert_eq!(facts.as_bytes().len(), 6 + 10 + 8);
        facts.clear();
        assert_eq!(facts, Facts::default());
    }
}
