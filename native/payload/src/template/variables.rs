//! The variables of templates: those of the JSON format, and `id`. A template for a batch has them in each of
//! its `events`.
//!
//! `type`, `timestamp` and `data` are what they are in JSON. The fields of `data` are variables too, so
//! that a template can say `from.user`. A field that an event does not have is undefined.

use minijinja::Value;
use minijinja::value::Serde;
use serde::Serialize;

use super::Scope;
use crate::PayloadError;

/// The variables that are not in `data`.
const TOP: [&str; 4] = ["id", "type", "timestamp", "data"];

/// The fields of `data`, of all types of events. Two stars stand for any text.
const FIELDS: [&str; 31] = [
    "archive_id",
    "attachments",
    "attachments.**",
    "body",
    "client_state",
    "direction",
    "from",
    "from.**",
    "hints",
    "hints.**",
    "host",
    "jid",
    "message_id",
    "metadata",
    "metadata.**",
    "nickname",
    "origin_id",
    "receiver_status",
    "resource",
    "room",
    "room.**",
    "server",
    "stanza",
    "status",
    "subject",
    "thread",
    "to",
    "to.**",
    "unread",
    "user",
    "data.**",
];
/// The parts of an address.
const ADDRESS: [&str; 4] = ["jid", "user", "server", "resource"];

/// The variables of an event, for all templates of a handler.
pub(super) fn of(event: &impl Serialize, id: &str) -> Result<Value, PayloadError> {
    let event = Value::from(Serde(event));
    let failed = |error: minijinja::Error| PayloadError::event(error.to_string());
    let data = event.get_attr("data").map_err(failed)?;
    let mut variables: Vec<(Value, Value)> = Vec::with_capacity(24);
    for name in data.try_iter().map_err(failed)? {
        let value = data.get_item(&name).map_err(failed)?;
        variables.push((name, value));
    }
    for name in ["type", "timestamp"] {
        variables.push((name.into(), event.get_attr(name).map_err(failed)?));
    }
    variables.push(("data".into(), data));
    variables.push(("id".into(), id.into()));
    Ok(Value::from_pairs(variables))
}

/// The variables of a batch with these events.
pub(super) fn of_batch(events: Vec<Value>, id: &str) -> Value {
    let id = Value::from(id);
    Value::from_pairs([("id", id), ("events", Value::from(events))])
}

/// Those of `used` that nothing of this scope has, sorted.
pub(super) fn unknown(used: impl IntoIterator<Item = String>, scope: Scope) -> Vec<String> {
    let is_known = |name: &String| match scope {
        Scope::Event => is_known(name),
        Scope::Batch => {
            let first = name.split('.').next().unwrap_or_default();
            first == "events" || name == "id" || NAMES.contains(&first)
        }
    };
    let mut unknown: Vec<_> = used.into_iter().filter(|name| !is_known(name)).collect();
    unknown.sort();
    unknown
}

/// What the language itself has.
const NAMES: [&str; 3] = ["range", "dict", "loop"];

fn is_known(name: &str) -> bool {
    if TOP.contains(&name) || NAMES.contains(&name) {
        return true;
    }
    let name = name.strip_prefix("data.").unwrap_or(name);
    match name.split_once('.') {
        None => FIELDS.contains(&name),
        Some(("from" | "to" | "room", part)) => ADDRESS.contains(&part),
        Some((object, _)) => FIELDS
            .iter()
            .any(|field| field.strip_suffix(".**") == Some(object)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(names: &[&str]) -> Vec<String> {
        unknown(names.iter().map(|name| (*name).to_owned()), Scope::Event)
    }

    #[test]
    fn a_batch_has_no_fields_of_its_own() {
        let used = ["id", "events", "events.x", "loop", "body", "type"];
        let unknown = unknown(used.map(str::to_owned), Scope::Batch);
        assert_eq!(unknown, ["body", "type"]);
    }

    #[test]
    fn known_and_unknown() {
        let known = [
            "id",
            "type",
            "data",
            "data.body",
            "from.user",
            "data.to.jid",
            "metadata.x",
            "range",
        ];
        assert_eq!(all(&known), Vec::<String>::new());
        let unknown = ["bdoy", "body.text", "data.bdoy", "from.name", "users"];
        assert_eq!(all(&unknown), unknown);
    }
}
