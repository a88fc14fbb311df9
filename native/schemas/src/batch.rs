//! Requests with several events.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

use crate::{BATCH, cloudevent, valid, validate, validator};

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| validator(BATCH));

/// The types of the events in an array of the format `json`.
pub fn json(body: &Value) -> Result<Vec<String>, String> {
    valid(&VALIDATOR, body)?;
    each(body, validate)
}

/// The types of the events in a batch of `CloudEvents`.
pub fn cloudevents(body: &Value) -> Result<Vec<String>, String> {
    each(body, |event| validate(&cloudevent::in_batch(event)?))
}

fn each(
    body: &Value,
    check: impl Fn(&Value) -> Result<String, String>,
) -> Result<Vec<String>, String> {
    let events = body.as_array().ok_or("a batch is an array")?;
    let mut ids: Vec<_> = events.iter().map(|event| event["id"].as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Err("an empty batch".to_owned());
    }
    if ids.len() < events.len() {
        return Err("two events of a batch have the same id".to_owned());
    }
    events.iter().map(check).collect()
}
