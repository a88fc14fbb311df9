//! Each page of docs/recipes: its template is the file in examples/templates, it makes what the page
//! says, and what it makes of every event that the handler can get is what the service demands. The
//! demands were written from memory; each page says which of them were compared with the service's
//! documentation. With `RECIPES_WRITE` set, what is sent is written into the pages.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

use payload::TemplateOptions;
use payload::template::{SampleKind, Try, check, samples, try_out, try_out_batch};
use serde_json::Value;

/// What a service demands of a request.
type Demands = fn(&Request);

struct Request {
    path: String,
    body: String,
    event: Value,
}

impl Request {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

const MESSAGES: &[SampleKind] = &[SampleKind::Message];
const EVERYTHING: &[SampleKind] = &SampleKind::ALL;

const RECIPES: [(&str, &[SampleKind], Demands); 11] = [
    ("fcm", MESSAGES, fcm),
    ("ntfy", MESSAGES, ntfy),
    ("slack", MESSAGES, slack),
    ("mattermost", MESSAGES, mattermost),
    ("discord", MESSAGES, discord),
    ("telegram", MESSAGES, telegram),
    ("twilio", MESSAGES, twilio),
    ("elasticsearch", EVERYTHING, elasticsearch),
    ("loki", EVERYTHING, loki),
    ("influxdb", EVERYTHING, influxdb),
    ("kafka", EVERYTHING, kafka),
];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A page, and what its handler says.
struct Page {
    file: PathBuf,
    text: String,
    options: TemplateOptions,
    path: String,
}

impl Page {
    fn read(name: &str) -> Self {
        let file = repository().join("docs/recipes").join(format!("{name}.md"));
        let text = fs::read_to_string(&file).expect("a page");
        let toml: toml::Table = block(&text, "toml").parse().expect("TOML");
        let handler = &toml["modules"]["mod_event_pusher"]["http"]["handlers"][0];
        let get = |name: &str| handler[name].as_str().expect(name).to_owned();
        let template = get("template_file").replace("etc/templates/", "examples/templates/");
        let options = TemplateOptions {
            file: repository().join(&template),
            content_type: get("content_type"),
            path: Some(get("path")),
            headers: Vec::new(),
        };
        let path = get("path");
        Self {
            file,
            text,
            options,
            path,
        }
    }
}

/// The first block of a page that has these words behind its fence.
fn block<'a>(text: &'a str, words: &str) -> &'a str {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("```") {
        let (fence, content) = after.split_once('\n').expect("a line");
        let (content, after) = content.split_once("```").expect("an end");
        let has = |word| fence.split(' ').any(|found| found == word);
        if words.split(' ').all(has) {
            return content;
        }
        rest = after;
    }
    panic!("no block {words}");
}

fn render(options: &TemplateOptions, event: &Value) -> Try {
    let event = event.to_string();
    try_out(options, &event, "msg_2qRVsmHh6eYyTkDqLJZpNw").unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_page_is_tested_and_in_the_list_of_pages() {
    let mut pages: Vec<_> = fs::read_dir(repository().join("docs/recipes"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    pages.sort();
    let mut tested: Vec<_> = RECIPES
        .iter()
        .map(|(name, ..)| format!("{name}.md"))
        .collect();
    tested.extend(["README.md", "webhook.md"].map(str::to_owned));
    tested.sort();
    assert_eq!(pages, tested);
    let list = fs::read_to_string(repository().join("docs/recipes/README.md")).unwrap();
    for page in pages.iter().filter(|page| *page != "README.md") {
        assert!(list.contains(&format!("({page})")), "{page}");
    }
}

#[test]
fn pages_show_the_templates_and_what_they_make() {
    for (name, ..) in RECIPES {
        let page = Page::read(name);
        let template = fs::read_to_string(&page.options.file).expect("a template");
        assert_eq!(block(&page.text, "jinja"), template, "{name}");
        let event: Value = serde_json::from_str(samples()[0].json).unwrap();
        let mut sent = String::from_utf8(render(&page.options, &event).body).expect("text");
        if !sent.ends_with('\n') {
            sent.push('\n');
        }
        let shown = block(&page.text, "sent");
        if std::env::var_os("RECIPES_WRITE").is_some() {
            let old = format!(" sent\n{shown}```");
            let new = page.text.replace(&old, &format!(" sent\n{sent}```"));
            fs::write(&page.file, new).unwrap();
        } else {
            assert_eq!(shown, sent, "{name}");
        }
    }
}

#[test]
fn every_event_is_made_into_what_the_service_demands() {
    for (name, kinds, demands) in RECIPES {
        let page = Page::read(name);
        let findings = check(&page.options, kinds, false);
        assert!(findings.is_empty(), "{name}: {findings:?}");
        let mut events: Vec<Value> = samples()
            .iter()
            .filter(|sample| kinds.contains(&sample.kind))
            .map(|sample| serde_json::from_str(sample.json).unwrap())
            .collect();
        for body in ["x".repeat(70_000), "\u{1f980}".repeat(20_000), hostile()] {
            let mut event = events[0].clone();
            event["data"]["body"] = body.into();
            event["data"]["from"]["user"] = "o'brien \"\\&=,\u{202e}\u{5d0}".into();
            events.push(event);
        }
        if !page.text.contains(r#"direction = "in""#) {
            // Only servers and their services write without a user's name.
            let mut event = events[0].clone();
            event["data"]["from"] =
                serde_json::json!({"jid": "example.com", "server": "example.com"});
            events.push(event);
        }
        for event in events {
            let made = render(&page.options, &event);
            let path = made.path.unwrap_or_else(|| page.path.clone());
            let body = String::from_utf8(made.body).expect("text");
            demands(&Request { path, body, event });
        }
    }
}

/// What a service demands of a request with these events.
type ManyDemands = fn(&str, &[Value]);

/// The pages whose handlers can send batches.
const BATCHES: [(&str, ManyDemands); 4] = [
    ("elasticsearch", many_documents),
    ("influxdb", many_points),
    ("loki", many_lines),
    ("kafka", many_records),
];

/// The template of batches in a page is the file in examples/templates, and makes of all events what the
/// service demands of each.
#[test]
fn batches_of_every_event_are_what_the_service_demands() {
    for (name, demands) in BATCHES {
        let page = Page::read(name);
        let lines = block(&page.text, "toml batch");
        let handler: toml::Table = lines.parse().expect("TOML");
        assert!(handler["batch"].is_table(), "{name}");
        let file = handler["template_file"].as_str().expect("a file");
        let file = file.replace("etc/templates/", "examples/templates/");
        let options = TemplateOptions {
            file: repository().join(&file),
            ..page.options
        };
        let template = fs::read_to_string(&options.file).expect("a template");
        assert_eq!(block(&page.text, "jinja batch"), template, "{name}");
        let findings = check(&options, EVERYTHING, true);
        assert!(findings.is_empty(), "{name}: {findings:?}");
        let mut events: Vec<Value> = samples()
            .iter()
            .map(|sample| serde_json::from_str(sample.json).unwrap())
            .collect();
        events[1]["data"]["body"] = hostile().into();
        for count in 1..=events.len() {
            let texts: Vec<_> = events[..count].iter().map(Value::to_string).collect();
            let texts: Vec<_> = texts.iter().map(|text| (text.as_str(), "msg_1")).collect();
            let made = try_out_batch(&options, &texts, "batch_1").expect(name);
            let body = String::from_utf8(made.body).expect("text");
            demands(&body, &events[..count]);
        }
    }
}

fn request(body: String, event: &Value) -> Request {
    Request {
        path: String::new(),
        body,
        event: event.clone(),
    }
}

fn many_documents(body: &str, events: &[Value]) {
    let lines: Vec<&str> = body.lines().collect();
    assert_eq!(lines.len(), 2 * events.len());
    for (pair, event) in lines.chunks(2).zip(events) {
        elasticsearch(&request(format!("{}\n", pair.join("\n")), event));
    }
}

fn many_points(body: &str, events: &[Value]) {
    let lines: Vec<&str> = body.lines().collect();
    assert_eq!(lines.len(), events.len());
    for (line, event) in lines.into_iter().zip(events) {
        influxdb(&request(line.to_owned(), event));
    }
}

fn many_lines(body: &str, events: &[Value]) {
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

fn many_records(body: &str, events: &[Value]) {
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
fn hostile() -> String {
    "\"}\n{\"create\":{}}\r\n&To=%2B1&<!channel> @all @everyone \\ , = {{ id }} \u{0}\u{7f}</script>".to_owned()
}

fn length(value: &Value) -> usize {
    value.as_str().expect("a text").chars().count()
}

/// HTTP v1, projects.messages: a topic matches `[a-zA-Z0-9-_.~%]+`, the values of `data` are texts, and
/// a message to a topic has at most 2048 bytes.
fn fcm(request: &Request) {
    let message = &request.json()["message"];
    let topic = message["topic"].as_str().unwrap();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.~%".contains(c);
    assert!(
        topic.starts_with("user-") && topic.chars().all(allowed),
        "{topic}"
    );
    let targets = ["topic", "token", "condition"];
    assert_eq!(
        targets
            .iter()
            .filter(|target| message.get(target).is_some())
            .count(),
        1
    );
    assert!(
        message["notification"]["title"].is_string() && message["notification"]["body"].is_string()
    );
    let data = message["data"].as_object().unwrap();
    let reserved = |name: &str| {
        name == "message_type" || name.starts_with("google.") || name.starts_with("gcm.")
    };
    assert!(data.iter().all(|(_, value)| value.is_string()));
    // `from` is reserved, too.
    assert!(
        !data.keys().any(|name| reserved(name) || name == "from"),
        "{data:?}"
    );
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

/// Publish as JSON: topic `^[-_A-Za-z0-9]{1,64}$`, message at most 4096 bytes, tags a list.
fn ntfy(request: &Request) {
    let json = request.json();
    let topic = json["topic"].as_str().unwrap();
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    assert!(
        (1..=64).contains(&topic.len()) && topic.chars().all(allowed),
        "{topic}"
    );
    assert!(json["message"].as_str().unwrap().len() <= 4096);
    assert!(json["title"].is_string() && json["tags"].is_array());
    assert_eq!(request.path, "/");
}

/// Incoming webhooks: `text`, at most 40,000 characters, with `&`, `<` and `>` as entities.
fn slack(request: &Request) {
    let json = request.json();
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

/// Incoming webhooks: `text`, at most 16383 characters.
fn mattermost(request: &Request) {
    let json = request.json();
    assert!((1..=16_383).contains(&length(&json["text"])));
    let text = json["text"].as_str().unwrap();
    assert!(
        !["@all", "@channel", "@here"]
            .iter()
            .any(|call| text.contains(call)),
        "{text}"
    );
}

/// Execute Webhook: `content`, 1 to 2000 characters.
fn discord(request: &Request) {
    let json = request.json();
    assert!((1..=2000).contains(&length(&json["content"])));
    assert_eq!(json["allowed_mentions"]["parse"], Value::Array(Vec::new()));
}

/// sendMessage: `chat_id`, and `text` of 1 to 4096 characters, in UTF-16 as the clients count.
fn telegram(request: &Request) {
    let json = request.json();
    assert!(json["chat_id"].is_string());
    let text = json["text"].as_str().unwrap();
    assert!((1..=4096).contains(&text.encode_utf16().count()));
    assert!(json.get("parse_mode").is_none());
}

/// Create a Message: `To` and `From` in E.164, `Body` of at most 1600 characters.
fn twilio(request: &Request) {
    let fields: Vec<_> = request
        .body
        .split('&')
        .map(|field| field.split_once('=').unwrap())
        .collect();
    let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["From", "To", "Body"]);
    let decoded = percent_encoding::percent_decode_str(fields[2].1)
        .decode_utf8()
        .unwrap();
    assert!((1..=1600).contains(&decoded.encode_utf16().count()));
    assert!(fields[1].1.starts_with("%2B"));
    assert!(request.body.is_ascii());
}

/// Bulk API: an action and a document, each on its line, and a line break at the end.
fn elasticsearch(request: &Request) {
    assert!(request.body.ends_with('\n'));
    let lines: Vec<Value> = request
        .body
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0]["create"]["_index"].is_string());
    assert!(lines[0]["create"]["_id"].as_str().unwrap().len() <= 512);
    assert_eq!(lines[1]["@timestamp"], request.event["timestamp"]);
    assert_eq!(lines[1]["xmpp"], request.event["data"]);
}

/// Push: labels are texts, and a value is a time in nanoseconds and a line, both texts.
fn loki(request: &Request) {
    let json = request.json();
    let stream = &json["streams"][0];
    assert!(
        stream["stream"]
            .as_object()
            .unwrap()
            .values()
            .all(Value::is_string)
    );
    let value = &stream["values"][0];
    assert_eq!(value[0], "1795696496789012000");
    let line: Value = serde_json::from_str(value[1].as_str().unwrap()).expect("JSON in the line");
    assert_eq!(line, request.event["data"]);
}

/// Line protocol: a measurement with tags, a space, fields, a space, a time; one line.
fn influxdb(request: &Request) {
    let line = request.body.trim_end_matches('\n');
    assert!(!line.contains('\n'));
    let parts: Vec<_> = line.split(' ').collect();
    assert_eq!(parts.len(), 3, "{line}");
    assert!(
        parts[0].starts_with("messages,host=example.com,type="),
        "{line}"
    );
    let (count, long) = parts[1].split_once(',').unwrap();
    assert_eq!(count, "count=1i");
    let long: usize = long
        .strip_prefix("length=")
        .unwrap()
        .strip_suffix('i')
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(
        long,
        request.event["data"]["body"]
            .as_str()
            .map_or(0, |body| body.chars().count())
    );
    assert_eq!(parts[2], "1795696496789012000");
}

/// Version 2: `records`, each with a `value`.
fn kafka(request: &Request) {
    let json = request.json();
    let records = json["records"].as_array().unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["value"]["data"], request.event["data"]);
    assert!(records[0]["key"].is_string());
}
