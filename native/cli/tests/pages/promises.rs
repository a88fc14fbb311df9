//! docs/reliability.md names tests that exist.

use std::collections::BTreeSet;

use super::{code, files, read, root, rows};

const RELIABILITY: &str = include_str!("../../../../docs/reliability.md");

/// Whatever a table of promises names as its test: a suite or one of its cases, a test program, a module with
/// tests, a test by its name or by how that begins.
#[test]
fn reliability_names_tests_that_exist() {
    let mut names = BTreeSet::new();
    for file in files("native", ".rs") {
        let text = read(&file);
        let relative = file.strip_prefix(root()).unwrap().to_string_lossy();
        let parts = relative.trim_end_matches(".rs").split('/');
        names.extend(parts.map(str::to_owned));
        let words: Vec<&str> = text
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .filter(|word| !word.is_empty())
            .collect();
        let defined = words
            .windows(2)
            .filter(|pair| ["fn", "mod"].contains(&pair[0]));
        names.extend(defined.map(|pair| pair[1].to_owned()));
    }
    for folder in ["test", "big_tests"] {
        for file in files(folder, ".erl") {
            names.insert(file.file_stem().unwrap().to_string_lossy().into_owned());
            let text = read(&file);
            let functions = text.lines().filter_map(|line| line.split_once('('));
            names.extend(functions.map(|(name, _)| name.to_owned()));
        }
    }
    let known = |name: &str| match name.strip_suffix('…') {
        Some(beginning) => names.iter().any(|name| name.starts_with(beginning)),
        None => {
            names.contains(name)
                || names.contains(&format!("{name}_test_"))
                || names.contains(&format!("{name}_test"))
        }
    };
    let mut count = 0;
    for table in RELIABILITY.split("\n| promise | test |\n").skip(1) {
        for row in rows(table.split("\n\n").next().unwrap()) {
            let tests = code(row[1])
                .filter(|code| code.contains('_') && !code.contains(['/', ' ', '=', '.']));
            // That is the reason which the rows of that test end with.
            for test in tests.filter(|test| *test != "connection_closed") {
                let parts = test.trim_start_matches('…').split(':');
                for name in parts.filter(|name| !name.is_empty()) {
                    assert!(known(name), "{name} of {test}: {}", row[0]);
                    count += 1;
                }
            }
        }
    }
    assert!(count > 400, "{count}");
}
