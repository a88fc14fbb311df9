//! What is wrong between the options of one handler: contradictions that the node refuses, and options that have no
//! effect beside the others.

use super::handlers::Handler;
use super::options::Options;
use super::pool_check::is_local;
use super::release::Mongooseim;
use crate::notes::Notes;
use crate::rules;

/// Notes what is wrong with a handler.
pub(crate) fn check(handler: &Handler, mongooseim: Mongooseim, notes: &mut Notes) {
    set_twice(&handler.options, notes);
    without_effect(handler, notes);
    repeated_headers(handler, notes);
    token_in_clear(&handler.options, notes);
    if let Some(rules) = &handler.rules {
        default_module(handler, notes);
        rules::check::check(rules, mongooseim, notes);
        let sections = handler.options.sections("rules").unwrap_or_default();
        let all_are_valid = sections.iter().all(|rule| rule.has("action"));
        if all_are_valid && !rules.iter().any(|rule| rule.sends) {
            let text = "no rule sends anything, so this handler never does";
            handler.options.warning("rules", text, notes);
        }
    }
}

/// Options that set a header field themselves, so that `headers` must not.
const SETTERS: [(&str, &str); 2] = [("auth", "authorization"), ("compress", "content-encoding")];

/// Notes header fields that two options set.
pub(super) fn set_twice(options: &Options, notes: &mut Notes) {
    for (option, field) in SETTERS.iter().filter(|(option, _)| options.has(option)) {
        for header in options.sections("headers").unwrap_or_default() {
            let name = header.text("name").unwrap_or_default();
            if name.eq_ignore_ascii_case(field) {
                let text = format!("{option} sets {field}; headers must not");
                header.problem("name", text, notes);
            }
        }
    }
}

fn without_effect(handler: &Handler, notes: &mut Notes) {
    let options = &handler.options;
    let format = options.text("format");
    for (name, needed) in [
        ("template_file", "template"),
        ("content_type", "template"),
        ("cloudevents", "cloudevents"),
    ] {
        if options.has(name) && format != Some(needed) {
            let text = format!("has no effect without format = {needed:?}");
            options.warning(name, text, notes);
        }
    }
    if let Some(batch) = options.section("batch")
        && batch.number("max_events") == Some(1)
        && batch.has("linger")
    {
        let text = "has no effect: a batch of one event waits for no others";
        batch.warning("linger", text, notes);
    }
    let is_form = matches!(format, None | Some("form"));
    for name in ["include", "omit"] {
        if options.texts(name).is_some_and(|list| list.is_empty()) {
            options.warning(name, "has no effect: it is empty", notes);
        } else if options.has(name) && format.is_none() && handler.is_custom() {
            let text = format!("has no effect: {} makes the body", handler.module());
            options.warning(name, text, notes);
        } else if name == "include" && options.has(name) && is_form {
            options.warning(name, "has no effect on a form", notes);
        }
    }
    let has = |name, word| options.texts(name).is_some_and(|list| list.contains(&word));
    if has("include", "stanza") && has("omit", "body") && !is_form {
        let text = "\"stanza\" has no effect: omit leaves the stanza out, because it has the text";
        options.warning("include", text, notes);
    }
    if let Some(format) = format
        && handler.is_custom()
    {
        let text = format!(
            "only should_make_req/6 of {} is called: headers and body are those of format = {format:?}",
            handler.module()
        );
        options.warning("callback_module", text, notes);
    }
}

/// The default module is asked after the rules if it is named, which is hardly ever meant.
fn default_module(handler: &Handler, notes: &mut Notes) {
    if handler.asks_module() && !handler.is_custom() {
        let text = "is asked after the rules, and sends non-empty chat messages that users send, and nothing else; without \
                    callback_module the rules decide alone";
        handler.options.warning("callback_module", text, notes);
    }
}

/// Whether the secret for a token endpoint can be read on the way.
fn token_in_clear(options: &Options, notes: &mut Notes) {
    let Some(oauth2) = options
        .section("auth")
        .and_then(|auth| auth.section("oauth2"))
    else {
        return;
    };
    let Some(rest) = oauth2
        .text("token_url")
        .and_then(|url| url.strip_prefix("http://"))
    else {
        return;
    };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(ipv6) => ipv6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    if !is_local(host) {
        let text = "plain http to another machine: anyone on the way can read the client's secret and the token";
        oauth2.warning("token_url", text, notes);
    }
}

fn repeated_headers(handler: &Handler, notes: &mut Notes) {
    let mut seen: Vec<String> = Vec::new();
    for header in handler.options.sections("headers").unwrap_or_default() {
        let Some(name) = header.text("name").map(str::to_lowercase) else {
            continue;
        };
        if seen.contains(&name) {
            header.warning("name", format!("{name} is sent more than once"), notes);
        }
        seen.push(name);
    }
}
