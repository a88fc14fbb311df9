//! docs/asyncapi.json: the same events as an `AsyncAPI` 3 document. It is made of the schemas in docs/schemas and of the examples in
//! docs/payloads.md, so that neither is written twice. With `UPDATE_SCHEMAS=1`, the file is written.
//!
//! `make test-sdks` gives it to `AsyncAPI`'s own parser.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::{env, fs};

use schemas::{BATCH, DOCUMENTS};
use serde_json::{Map, Value, json};

const PAYLOADS: &str = include_str!("../../../docs/payloads.md");

/// The draft of JSON Schema that `AsyncAPI` uses ignores what stands beside a reference, and has its definitions elsewhere.
fn translated(schema: &Value) -> Value {
    match schema {
        Value::Object(members) => {
            let mut translated: Map<String, Value> = members
                .iter()
                .map(|(name, value)| (name.clone(), translated(value)))
                .collect();
            if let Some(target) = members.get("$ref").and_then(Value::as_str) {
                let name = target.strip_prefix("#/$defs/").unwrap();
                let reference = reference("schemas", name);
                if members.len() == 1 {
                    return reference;
                }
                translated.remove("$ref");
                translated.insert("allOf".to_owned(), json!([reference]));
            }
            Value::Object(translated)
        }
        Value::Array(items) => items.iter().map(translated).collect(),
        other => other.clone(),
    }
}

fn reference(section: &str, name: &str) -> Value {
    json!({"$ref": format!("#/components/{section}/{name}")})
}

/// The JSON examples of docs/payloads.md.
fn examples() -> Vec<Value> {
    let blocks = PAYLOADS.split("```json\n").skip(1);
    blocks
        .map(|block| serde_json::from_str(block.split("```").next().unwrap()).unwrap())
        .collect()
}

fn example_of(kind: &str, is_cloudevent: bool) -> Option<Value> {
    let example = examples().into_iter().find(|example| {
        example["type"] == kind && example["specversion"].is_string() == is_cloudevent
    })?;
    Some(json!([{"name": kind, "payload": example}]))
}

/// What the documents of one type of event become.
struct Parts {
    schemas: Map<String, Value>,
    messages: Map<String, Value>,
}

impl Parts {
    fn add_schema(&mut self, name: &str, schema: Value) {
        if let Some(before) = self.schemas.get(name) {
            // What several types have in common is the same in all of them.
            assert_eq!(*before, schema, "{name}");
        }
        self.schemas.insert(name.to_owned(), schema);
    }

    fn add_message(
        &mut self,
        name: &str,
        (title, content_type): (&str, &str),
        payload: &str,
        fields: &[&str],
    ) {
        let traits: Vec<Value> = fields
            .iter()
            .map(|fields| reference("messageTraits", fields))
            .collect();
        let message = json!({
            "name": name,
            "title": title,
            "contentType": content_type,
            "traits": traits,
            "payload": reference("schemas", payload),
        });
        self.messages.insert(name.to_owned(), message);
    }

    fn add_example(&mut self, name: &str, example: Option<Value>) {
        if let Some(example) = example {
            self.messages[name]["examples"] = example;
        }
    }

    /// A type of event in each format of JSON.
    fn add_event(&mut self, kind: &str, document: &str) {
        let document: Value = serde_json::from_str(document).unwrap();
        for (name, definition) in document["$defs"].as_object().unwrap() {
            self.add_schema(name, translated(definition));
        }
        let properties = &document["properties"];
        let data = format!("data.{kind}");
        self.add_schema(&data, translated(&properties["data"]));
        let (title, _) = document["title"]
            .as_str()
            .unwrap()
            .rsplit_once(": ")
            .unwrap();

        let event = format!("event.{kind}");
        let mut fields = translated(properties);
        fields["data"] = reference("schemas", &data);
        self.add_schema(
            &event,
            json!({"type": "object", "required": document["required"], "properties": fields}),
        );
        self.add_message(&event, (title, "application/json"), &event, &["webhook"]);
        self.add_example(&event, example_of(kind, false));

        let cloudevent = format!("cloudevent.{kind}");
        self.add_schema(&cloudevent, structured(properties, &data));
        self.add_message(
            &cloudevent,
            (title, "application/cloudevents+json"),
            &cloudevent,
            &["webhook"],
        );
        self.add_example(&cloudevent, example_of(kind, true));

        let binary = format!("binary.{kind}");
        self.add_message(
            &binary,
            (title, "application/json"),
            &data,
            &["webhook", "cloudevent"],
        );
    }
}

fn structured(properties: &Value, data: &str) -> Value {
    json!({
        "type": "object",
        "required": ["specversion", "id", "source", "type", "time", "datacontenttype", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {"description": "The webhook-id.", "type": "string", "minLength": 1},
            "source": {
                "description": "xmpp:// and the domain of the local user, or what the handler says.",
                "type": "string",
                "format": "uri-reference",
                "minLength": 1,
            },
            "type": translated(&properties["type"]),
            "time": translated(&properties["timestamp"]),
            "datacontenttype": {"const": "application/json"},
            "data": reference("schemas", data),
        },
    })
}

/// Many events in one request, each with its own identity.
fn batches(parts: &mut Parts) {
    let document: Value = serde_json::from_str(BATCH).unwrap();
    for (prefix, name, content_type) in [
        ("event.", "batch.event", "application/json"),
        (
            "cloudevent.",
            "batch.cloudevent",
            "application/cloudevents-batch+json",
        ),
    ] {
        let kinds = parts
            .schemas
            .keys()
            .filter(|known| known.starts_with(prefix));
        let kinds: Vec<Value> = kinds.map(|known| reference("schemas", known)).collect();
        let schema = json!({
            "type": "array",
            "minItems": document["minItems"],
            "maxItems": document["maxItems"],
            "items": {"type": "object", "required": ["id"], "oneOf": kinds},
        });
        parts.add_schema(name, schema);
        parts.add_message(
            name,
            ("A batch of events", content_type),
            name,
            &["webhook"],
        );
    }
}

fn text(description: &str) -> Value {
    json!({"description": description, "type": "string"})
}

fn form(fields: &[(&str, &str)]) -> Value {
    let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    let properties: Map<String, Value> = fields
        .iter()
        .map(|(name, description)| ((*name).to_owned(), text(description)))
        .collect();
    json!({"type": "object", "required": names, "properties": properties})
}

fn forms(parts: &mut Parts) {
    let kind = "application/x-www-form-urlencoded";
    parts.add_schema(
        "form.message",
        form(&[
            ("author", "The user name of the sender."),
            ("server", "The sender's domain."),
            ("receiver", "The user name of the receiver."),
            ("message", "The text."),
        ]),
    );
    parts.add_message(
        "form.message",
        ("A message", kind),
        "form.message",
        &["signed"],
    );
    parts.add_schema(
        "form.presence",
        form(&[
            ("user", "The user name."),
            ("server", "The user's domain."),
            ("resource", "The device."),
            ("status", "online or offline."),
        ]),
    );
    let title = "A user's device comes online or goes offline";
    parts.add_message("form.presence", (title, kind), "form.presence", &["signed"]);
}

/// The header fields of every request with an event, and those of a signed one.
fn traits() -> Value {
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

/// The formats of a handler: name, title, how the names of its messages begin.
const FORMATS: [(&str, &str, &str); 6] = [
    ("json", "format = \"json\"", "event."),
    ("cloudevents", "format = \"cloudevents\"", "cloudevent."),
    (
        "cloudeventsBinary",
        "format = \"cloudevents\", mode = \"binary\"",
        "binary.",
    ),
    ("jsonBatch", "format = \"json\", with batch", "batch.event"),
    (
        "cloudeventsBatch",
        "format = \"cloudevents\", with batch",
        "batch.cloudevent",
    ),
    ("form", "format = \"form\", the default", "form."),
];

fn document() -> Value {
    let mut parts = Parts {
        schemas: Map::new(),
        messages: Map::new(),
    };
    for (kind, document) in DOCUMENTS {
        parts.add_event(kind, document);
    }
    batches(&mut parts);
    forms(&mut parts);
    let (mut channels, mut operations) = (Map::new(), Map::new());
    for (name, title, prefix) in FORMATS {
        let names = parts
            .messages
            .keys()
            .filter(|known| known.starts_with(prefix));
        let messages: Map<String, Value> = names
            .map(|known| (known.clone(), reference("messages", known)))
            .collect();
        let channel = json!({
            "title": title,
            "address": "/events",
            "servers": [{"$ref": "#/servers/receiver"}],
            "messages": messages,
        });
        channels.insert(name.to_owned(), channel);
        let operation = json!({
            "action": "receive",
            "title": format!("Notifications of a handler with {title}"),
            "channel": {"$ref": format!("#/channels/{name}")},
            "bindings": {"http": {"method": "POST", "bindingVersion": "0.3.0"}},
        });
        operations.insert(format!("{name}Notification"), operation);
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Receiver of notifications from MongooseIM",
            "version": "1.0.0",
            "description": "A web service that gets the events of a chat service from mongoose-http-pusher: one request for each, or for a batch. \
                Each handler of the node has its own format. docs/receiving.md says what to answer.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"receiver": {
            "host": "receiver.example.com",
            "protocol": "https",
            "description": "Your web service: connection.host of the pool. The path is path_prefix and the handler's path.",
        }},
        "channels": channels,
        "operations": operations,
        "components": {
            "schemas": parts.schemas,
            "messages": parts.messages,
            "messageTraits": traits(),
        },
    })
}

#[test]
fn the_document_is_made_of_the_schemas() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/asyncapi.json");
    let document = document();
    if env::var_os("UPDATE_SCHEMAS").is_some() {
        let text = serde_json::to_string_pretty(&document).unwrap();
        fs::write(&file, text + "\n").unwrap();
    }
    let there: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    assert_eq!(
        there,
        document,
        "{}: run with UPDATE_SCHEMAS=1",
        file.display()
    );
    let examples = document["components"]["messages"]
        .as_object()
        .unwrap()
        .values();
    assert_eq!(
        examples
            .filter(|message| message["examples"].is_array())
            .count(),
        4
    );
}
