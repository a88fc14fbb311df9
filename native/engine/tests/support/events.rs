//! Events for handlers with a format, and what arrives of them.

use std::sync::Arc;

use engine::handler_plan::HandlerOptions;
use notification::{
    Content, DeliveryPolicy, Direction, Handler, Names, Notification, PoolId, lane_key,
};
use payload::{Facts, FormatOptions, PlanOptions, Value};
use test_endpoint::{EndpointHandle, Record};

use super::{Bench, HOST_TYPE};

/// When the event of [`facts`] happened.
pub const TIMESTAMP: &str = "2026-11-26T12:34:56.789012Z";

/// What a session knows of a chat message from alice to bob.
pub fn facts(sender: &str) -> Facts {
    let mut facts = Facts::default();
    for (key, text) in [
        ("event", "msg"),
        ("type", "chat"),
        ("direction", "in"),
        ("host", "localhost"),
        ("from_user", sender),
        ("from_server", "localhost"),
        ("from_resource", "phone"),
        ("to_user", "bob"),
        ("to_server", "localhost"),
    ] {
        facts.add(key, Value::Text(text.as_bytes()));
    }
    facts.add("timestamp", Value::Integer(1_795_696_496_789_012));
    facts
}

pub fn stanza(body: &str) -> String {
    format!(
        "<message xmlns='jabber:client' type='chat' id='m1' to='bob@localhost'>\
         <body>{body}</body></message>"
    )
}

pub fn json() -> HandlerOptions {
    HandlerOptions {
        payload: PlanOptions {
            format: FormatOptions::Json,
            ..PlanOptions::default()
        },
        ..HandlerOptions::default()
    }
}

/// What the endpoint has received: payloads are as the schemas say.
#[track_caller]
pub fn received(endpoint: &EndpointHandle) -> Vec<Record> {
    let records = endpoint.records();
    for record in &records {
        let checked = schemas::check(|name| record.header(name), &record.content());
        checked.unwrap_or_else(|error| panic!("{error}: {}", record.body.escape_ascii()));
    }
    records
}

/// The value of each field of this name.
pub fn fields<'a>(record: &'a Record, name: &str) -> Vec<&'a str> {
    let lines = std::str::from_utf8(&record.raw_headers).unwrap().lines();
    lines
        .filter_map(|line| line.split_once(": "))
        .filter(|(field, _)| *field == name)
        .map(|(_, value)| value)
        .collect()
}

/// The value of the one field of this name.
#[track_caller]
pub fn field<'a>(record: &'a Record, name: &str) -> &'a str {
    let [value] = fields(record, name)[..] else {
        panic!("{name} in {}", String::from_utf8_lossy(&record.raw_headers));
    };
    value
}

impl Bench {
    pub fn planned(&self, path: &str, options: HandlerOptions) -> Arc<Handler> {
        self.engine.planned_handler(
            HOST_TYPE,
            "http_pool",
            path,
            DeliveryPolicy::default(),
            Some(options),
        )
    }

    /// Hands over an event of `sender`'s, with this stanza, in the lane of `sender`.
    pub fn push_event(&self, pool: PoolId, handler: &Arc<Handler>, sender: &str, stanza: &str) {
        let facts = facts(sender);
        let content = Content::Event(facts.as_bytes());
        self.push_content(pool, handler, sender, stanza.as_bytes(), content);
    }

    pub fn push_content(
        &self,
        pool: PoolId,
        handler: &Arc<Handler>,
        sender: &str,
        text: &[u8],
        content: Content<'_>,
    ) {
        let names = Names {
            sender: sender.as_bytes(),
            server: b"localhost",
            receiver: b"bob",
        };
        let mut key = Vec::new();
        lane_key(&mut key, handler.host_type.id, Direction::In, names, b"");
        let notification =
            Notification::new(Arc::clone(handler), Direction::In, names, text, content);
        self.engine.push(pool, &key, notification.unwrap()).unwrap();
    }
}
