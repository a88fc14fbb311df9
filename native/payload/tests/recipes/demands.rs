//! What each service demands of a request, as its documentation says; the pages name the documents.

use percent_encoding::percent_decode_str;
use serde_json::Value;

/// What a service demands of a request.
pub type Demands = fn(&Request);

/// What a service demands of a request with these events.
pub type ManyDemands = fn(&str, &[Value]);

pub struct Request {
    pub path: String,
    pub body: String,
    pub event: Value,
}

impl Request {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

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
        loki(&request(
            serde_json::json!({"streams": [stream]}).to_string(),
            event,
        ));
    }
}

pub fn many_records(body: &str, events: &[Value]) {
    let json: Value = serde_json::from_str(body).expect("JSON");
    let records = json["records"].as_array().unwrap();
    assert_eq!(records.len(), events.len());
    for (record, event) in records.iter().zip(events) {
        kafka(&request(
            serde_json::json!({"records": [record]}).to_string(),
            event,
        ));
    }
}

/// A message that tries everything that means something to any of the services.
pub fn hostile() -> String {
    "\"}\n{\"create\":{}}\r\n&To=%2B1&<!channel> <!here> <!<!all>all> <@u1> @all @everyone \\ , = {{ id }} \u{0}\u{7f}</script>".to_owned()
}

fn length(value: &Value) -> usize {
    value.as_str().expect("a text").chars().count()
}

fn only(object: &Value, known: &[&str]) {
    for name in object.as_object().expect("an object").keys() {
        assert!(known.contains(&name.as_str()), "{name}");
    }
}

/// HTTP v1, projects.messages: one target, the values of `data` are texts and its keys not reserved, and a
/// message to a topic has at most 2048 bytes. A topic matches `[a-zA-Z0-9-_.~%]+`.
pub fn fcm(request: &Request) {
    only(&request.json(), &["message", "validateOnly"]);
    let message = &request.json()["message"];
    let targets = ["fid", "topic", "token", "condition"];
    let others = ["data", "notification", "android", "apns", "webpush"];
    only(message, &[&targets[..], &others[..]].concat());
    let has = |target: &&&str| message.get(target).is_some();
    assert_eq!(targets.iter().filter(has).count(), 1);
    let topic = message["topic"].as_str().unwrap();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.~%".contains(c);
    assert!(
        topic.starts_with("user-") && topic.chars().all(allowed),
        "{topic}"
    );
    assert!(
        message["notification"]["title"].is_string() && message["notification"]["body"].is_string()
    );
    let priority = message["android"]["priority"].as_str().unwrap();
    assert!(["normal", "high"].contains(&priority.to_lowercase().as_str()));
    let data = message["data"].as_object().unwrap();
    let reserved = |name: &str| {
        ["from", "message_type"].contains(&name)
            || name.starts_with("google")
            || name.starts_with("gcm")
    };
    assert!(data.iter().all(|(_, value)| value.is_string()));
    assert!(!data.keys().any(|name| reserved(name)), "{data:?}");
    let carried = message["notification"].to_string().len() + message["data"].to_string().len();
    assert!(carried <= 2048, "{carried}");
    // Every copy of the app can subscribe to every topic.
    let event = &request.event["data"];
    for secret in [&event["body"], &event["from"]["user"]] {
        if let Some(secret) = secret.as_str() {
            assert!(!message.to_string().contains(secret), "{message}");
        }
    }
}

/// Publish as JSON: topic `^[-_A-Za-z0-9]{1,64}$`, message at most 4096 bytes, tags a list of texts, and no more than
/// twice the message's bytes altogether.
pub fn ntfy(request: &Request) {
    let json = request.json();
    only(&json, &["topic", "title", "message", "tags", "priority"]);
    let topic = json["topic"].as_str().unwrap();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    assert!(
        (1..=64).contains(&topic.len()) && topic.chars().all(allowed),
        "{topic}"
    );
    assert!((1..=4096).contains(&json["message"].as_str().unwrap().len()));
    assert!(json["title"].is_string());
    assert!(
        json["tags"]
            .as_array()
            .unwrap()
            .iter()
            .all(Value::is_string)
    );
    assert!(request.body.len() <= 2 * 4096, "{}", request.body.len());
    assert_eq!(request.path, "/");
}

/// Incoming webhooks: `text`, at most 40,000 characters, with `&`, `<` and `>` as entities.
pub fn slack(request: &Request) {
    let json = request.json();
    only(&json, &["text"]);
    assert!((1..=40_000).contains(&length(&json["text"])));
    let text = json["text"].as_str().unwrap();
    assert!(!text.contains(['<', '>']), "{text}");
    let entities = ["&amp;", "&lt;", "&gt;"];
    for (at, _) in text.match_indices('&') {
        assert!(
            entities.iter().any(|entity| text[at..].starts_with(entity)),
            "{text}"
        );
    }
}

/// Incoming webhooks: `text`, at most 16383 characters. It calls with `@`, and with what means the same in Slack.
pub fn mattermost(request: &Request) {
    let json = request.json();
    only(&json, &["text"]);
    assert!((1..=16_383).contains(&length(&json["text"])));
    let text = json["text"].as_str().unwrap();
    let calls = [
        "@all",
        "@channel",
        "@here",
        "<!all>",
        "<!channel>",
        "<!here>",
        "<@u1>",
    ];
    for call in calls {
        assert!(!text.contains(call), "{call}: {text}");
    }
}

/// Execute Webhook: `content`, 1 to 2000 code points.
pub fn discord(request: &Request) {
    let json = request.json();
    only(&json, &["content", "allowed_mentions"]);
    assert!((1..=2000).contains(&length(&json["content"])));
    only(&json["allowed_mentions"], &["parse"]);
    assert_eq!(json["allowed_mentions"]["parse"], Value::Array(Vec::new()));
}

/// sendMessage: `chat_id`, and `text` of 1 to 4096 characters, in whatever unit they are counted.
pub fn telegram(request: &Request) {
    let json = request.json();
    only(&json, &["chat_id", "text", "link_preview_options"]);
    assert!(json["chat_id"].is_string());
    let text = json["text"].as_str().unwrap();
    assert!((1..=4096).contains(&text.encode_utf16().count()));
    assert!(json["link_preview_options"]["is_disabled"].is_boolean());
}

/// Create a Message: a form with `To` and `From` in E.164, and `Body` of at most 1600 characters.
pub fn twilio(request: &Request) {
    assert!(request.body.is_ascii() && !request.body.contains(['+', ' ', '\n']));
    let fields = request.body.split('&').map(|field| {
        let (name, value) = field.split_once('=').expect("a field");
        let value = percent_decode_str(value).decode_utf8().expect("UTF-8");
        (name, value.into_owned())
    });
    let fields: Vec<_> = fields.collect();
    let [("From", from), ("To", to), ("Body", body)] = &fields[..] else {
        panic!("{fields:?}");
    };
    let digits = from.strip_prefix('+').expect("a plus sign");
    assert!((2..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()));
    let user = request.event["data"]["to"]["user"].as_str().unwrap();
    assert_eq!(*to, format!("+{user}"));
    assert!((1..=1600).contains(&body.encode_utf16().count()));
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
