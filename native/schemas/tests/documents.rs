//! The schemas in docs/schemas are made of the parts below, so that what several types have in common is
//! the same in all of them, and each file stands alone. With `UPDATE_SCHEMAS=1`, the files are written.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::{env, fs};

use schemas::DOCUMENTS;
use serde_json::{Value, json};

const MESSAGES: [&str; 4] = ["chat", "groupchat", "headline", "normal"];

fn text(description: &str) -> Value {
    json!({"description": description, "type": "string", "minLength": 1})
}

fn address(description: &str) -> Value {
    json!({"description": description, "$ref": "#/$defs/address"})
}

fn definitions() -> Value {
    json!({
        "address": {
            "description": "An XMPP address, whole and in parts, as the host has prepared it.",
            "type": "object",
            "required": ["jid", "server"],
            "properties": {
                "jid": text("The whole address."),
                "user": text("The part before the @. A server's own address has none."),
                "server": text("The domain."),
                "resource": text("The part after the slash: the device, or in a room the nickname."),
            },
        },
        "metadata": {
            "description": "What other modules of the host have added to the event.",
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {
                "type": ["string", "number", "boolean"],
                "minLength": 1,
            },
        },
    })
}

fn message(family: &str, kind: &str) -> Value {
    let mut properties = json!({
        "direction": {
            "description": "`in`: a user has sent it to the server; `out`: it is about to be delivered.",
            "enum": ["in", "out"],
        },
        "host": text("The domain of the local user."),
        "from": address("The sender; of a message from a room, the room and in `resource` the nickname."),
        "to": address("The receiver."),
        "message_id": text("The id that the sender gave the message."),
        "archive_id": text("The message's id in the archive: the receiver's, in a room the room's."),
        "origin_id": text("The id that the sender's client gave the message for good (XEP-0359)."),
        "body": text("The text. Of several, the one without a language, or else the first."),
        "subject": text("The subject, chosen like the body."),
        "thread": text("The conversation that the message belongs to."),
        "attachments": {
            "description": "Files that the message points to (XEP-0066). At most 100.",
            "type": "array",
            "minItems": 1,
            "maxItems": 100,
            "items": {
                "type": "object",
                "required": ["url"],
                "properties": {
                    "url": text("Where the file is, as the sender wrote it: do not trust it."),
                    "description": text("What the sender says of it."),
                },
            },
        },
        "hints": {
            "description": "The sender's hints for the processing of the message (XEP-0334).",
            "type": "array",
            "minItems": 1,
            "uniqueItems": true,
            "items": {"enum": ["no_permanent_store", "no_store", "no_copy", "store"]},
        },
        "receiver_status": {
            "description": "Whether the receiver has a device online; absent if the host did not say.",
            "enum": ["online", "offline"],
        },
        "client_state": {
            "description": "Whether the receiver's device is in use (XEP-0352); absent if not known.",
            "enum": ["active", "inactive"],
        },
        "unread": {
            "description": "Messages of this conversation that the receiver has not read, this one included, with `include = [\"unread\"]`.",
            "type": "integer",
            "minimum": 0,
        },
        "metadata": {"$ref": "#/$defs/metadata"},
        "stanza": text("The whole stanza as XML, with `include = [\"stanza\"]`."),
    });
    let mut required = vec!["host", "to"];
    if family == "message" {
        required = vec!["direction", "host", "from", "to"];
    } else {
        // It is neither sent nor about to be delivered.
        properties.as_object_mut().unwrap().remove("direction");
    }
    if kind == "groupchat" {
        properties["room"] = address("The room, MUC or MUC light.");
        properties["nickname"] = text(
            "The sender as the room shows them: a nickname, in MUC light a bare address. Absent for `in`.",
        );
    }
    json!({"type": "object", "required": required, "properties": properties})
}

fn presence(status: &str) -> Value {
    json!({
        "type": "object",
        "required": ["host", "jid", "user", "server", "status"],
        "properties": {
            "host": text("The domain of the user."),
            "jid": text("The whole address of the device."),
            "user": text("The part of the address before the @."),
            "server": text("The domain."),
            "resource": text("The device."),
            "status": {"const": status},
            "metadata": {"$ref": "#/$defs/metadata"},
        },
    })
}

fn schema(family: &str, name: &str) -> Value {
    let kind = format!("{family}.{name}");
    let (title, data) = match family {
        "message" => (
            "A message that is sent or about to be delivered",
            message(family, name),
        ),
        "unacknowledged" => (
            "A message that a device did not acknowledge before its connection broke",
            message(family, name),
        ),
        _ => (
            "A user's device comes online or goes offline",
            presence(name),
        ),
    };
    let mut definitions = definitions();
    if family == "presence" {
        definitions.as_object_mut().unwrap().remove("address");
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("urn:mongoose-http-pusher:{kind}"),
        "title": format!("{title}: {kind}"),
        "type": "object",
        "required": ["type", "timestamp", "data"],
        "properties": {
            "id": text("In a batch: the notification's own id."),
            "type": {"const": kind},
            "timestamp": timestamp(),
            "data": data,
        },
        "$defs": definitions,
    })
}

fn timestamp() -> Value {
    json!({
        "description": "When it happened, in UTC, with microseconds.",
        "type": "string",
        "format": "date-time",
        "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$",
    })
}

fn batch() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:mongoose-http-pusher:batch",
        "title": "A batch of events: what a handler with the option batch sends",
        "type": "array",
        "minItems": 1,
        "maxItems": 10000,
        "items": {
            "description": "An event, as the schema of its type says.",
            "type": "object",
            "required": ["id", "type", "timestamp", "data"],
            "properties": {
                "id": text("The notification's own id, the same on each attempt."),
                "type": text("The type, and so the schema of the event."),
                "timestamp": timestamp(),
                "data": {"type": "object"},
            },
        },
    })
}

/// The schema in this file, which is written first if that is asked for.
fn is_there(file: &Path, schema: &Value) {
    if env::var_os("UPDATE_SCHEMAS").is_some() {
        let text = serde_json::to_string_pretty(schema).unwrap();
        fs::write(file, text + "\n").unwrap();
    }
    let there: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    assert_eq!(there, *schema, "{}", file.display());
}

#[test]
fn the_documents_are_made_of_these_parts() {
    let mut kinds = Vec::new();
    for (family, names) in [
        ("message", &MESSAGES[..]),
        ("unacknowledged", &MESSAGES),
        ("presence", &["online", "offline"]),
    ] {
        kinds.extend(names.iter().map(|name| (family, *name)));
    }
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas");
    for (family, name) in &kinds {
        let file = directory.join(format!("{family}.{name}.json"));
        is_there(&file, &schema(family, name));
    }
    is_there(&directory.join("batch.json"), &batch());
    let mut files: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort_unstable();
    let mut expected: Vec<String> = kinds
        .iter()
        .map(|(family, name)| format!("{family}.{name}.json"))
        .chain(["batch.json".to_owned()])
        .collect();
    expected.sort_unstable();
    assert_eq!(files, expected);
    assert_eq!(DOCUMENTS.len(), kinds.len());
}
