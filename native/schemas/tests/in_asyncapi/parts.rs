//! Schemas and messages of the events, alone and in batches: those of docs/schemas, as `AsyncAPI` writes them, with the examples of
//! docs/payloads.md.

use schemas::BATCH;
use serde_json::{Map, Value, json};

const PAYLOADS: &str = include_str!("../../../../docs/payloads.md");

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

pub fn reference(section: &str, name: &str) -> Value {
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
#[derive(Default)]
pub struct Parts {
    pub schemas: Map<String, Value>,
    pub messages: Map<String, Value>,
}

impl Parts {
    pub fn add_schema(&mut self, name: &str, schema: Value) {
        if let Some(before) = self.schemas.get(name) {
            // What several types have in common is the same in all of them.
            assert_eq!(*before, schema, "{name}");
        }
        self.schemas.insert(name.to_owned(), schema);
    }

    pub fn add_message(
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
    pub fn add_event(&mut self, kind: &str, document: &str) {
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
pub fn batches(parts: &mut Parts) {
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
