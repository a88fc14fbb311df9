//! docs/asyncapi.json: the same events as an `AsyncAPI` 3 document. It is made of the schemas in docs/schemas and of the examples in
//! docs/payloads.md, so that neither is written twice. With `UPDATE_SCHEMAS=1`, the file is written.
//!
//! `make test-sdks` gives it to `AsyncAPI`'s own parser.
#![allow(clippy::unwrap_used)]

mod forms;
mod header_fields;
mod parts;

use std::path::Path;
use std::{env, fs};

use schemas::DOCUMENTS;
use serde_json::{Map, Value, json};

use forms::forms;
use header_fields::traits;
use parts::{Parts, batches, reference};

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
    let mut parts = Parts::default();
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
