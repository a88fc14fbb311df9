//! Events for the tests of this crate. [`Sample::make`] checks each request against the schemas, so that no
//! payload that a test sees is left out.
#![allow(dead_code)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::missing_panics_doc)]

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use notification::{Content, Direction, Handler, HostType, MessageId, Names, Notification};
use payload::{Facts, FormStyle, FormatOptions, Made, PayloadError, Plan, PlanOptions, Value};

/// The message id of all samples.
pub const ID: &str = "msg_2qRVsmHh6eYyTkDqLJZpNw";

/// 2026-11-26T12:34:56.789012Z
pub const MICROSECONDS: i64 = 1_795_696_496_789_012;

/// Waits for what waits for nothing but its turn. Returns also how often others had theirs.
pub fn in_turns<F: Future>(future: F) -> (F::Output, usize) {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    let mut turns = 0;
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return (output, turns);
        }
        turns += 1;
    }
}

/// An event that is to be made into a request.
#[derive(Clone, Debug)]
pub struct Sample {
    facts: Vec<(String, Fact)>,
    stanza: Vec<u8>,
    pub options: PlanOptions,
}

#[derive(Clone, Debug)]
pub enum Fact {
    Text(Vec<u8>),
    Integer(i64),
    Float(f64),
    Bool(bool),
}

impl From<&str> for Fact {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<&[u8]> for Fact {
    fn from(text: &[u8]) -> Self {
        Self::Text(text.into())
    }
}

impl From<i64> for Fact {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl Sample {
    /// A chat message from alice's phone to bob, as JSON.
    pub fn chat() -> Self {
        let sample = Self::event("msg");
        sample
            .fact("type", "chat")
            .fact("direction", "out")
            .from("alice", "localhost", "phone")
            .to("bob", "localhost", "")
    }

    /// A message that a member of a room gets.
    pub fn groupchat() -> Self {
        let sample = Self::event("msg").fact("type", "groupchat");
        sample
            .fact("direction", "out")
            .from("room", "muc.localhost", "Alice the nick")
            .to("bob", "localhost", "desk")
    }

    /// Alice's phone comes online or goes offline.
    pub fn presence(status: &str) -> Self {
        Self::event("user_status")
            .fact("user_status", status)
            .from("alice", "localhost", "phone")
    }

    pub fn event(event: &str) -> Self {
        let sample = Self {
            facts: Vec::new(),
            stanza: Vec::new(),
            options: PlanOptions {
                format: FormatOptions::Json,
                ..PlanOptions::default()
            },
        };
        sample
            .fact("event", event)
            .fact("timestamp", MICROSECONDS)
            .fact("host", "localhost")
    }

    /// The fact, instead of an earlier one with this key. An empty text is no fact.
    pub fn fact(mut self, key: &str, value: impl Into<Fact>) -> Self {
        self.facts.retain(|(known, _)| known != key);
        match value.into() {
            Fact::Text(text) if text.is_empty() => {}
            value => self.facts.push((key.to_owned(), value)),
        }
        self
    }

    pub fn from(self, user: &str, server: &str, resource: &str) -> Self {
        self.fact("from_user", user)
            .fact("from_server", server)
            .fact("from_resource", resource)
    }

    pub fn to(self, user: &str, server: &str, resource: &str) -> Self {
        self.fact("to_user", user)
            .fact("to_server", server)
            .fact("to_resource", resource)
    }

    pub fn stanza(mut self, stanza: impl AsRef<[u8]>) -> Self {
        self.stanza = stanza.as_ref().to_vec();
        self
    }

    /// A stanza with these children.
    pub fn children(self, children: &str) -> Self {
        self.stanza(format!("<message>{children}</message>"))
    }

    pub fn options(mut self, options: PlanOptions) -> Self {
        self.options = options;
        self
    }

    pub fn notification(&self) -> Notification {
        let mut facts = Facts::default();
        for (key, value) in &self.facts {
            let value = match value {
                Fact::Text(text) => Value::Text(text),
                Fact::Integer(number) => Value::Integer(*number),
                Fact::Float(number) => Value::Float(*number),
                Fact::Bool(truth) => Value::Bool(*truth),
            };
            facts.add(key, value);
        }
        notification(Content::Event(facts.as_bytes()), &self.stanza)
    }

    /// The request, which must be as the schemas say if it is JSON.
    pub fn make(&self) -> Result<Made, PayloadError> {
        let plan = Plan::compile(self.options.clone()).unwrap();
        let id = MessageId::parse(ID).unwrap();
        let made = plan.make(&self.notification(), &id, FormStyle::EachByte)?;
        check(&made);
        Ok(made)
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        let made = self.make().unwrap_or_else(|error| panic!("{error}"));
        serde_json::from_slice(&made.body).unwrap()
    }

    /// The data of the body.
    pub fn data(&self) -> serde_json::Value {
        self.json()["data"].clone()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        let made = self.make().unwrap_or_else(|error| panic!("{error}"));
        String::from_utf8(made.body.into()).unwrap()
    }
}

/// Checks a request against the schemas, with the `webhook-id` that each attempt adds.
pub fn check(made: &Made) {
    let field = |name: &str| match name {
        "webhook-id" => Some(ID.as_bytes()),
        _ => header(made, name),
    };
    if let Err(error) = schemas::check(field, &made.body) {
        panic!("{error}: {}", String::from_utf8_lossy(&made.body));
    }
}

/// The value of a header field.
pub fn header<'a>(made: &'a Made, name: &str) -> Option<&'a [u8]> {
    let (_, value) = made.headers.iter().find(|(found, _)| found == name)?;
    Some(value.as_bytes())
}

/// A notification with this content.
pub fn notification(content: Content<'_>, text: &[u8]) -> Notification {
    let host_type = Arc::new(HostType::new(0.into(), "localhost"));
    let handler = Handler::plain(0.into(), host_type, "http_pool", "/notifications");
    let names = Names {
        sender: b"alice",
        server: b"localhost",
        receiver: b"bob",
    };
    Notification::new(Arc::new(handler), Direction::Out, names, text, content).unwrap()
}
