//! `http-pusher spool DIR list`, `show` and `export`.

use std::io::{self, IsTerminal};

use ::spool::{DeadLetter, History, Kind, Loaded, Record, RowId, Selection};
use comfy_table::{Table, presets};
use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::file::{PoolFile, ambiguous, explain};
use super::words;
use crate::output::{print_line, visible};

/// How many are read at once.
const AT_ONCE: u32 = 500;

/// A notification that waits, or that was given up.
enum Found {
    Waiting(Loaded),
    Dead(DeadLetter),
}

impl Found {
    fn loaded(&self) -> &Loaded {
        match self {
            Self::Waiting(loaded) => loaded,
            Self::Dead(letter) => &letter.loaded,
        }
    }
}

/// Prints what waits, or the dead letters that are meant.
pub(super) fn list(
    files: &[PoolFile],
    dead: Option<&Selection>,
    limit: u32,
    json: bool,
) -> Result<bool, String> {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header([
        "pool", "number", "since", "handler", "from", "to", "attempts", "last",
    ]);
    let mut any = false;
    for file in files {
        for found in read(file, dead, RowId(0), limit)? {
            any = true;
            if json {
                print_line(&in_json(file, &found).to_string());
            } else {
                table.add_row(row(file, &found));
            }
        }
    }
    if !json && any {
        print_line(&table.trim_fmt());
    } else if !json {
        print_line("nothing");
    }
    Ok(true)
}

/// Prints one notification.
pub(super) fn show(files: &[PoolFile], id: RowId, json: bool) -> Result<bool, String> {
    let mut hits = Vec::new();
    for file in files {
        let failed = |error: ::spool::SqlError| explain(&file.path, &error);
        let waiting = file.admin.record(id).map_err(failed)?.map(Found::Waiting);
        let dead = file.admin.dead_letter(id).map_err(failed)?.map(Found::Dead);
        hits.extend(waiting.or(dead).map(|found| (file, found)));
    }
    match hits.as_slice() {
        [] => Err(format!("there is no notification {id} here")),
        [(file, found)] if json => {
            print_line(&in_json(file, found).to_string());
            Ok(true)
        }
        [(file, found)] => {
            print_line(&in_text(file, found));
            Ok(true)
        }
        _ => {
            let pools: Vec<_> = hits.iter().map(|(file, _)| &*file.status.pool).collect();
            Err(ambiguous("notification", id, &pools))
        }
    }
}

/// Prints everything, one JSON object a line.
pub(super) fn export(files: &[PoolFile]) -> Result<bool, String> {
    let dead = |file: &PoolFile| file.status.dead.iter().map(|(_, count)| count).sum::<u64>();
    let all = files.iter().map(|file| file.status.waiting + dead(file));
    // Not between the lines.
    let progress = if io::stdout().is_terminal() {
        ProgressBar::hidden()
    } else {
        ProgressBar::new(all.sum())
    };
    for file in files {
        for dead in [None, Some(&Selection::All)] {
            let mut after = RowId(0);
            loop {
                let found = read(file, dead, after, AT_ONCE)?;
                let Some(last) = found.last() else { break };
                after = last.loaded().id;
                for found in &found {
                    print_line(&in_json(file, found).to_string());
                }
                progress.inc(found.len() as u64);
            }
        }
    }
    progress.finish_and_clear();
    Ok(true)
}

fn read(
    file: &PoolFile,
    dead: Option<&Selection>,
    after: RowId,
    most: u32,
) -> Result<Vec<Found>, String> {
    let found = match dead {
        None => file
            .admin
            .records(after, most)
            .map(|records| records.into_iter().map(Found::Waiting).collect()),
        Some(which) => file
            .admin
            .dead_letters(which, after, most)
            .map(|letters| letters.into_iter().map(Found::Dead).collect()),
    };
    found.map_err(|error| explain(&file.path, &error))
}

fn row(file: &PoolFile, found: &Found) -> Vec<String> {
    let Loaded {
        id,
        record,
        history,
        ..
    } = found.loaded();
    let last = match found {
        Found::Waiting(_) => history.error.clone(),
        Found::Dead(letter) => letter.reason.0.clone(),
    };
    vec![
        visible(&file.status.pool),
        id.to_string(),
        words::date(record.created),
        visible(&record.handler),
        visible(&author(record)),
        visible(&lossy(&record.receiver)),
        history.attempts.to_string(),
        visible(&last),
    ]
}

fn in_json(file: &PoolFile, found: &Found) -> Value {
    let Loaded {
        id,
        record,
        history,
        ..
    } = found.loaded();
    let (state, reason, ended) = match found {
        Found::Waiting(_) => ("waiting", None, None),
        Found::Dead(letter) => ("dead", Some(&letter.reason.0), Some(letter.ended)),
    };
    json!({
        "pool": file.status.pool,
        "number": id.0,
        "state": state,
        "reason": reason,
        "ended": ended.map(words::date),
        "webhook_id": &*record.message_id,
        "created": words::date(record.created),
        "host_type": &*record.host_type,
        "handler": &*record.handler,
        "from": author(record),
        "to": lossy(&record.receiver),
        "content": kind(record.kind),
        // The headers of a callback module may hold a secret, so `extra` is left out.
        "text": lossy(&record.text),
        "attempts": history.attempts,
        "first_attempt": history.first.map(words::date),
        "last_attempt": history.last.map(words::date),
        "last_status": history.status,
        "last_error": history.error,
        "last_answer": history.answer,
    })
}

fn in_text(file: &PoolFile, found: &Found) -> String {
    let Loaded {
        id,
        record,
        history,
        ..
    } = found.loaded();
    let mut lines = vec![
        ("pool", file.status.pool.clone()),
        ("number", id.to_string()),
        ("webhook-id", record.message_id.to_string()),
        ("handed over", words::date(record.created)),
        ("host type", record.host_type.to_string()),
        ("handler", record.handler.to_string()),
        ("from", author(record)),
        ("to", lossy(&record.receiver)),
        ("attempts", attempts(history)),
    ];
    if let Some(status) = history.status {
        lines.push(("last status", status.to_string()));
    }
    if !history.error.is_empty() {
        lines.push(("last error", history.error.clone()));
    }
    if !history.answer.is_empty() {
        lines.push(("last answer", history.answer.clone()));
    }
    if let Found::Dead(letter) = found {
        let reason = format!("{}, {}", letter.reason.0, words::date(letter.ended));
        lines.push(("given up", reason));
    }
    lines.push((kind(record.kind), lossy(&record.text)));
    lines
        .iter()
        .map(|(name, value)| format!("{name:>12}: {}", visible(value)))
        .collect::<Vec<_>>()
        .join("\n")
}

fn attempts(history: &History) -> String {
    match (history.first, history.last) {
        (Some(first), Some(last)) => format!(
            "{}, from {} to {}",
            history.attempts,
            words::date(first),
            words::date(last)
        ),
        _ => history.attempts.to_string(),
    }
}

fn author(record: &Record) -> String {
    format!("{}@{}", lossy(&record.sender), lossy(&record.server))
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Form => "message",
        Kind::Custom => "body",
        Kind::Event => "stanza",
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
