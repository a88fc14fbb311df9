//! What is printed: handlers that are good, handlers that wait, colours, help, and files that cannot be read.

use crate::common::{Dir, LOCAL, ONE_TABLE, check, file, program};

#[test]
fn a_file_without_mistakes() {
    let checked = check(&file("", LOCAL), &[]);
    assert_eq!(
        (checked.status, checked.notes()),
        (0, vec![]),
        "{}",
        checked.text
    );
    let handler = checked.handler(0);
    assert_eq!(handler["url"], "http://localhost:8000/n");
    assert_eq!(handler["workers"], 10);
    assert_eq!(handler["hosts"], "all");
    assert_eq!(handler["tls"], "none (plain http)");
    assert!(
        checked
            .text
            .ends_with("1 handler, 0 problems, 0 warnings\n")
    );
    assert!(
        !checked.text.contains('\u{1b}'),
        "there is no colour without a terminal"
    );
}

#[test]
fn colours_without_a_terminal_if_asked_for() {
    let dir = Dir::new();
    dir.file("mongooseim.toml", &file("wrkers = 1", LOCAL));
    let run = |name: &str, value: &str| {
        let output = program(&dir)
            .args(["check", "mongooseim.toml"])
            .env(name, value)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let text = run("CLICOLOR_FORCE", "1");
    assert!(text.starts_with("\u{1b}[1mHANDLER "), "{text}");
    assert!(text.contains(" TLS\u{1b}[0m\n1 mod_event"), "{text}");
    assert!(text.contains(": \u{1b}[31mproblem\u{1b}[0m: "), "{text}");
    assert!(!run("NO_COLOR", "1").contains('\u{1b}'));
}

#[test]
fn handlers_that_wait() {
    let new =
        |wait: &str| file("", LOCAL).replace("path = \"n\"", &format!("path = \"n\", {wait}"));
    let old = |wait: &str| format!("{ONE_TABLE}  {wait}\n");
    for (text, release) in [
        (new("wait = 5000"), "6.11"),
        (new("wait = 5000"), "5.1"),
        (old("wait = 5000"), "5.0"),
    ] {
        let checked = check(&text, &["--mongooseim", release]);
        assert_eq!(checked.status, 0, "{text}: {}", checked.text);
        assert_eq!(checked.handler(0)["wait_ms"], 5000);
    }
    assert_eq!(
        check(&file("", LOCAL), &[]).handler(0)["wait_ms"],
        serde_json::Value::Null
    );
    for wrong in [
        "wait = -1",
        "wait = 1.5",
        "wait = \"5 s\"",
        "wait = 4294967296",
    ] {
        let checked = check(&new(wrong), &[]);
        assert_eq!(checked.status, 1, "{wrong}");
        let path = "problem modules.mod_event_pusher.http.handlers[1].wait".to_owned();
        assert!(checked.notes().contains(&path), "{wrong}: {}", checked.text);
        assert_eq!(check(&old(wrong), &[]).status, 1, "{wrong}");
    }
}

#[test]
fn files_that_cannot_be_read() {
    let checked = check("a = 1\nb = = 2\n", &[]);
    assert_eq!(checked.status, 1);
    assert_eq!(checked.json["notes"][0]["line"], 2);
    let dir = Dir::new();
    let output = program(&dir)
        .args(["check", "nowhere.toml"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("nowhere.toml")
    );
}

#[test]
fn help_for_each_command() {
    let dir = Dir::new();
    for command in ["check", "send", "receive"] {
        let output = program(&dir).args([command, "--help"]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && text.contains("Usage:"), "{text}");
    }
}
