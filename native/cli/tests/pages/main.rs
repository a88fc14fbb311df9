//! The pages of the repository say what is there: links, commands, files, log lines, gauges and tests that they
//! name, and examples that `http-pusher check` has nothing against.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;
mod contributing;
mod examples;
mod links;
mod operating;
mod promises;

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What a clone has below `folder`, as far as it ends so; nothing that was built or installed.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    const MADE: [&str; 6] = [
        "target",
        "_build",
        "node_modules",
        "vendor",
        "priv",
        "corpus",
    ];
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_folder = entry.file_type().unwrap().is_dir();
            if is_folder && !name.starts_with('.') && !MADE.contains(&name.as_str()) {
                folders.push(entry.path());
            } else if !is_folder && name.ends_with(ending) {
                found.push(entry.path());
            }
        }
    }
    found
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap()
}

/// The lines outside of fenced blocks.
fn prose(page: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    page.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        inside ^= fence;
        !inside && !fence
    })
}

/// What stands between backticks.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The rows of the tables in a part of a page, as cells.
fn rows(part: &str) -> Vec<Vec<&str>> {
    let rows = part
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| ---"));
    rows.map(|row| row.trim_matches(['|', ' ']).split(" | ").collect())
        .collect()
}
