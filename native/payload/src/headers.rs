//! The headers of a notification from a custom callback module, in the form in which they wait:
//! checked, and concatenated as bytes. As a `HeaderName` and a `HeaderValue`, a short header would use
//! six times its length.
//!
//! Each header is a [length](crate::lengths), the name, a length, and the value.

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderName, HeaderValue};

use crate::header::{self, HeaderError};
use crate::lengths;

/// Checked headers, in the order in which they were added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    bytes: Vec<u8>,
    has_host: bool,
}

impl Headers {
    /// Adds a header, if it may be sent together with those before it.
    pub fn add(&mut self, name: &[u8], value: &[u8]) -> Result<(), HeaderError> {
        let (name, value) = header::check(name, value)?;
        if name == HOST && std::mem::replace(&mut self.has_host, true) {
            return Err(HeaderError::SecondHost);
        }
        for part in [name.as_str().as_bytes(), value.as_bytes()] {
            lengths::push(&mut self.bytes, part.len());
            self.bytes.extend_from_slice(part);
        }
        Ok(())
    }

    /// The encoded headers, for [`parse`].
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Decodes the bytes of [`Headers::as_bytes`]. Values are slices of `bytes`, not copies.
#[must_use]
pub fn parse(mut bytes: Bytes) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = Vec::new();
    // Each header was checked when it was added, so all of them are valid here.
    while let Some((name, value)) = next(&mut bytes) {
        headers.push((name, value));
    }
    headers
}

fn next(bytes: &mut Bytes) -> Option<(HeaderName, HeaderValue)> {
    let name = next_part(bytes)?;
    let value = next_part(bytes)?;
    let name = HeaderName::from_bytes(&name).ok()?;
    Some((name, HeaderValue::from_maybe_shared(value).ok()?))
}

fn next_part(bytes: &mut Bytes) -> Option<Bytes> {
    lengths::take(bytes).map(|length| bytes.split_to(length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Headers, parse};

    proptest! {
        #[test]
        fn come_back_as_they_were_added(
            given in proptest::collection::vec(("[A-Za-z0-9-]{1,140}", "[ -~\u{e9}]{0,140}"), 0..6),
        ) {
            let mut headers = Headers::default();
            let mut added = Vec::new();
            for (name, value) in given {
                if headers.add(name.as_bytes(), value.as_bytes()).is_ok() {
                    added.push((name.to_lowercase(), value.into_bytes()));
                }
            }
            let parsed: Vec<_> = parse(headers.as_bytes().to_vec().into())
                .into_iter()
                .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
                .collect();
            prop_assert_eq!(parsed, added);
        }

        #[test]
        fn any_bytes_are_parsed_without_a_panic(bytes: Vec<u8>) {
            let _ = parse(bytes.into());
        }
    }

    #[test]
    fn long_and_empty_values() {
        let long = vec![b'x'; 70_000];
        let mut headers = Headers::default();
        headers.add(b"x-long", &long).unwrap();
        headers.add(b"x-empty", b"").unwrap();
        let parsed = parse(headers.as_bytes().to_vec().into());
        assert_eq!(parsed[0].1.as_bytes(), long);
        assert_eq!((parsed[1].0.as_str(), parsed[1].1.len()), ("x-empty", 0));
    }
}
