//! The examples of docs/payloads.md are what is sent, and its tables name every field of the schemas.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::collections::BTreeSet;

use http::{HeaderName, HeaderValue};
use notification::MessageId;
use payload::{CloudEventsMode, FormatOptions, Plan, PlanOptions};
use serde_json::Value;
use support::Sample;

const PAGE: &str = include_str!("../../../docs/payloads.md");

/// The fenced blocks of a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let after = PAGE.split(&*fence).skip(1);
    after
        .map(|rest| rest.split("\n```").next().unwrap())
        .collect()
}

fn chat() -> Sample {
    Sample::chat().fact("user_status", "offline").stanza(
        "<message type='chat' id='m1'><body>Hi &amp; bye</body>\
         <stanza-id xmlns='urn:xmpp:sid:0' by='bob@localhost' id='CLI6UJ4GBM01'/></message>",
    )
}

fn groupchat() -> Sample {
    Sample::groupchat()
        .from("garden", "muc.localhost", "Alice")
        .to("bob", "localhost", "")
        .fact("unread", 3)
        .fact("metadata.tenant", "acme")
        .stanza(
            "<message type='groupchat' id='m2'><body>https://files.example/rose.jpg</body>\
             <thread>roses</thread><x xmlns='jabber:x:oob'><url>https://files.example/rose.jpg</url>\
             <desc>A rose</desc></x><store xmlns='urn:xmpp:hints'/>\
             <origin-id xmlns='urn:xmpp:sid:0' id='9f5c'/>\
             <stanza-id xmlns='urn:xmpp:sid:0' by='garden@muc.localhost' id='CLI6UJ4GBM02'/></message>",
        )
}

fn cloudevents(mode: CloudEventsMode) -> PlanOptions {
    PlanOptions {
        format: FormatOptions::CloudEvents { mode, source: None },
        ..PlanOptions::default()
    }
}

#[test]
fn forms() {
    let made = [chat(), Sample::presence("online")]
        .map(|sample| sample.options(PlanOptions::default()).text());
    assert_eq!(blocks("form"), made);
}

#[test]
fn objects() {
    let structured = cloudevents(CloudEventsMode::Structured);
    let made = [
        chat(),
        groupchat(),
        Sample::presence("online"),
        Sample::presence("online").options(structured),
    ]
    .map(|sample| sample.text());
    let shown = blocks("json");
    assert_eq!(shown.len(), made.len());
    for (shown, made) in shown.into_iter().zip(made) {
        // The page adds white space alone, so the order of the fields is the same as well.
        let value: Value = serde_json::from_str(shown).unwrap();
        assert_eq!(value, serde_json::from_str::<Value>(&made).unwrap());
        let without = |text: &str| text.replace([' ', '\n'], "");
        assert_eq!(without(shown), without(&made));
    }
}

#[test]
fn batches() {
    let samples = [
        Sample::presence("online"),
        Sample::chat().children("<body>Hi</body>"),
    ];
    let notifications = samples.map(|sample| sample.notification());
    let ids = ["msg_2qRVsmHh6eYyTkDqLJZpN1", "msg_2qRVsmHh6eYyTkDqLJZpN2"]
        .map(|id| MessageId::parse(id).unwrap());
    let plan = Plan::compile(PlanOptions {
        format: FormatOptions::Json,
        batched: true,
        ..PlanOptions::default()
    });
    let members: Vec<_> = notifications.iter().zip(&ids).collect();
    let plan = plan.unwrap();
    let (batch, _) = support::in_turns(plan.make_batch(&members, 1_000_000));
    let (made, _) = batch.unwrap().made.unwrap();
    support::check(&made);
    let [shown] = blocks("json batch")[..] else {
        panic!("one example of a batch")
    };
    let without = |text: &str| text.replace([' ', '\n'], "");
    assert_eq!(without(shown), without(str::from_utf8(&made.body).unwrap()));
}

#[test]
fn header_fields() {
    let sample = Sample::presence("online").options(cloudevents(CloudEventsMode::Binary));
    let made = sample.make().unwrap();
    let line = |(name, value): &(HeaderName, HeaderValue)| {
        format!("{name}: {}\n", value.to_str().unwrap())
    };
    let fields: String = made.headers.iter().map(line).collect();
    let id = format!("webhook-id: {}\n", support::ID);
    let text = format!("{fields}{id}\n{}", str::from_utf8(&made.body).unwrap());
    assert_eq!(blocks("http"), [text]);
}

#[test]
fn the_tables_name_every_field() {
    let mut fields = BTreeSet::new();
    for (_, document) in schemas::DOCUMENTS {
        let schema: Value = serde_json::from_str(document).unwrap();
        let data = &schema["properties"]["data"]["properties"];
        fields.extend(data.as_object().unwrap().keys().cloned());
    }
    assert!(fields.len() > 20, "{fields:?}");
    for field in fields {
        let in_table = format!("`{field}`");
        let in_example = format!("\"{field}\":");
        let is_named = PAGE.contains(&in_table) || PAGE.contains(&in_example);
        assert!(is_named, "{field}");
    }
}
