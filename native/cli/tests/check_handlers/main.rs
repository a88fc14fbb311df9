//! What `http-pusher check` says of a handler's options: in words, and what is wrong with them.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;
mod files;
mod options;
mod rules;
mod words;

use common::Checked;

const HANDLER: &str = "modules.mod_event_pusher.http.handlers[1]";

/// A secret of Standard Webhooks' own documentation.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n";

/// A file with one handler, whose section has these lines.
fn file(lines: &str) -> String {
    format!(
        "[general]\nhosts = [\"localhost\"]\n[outgoing_pools.http.http_pool]\n\
         connection.host = \"http://localhost:1\"\n\
         [[modules.mod_event_pusher.http.handlers]]\npath = \"n\"\n{lines}\n"
    )
}

/// The same in the layout of 5.0.
fn old_file(lines: &str) -> String {
    file(lines).replace(
        "[[modules.mod_event_pusher.http.handlers]]",
        "[modules.mod_event_pusher.backend.http]",
    )
}

fn rules(rules: &str) -> String {
    file(&format!("rules = [{rules}]"))
}

fn send(tables: &str) -> String {
    format!("{{action = \"send\", conditions = [{tables}]}}")
}

fn skip(tables: &str) -> String {
    format!("{{action = \"skip\", conditions = [{tables}]}}")
}

/// The only note, as severity, path below the handler, and text.
#[track_caller]
fn only(checked: &Checked) -> (String, String, String) {
    let notes = checked.json["notes"].as_array().unwrap();
    assert_eq!(notes.len(), 1, "{}", checked.text);
    let word = |name: &str| notes[0][name].as_str().unwrap().to_owned();
    let path = word("path");
    let below = path.strip_prefix(HANDLER).unwrap_or(&path);
    (
        word("severity"),
        below.trim_start_matches('.').to_owned(),
        word("text"),
    )
}
