//! Templates of any text with any event: no panic, no end that is far off, no output without a bound. What a path becomes
//! is a request's target, and no error shows what an event says.

use payload::template::try_texts;
use payload::{FormStyle, FormatOptions, Plan, PlanOptions};
use serde_json::Value as Json;

use notification::MessageId;

use crate::event;

/// The longest output, and the line break that JSON lines may get behind it.
const LONGEST: usize = 1024 * 1024 + 1;
/// What no error shows.
const SAID: &str = "hunter2hunter2";

const TYPES: [&str; 8] = [
    "text/plain",
    "application/json",
    "application/x-ndjson",
    "application/x-www-form-urlencoded",
    "text/html",
    "application/vnd.kafka.json.v2+json",
    "application/soap+xml",
    "text/plain; charset=utf-8",
];

/// The first byte chooses the type of the body, the kind of event, and whether the template is for batches or for a path
/// too. The template follows, up to the first 0xFF; the rest is an event as the target `event` reads it.
pub fn check(bytes: &[u8]) {
    let Some((&choice, rest)) = bytes.split_first() else {
        return;
    };
    let end = rest.iter().position(|&byte| byte == 0xff);
    let end = end.unwrap_or(rest.len());
    let (template, rest) = rest.split_at(end);
    let Some(event) = json(choice, rest.get(1..).unwrap_or_default()) else {
        return;
    };
    let batched = choice & 8 != 0;
    let text = str::from_utf8(template).ok();
    let path = text.filter(|_| choice & 0x40 != 0);
    let events = [(&*event, "msg_1"), (&*event, "msg_2")];
    let content_type = TYPES[usize::from(choice & 7)];
    match try_texts(template, content_type, path, &events, batched) {
        Ok(made) => {
            assert!(made.body.len() <= LONGEST, "{} bytes", made.body.len());
            made.path.iter().for_each(|path| is_target(path));
        }
        Err(error) => {
            assert!(error.len() <= 16 * 1024, "{} bytes", error.len());
            let is_its_own = text.is_some_and(|text| text.contains("hunter"));
            assert!(is_its_own || !error.contains(SAID), "{error}");
        }
    }
}

/// An event in the JSON format; none if it cannot be made.
fn json(choice: u8, bytes: &[u8]) -> Option<String> {
    let plan = Plan::compile(PlanOptions {
        format: FormatOptions::Json,
        include_stanza: choice & 0x80 != 0,
        ..PlanOptions::default()
    });
    let plan = plan.expect("options without a source");
    let id = MessageId::parse("msg_1").expect("an id");
    let made = plan.make(&event::event(choice, bytes), &id, FormStyle::EachByte);
    let mut json: Json = serde_json::from_slice(&made.ok()?.body).expect("JSON");
    json["data"]["subject"] = SAID.into();
    Some(json.to_string())
}

fn is_target(path: &str) {
    let graphic = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
    assert!(path.bytes().all(graphic), "{path}");
    let path = path.split('?').next().unwrap_or_default();
    assert!(!path.split('/').any(|part| [".", ".."].contains(&part)));
}
