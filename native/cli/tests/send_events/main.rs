//! `http-pusher send --event`: a stanza through rules and payload, as the node would.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;
mod requests;
mod rules;
mod secrets;
mod stanzas;

use common::{Dir, Running, program};
use serde_json::Value;

const GROUPCHAT: &str = "<message from='room@muclight.x/alice@example.org' to='bob@example.org' type='groupchat' id='m1'>\
                         <body>Hi &amp; bye</body></message>";

const CHAT: &str = "<message to='bob@example.org' type='chat'><body>hi</body></message>";

const OFFLINE: &str = "<presence from='Alice@Example.org/phone' type='unavailable'/>";

/// A file with one handler, whose section has these lines, and a stanza.
fn files(dir: &Dir, address: &str, handler: &str, stanza: &str) {
    let text = format!(
        "[general]\nhosts = [\"example.org\"]\n\
         [outgoing_pools.http.http_pool]\ncall_timeout = 600000\n\
         [outgoing_pools.http.http_pool.connection]\nhost = \"http://{address}\"\nrequest_timeout = 600000\n\
         [[modules.mod_event_pusher.http.handlers]]\npath = \"/n\"\n{handler}\n"
    );
    dir.file("mongooseim.toml", &text);
    dir.file("stanza.xml", stanza);
}

fn run(dir: &Dir, more: &[&str]) -> (i32, String, String) {
    let output = program(dir)
        .args(["send", "mongooseim.toml", "--event", "stanza.xml"])
        .args(more)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// Exit status and report.
fn send(dir: &Dir, more: &[&str]) -> (i32, Value) {
    let (status, text, errors) = run(dir, &[more, &["--json"]].concat());
    assert_eq!(errors, "");
    (status, serde_json::from_str(&text).unwrap())
}

/// What the endpoint has received. A payload is as the schemas say.
#[track_caller]
fn received(endpoint: &mut Running) -> Value {
    let record: Value = serde_json::from_str(&endpoint.line()).unwrap();
    let headers = record["headers"].as_array().unwrap();
    let field = |name: &str| {
        let field = headers.iter().find(|field| field[0] == name)?;
        field[1].as_str().map(str::as_bytes)
    };
    let body = record["body"].as_str().unwrap();
    if let Err(error) = schemas::check(field, body.as_bytes()) {
        panic!("{error}: {body}");
    }
    record
}

/// The value of a header field in the report.
fn header<'a>(report: &'a Value, name: &str) -> Option<&'a str> {
    let headers = report["headers"].as_array().unwrap();
    let field = headers.iter().find(|field| field[0] == name)?;
    field[1].as_str()
}
