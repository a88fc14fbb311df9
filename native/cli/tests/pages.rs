//! The pages of the repository say what is there: links, commands, files, log lines, gauges and tests that they
//! name, and examples that `http-pusher check` has nothing against.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use common::{Dir, check_in};

const README: &str = include_str!("../../../README.md");
const CONTRIBUTING: &str = include_str!("../../../CONTRIBUTING.md");
const CONFIGURATION: &str = include_str!("../../../docs/configuration.md");
const OPERATING: &str = include_str!("../../../docs/operating.md");
const RELIABILITY: &str = include_str!("../../../docs/reliability.md");
const TEMPLATES: &str = include_str!("../../../docs/templates.md");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What a clone has below `folder`, as far as it ends so; nothing that was built or installed.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    const MADE: [&str; 5] = ["target", "_build", "node_modules", "priv", "corpus"];
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

/// A part of a page, from its heading to the next of the same level.
#[track_caller]
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("\n{heading}\n")).unwrap();
    rest.split("\n## ").next().unwrap()
}

/// The anchors of a page, as code hosts make them of its headings.
fn anchors(page: &str) -> BTreeSet<String> {
    let headings = prose(page).filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| -> String {
        let text = heading.trim_start_matches('#').trim().to_lowercase();
        let text = text.replace(' ', "-");
        text.chars()
            .filter(|c| c.is_alphanumeric() || "-_".contains(*c))
            .collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let pages = files("", ".md");
    assert!(pages.len() > 30, "{pages:?}");
    for page in pages {
        let text = read(&page);
        let links = prose(&text).flat_map(|line| line.split("](").skip(1));
        for link in links.filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") || link.contains('`') {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => page.clone(),
                file => page.parent().unwrap().join(file),
            };
            assert!(target.exists(), "{}: {link}", page.display());
            if !anchor.is_empty() && target.extension().is_some_and(|ending| ending == "md") {
                let known = anchors(&read(&target));
                assert!(known.contains(anchor), "{}: {link}", page.display());
            }
        }
    }
}

#[test]
fn every_command_of_make_and_every_script_is_there() {
    let makefile = read(&root().join("Makefile"));
    let targets: BTreeSet<&str> = makefile
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(target, _)| target)
        .collect();
    for page in files("", ".md") {
        let text = read(&page);
        for command in prose(&text).flat_map(code) {
            let mut words = command
                .split(' ')
                .skip_while(|word| word.contains('=') || *word == "flock");
            match words.next() {
                Some("make") => {
                    let target = words.find(|word| !word.contains('=')).unwrap_or("help");
                    assert!(targets.contains(target), "{}: {command}", page.display());
                }
                Some(script) if script.starts_with("scripts/") && !script.contains('*') => {
                    let there = root().join(script).exists();
                    assert!(there, "{}: {command}", page.display());
                }
                _ => {}
            }
        }
    }
}

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
    assert!(count > 25, "{count}");
    // The way of one notification: modules by their names, files below the folder that was named before.
    let way = CONTRIBUTING.split_once("### The way").unwrap().1;
    let way = way.split_once("\n## ").unwrap().0;
    let sources: Vec<String> = files("erl_src", ".erl")
        .into_iter()
        .chain(files("native", ".rs"))
        .map(|file| file.to_string_lossy().replace('\\', "/"))
        .collect();
    for code in code(way) {
        let code = code.split(':').next().unwrap();
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
    }
}

/// Each line of the log that the application writes has a row, with its level.
#[test]
fn operating_explains_each_line_of_the_log() {
    let mut documented = BTreeMap::<&str, BTreeSet<&str>>::new();
    for row in &rows(section(OPERATING, "## Log"))[1..] {
        let name = code(row[0]).next().unwrap();
        documented.entry(name).or_default().insert(row[1]);
    }
    let mut written = BTreeSet::new();
    for file in files("erl_src", ".erl") {
        let text = read(&file);
        for (at, _) in text.match_indices("what => ") {
            let name = &text[at + "what => ".len()..];
            let name = &name[..name
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap()];
            // What a refused option says is in the configuration's error.
            if !name.starts_with("http_pusher_") && !name.starts_with("event_pusher_") {
                continue;
            }
            let levels = documented.get(name);
            let levels = levels.unwrap_or_else(|| panic!("{name} is not in the table"));
            written.insert(name.to_owned());
            // The call stands just before, unless the line is built first.
            let map = |c: char| c.is_whitespace() || "#{".contains(c);
            let call = text[..at].trim_end_matches(map);
            let call = call.trim_end_matches(|c: char| c.is_alphanumeric());
            if let Some(call) = call.strip_suffix('(') {
                let level = call.rsplit(':').next().unwrap();
                assert!(levels.contains(level), "{name}: {level}, {levels:?}");
            }
        }
    }
    let ours = documented.keys().filter(|name| name.contains("_pusher_"));
    let ours: BTreeSet<String> = ours.map(|name| (*name).to_owned()).collect();
    assert_eq!(written, ours);
}

#[test]
fn operating_has_every_gauge() {
    let table = section(OPERATING, "## Metrics");
    let named: BTreeSet<&str> = code(table).flat_map(|code| code.split('{')).collect();
    let prometheus = read(&root().join("erl_src/report/http_pusher_prometheus.erl"));
    let words = |text: &str| -> BTreeSet<String> {
        let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
        words.map(str::to_owned).collect()
    };
    // Those of modules have `:' behind their names.
    let gauges: Vec<String> = words(&prometheus)
        .into_iter()
        .filter(|word| word.starts_with("http_pusher_"))
        .filter(|word| !root().join(format!("erl_src/report/{word}.erl")).exists())
        .filter(|word| word != "http_pusher_host")
        .collect();
    assert!(gauges.len() > 24, "{gauges:?}");
    for gauge in gauges {
        assert!(named.contains(gauge.as_str()), "{gauge}");
    }
    // The keys of the maps of numbers are the last parts of exometer's names.
    let metrics = read(&root().join("erl_src/report/http_pusher_metrics.erl"));
    let numbers = metrics.split_once("\nnumbers(Pool) ->").unwrap().1;
    let numbers = numbers.split_once("\nor_zero(").unwrap().0;
    let with = numbers.split_once("maps:with([").unwrap().1;
    let with = with.split_once(']').unwrap().0;
    let made = numbers
        .lines()
        .filter_map(|line| line.split_once(" => "))
        .map(|(key, _)| key.trim());
    let keys: BTreeSet<String> = made.map(str::to_owned).chain(words(with)).collect();
    assert!(keys.len() > 25, "{keys:?}");
    for key in keys.iter().filter(|key| !key.is_empty()) {
        assert!(named.contains(key.as_str()), "{key}");
    }
}

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

/// Handlers without a pool get one, options without a handler that too.
#[test]
fn every_example_passes_check() {
    const HANDLER: &str = "[[modules.mod_event_pusher.http.handlers]]\n";
    let dir = Dir::new();
    std::fs::create_dir_all(dir.path().join("etc/templates")).unwrap();
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n";
    for name in [
        "webhook_secret",
        "webhook-secrets",
        "key",
        "token",
        "telegram-token",
    ] {
        dir.file(&format!("etc/{name}"), secret);
    }
    dir.file("etc/templates/service.json.j2", "{{ body | default('') }}");
    let mut count = 0;
    for page in [README, CONFIGURATION, TEMPLATES] {
        for example in page.split("```toml\n").skip(1) {
            let example = example.split("```").next().unwrap();
            let rules = "[[modules.mod_event_pusher.http.handlers.rules]]";
            let whole = example.starts_with('[') && !example.starts_with(rules);
            let mut file = format!("{}{example}\n", if whole { "" } else { HANDLER });
            let pools = example.split("pool_name = \"").skip(1);
            let pools = pools.filter_map(|rest| rest.split('"').next());
            for pool in pools.chain(["http_pool"]).collect::<BTreeSet<_>>() {
                if !file.contains(&format!("[outgoing_pools.http.{pool}.connection]")) {
                    let host = "host = \"https://localhost:8000\"";
                    file = format!("[outgoing_pools.http.{pool}.connection]\n{host}\n{file}");
                }
            }
            let checked = check_in(&dir, &file, &[]);
            assert_eq!(checked.status, 0, "{example}\n{}", checked.text);
            count += 1;
        }
    }
    assert!(count > 8, "{count}");
}
