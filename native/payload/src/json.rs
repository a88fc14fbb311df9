//! Values as JSON.

use bytes::Bytes;
use serde::Serialize;

use crate::event::{Data, Event};
use crate::{PayloadError, forms};

/// A body of this size holds most messages.
const USUAL: usize = 1024;

/// The value as JSON.
pub fn body(value: &impl Serialize) -> Result<Bytes, PayloadError> {
    let mut body = Vec::with_capacity(USUAL);
    add(&mut body, value)?;
    Ok(forms::fitted(body))
}

/// Adds the value as JSON to `out`. After an error, part of it is there.
pub fn add(out: &mut Vec<u8>, value: &impl Serialize) -> Result<(), PayloadError> {
    serde_json::to_writer(out, value).map_err(|error| PayloadError::event(error.to_string()))
}

/// An event as a batch has it: with its own identity.
#[derive(Debug, Serialize)]
pub struct Identified<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: &'a str,
    data: &'a Data<'a>,
}

impl<'a> Identified<'a> {
    /// The event with this identity.
    pub fn new(event: &'a Event<'_>, id: &'a str) -> Self {
        Self {
            id,
            kind: event.kind,
            timestamp: &event.timestamp,
            data: &event.data,
        }
    }
}
