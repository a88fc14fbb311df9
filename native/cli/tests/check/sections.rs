//! The module's section, pools, and hosts with settings of their own.

use crate::common::{LOCAL, check, file};

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
