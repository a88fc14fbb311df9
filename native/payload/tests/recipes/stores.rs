//! What services demand that keep events: of one, and of several in one request.

use serde_json::{Value, json};

use super::demands::{Request, only};

fn request(body: String, event: &Value) -> Request {
    Request {
        path: String::new(),
        body,
        event: event.clone(),
    }
}

pub fn many_documents(body: &str, events: &[Value]) {
    assert!(body.ends_with('\n'));
    let lines: Vec<&str> = body.lines().collect();
    assert_eq!(lines.len(), 2 * events.len());
    for (pair, event) in lines.chunks(2).zip(events) {
        elasticsearch(&request(format!("{}\n", pair.join("\n")), event));
    }
}

pub fn many_points(body: &str, events: &[Value]) {
    let lines: Vec<&str> = body.lines().collect();
    assert_eq!(lines.len(), events.len());
    for (line, event) in lines.into_iter().zip(events) {
        influxdb(&request(line.to_owned(), event));
    }
}

pub fn many_lines(body: &str, events: &[Value]) {
    let json: Value = serde_json::from_str(body).expect("JSON");
    let streams = json["streams"].as_array().unwrap();
    assert_eq!(streams.len(), events.len());
    for (stream, event) in streams.iter().zip(events) {
        loki(&request(json!({"streams": [stream]}).to_string(), event));
    }
}

pub fn many_records(body: &str, events: &[Value]) {
    let json: Value = serde_json::from_str(body).expect("JSON");
    let records = json["records"].as_array().unwrap();
    assert_eq!(records.len(), events.len());
    for (record, event) in records.iter().zip(events) {
        kafka(&request(json!({"records": [record]}).to_string(), event));
    }
}

/// Bulk API: an action and a document, each on its line, and a line break at the end.
pub fn elasticsearch(request: &Request) {
    assert!(request.body.ends_with('\n'));
    let lines: Vec<Value> = request
        .body
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines.len(), 2);
    only(&lines[0], &["create"]);
    only(&lines[0]["create"], &["_index", "_id"]);
    assert!(lines[0]["create"]["_index"].is_string());
    assert!((1..=512).contains(&lines[0]["create"]["_id"].as_str().unwrap().len()));
    assert_eq!(lines[1]["@timestamp"], request.event["timestamp"]);
    assert_eq!(lines[1]["xmpp"], request.event["data"]);
}

/// Push: labels of Prometheus's form with texts, and a value is a time in nanoseconds and a line, both texts.
pub fn loki(request: &Request) {
    let json = request.json();
    only(&json, &["streams"]);
    let stream = &json["streams"][0];
    only(stream, &["stream", "values"]);
    let labels = stream["stream"].as_object().unwrap();
    assert!((1..=15).contains(&labels.len()));
    for (name, value) in labels {
        let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
        assert!(!name.starts_with("__") && name.starts_with(letter));
        assert!(
            name.chars().all(|c| letter(c) || c.is_ascii_digit()),
            "{name}"
        );
        assert!(value.as_str().is_some_and(|value| !value.is_empty()));
    }
    let value = stream["values"][0].as_array().unwrap();
    assert_eq!(value.len(), 2);
    assert_eq!(value[0], "1795696496789012000");
    let line = value[1].as_str().unwrap();
    assert!(line.len() <= 256 * 1024);
    let line: Value = serde_json::from_str(line).expect("JSON in the line");
    assert_eq!(line, request.event["data"]);
}

/// Line protocol: a measurement with tags, a space, fields, a space, a time; one line. In a tag's value, a backslash
/// in front of a comma, an equals sign or a space stands for it, and any other backslash for itself.
pub fn influxdb(request: &Request) {
    let line = request.body.trim_end_matches('\n');
    assert!(!line.contains(['\n', '\r']));
    let [series, fields, time] = &split(line, ' ')[..] else {
        panic!("{line}");
    };
    let [measurement, tags @ ..] = &split(series, ',')[..] else {
        panic!("{line}");
    };
    assert_eq!(measurement, "messages");
    let tags: Vec<_> = tags
        .iter()
        .map(|tag| match &split(tag, '=')[..] {
            [name, value] => (unescaped(name), unescaped(value)),
            _ => panic!("{line}"),
        })
        .collect();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let event = &request.event;
    let wanted = [
        ("host".to_owned(), text(&event["data"]["host"])),
        ("type".to_owned(), text(&event["type"])),
    ];
    assert_eq!(tags, wanted);
    let body = event["data"]["body"].as_str();
    let length = body.map_or(0, |body| body.chars().count());
    assert_eq!(*fields, format!("count=1i,length={length}i"));
    assert_eq!(time, "1795696496789012000");
}

/// The parts between these characters, if no backslash is in front of them.
fn split(text: &str, at: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut last = ' ';
    for c in text.chars() {
        if c == at && last != '\\' {
            parts.push(String::new());
        } else {
            parts.last_mut().unwrap().push(c);
        }
        last = c;
    }
    parts
}

fn unescaped(text: &str) -> String {
    [",", "=", " "]
        .iter()
        .fold(text.to_owned(), |text, special| {
            text.replace(&format!("\\{special}"), special)
        })
}

/// Version 2: `records`, each with a `value` and here a `key`.
pub fn kafka(request: &Request) {
    let json = request.json();
    only(&json, &["records"]);
    let records = json["records"].as_array().unwrap();
    assert_eq!(records.len(), 1);
    only(&records[0], &["key", "value"]);
    assert_eq!(records[0]["value"]["data"], request.event["data"]);
    assert!(records[0]["key"].as_str().unwrap().contains('@'));
}
