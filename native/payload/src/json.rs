//! Values as JSON.

use bytes::Bytes;
use serde::Serialize;

use crate::{PayloadError, forms};

/// A body of this size holds most messages.
const USUAL: usize = 512;

/// The value as JSON.
pub fn body(value: &impl Serialize) -> Result<Bytes, PayloadError> {
    let mut body = Vec::with_capacity(USUAL);
    serde_json::to_writer(&mut body, value)
        .map_err(|error| PayloadError::event(error.to_string()))?;
    Ok(forms::fitted(body))
}
