//! Events of any facts and any stanza, in every format: no panic, and what is made is JSON without a null, an empty text or
//! an empty list. An event that cannot be made is refused with a reason that does not quote it.

use std::sync::Arc;

use notification::{Content, Direction, Handler, HostType, MessageId, Names, Notification};
use payload::{CloudEventsMode, Facts, FormStyle, FormatOptions, Plan, PlanOptions, Value};
use serde_json::Value as Json;

/// The first byte chooses format, options and kind of event. What follows up to the first NUL are encoded facts, added to
/// those of a usual event; the rest is the stanza.
pub fn check(bytes: &[u8]) {
    let Some((&choice, rest)) = bytes.split_first() else {
        return;
    };
    let plan = Plan::compile(options(choice)).expect("options without a source");
    let id = MessageId::parse("msg_1").expect("an id");
    let notification = event(choice, rest);
    match plan.make(&notification, &id, FormStyle::EachByte) {
        Ok(_) if choice % 4 == 0 => {}
        Ok(made) => no_blanks(&serde_json::from_slice(&made.body).expect("JSON")),
        Err(error) => {
            assert_eq!(error.reason.as_str(), "payload_error");
            assert!(error.text.len() < 100, "{error}");
        }
    }
}

/// An event of the kind that `choice` says, with these facts up to the first NUL, and a stanza behind it.
pub(crate) fn event(choice: u8, bytes: &[u8]) -> Notification {
    let (more, stanza) = match bytes.iter().position(|&byte| byte == 0) {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (&[][..], bytes),
    };
    let facts = [facts(choice).as_bytes(), more].concat();
    notification(&facts, stanza)
}

pub(crate) fn no_blanks(json: &Json) {
    match json {
        Json::Null => panic!("a null"),
        Json::String(text) => assert!(!text.is_empty(), "an empty text"),
        Json::Array(items) => {
            assert!(!items.is_empty(), "an empty list");
            items.iter().for_each(no_blanks);
        }
        Json::Object(members) => members.values().for_each(no_blanks),
        Json::Bool(_) | Json::Number(_) => {}
    }
}

fn options(choice: u8) -> PlanOptions {
    let source = None;
    PlanOptions {
        format: match choice % 4 {
            0 => FormatOptions::Form,
            1 => FormatOptions::Json,
            2 => FormatOptions::CloudEvents {
                mode: CloudEventsMode::Structured,
                source,
            },
            _ => FormatOptions::CloudEvents {
                mode: CloudEventsMode::Binary,
                source,
            },
        },
        include_stanza: choice & 4 != 0,
        omit_body: choice & 8 != 0,
        ..PlanOptions::default()
    }
}

fn facts(choice: u8) -> Facts {
    let mut facts = Facts::default();
    let mut add = |key, text: &str| facts.add(key, Value::Text(text.as_bytes()));
    match choice & 0x30 {
        0x00 => add("event", "msg"),
        0x10 => add("event", "unack_msg"),
        0x20 => {
            add("event", "user_status");
            add("user_status", "online");
        }
        _ => {
            add("event", "msg");
            add("direction", "out");
            add("type", "groupchat");
            add("from_resource", "nick");
        }
    }
    add("host", "localhost");
    add("from_user", "alice");
    add("from_server", "localhost");
    add("to_user", "bob");
    add("to_server", "localhost");
    facts.add("timestamp", Value::Integer(1_795_696_496_789_012));
    facts
}

fn notification(facts: &[u8], stanza: &[u8]) -> Notification {
    let host_type = Arc::new(HostType::new(0.into(), "localhost"));
    let handler = Handler::plain(0.into(), host_type, "http_pool", "/notifications");
    let names = Names {
        sender: b"alice",
        server: b"localhost",
        receiver: b"bob",
    };
    let content = Content::Event(facts);
    Notification::new(Arc::new(handler), Direction::Out, names, stanza, content)
        .expect("a short notification")
}
