//! The forms, which have no schema in docs/schemas.

use serde_json::{Map, Value, json};

use super::parts::Parts;

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

pub fn forms(parts: &mut Parts) {
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
