//! `http-pusher spool DIR retry` and `purge`.

use std::path::Path;

use ::spool::{Directory, OpenError, Selection, Settings};
use indicatif::ProgressBar;
use serde_json::json;

use super::Chosen;
use super::file::{self, PoolFile, ambiguous, explain};
use crate::output::print_line;
use crate::text::counted;

/// How many dead letters are removed in one transaction, so that a running node never waits long.
const AT_ONCE: u32 = 1000;

/// Asks for dead letters to be delivered. Without a running node, they are put back at once.
pub(super) fn retry(directory: &Path, chosen: &Chosen) -> Result<bool, String> {
    let mut files = file::open_all(directory, chosen.pool.as_deref())?;
    let which = chosen.which.selection();
    is_one(&files, &which)?;
    let mut asked = 0;
    let progress = ProgressBar::new(count(&files, chosen));
    for file in &mut files {
        asked += file
            .admin
            .retry(&which, |some| progress.inc(some))
            .map_err(|error| explain(&file.path, &error))?;
    }
    progress.finish_and_clear();
    let node = put_back(directory, &mut files, asked)?;
    if chosen.json {
        print_line(&json!({ "retried": asked, "node": node }).to_string());
    } else {
        let letters = counted(asked, "dead letter");
        let them = if asked == 1 { "it" } else { "them" };
        print_line(&match node {
            Some(node) => format!("{letters}: {node} delivers {them}"),
            None => format!("{letters} put back: the node delivers {them} when it starts"),
        });
    }
    Ok(asked > 0)
}

/// Each pool counts from one: a number must not mean the dead letters of several.
fn is_one(files: &[PoolFile], which: &Selection) -> Result<(), String> {
    let Selection::One(id) = which else {
        return Ok(());
    };
    let mut pools = Vec::new();
    for file in files {
        let letter = file.admin.dead_letter(*id);
        if letter
            .map_err(|error| explain(&file.path, &error))?
            .is_some()
        {
            pools.push(&*file.status.pool);
        }
    }
    if pools.len() < 2 {
        return Ok(());
    }
    Err(ambiguous("dead letter", *id, &pools))
}

/// Returns the name of the running node if there is one; otherwise puts the dead letters back itself.
fn put_back(
    directory: &Path,
    files: &mut [PoolFile],
    asked: u64,
) -> Result<Option<String>, String> {
    let held = match Directory::take(directory, "http-pusher spool", Settings::default()) {
        Ok(held) => held,
        Err(OpenError::Held { holder, .. }) => return Ok(Some(holder)),
        Err(error) => return Err(error.to_string()),
    };
    let progress = ProgressBar::new(asked);
    for file in files {
        file.admin
            .bring_back(&held, |some| progress.inc(some))
            .map_err(|error| explain(&file.path, &error))?;
    }
    progress.finish_and_clear();
    Ok(None)
}

/// How many dead letters may be meant.
fn count(files: &[PoolFile], chosen: &Chosen) -> u64 {
    let which = chosen.which.selection();
    files
        .iter()
        .flat_map(|file| &file.status.dead)
        .filter(|(reason, _)| which.may_have(reason))
        .map(|(_, count)| count)
        .sum()
}

/// Removes dead letters.
pub(super) fn purge(directory: &Path, chosen: &Chosen) -> Result<bool, String> {
    let mut files = file::open_all(directory, chosen.pool.as_deref())?;
    let which = chosen.which.selection();
    is_one(&files, &which)?;
    let mut removed = 0;
    let progress = ProgressBar::new(count(&files, chosen));
    for file in &mut files {
        loop {
            let some = file
                .admin
                .purge(&which, AT_ONCE)
                .map_err(|error| explain(&file.path, &error))?;
            progress.inc(some);
            removed += some;
            if some < u64::from(AT_ONCE) {
                break;
            }
        }
    }
    progress.finish_and_clear();
    if chosen.json {
        print_line(&json!({ "removed": removed }).to_string());
    } else {
        print_line(&format!("{} removed", counted(removed, "dead letter")));
    }
    Ok(removed > 0)
}
