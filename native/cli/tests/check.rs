//! What `http-pusher check` prints for scripts and for people.
#![allow(clippy::unwrap_used)]

mod common;

use common::{ARRAY, Dir, LOCAL, ONE_TABLE, POOL, check, check_in, file, program};

#[test]
fn first_example_of_the_documentation() {
    let checked = check(ONE_TABLE, &[]);
    assert_eq!(checked.status, 0, "{}", checked.text);
    let handler = checked.handler(0);
    // The text beside the example says http; the file decides.
    assert_eq!(
        handler["url"],
        "https://localhost:8000/webservice/notifications"
    );
    assert_eq!(handler["workers"], 50);
    assert_eq!(handler["request_timeout_ms"], 2000);
    assert_eq!(handler["call_timeout_ms"], 5000);
    assert_eq!(handler["callback_module"], "mod_event_pusher_http_defaults");
    assert_eq!(handler["tls"], "server not verified");
    let path = "modules.mod_event_pusher.backend.http.path";
    let expected = [
        format!("warning {POOL}.connection.tls"),
        format!("warning {path}"),
    ];
    assert_eq!(checked.notes(), expected);
    assert_eq!(checked.note(path)["line"], 13);
    let text = checked.note(path)["text"].as_str().unwrap();
    assert!(
        text.contains("https://localhost:8000/webservicenotifications"),
        "{text}"
    );
    assert!(
        checked
            .text
            .contains("mongooseim.toml:13: warning: modules.mod_event_pusher")
    );
    assert!(
        checked
            .text
            .contains("https://localhost:8000/webservice/notifications  50")
    );
    assert!(checked.text.contains("request 2 s, call 5 s"));
}

#[test]
fn second_example_of_the_documentation() {
    // The example has no pool.
    let checked = check(ARRAY, &[]);
    assert_eq!(checked.status, 1);
    let expected =
        [1, 2].map(|n| format!("problem modules.mod_event_pusher.backend.http[{n}].pool_name"));
    assert_eq!(checked.notes(), expected);
    assert_eq!(
        checked.note("modules.mod_event_pusher.backend.http[2].pool_name")["line"],
        8
    );
    // With the pool of the first example.
    let pool = ONE_TABLE.split("[modules").next().unwrap();
    let checked = check(&format!("{pool}{ARRAY}"), &[]);
    assert_eq!(checked.status, 0, "{}", checked.text);
    for (index, path, module) in [
        (0, "notifications", "notifications"),
        (1, "alerts", "alerts"),
    ] {
        let handler = checked.handler(index);
        assert_eq!(
            handler["url"],
            format!("https://localhost:8000/webservice/{path}")
        );
        assert_eq!(
            handler["callback_module"],
            format!("mod_event_pusher_http_{module}")
        );
    }
}

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
fn pools_that_no_handler_uses_are_checked_too() {
    let pool = |more: &str| {
        let pool = format!("[outgoing_pools.http.auth]\n{more}\n");
        check(&format!("{}{pool}", file("", LOCAL)), &[])
    };
    let path = "outgoing_pools.http.auth";
    let checked = pool("wrkers = 1\nconnection.host = \"http://auth.example.com\"");
    assert_eq!(checked.notes(), [format!("problem {path}.wrkers")]);
    let text = checked.note(&format!("{path}.wrkers"))["text"].to_string();
    assert!(text.contains("did you mean workers?"), "{text}");
    assert_eq!(pool("workers = 1").status, 1);
    // Another module's client may be able to do what this one's cannot, and its warnings are not of interest.
    let checked = pool("connection.host = \"gopher://auth.example.com\"");
    assert_eq!(checked.status, 0, "{}", checked.text);
    assert_eq!(checked.notes(), [format!("warning {path}.connection.host")]);
    let checked = pool("connection.host = \"http://auth.example.com\"");
    assert_eq!(checked.notes(), [""; 0], "{}", checked.text);
}

#[test]
fn other_modules_and_pools_of_other_kinds_are_left_alone() {
    let others = "[outgoing_pools.rdbms.default]\nworkers = \"x\"\n\
                  [modules.mod_roster]\nbackend = 1\n";
    let checked = check(&format!("{}{others}", file("", LOCAL)), &[]);
    assert_eq!(
        (checked.status, checked.notes()),
        (0, vec![]),
        "{}",
        checked.text
    );
}

#[test]
fn defaults_of_the_old_layout() {
    let text = "[modules.mod_event_pusher.backend.http]\n\
                [outgoing_pools.http.http_pool.connection]\n\
                host = \"http://localhost\"\n";
    let checked = check(text, &[]);
    assert_eq!(checked.status, 0, "{}", checked.text);
    assert_eq!(checked.handler(0)["workers"], 100);
    assert_eq!(checked.handler(0)["url"], "http://localhost/");
}

#[test]
fn mistakes_in_the_module_section() {
    let good = "[outgoing_pools.http.http_pool]\nconnection.host = \"http://localhost\"\n";
    for (module, path) in [
        (
            "[modules.mod_event_pusher.http]\nhandler = []",
            "modules.mod_event_pusher.http.handler",
        ),
        (
            "[modules.mod_event_pusher.http]\nhandlers = {}",
            "modules.mod_event_pusher.http.handlers",
        ),
        (
            "[[modules.mod_event_pusher.http.handlers]]\npool_name = \"\"",
            "modules.mod_event_pusher.http.handlers[1].pool_name",
        ),
        (
            "[[modules.mod_event_pusher.http.handlers]]\npath = 7",
            "modules.mod_event_pusher.http.handlers[1].path",
        ),
        (
            "[[modules.mod_event_pusher.http.handlers]]\npath = \"a#b\"",
            "modules.mod_event_pusher.http.handlers[1].path",
        ),
        (
            "[[modules.mod_event_pusher.http.handlers]]\nurl = \"/\"",
            "modules.mod_event_pusher.http.handlers[1].url",
        ),
        (
            "[[modules.mod_event_pusher.http.handlers]]\n[[modules.mod_event_pusher.http.handlers]]",
            "modules.mod_event_pusher.http.handlers[2]",
        ),
        (
            "[modules.mod_event_pusher_http]\npath = \"/\"",
            "modules.mod_event_pusher_http",
        ),
        (
            "[modules.mod_event_pusher.backend.http]\n[modules.mod_event_pusher.http]\nhandlers = []",
            "modules.mod_event_pusher.http",
        ),
    ] {
        let checked = check(&format!("{module}\n{good}"), &[]);
        assert_eq!(checked.status, 1, "{path}: {}", checked.text);
        assert!(
            checked.notes().contains(&format!("problem {path}")),
            "{path}: {}",
            checked.text
        );
    }
}

#[test]
fn hosts_with_settings_of_their_own() {
    let text = r#"
[general]
  hosts = ["a", "b", "c"]
  host_types = ["t"]
[[modules.mod_event_pusher.http.handlers]]
  path = "n"
[outgoing_pools.http.http_pool]
  connection.host = "http://localhost:1"
[[host_config]]
  host = "b"
  [host_config.outgoing_pools.http.http_pool]
    connection.host = "http://localhost:2"
[[host_config]]
  host = "c"
  [host_config.modules.mod_roster]
[[host_config]]
  host_type = "t"
  [[host_config.modules.mod_event_pusher.http.handlers]]
    path = "t"
"#;
    let checked = check(text, &[]);
    assert_eq!(checked.status, 0, "{}", checked.text);
    let rows: Vec<_> = checked.json["handlers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| format!("{} {} {}", row["number"], row["hosts"], row["url"]))
        .collect();
    let expected = [
        r#"1 ["a"] "http://localhost:1/n""#,
        r#"1 ["b"] "http://localhost:2/n""#,
        r#"2 ["t"] "http://localhost:1/t""#,
    ];
    assert_eq!(rows, expected);
}

#[test]
fn rules_follow_the_release() {
    let https = file("", "host = \"https://localhost\"");
    let checked = check(&https, &["--mongooseim", "6.2"]);
    assert_eq!(checked.handler(0)["tls"], "server not verified");
    let checked = check(&https, &["--mongooseim", "6.3"]);
    assert_eq!(
        checked.handler(0)["tls"],
        "server verified against the system's certificates"
    );
    let section = file(
        "",
        "host = \"https://localhost\"\ntls.verify_mode = \"peer\"",
    );
    assert_eq!(check(&section, &["--mongooseim", "6.3"]).status, 1);
    assert_eq!(check(&section, &["--mongooseim", "6.4"]).status, 0);
    let lenient = file(
        "",
        "host = \"https://localhost\"\ntls.disconnect_on_failure = false",
    );
    assert_eq!(check(&lenient, &["--mongooseim", "6.2"]).status, 1);
    assert_eq!(check(&lenient, &["--mongooseim", "6.4"]).status, 0);
    let queue = file("max_worker_queue_len = 1", LOCAL);
    assert_eq!(check(&queue, &["--mongooseim", "6.5"]).status, 1);
    assert_eq!(check(&queue, &["--mongooseim", "6.6"]).status, 0);
    assert_eq!(check(&https, &["--mongooseim", "5.0"]).status, 1);
    assert_eq!(check(ONE_TABLE, &["--mongooseim", "6.8"]).status, 1);
}

#[test]
fn the_newest_releases_are_known() {
    let queue = file("max_worker_queue_len = 1\nscope = \"host_type\"", LOCAL);
    // A section of another back end, new in 6.9.
    let rules = "[modules.mod_event_pusher.push]\n\
                 rules = [{ conditions = [{ event = \"msg\", body = \"non_empty\" }], action = \"push\" }]\n";
    let text = format!("[general]\nhosts = [\"localhost\"]\n{rules}{queue}");
    for release in ["6.8", "6.9", "6.9.0", "6.10", "6.11", "6.11.0"] {
        let checked = check(&text, &["--mongooseim", release]);
        assert_eq!(checked.status, 0, "{release}: {}", checked.text);
        assert!(checked.notes().is_empty(), "{release}: {}", checked.text);
        assert_eq!(check(ONE_TABLE, &["--mongooseim", release]).status, 1);
    }
    let checked = check(&text, &["--mongooseim", "6.12"]);
    assert_eq!(checked.status, 0, "{}", checked.text);
    assert!(
        checked.text.contains("newer than this program"),
        "{}",
        checked.text
    );
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
fn own_settings() {
    let dir = Dir::new();
    let text = file("", "host = \"https://localhost\"");
    let good = "[{kernel, [{logger_level, notice}]},\n\
                {mongoose_http_pusher, [{max_pending, 10}, {wait, 5000}, {http2_pools, [http_pool]},\n\
                {log_level, none}]}].\n";
    dir.file("app.config", good);
    let checked = check_in(&dir, &text, &["--app-config", "app.config"]);
    assert_eq!(
        (checked.status, checked.notes()),
        (0, vec![]),
        "{}",
        checked.text
    );
    assert_eq!(checked.handler(0)["http2"], true);
    assert!(checked.text.contains("HTTP/2"));
    let bad = "[{mongoose_http_pusher, [\n{max_pendng, 10},\n{max_pending, 0},\n\
               {max_pending, 1},\n{drain_timeout, 1.5},\nlog_level]}].\n";
    dir.file("app.config", bad);
    let checked = check_in(&dir, &text, &["--app-config", "app.config"]);
    assert_eq!(checked.status, 1);
    let found: Vec<_> = checked.json["notes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|note| {
            assert_eq!(note["file"], "app.config");
            (
                note["line"].as_u64().unwrap(),
                note["path"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [
        (2, "mongoose_http_pusher.max_pendng"),
        (3, "mongoose_http_pusher.max_pending"),
        (4, "mongoose_http_pusher.max_pending"),
        (5, "mongoose_http_pusher.drain_timeout"),
        (6, "mongoose_http_pusher"),
    ];
    assert_eq!(found, expected);
    for broken in ["[", "x.", "[{mongoose_http_pusher, 1}]."] {
        dir.file("app.config", broken);
        let checked = check_in(&dir, &text, &["--app-config", "app.config"]);
        assert_eq!(checked.status, 1, "{broken}");
    }
}

#[test]
fn a_spool_directory() {
    let dir = Dir::new();
    let text = file("", "host = \"https://localhost\"");
    let warnings = |name: &str| {
        let settings = format!("[{{mongoose_http_pusher, [\n{{spool_dir, {name}}}]}}].\n");
        dir.file("app.config", &settings);
        let checked = check_in(&dir, &text, &["--app-config", "app.config"]);
        assert_eq!(checked.status, 0, "{}", checked.text);
        (checked.notes(), checked.text)
    };
    for good in ["\"spools\"", "<<\"a/b/c\">>"] {
        assert_eq!(warnings(good).0, Vec::<String>::new());
    }
    let expected = vec!["warning mongoose_http_pusher.spool_dir".to_owned()];
    let (notes, text) = warnings("\"app.config/spools\"");
    assert_eq!(notes, expected);
    assert!(text.contains("app.config is no directory"), "{text}");
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
