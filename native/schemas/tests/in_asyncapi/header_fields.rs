//! The header fields of a request, as traits of its message.

use serde_json::{Value, json};

/// The header fields of every request with an event, and those of a signed one.
pub fn traits() -> Value {
    let id = json!({
        "description": "The same on each attempt, and of no other notification: drop what has come before.",
        "type": "string",
        "pattern": "^[A-Za-z0-9_]+$",
    });
    let timestamp = json!({
        "description": "When the attempt was made, in seconds after the start of 1970.",
        "type": "string",
        "pattern": "^[0-9]+$",
    });
    let signature = json!({
        "description": "With the option signing: signatures of Standard Webhooks, one for each key, with a space between them.",
        "type": "string",
        "pattern": "^v1a?,[A-Za-z0-9+/=]+( v1a?,[A-Za-z0-9+/=]+)*$",
    });
    let fields = json!({
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature,
        "content-encoding": {
            "description": "With the option compress: how the body is compressed; the signature is over the body as it was sent.",
            "enum": ["gzip", "zstd"],
        },
    });
    let attribute =
        |description: &str| json!({"description": description, "type": "string", "minLength": 1});
    json!({
        "webhook": {"headers": {
            "type": "object",
            "required": ["webhook-id", "webhook-timestamp"],
            "properties": fields,
        }},
        "signed": {"headers": {"type": "object", "properties": fields}},
        "cloudevent": {"headers": {
            "type": "object",
            "required": ["ce-specversion", "ce-id", "ce-source", "ce-type", "ce-time"],
            "properties": {
                "ce-specversion": {"const": "1.0"},
                "ce-id": attribute("The webhook-id."),
                "ce-source": attribute("xmpp:// and the domain of the local user, percent-encoded."),
                "ce-type": attribute("The type of the event."),
                "ce-time": attribute("When it happened."),
            },
        }},
    })
}
