//! Closes the objects of a schema to fields that it does not name.

use serde_json::{Map, Value};

/// Adds `additionalProperties: false` to each object that has properties and does not say it itself.
pub fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.get("properties").is_some_and(Value::is_object) {
                members
                    .entry("additionalProperties")
                    .or_insert(Value::Bool(false));
            }
            close_all(members);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

fn close_all(members: &mut Map<String, Value>) {
    members.values_mut().for_each(close);
}
