//! docs/operating.md has every line of the log, every gauge, alert and command of the spool.

use std::collections::{BTreeMap, BTreeSet};

use clap::CommandFactory as _;

use super::{code, files, read, root, rows};

const ALERTS: &str = include_str!("../../../../docs/alerts.yaml");
const OPERATING: &str = include_str!("../../../../docs/operating.md");

/// A part of a page, from its heading to the next of the same level.
#[track_caller]
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("\n{heading}\n")).unwrap();
    rest.split("\n## ").next().unwrap()
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

#[test]
fn operating_has_every_alert_and_every_command_of_spool() {
    let mut rows = rows(OPERATING);
    rows.retain(|row| row.len() > 1);
    let mut count = 0;
    for alert in ALERTS.split("- alert: ").skip(1) {
        let name = alert.lines().next().unwrap();
        let severity = alert.split_once("severity: ").unwrap().1;
        let severity = severity.lines().next().unwrap();
        let named = format!("`{name}`");
        let row = rows.iter().find(|row| row[0] == named);
        assert_eq!(row.map(|row| row[1]), Some(severity), "{name}");
        count += 1;
    }
    assert!(count > 10, "{count}");
    let mut program = cli::Arguments::command();
    program.build();
    let spool = program.find_subcommand("spool").unwrap();
    for command in spool.get_subcommands().map(clap::Command::get_name) {
        let named =
            |row: &Vec<&str>| code(row[0]).any(|code| code.split(' ').next() == Some(command));
        assert!(command == "help" || rows.iter().any(named), "{command}");
    }
}
