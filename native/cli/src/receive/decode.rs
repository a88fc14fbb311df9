//! What a request says, for people: its format, its events as names with values, and its body as text.
//!
//! Everything is bounded, whatever arrives: the decompressed body, the events, the values of each, and the length of a
//! value.

mod event;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde::Serialize;
use serde_json::Value;
use test_endpoint::Record;

pub(super) use event::Event;

/// Most events shown of a batch.
const MAX_EVENTS: usize = 100;
/// Longest text shown of a body, in bytes.
const MAX_TEXT: usize = 64 * 1024;
/// Longest decompressed body, in bytes: a small request may hold gigabytes of zeros.
const MAX_PLAIN: u64 = 16 * 1024 * 1024;
/// Most bytes shown of a body that is not text.
const MAX_HEX: usize = 1024;

/// A request, decoded.
#[derive(Debug, Serialize)]
pub(super) struct Decoded {
    /// The format, in words.
    pub format: &'static str,
    /// The content coding, if there is one.
    pub encoding: Option<String>,
    /// Length after decompression; unset without a coding.
    pub plain_bytes: Option<usize>,
    /// What is wrong with the body.
    pub problem: Option<String>,
    /// The events, in their order.
    pub events: Vec<Event>,
    /// How many events there are.
    pub count: usize,
    /// The body as text, or in hexadecimal.
    pub text: String,
    /// Whether `text` is hexadecimal.
    pub hex: bool,
    /// Whether `text` is only the beginning.
    pub cut: bool,
}

/// Decodes a request.
pub(super) fn decode(record: &Record) -> Decoded {
    let encoding = header(record, "content-encoding");
    let (body, problem) = match record.content_up_to(MAX_PLAIN) {
        Ok(body) => (body, None),
        Err(why) => (Cow::Borrowed(record.body.as_slice()), Some(why.to_string())),
    };
    let mut found = if problem.is_some() {
        Found::none("compressed")
    } else {
        events(record, &body)
    };
    let count = found.events.len();
    found.events.truncate(MAX_EVENTS);
    let (text, hex, cut) = shown(&body);
    Decoded {
        format: found.format,
        plain_bytes: encoding.is_some().then_some(body.len()),
        encoding,
        problem: problem.or(found.problem),
        events: found.events,
        count,
        text,
        hex,
        cut,
    }
}

/// A header's value as text.
pub(super) fn header(record: &Record, name: &str) -> Option<String> {
    let value = record.header(name)?;
    Some(String::from_utf8_lossy(value).into_owned())
}

struct Found {
    format: &'static str,
    events: Vec<Event>,
    problem: Option<String>,
}

impl Found {
    fn none(format: &'static str) -> Self {
        Self::of(format, Vec::new())
    }

    const fn of(format: &'static str, events: Vec<Event>) -> Self {
        Self {
            format,
            events,
            problem: None,
        }
    }

    /// The body is not what its type says.
    fn broken(format: &'static str, error: &dyn std::fmt::Display) -> Self {
        Self {
            problem: Some(error.to_string()),
            ..Self::none(format)
        }
    }
}

fn events(record: &Record, body: &[u8]) -> Found {
    let kind = header(record, "content-type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let kind = kind.to_ascii_lowercase();
    if record.header("ce-specversion").is_some() {
        return match serde_json::from_slice(body) {
            Ok(data) => Found::of("CloudEvents, binary", vec![Event::binary(record, data)]),
            Err(error) if kind.ends_with("json") => Found::broken("CloudEvents, binary", &error),
            Err(_) => Found::of(
                "CloudEvents, binary",
                vec![Event::binary(record, Value::Null)],
            ),
        };
    }
    match kind.as_str() {
        "application/x-www-form-urlencoded" => {
            let fields = form_urlencoded::parse(body).into_owned().collect();
            Found::of("form", vec![Event::form(fields)])
        }
        "application/cloudevents+json" => one("CloudEvents, structured", body),
        "application/cloudevents-batch+json" => many("CloudEvents, batch", body),
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => lines(body),
        kind if kind == "application/json" || kind.ends_with("+json") => {
            let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
            if first == Some(&b'[') {
                many("JSON, batch", body)
            } else {
                one("JSON", body)
            }
        }
        _ if body.is_empty() => Found::none("empty"),
        _ if std::str::from_utf8(body).is_ok() => Found::none("text"),
        _ => Found::none("binary"),
    }
}

fn one(format: &'static str, body: &[u8]) -> Found {
    match serde_json::from_slice(body) {
        Ok(value) => Found::of(format, vec![Event::json(&value)]),
        Err(error) => Found::broken(format, &error),
    }
}

fn many(format: &'static str, body: &[u8]) -> Found {
    match serde_json::from_slice::<Vec<Value>>(body) {
        Ok(values) => Found::of(format, values.iter().map(Event::json).collect()),
        Err(error) => Found::broken(format, &error),
    }
}

fn lines(body: &[u8]) -> Found {
    let mut events = Vec::new();
    for (number, line) in (1..).zip(body.split(|byte| *byte == b'\n')) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice(line) {
            Ok(value) => events.push(Event::json(&value)),
            Err(error) => {
                return Found {
                    problem: Some(format!("line {number}: {error}")),
                    ..Found::of("NDJSON", events)
                };
            }
        }
    }
    Found::of("NDJSON", events)
}

/// The beginning of some bytes as text, whether it is hexadecimal, and whether it is not all.
pub(super) fn shown(body: &[u8]) -> (String, bool, bool) {
    if let Ok(text) = std::str::from_utf8(body) {
        let mut end = text.len().min(MAX_TEXT);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        return (
            text.get(..end).unwrap_or_default().to_owned(),
            false,
            end < text.len(),
        );
    }
    let begin = body.get(..MAX_HEX).unwrap_or(body);
    let rows = begin.chunks(16).map(|row| {
        let bytes: Vec<String> = row.iter().map(|byte| format!("{byte:02x}")).collect();
        bytes.join(" ")
    });
    let rows: Vec<String> = rows.collect();
    (rows.join("\n"), true, begin.len() < body.len())
}
