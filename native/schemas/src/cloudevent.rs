//! From a request with a CloudEvent to the event with type, timestamp and data, which has a schema.

use percent_encoding::percent_decode;
use serde_json::{Value, json};

/// The attributes that must be there, and those that may.
const ATTRIBUTES: [&str; 6] = [
    "specversion",
    "id",
    "source",
    "type",
    "time",
    "datacontenttype",
];

/// The event in the body.
pub fn structured<'a>(
    header: impl Fn(&str) -> Option<&'a [u8]>,
    body: &Value,
) -> Result<Value, String> {
    let Value::Object(members) = body else {
        return Err("a CloudEvent is an object".to_owned());
    };
    if let Some(other) = members
        .keys()
        .find(|name| *name != "data" && !ATTRIBUTES.contains(&name.as_str()))
    {
        return Err(format!("an attribute that we do not set: {other}"));
    }
    event(header, &body["data"], |name| {
        body[name].as_str().map(str::to_owned)
    })
}

/// The event in header fields and body.
pub fn binary<'a>(
    header: impl Fn(&str) -> Option<&'a [u8]>,
    data: &Value,
) -> Result<Value, String> {
    let attribute = |name: &str| {
        if name == "datacontenttype" {
            return Some("application/json".to_owned());
        }
        let value = header(&format!("ce-{name}"))?;
        let printable = |byte: &u8| byte.is_ascii_graphic() && *byte != b'"';
        if !value.iter().all(printable) {
            return None;
        }
        let decoded = percent_decode(value).decode_utf8().ok()?;
        Some(decoded.into_owned())
    };
    event(&header, data, attribute)
}

fn event<'a>(
    header: impl Fn(&str) -> Option<&'a [u8]>,
    data: &Value,
    attribute: impl Fn(&str) -> Option<String>,
) -> Result<Value, String> {
    let [version, id, source, kind, time, content_type] = ATTRIBUTES.map(|name| {
        attribute(name)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| format!("no {name}"))
    });
    source?;
    if version? != "1.0" {
        return Err("another version of CloudEvents".to_owned());
    }
    if content_type? != "application/json" {
        return Err("data that is not JSON".to_owned());
    }
    if header("webhook-id")
        .is_none_or(|webhook_id| id.as_deref() != Ok(webhook_id_text(webhook_id)))
    {
        return Err("the id is not the webhook-id".to_owned());
    }
    Ok(json!({"type": kind?, "timestamp": time?, "data": data}))
}

fn webhook_id_text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap_or_default()
}
