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
    is_webhook_id(header, body["id"].as_str())?;
    in_batch(body)
}

/// The event, one of a batch.
pub fn in_batch(body: &Value) -> Result<Value, String> {
    let Value::Object(members) = body else {
        return Err("a CloudEvent is an object".to_owned());
    };
    if let Some(other) = members
        .keys()
        .find(|name| *name != "data" && !ATTRIBUTES.contains(&name.as_str()))
    {
        return Err(format!("an attribute that we do not set: {other}"));
    }
    event(&body["data"], |name| body[name].as_str().map(str::to_owned))
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
    is_webhook_id(&header, attribute("id").as_deref())?;
    event(data, attribute)
}

fn event(data: &Value, attribute: impl Fn(&str) -> Option<String>) -> Result<Value, String> {
    let [version, id, source, kind, time, content_type] = ATTRIBUTES.map(|name| {
        attribute(name)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| format!("no {name}"))
    });
    source?;
    id?;
    if version? != "1.0" {
        return Err("another version of CloudEvents".to_owned());
    }
    if content_type? != "application/json" {
        return Err("data that is not JSON".to_owned());
    }
    Ok(json!({"type": kind?, "timestamp": time?, "data": data}))
}

fn is_webhook_id<'a>(
    header: impl Fn(&str) -> Option<&'a [u8]>,
    id: Option<&str>,
) -> Result<(), String> {
    let webhook_id = header("webhook-id").and_then(|bytes| str::from_utf8(bytes).ok());
    if webhook_id.is_none() || webhook_id != id {
        return Err("the id is not the webhook-id".to_owned());
    }
    Ok(())
}
