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
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// A message that tries everything that means something to any of the services.
pub fn hostile() -> String {
    "\"}\n{\"create\":{}}\r\n&To=%2B1&<!channel> <!here> <!<!all>all> <@u1> @all @everyone \\ , = {{ id }} \u{0}\u{7f}</script>".to_owned()
}

pub fn only(object: &Value, known: &[&str]) {
    for name in object.as_object().expect("an object").keys() {
        assert!(known.contains(&name.as_str()), "{name}");
    }
}

fn length(value: &Value) -> usize {
    value.as_str().expect("a text").chars().count()
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
