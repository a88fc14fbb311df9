//! CONTRIBUTING.md and docs/internals.md: commands, files and modules.

use super::{code, files, prose, read, root, rows};

const CONTRIBUTING: &str = include_str!("../../../../CONTRIBUTING.md");
const INTERNALS: &str = include_str!("../../../../docs/internals.md");

/// What `make help` offers, it explains.
#[test]
fn contributing_has_every_command() {
    let makefile = read(&root().join("Makefile"));
    let commands = makefile.split("@echo \"make ").skip(1);
    let mut count = 0;
    for command in commands.filter_map(|rest| rest.split([' ', '"']).next()) {
        let named = format!("`make {command}");
        let mut places = CONTRIBUTING.match_indices(&named);
        let whole = |(at, _): (usize, _)| CONTRIBUTING[at + named.len()..].starts_with([' ', '`']);
        assert!(places.any(whole), "{command}");
        count += 1;
    }
    assert!(count > 25, "{count}");
}

#[test]
fn contributing_names_files_that_are_there() {
    let tables = CONTRIBUTING.split_once("## Find your way").unwrap().1;
    let tables = tables.split_once("### The way").unwrap().0;
    let mut count = 0;
    for row in rows(tables) {
        for path in row.iter().flat_map(|cell| code(cell)) {
            if path.contains('/') {
                assert!(root().join(path).exists(), "{path}");
                count += 1;
            }
        }
    }
    for code in prose(CONTRIBUTING).flat_map(code) {
        let is_page = code.strip_suffix(".md").is_some();
        assert!(!is_page || root().join(code).exists(), "{code}");
    }
    assert!(count > 25, "{count}");
}

/// Modules of Erlang by their names, files by the ends of theirs.
#[test]
fn the_ways_through_the_code_name_modules_that_are_there() {
    let way = CONTRIBUTING.split_once("### The way").unwrap().1;
    let way = way.split_once("\n## ").unwrap().0;
    let sources: Vec<String> = files("erl_src", ".erl")
        .into_iter()
        .chain(files("native", ".rs"))
        .map(|file| file.to_string_lossy().replace('\\', "/"))
        .collect();
    let decisions = prose(INTERNALS).flat_map(code);
    let mut count = 0;
    for code in code(way).chain(decisions) {
        let code = code.split([':', ' ', '*']).next().unwrap();
        let name = match code.strip_suffix(".rs") {
            Some(name) => name,
            None if code.starts_with("http_pusher_") => code,
            None => continue,
        };
        let there = |file: &String| {
            let file = file.rsplit_once('.').unwrap().0;
            file.ends_with(&format!("/{name}"))
        };
        assert!(sources.iter().any(there), "{name}");
        count += 1;
    }
    assert!(count > 40, "{count}");
}
