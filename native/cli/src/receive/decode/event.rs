//! One event as names with values, and in a line.

use serde::Serialize;
use serde_json::Value;
use test_endpoint::Record;

use super::header;

/// Most values shown of an event.
const MAX_FIELDS: usize = 200;
/// Longest value shown, in characters.
const MAX_VALUE: usize = 8 * 1024;
/// Longest text in the line about an event, in characters.
const MAX_LINE: usize = 200;

/// An event.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(in crate::receive) struct Event {
    /// Its type, or what stands for it.
    pub kind: String,
    /// Whom it is about, such as `alice → bob`.
    pub who: String,
    /// The beginning of the message, or the status.
    pub line: String,
    /// Names with values. A name within another has a dot between them.
    pub fields: Vec<(String, String)>,
}

impl Event {
    /// From the fields of a form.
    pub fn form(fields: Vec<(String, String)>) -> Self {
        let get = |name: &str| {
            let found = fields.iter().find(|(found, _)| found == name);
            found.map(|(_, value)| value.as_str()).unwrap_or_default()
        };
        let (kind, who, line) = if get("status").is_empty() {
            let (author, receiver) = (get("author"), get("receiver"));
            let kind = if author.is_empty() { "" } else { "message" };
            (kind, arrow(author, receiver), get("message"))
        } else {
            ("presence", get("user").to_owned(), get("status"))
        };
        Self {
            kind: kind.to_owned(),
            who,
            line: begin(line, MAX_LINE),
            fields: bounded(fields),
        }
    }

    /// From a value of JSON: an event of ours, a CloudEvent, or anything else.
    pub fn json(value: &Value) -> Self {
        let text = |path: &str| value.pointer(path).and_then(Value::as_str);
        let who = match text("/data/jid") {
            Some(jid) => jid.to_owned(),
            None => arrow(
                text("/data/nickname")
                    .or(text("/data/from/jid"))
                    .unwrap_or_default(),
                text("/data/to/jid").unwrap_or_default(),
            ),
        };
        let line = text("/data/body").or(text("/data/status"));
        // What a template makes for a chat service.
        let line = line.or(text("/text")).or(text("/message"));
        Self {
            kind: begin(text("/type").unwrap_or_default(), MAX_LINE),
            who: begin(&who, MAX_LINE),
            line: begin(line.unwrap_or_default(), MAX_LINE),
            fields: flat(value),
        }
    }

    /// From a CloudEvent whose attributes are header fields.
    pub fn binary(record: &Record, data: Value) -> Self {
        let mut whole = serde_json::Map::new();
        for (name, value) in record.headers() {
            let name = String::from_utf8_lossy(name).to_ascii_lowercase();
            if let Some(name) = name.strip_prefix("ce-") {
                let value = String::from_utf8_lossy(value).into_owned();
                whole.insert(name.to_owned(), Value::String(value));
            }
        }
        if let Some(kind) = header(record, "content-type") {
            whole.insert("datacontenttype".to_owned(), Value::String(kind));
        }
        whole.insert("data".to_owned(), data);
        Self::json(&Value::Object(whole))
    }
}

fn arrow(from: &str, to: &str) -> String {
    match (from, to) {
        ("", to) => to.to_owned(),
        (from, "") => from.to_owned(),
        (from, to) => format!("{from} → {to}"),
    }
}

fn flat(value: &Value) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    flatten("", value, &mut fields);
    fields
}

fn flatten(name: &str, value: &Value, fields: &mut Vec<(String, String)>) {
    if fields.len() >= MAX_FIELDS {
        return;
    }
    let inner = |key: &str| {
        if name.is_empty() {
            key.to_owned()
        } else {
            format!("{name}.{key}")
        }
    };
    match value {
        Value::Object(members) if !members.is_empty() => {
            // What has no members of its own comes first: an event's type is above its data.
            let (whole, plain): (Vec<_>, Vec<_>) = members
                .iter()
                .partition(|(_, value)| value.is_object() || value.is_array());
            for (key, value) in plain.into_iter().chain(whole) {
                flatten(&inner(key), value, fields);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (at, value) in items.iter().enumerate() {
                flatten(&inner(&at.to_string()), value, fields);
            }
        }
        Value::String(text) => fields.push((name.to_owned(), begin(text, MAX_VALUE))),
        other => fields.push((name.to_owned(), other.to_string())),
    }
}

fn bounded(fields: Vec<(String, String)>) -> Vec<(String, String)> {
    let fields = fields.into_iter().take(MAX_FIELDS);
    fields
        .map(|(name, value)| (begin(&name, MAX_LINE), begin(&value, MAX_VALUE)))
        .collect()
}

/// The beginning of a text.
fn begin(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}
