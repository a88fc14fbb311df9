//! What is printed: for people, for scripts, on a terminal, and at an interrupt.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::common::{Dir, program};
use super::{ALL, check, endpoint, file, simulate, summary};

/// With `--json` there is one line alone.
#[test]
fn for_scripts() {
    let (dir, endpoint) = (Dir::new(), endpoint(""));
    file(&dir, &endpoint, "", "");
    let output = simulate(&dir, &["--duration", "200ms", "--rate", "100", "--json"]);
    assert_eq!(
        String::from_utf8(output.stdout.clone())
            .unwrap()
            .lines()
            .count(),
        1
    );
    check(&summary(&output), &endpoint);
    // Without rules, the default module's choice as a form.
    assert!(!endpoint.records().is_empty());
    for record in endpoint.records() {
        let names: Vec<String> = record.form().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["author", "server", "receiver", "message"]);
    }
}

/// Ctrl-C ends it with the summary.
#[test]
fn an_interrupt_ends_it_with_the_summary() {
    let (dir, endpoint) = (Dir::new(), endpoint(""));
    file(&dir, &endpoint, ALL, "");
    let mut child = program(&dir)
        .args([
            "simulate",
            "mongooseim.toml",
            "--duration",
            "1h",
            "--rate",
            "50",
            "--drain",
            "600s",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    while endpoint.records().len() < 50 {
        assert!(child.try_wait().unwrap().is_none());
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let last = lines.map(Result::unwrap).last().unwrap();
    let summary: Value = serde_json::from_str(&last).unwrap();
    assert!(child.wait().unwrap().code().is_some());
    assert_eq!(summary["interrupted"], true);
    check(&summary, &endpoint);
}

/// On a terminal there is a table with a bar, and the last line is still JSON.
#[test]
fn on_a_terminal() {
    let (dir, endpoint) = (Dir::new(), endpoint(""));
    file(&dir, &endpoint, ALL, "");
    let program = env!("CARGO_BIN_EXE_http-pusher");
    let command =
        format!("{program} simulate mongooseim.toml --duration 2s --rate 30 --drain 600s");
    let output = Command::new("script")
        .args(["-qec", &command, "/dev/null"])
        .env("SHELL", "/bin/sh")
        .env("TERM", "xterm")
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    for word in ["in flight", "p95", " %", "global/http_pool", "\u{1b}["] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let last = text.lines().last().unwrap();
    let summary: Value = serde_json::from_str(last).unwrap();
    check(&summary, &endpoint);
}

/// Without a terminal, a line now and then.
#[test]
fn in_lines() {
    let (dir, endpoint) = (Dir::new(), endpoint(""));
    file(&dir, &endpoint, ALL, "");
    let output = simulate(&dir, &["--duration", "3500ms", "--rate", "20"]);
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let lines: Vec<&str> = text
        .lines()
        .take_while(|line| line.contains(" s  sent "))
        .collect();
    assert!(!lines.is_empty(), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
    check(&summary(&output), &endpoint);
}
