//! The commands and the tables of docs/receive.md.
#![allow(clippy::unwrap_used)]

mod common;

use clap::CommandFactory as _;
use common::{Dir, Running, program};

const PAGE: &str = include_str!("../../../docs/receive.md");

/// The lines of the block that begins with this line.
#[track_caller]
fn block(first: &str) -> Vec<&'static str> {
    let start = PAGE.find(&format!("\n{first}\n")).unwrap() + 1;
    let lines = PAGE[start..].lines();
    lines.take_while(|line| *line != "```").collect()
}

/// The text between quotes after `-d` in a line of curl, and its other words.
fn curl(line: &str) -> (Vec<&str>, &str) {
    let quoted = line.split('\'').nth(3).unwrap();
    (line.split(' ').collect(), quoted)
}

#[test]
fn the_first_lines_and_what_curl_sends() {
    let dir = Dir::new();
    let shown = block("$ http-pusher receive --web");
    let mut child = program(&dir)
        .args(["receive", "--port", "0", "--web", "127.0.0.1:0"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufReader::new(child.stdout.take().unwrap());
    for shown in &shown[1..] {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut lines, &mut line).unwrap();
        let (before, after) = line.split_once("127.0.0.1:").unwrap();
        let port = after.find(|c: char| !c.is_ascii_digit()).unwrap();
        let without = format!("{before}127.0.0.1:{}", &after[port..]);
        let expected = shown.replace(":8000", ":").replace(":8001", ":");
        assert_eq!(without.trim_end(), expected);
    }
    child.kill().unwrap();
    child.wait().unwrap();

    let endpoint = Running::with_page(&dir, &[]);
    let by_hand = PAGE
        .lines()
        .find(|line| line.starts_with("curl -d "))
        .unwrap();
    let fields: Vec<&str> = by_hand.split(" -d ").skip(1).collect();
    let body = fields.join("&");
    let body = body.split(' ').next().unwrap();
    let form = ["content-type: application/x-www-form-urlencoded"];
    endpoint.send("/notifications", &form, body.as_bytes());
    let row = endpoint.ask("GET", "/requests/1", &[], "").json();
    assert_eq!(
        (row["row"]["who"].as_str(), row["row"]["line"].as_str()),
        (Some("alice"), Some("Hi"))
    );

    let set = PAGE
        .lines()
        .find(|line| line.starts_with("curl -H "))
        .unwrap();
    let (words, settings) = curl(set);
    assert_eq!(words.last(), Some(&"http://127.0.0.1:8001/answers"));
    let header = set.split('\'').nth(1).unwrap();
    assert_eq!(
        endpoint.ask("POST", "/answers", &[header], settings).status,
        200
    );
    assert!(endpoint.post().contains("retry-after: 10"));
    // The table names each field.
    let fields = endpoint.ask("GET", "/answers", &[], "").json();
    for name in fields.as_object().unwrap().keys() {
        assert!(PAGE.contains(&format!("\n| `{name}` |")), "{name}");
    }
}

#[test]
fn the_recorded_line_is_replayed_as_shown() {
    let dir = Dir::new();
    let line = PAGE
        .lines()
        .find(|line| line.starts_with("{\"at\""))
        .unwrap();
    dir.file("requests.ndjson", line);
    let endpoint = Running::receive(&dir, &[]);
    let url = format!("http://{}", endpoint.address);
    let output = program(&dir)
        .args(["replay", "requests.ndjson", &url])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let shown = block("$ http-pusher replay requests.ndjson http://127.0.0.1:8000");
    let without_time = |line: &str| line.split(" in ").next().unwrap().to_owned();
    let printed: Vec<String> = text.lines().map(without_time).collect();
    let expected: Vec<String> = shown[1..]
        .iter()
        .map(|line| without_time(&line.replace("127.0.0.1:8000", &endpoint.address)))
        .collect();
    assert_eq!(printed, expected);
}

#[test]
fn every_option_is_in_the_tables() {
    for name in ["receive", "replay"] {
        let mut whole = cli::Arguments::command();
        let command = whole.find_subcommand_mut(name).unwrap();
        let options = command.get_arguments().filter_map(clap::Arg::get_long);
        for option in options {
            let rows = PAGE.lines().filter(|line| line.starts_with("| `--"));
            let mut rows = rows.filter(|row| row.contains(&format!("`--{option}")));
            assert!(rows.next().is_some(), "{name} --{option}");
        }
    }
}
