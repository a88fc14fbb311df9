//! The templates of a handler: whether they compile, use variables that no event has, or fail for events that the rules let
//! through.

use std::path::Path;

use payload::template::{self, SampleKind};

use super::handlers::Handler;
use crate::notes::{Notes, Severity};
use crate::plan_options;
use crate::rules::check::possible_events;

/// Notes what is wrong with the templates.
pub(crate) fn check(handler: &Handler, root: Option<&Path>, notes: &mut Notes) {
    let Some(options) = plan_options::template(handler, root) else {
        return;
    };
    for finding in template::check(&options, &kinds(handler), handler.options.has("batch")) {
        let severity = if finding.fatal {
            Severity::Problem
        } else {
            Severity::Warning
        };
        let header = finding.option.strip_prefix("headers.").and_then(|name| {
            let headers = handler.options.sections("headers")?;
            headers
                .into_iter()
                .find(|header| header.text("name") == Some(name))
        });
        match header {
            Some(header) => header.note(severity, "value", finding.text, notes),
            None => handler
                .options
                .note(severity, &finding.option, finding.text, notes),
        }
    }
}

/// The kinds of events that the handler may send.
fn kinds(handler: &Handler) -> Vec<SampleKind> {
    let is_stock = handler.asks_module() && !handler.is_custom();
    if is_stock {
        return vec![SampleKind::Message];
    }
    let Some(rules) = &handler.rules else {
        return vec![
            SampleKind::Message,
            SampleKind::Bodyless,
            SampleKind::Unacknowledged,
        ];
    };
    let tables = || {
        let sending = rules.iter().filter(|rule| rule.sends);
        sending.flat_map(|rule| &rule.tables)
    };
    let any = |event: &str, bodies: &[&str]| {
        tables().any(|table| {
            let body = table.word("body");
            possible_events(table).any(|possible| possible == event)
                && (body.is_none()
                    || bodies.is_empty()
                    || body.is_some_and(|body| bodies.contains(&body)))
        })
    };
    [
        (SampleKind::Message, any("msg", &["non_empty"])),
        (SampleKind::Bodyless, any("msg", &["absent", "empty"])),
        (SampleKind::Unacknowledged, any("unack_msg", &[])),
        (SampleKind::Presence, any("user_status", &[])),
    ]
    .into_iter()
    .filter_map(|(kind, may_come)| may_come.then_some(kind))
    .collect()
}
