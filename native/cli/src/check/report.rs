//! What `check` prints: a table of the handlers, the notes, and a line that counts them; or the same as JSON.

use std::fmt::Write as _;

use comfy_table::{Table, presets};
use queue::WhenBusy;
use serde_json::{Value, json};

use super::Judgement;
use crate::config::handlers::Handler;
use crate::explanation::explanation;
use crate::notes::{Note, Severity};
use crate::output::{GOOD, PROBLEM, STRONG, WARNING, styled};
use crate::routes::Route;
use crate::text;

/// For scripts.
pub(super) fn in_json(judgement: &Judgement<'_>) -> serde_json::Result<String> {
    serde_json::to_string_pretty(&Report {
        ok: judgement.is_ok(),
        handlers: judgement.routes.iter().map(route_in_json).collect(),
        notes: &judgement.notes,
    })
}

/// The object that `--json` prints, in this order.
#[derive(serde::Serialize)]
struct Report<'a> {
    ok: bool,
    handlers: Vec<Value>,
    notes: &'a [Note],
}

fn route_in_json(route: &Route<'_>) -> Value {
    let settings = route.settings;
    json!({
        "number": route.handler.number,
        "path": route.handler.options.path,
        "line": route.handler.options.line,
        "callback_module": route.handler.module(),
        "wait_ms": route.handler.options.number("wait"),
        "sends": explanation(route),
        "hosts": if route.hosts.is_empty() { json!("all") } else { json!(route.hosts) },
        "pool": route.handler.pool_name,
        "pool_path": route.pool.path,
        "pool_line": route.pool.line,
        "url": route.url(),
        "workers": settings.workers,
        "max_waiting": settings.max_waiting,
        "waits": settings.when_busy == WhenBusy::Wait,
        "request_timeout_ms": u64::try_from(settings.request_timeout.as_millis()).ok(),
        "call_timeout_ms": u64::try_from(settings.call_timeout.as_millis()).ok(),
        "http2": settings.http2,
        "tls": text::tls(settings),
    })
}

/// For people.
pub(super) fn in_text(judgement: &Judgement<'_>) -> String {
    let mut text = String::new();
    if !judgement.routes.is_empty() {
        text.push_str(&table(&judgement.routes));
        text.push_str("\n\n");
        for route in &judgement.routes {
            // Writing to a String does not fail.
            let _ = writeln!(text, "{} {}", route.handler.number, explanation(route));
        }
        text.push('\n');
    }
    for note in &judgement.notes {
        text.push_str(&note_in_text(note));
        text.push('\n');
    }
    text.push_str(&summary(judgement));
    text
}

fn note_in_text(note: &Note) -> String {
    let severity = match note.severity {
        Severity::Problem => styled(PROBLEM, "problem"),
        Severity::Warning => styled(WARNING, "warning"),
    };
    let mut text = format!("{}:{}: {severity}:", note.file, note.line);
    if !note.path.is_empty() {
        let _ = write!(text, " {}:", styled(STRONG, &note.path));
    }
    let _ = write!(text, " {}", note.text);
    text
}

fn summary(judgement: &Judgement<'_>) -> String {
    let problems = judgement.problems().count();
    let warnings = judgement.notes.len() - problems;
    let style = match (problems, warnings) {
        (0, 0) => GOOD,
        (0, _) => WARNING,
        _ => PROBLEM,
    };
    let counts = format!(
        "{}, {}, {}",
        text::counted(judgement.routes.len(), "handler"),
        text::counted(problems, "problem"),
        text::counted(warnings, "warning")
    );
    styled(style, &counts)
}

fn table(routes: &[Route<'_>]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header([
        "HANDLER", "FOR", "POOL", "URL", "WORKERS", "TIMEOUTS", "TLS",
    ]);
    table.add_rows(routes.iter().map(row));
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let text = table.trim_fmt();
    match text.split_once('\n') {
        Some((header, rows)) => format!("{}\n{rows}", styled(STRONG, header)),
        None => text,
    }
}

/// What decides whether the handler sends.
fn decider(handler: &Handler) -> &str {
    if handler.asks_module() {
        handler.module()
    } else {
        "rules"
    }
}

fn row(route: &Route<'_>) -> [String; 7] {
    let settings = route.settings;
    let hosts = if route.hosts.is_empty() {
        "all hosts".to_owned()
    } else {
        route.hosts.join(" ")
    };
    [
        format!("{} {}", route.handler.number, decider(route.handler)),
        hosts,
        route.handler.pool_name.clone(),
        route.url(),
        text::workers(settings),
        format!(
            "request {}, call {}",
            text::duration(settings.request_timeout),
            text::duration(settings.call_timeout)
        ),
        text::tls(settings),
    ]
}
