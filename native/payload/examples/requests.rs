//! Prints requests as the engine sends them, one a line, as JSON with `headers` and `body`: events of all kinds
//! in each JSON format, one by one and in batches. scripts/test-sdks gives them to the official SDKs of CloudEvents and to JSON parsers
//! of other languages.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../tests/support/mod.rs"]
mod support;

use notification::MessageId;
use payload::{CloudEventsMode, FormatOptions, Made, Plan, PlanOptions};
use serde_json::{Map, Value, json};
use support::{ID, Sample, header, in_turns};

/// Bodies that are hard to write down, and what they are in a stanza.
const BODIES: [(&str, &str); 5] = [
    ("Hi", "Hi"),
    (
        "\"quotes\" \\ / <tags> & more",
        "\"quotes\" \\ / &lt;tags> &amp; more",
    ),
    (
        "\u{1}\u{8}\u{c}\n\r\t\u{7f}\u{2028}\u{2029}",
        "\u{1}\u{8}\u{c}\n\r\t\u{7f}\u{2028}\u{2029}",
    ),
    (
        "\u{202e}שלום\u{202c} 👩‍👩‍👧 ü €",
        "\u{202e}שלום\u{202c} 👩‍👩‍👧 &#xfc; €",
    ),
    ("caf\u{fffd}", "caf\u{fffd}"),
];

fn samples() -> Vec<(Sample, Option<&'static str>)> {
    let mut all = vec![
        (Sample::presence("online"), None),
        (
            Sample::presence("offline").fact("host", "münchen.example"),
            None,
        ),
        (Sample::chat(), None),
        (
            Sample::chat()
                .fact("event", "unack_msg")
                .fact("direction", ""),
            None,
        ),
        (
            Sample::chat().from("o\"b\\rien", "münchen.example", "\u{5d0}🦀"),
            None,
        ),
    ];
    for (body, xml) in BODIES {
        let children = format!("<body>{xml}</body>");
        all.push((Sample::chat().children(&children), Some(body)));
        all.push((Sample::groupchat().children(&children), Some(body)));
    }
    all
}

fn formats() -> [FormatOptions; 4] {
    let cloudevents = |mode, source| FormatOptions::CloudEvents { mode, source };
    [
        FormatOptions::Json,
        cloudevents(CloudEventsMode::Structured, None),
        cloudevents(CloudEventsMode::Binary, None),
        cloudevents(
            CloudEventsMode::Binary,
            Some("urn:example:50%25".to_owned()),
        ),
    ]
}

fn main() {
    for (sample, body) in samples() {
        for format in formats() {
            let options = PlanOptions {
                format,
                include_stanza: true,
                ..PlanOptions::default()
            };
            let made = sample.clone().options(options).make().expect("a request");
            print(&made, ID, &json!({"message": body}));
        }
    }
    let [json, structured, ..] = formats();
    for format in [json, structured] {
        print_batch(format);
    }
}

/// One request of all samples.
fn print_batch(format: FormatOptions) {
    let plan = Plan::compile(PlanOptions {
        format,
        batched: true,
        ..PlanOptions::default()
    })
    .expect("a plan");
    let (samples, bodies): (Vec<_>, Vec<_>) = samples().into_iter().unzip();
    let notifications: Vec<_> = samples.iter().map(Sample::notification).collect();
    let ids: Vec<_> = samples.iter().map(|_| MessageId::new()).collect();
    let members: Vec<_> = notifications.iter().zip(&ids).collect();
    let (batch, _) = in_turns(plan.make_batch(&members, usize::MAX));
    let batch = batch.expect("a request");
    assert_eq!(batch.taken, samples.len());
    let ids: Vec<_> = ids.iter().map(MessageId::as_str).collect();
    let (made, id) = batch.made.expect("a request");
    print(&made, id.as_str(), &json!({"messages": bodies, "ids": ids}));
}

/// Prints the request with the identity that each attempt adds, and what is known of it.
fn print(made: &Made, id: &str, known: &Value) {
    let mut headers: Map<String, Value> = made
        .headers
        .iter()
        .map(|(name, _)| {
            let value = header(made, name.as_str()).expect("a value");
            let value = str::from_utf8(value).expect("ASCII");
            (name.as_str().to_owned(), value.into())
        })
        .collect();
    headers.insert("webhook-id".to_owned(), id.into());
    let text = str::from_utf8(&made.body).expect("UTF-8");
    let mut request = json!({"headers": headers, "body": text});
    for (name, value) in known.as_object().expect("an object") {
        request[name] = value.clone();
    }
    println!("{request}");
}
