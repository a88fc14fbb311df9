//! `http-pusher check`: what a configuration means, and what is wrong with it.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::json;

use crate::generation::Release;
use crate::notes::{Note, Notes, Severity};
use crate::resolve::Route;
use crate::terminal::{Colour, print_line};
use crate::{app_config, config, document, pool, resolve, words};

/// Arguments of `check`, shared with `send`.
#[derive(Debug, clap::Args)]
pub struct Files {
    /// The node's mongooseim.toml
    #[arg(value_name = "MONGOOSEIM_TOML")]
    pub file: PathBuf,
    /// The node's etc/app.config, whose settings of this application are checked too
    #[arg(long, value_name = "FILE")]
    pub app_config: Option<PathBuf>,
    /// The MongooseIM release the file is for, for example 6.4; otherwise the layout of the file
    /// tells 5.0 from 5.1 and later
    #[arg(long, value_name = "RELEASE")]
    pub mongooseim: Option<Release>,
    /// The node's working directory, from which relative certificate paths are read; otherwise the
    /// current directory
    #[arg(long, value_name = "DIR")]
    pub node_dir: Option<PathBuf>,
}

/// What has been read.
pub struct Checked {
    config: Option<config::Config>,
    notes: Notes,
    others: Vec<Note>,
}

/// Reads and judges the files.
///
/// # Errors
///
/// A file that cannot be read at all, in words.
pub fn read(files: &Files) -> Result<Checked, String> {
    let text = read_file(&files.file)?;
    let mut others = Vec::new();
    let mut http2 = Vec::new();
    if let Some(file) = &files.app_config {
        let mut notes = Notes::new(&file.to_string_lossy());
        http2 = app_config::read(&read_file(file)?, &mut notes);
        others = notes.into_sorted();
    }
    let mut notes = Notes::new(&files.file.to_string_lossy());
    let config = match document::parse(&text) {
        Ok(root) => {
            let given = config::Given {
                release: files.mongooseim,
                root: files.node_dir.as_deref(),
                http2: &http2,
            };
            Some(config::read(&root, given, &mut notes))
        }
        Err(errors) => {
            for error in errors {
                notes.problem(("", error.line), format!("not TOML: {}", error.text));
            }
            None
        }
    };
    Ok(Checked {
        config,
        notes,
        others,
    })
}

fn read_file(path: &std::path::Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

impl Checked {
    /// The first host or host type of the file.
    pub fn first_host(&self) -> Option<&str> {
        self.config.as_ref()?.hosts.first().map(String::as_str)
    }

    /// The handlers with their pools, and everything there is to say.
    pub fn routes(&mut self) -> (Vec<Route<'_>>, Vec<Note>) {
        let routes = match &self.config {
            Some(config) => resolve::routes(config, &mut self.notes),
            None => Vec::new(),
        };
        let notes = std::mem::replace(&mut self.notes, Notes::new(""));
        let mut notes = notes.into_sorted();
        notes.append(&mut self.others);
        (routes, notes)
    }
}

/// Prints what there is to say; whether there is no problem.
///
/// # Errors
///
/// A file that cannot be read at all, in words.
pub fn run(files: &Files, json: bool) -> Result<bool, String> {
    let mut checked = read(files)?;
    let (routes, notes) = checked.routes();
    let well = notes.iter().all(|note| note.severity != Severity::Problem);
    if json {
        let report = Report {
            ok: well,
            handlers: routes.iter().map(in_json).collect(),
            notes: &notes,
        };
        let text = serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?;
        print_line(&text);
    } else {
        print_line(&in_text(&routes, &notes, Colour::of_stdout()));
    }
    Ok(well)
}

#[derive(Serialize)]
struct Report<'a> {
    ok: bool,
    handlers: Vec<serde_json::Value>,
    notes: &'a [Note],
}

fn in_json(route: &Route<'_>) -> serde_json::Value {
    let settings = route.settings;
    json!({
        "number": route.handler.number,
        "path": route.handler.path,
        "line": route.handler.line,
        "callback_module": route.handler.callback_module,
        "wait_ms": route.handler.wait,
        "hosts": if route.hosts.is_empty() { json!("all") } else { json!(route.hosts) },
        "pool": route.handler.pool_name,
        "pool_path": route.pool.path,
        "pool_line": route.pool.line,
        "url": route.url(),
        "workers": settings.workers,
        "max_waiting": settings.max_waiting,
        "waits": settings.when_busy == queue::WhenBusy::Wait,
        "request_timeout_ms": u64::try_from(settings.request_timeout.as_millis()).ok(),
        "call_timeout_ms": u64::try_from(settings.call_timeout.as_millis()).ok(),
        "http2": settings.http2,
        "tls": words::tls(settings),
    })
}

fn in_text(routes: &[Route<'_>], notes: &[Note], colour: Colour) -> String {
    let mut text = String::new();
    if !routes.is_empty() {
        text.push_str(&table(routes, colour));
        text.push('\n');
    }
    for note in notes {
        let severity = match note.severity {
            Severity::Problem => colour.red("problem"),
            Severity::Warning => colour.yellow("warning"),
        };
        let path = if note.path.is_empty() {
            String::new()
        } else {
            format!(" {}:", colour.bold(&note.path))
        };
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "{}:{}: {severity}:{path} {}",
            note.file, note.line, note.text
        );
    }
    let count = |severity| {
        notes
            .iter()
            .filter(|note| note.severity == severity)
            .count()
    };
    let (problems, warnings) = (count(Severity::Problem), count(Severity::Warning));
    let summary = format!(
        "{}, {}, {}",
        plural(routes.len(), "handler"),
        plural(problems, "problem"),
        plural(warnings, "warning")
    );
    let summary = match (problems, warnings) {
        (0, 0) => colour.green(&summary),
        (0, _) => colour.yellow(&summary),
        _ => colour.red(&summary),
    };
    text.push_str(&summary);
    text
}

fn plural(count: usize, what: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {what}{s}")
}

fn table(routes: &[Route<'_>], colour: Colour) -> String {
    let mut rows = vec![vec![
        "HANDLER".to_owned(),
        "FOR".to_owned(),
        "POOL".to_owned(),
        "URL".to_owned(),
        "WORKERS".to_owned(),
        "TIMEOUTS".to_owned(),
        "TLS".to_owned(),
    ]];
    for route in routes {
        let settings = route.settings;
        let waiting = pool::waiting_in_words(settings);
        let workers = if waiting.is_empty() {
            settings.workers.to_string()
        } else {
            format!("{}, {waiting}", settings.workers)
        };
        let hosts = if route.hosts.is_empty() {
            "all hosts".to_owned()
        } else {
            route.hosts.join(" ")
        };
        rows.push(vec![
            format!("{} {}", route.handler.number, route.handler.callback_module),
            hosts,
            route.handler.pool_name.clone(),
            route.url(),
            workers,
            format!(
                "request {}, call {}",
                words::duration(settings.request_timeout),
                words::duration(settings.call_timeout)
            ),
            words::tls(settings),
        ]);
    }
    let columns = rows.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let cells: Vec<_> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        let line = cells.join("  ");
        let line = line.trim_end();
        text.push_str(&if index == 0 {
            colour.bold(line)
        } else {
            line.to_owned()
        });
        text.push('\n');
    }
    text
}
