//! Validates payloads against the JSON Schemas of docs/schemas, for tests: [`check`] accepts what a test
//! endpoint received. The program of this crate does the same for the Erlang suites.
//!
//! A published schema lets fields be added later. Here it does not: a field that no schema knows is an
//! error, too.
#![forbid(unsafe_code)]
#![cfg_attr(not(test), warn(unused_crate_dependencies))]

mod batch;
mod cloudevent;
mod strict;

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

macro_rules! documents {
    ($($kind:literal),*) => {
        [$(($kind, include_str!(concat!("../../../docs/schemas/", $kind, ".json")))),*]
    };
}

/// The schemas by the type of the event that they describe.
pub const DOCUMENTS: [(&str, &str); 10] = documents!(
    "message.chat",
    "message.groupchat",
    "message.headline",
    "message.normal",
    "unacknowledged.chat",
    "unacknowledged.groupchat",
    "unacknowledged.headline",
    "unacknowledged.normal",
    "presence.online",
    "presence.offline"
);

/// The schema of a batch in the format `json`. What the event of each type is, the schema of the type says.
pub const BATCH: &str = include_str!("../../../docs/schemas/batch.json");

static VALIDATORS: LazyLock<Vec<(&str, Validator)>> = LazyLock::new(|| {
    DOCUMENTS
        .into_iter()
        .map(|(kind, document)| (kind, validator(document)))
        .collect()
});

#[expect(clippy::expect_used, reason = "the schemas are this crate's own")]
fn validator(document: &str) -> Validator {
    let mut schema = serde_json::from_str(document).expect("JSON");
    strict::close(&mut schema);
    jsonschema::draft202012::options()
        .should_validate_formats(true)
        .build(&schema)
        .expect("a schema")
}

/// Checks the body of a request. Returns the types of its events; none if the request has no event of ours:
/// a form, or what a template or a callback module made of it.
pub fn check<'a>(
    header: impl Fn(&str) -> Option<&'a [u8]>,
    body: &[u8],
) -> Result<Vec<String>, String> {
    let content_type = header("content-type").unwrap_or_default();
    let content_type = content_type.split(|byte| *byte == b';').next();
    let event = match content_type.map(<[u8]>::trim_ascii) {
        Some(b"application/cloudevents-batch+json") => return batch::cloudevents(&json(body)?),
        Some(b"application/cloudevents+json") => cloudevent::structured(header, &json(body)?)?,
        Some(b"application/json") if header("ce-specversion").is_some() => {
            cloudevent::binary(header, &json(body)?)?
        }
        Some(b"application/json") => match json(body)? {
            event if is_ours(&event) => event,
            Value::Array(events) if events.first().is_some_and(is_ours) => {
                return batch::json(&Value::Array(events));
            }
            _ => return Ok(Vec::new()),
        },
        _ => return Ok(Vec::new()),
    };
    if event.get("id").is_some() {
        return Err("an id, which only the events of a batch have".to_owned());
    }
    validate(&event).map(|kind| vec![kind])
}

fn json(body: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(body).map_err(|error| format!("not JSON: {error}"))
}

fn is_ours(event: &Value) -> bool {
    let kind = event["type"].as_str().unwrap_or_default();
    ["message.", "unacknowledged.", "presence."]
        .iter()
        .any(|family| kind.starts_with(family))
}

/// Checks an event against the schema of its type, which it returns.
pub fn validate(event: &Value) -> Result<String, String> {
    let kind = event["type"].as_str().unwrap_or_default();
    let (_, validator) = VALIDATORS
        .iter()
        .find(|(known, _)| *known == kind)
        .ok_or_else(|| format!("no schema for the type {kind:?}"))?;
    valid(validator, event).map(|()| kind.to_owned())
}

fn valid(validator: &Validator, value: &Value) -> Result<(), String> {
    let errors: Vec<String> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    if errors.is_empty() {
        Ok(())
    } else {
        Err(errors.join("\n"))
    }
}
