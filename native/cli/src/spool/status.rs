//! `http-pusher spool DIR status`.

use std::path::Path;

use ::spool::{Directory, Status};
use comfy_table::{Table, presets};
use serde_json::json;

use super::file::{self, PoolFile};
use super::words;
use crate::output::{print_line, visible};

pub(super) fn run(directory: &Path, json: bool) -> Result<bool, String> {
    file::with_each(directory, None, |files| print(directory, files, json))
}

fn print(directory: &Path, files: &[PoolFile], json: bool) -> Result<bool, String> {
    let node = Directory::holder(directory)
        .map_err(|error| format!("{}: {error}", directory.display()))?;
    let statuses: Vec<&Status> = files.iter().map(|file| &file.status).collect();
    if json {
        let pools: Vec<_> = statuses.iter().map(|status| in_json(status)).collect();
        print_line(&json!({ "node": node, "pools": pools }).to_string());
    } else {
        print_line(&in_text(&statuses));
        print_line(&match node {
            Some(node) => format!("in use by {}", visible(&node)),
            None => "in use by no node".to_owned(),
        });
    }
    Ok(true)
}

fn in_json(status: &Status) -> serde_json::Value {
    json!({
        "pool": status.pool,
        "waiting": status.waiting,
        "waiting_bytes": status.waiting_bytes,
        "oldest": status.oldest.map(words::date),
        "oldest_age_ms": status.oldest.map(age_ms),
        "file_bytes": status.file_bytes,
        "dead_letters": status.dead.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
        "dead_bytes": status.dead_bytes,
    })
}

fn in_text(statuses: &[&Status]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header([
        "pool",
        "waiting",
        "oldest",
        "bytes",
        "dead letters",
        "on disk",
    ]);
    for status in statuses {
        let dead: Vec<_> = status
            .dead
            .iter()
            .map(|(reason, count)| format!("{count} {}", visible(reason)))
            .collect();
        table.add_row([
            visible(&status.pool),
            status.waiting.to_string(),
            status.oldest.map_or_else(
                || "-".to_owned(),
                |oldest| format!("{} ago", words::age(age_ms(oldest))),
            ),
            words::bytes(status.waiting_bytes),
            if dead.is_empty() {
                "none".to_owned()
            } else {
                dead.join(", ")
            },
            words::bytes(status.file_bytes),
        ]);
    }
    table.trim_fmt()
}

fn age_ms(since: i64) -> u64 {
    u64::try_from(::spool::now_ms() - since).unwrap_or_default()
}
