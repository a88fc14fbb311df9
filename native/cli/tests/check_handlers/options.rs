//! Options that do not exist, or have no effect, or make no difference.

use super::common::check;
use super::{file, old_file, only, rules, send};

#[test]
fn misspelt_names() {
    for (text, path, meant) in [
        (file("formt = \"json\""), "formt", "format"),
        (
            file("signing = {secret-file = \"x\"}"),
            "signing.secret-file",
            "secret_file",
        ),
        (
            rules("{acton = \"send\", conditions = [{}]}"),
            "rules[1].acton",
            "action",
        ),
        (
            rules(&send("{user_staus = \"offline\"}")),
            "rules[1].conditions[1].user_staus",
            "user_status",
        ),
        (file("pool_name = \"http_pol\""), "pool_name", "http_pool"),
        (
            old_file("pool_name = \"http-pool\""),
            "modules.mod_event_pusher.backend.http.pool_name",
            "http_pool",
        ),
    ] {
        let checked = check(&text, &[]);
        assert_eq!(checked.status, 1, "{text}");
        let (severity, at, text) = only(&checked);
        assert_eq!((severity.as_str(), at.as_str()), ("problem", path));
        assert!(text.contains(&format!("; did you mean {meant}?")), "{text}");
    }
    let checked = check(&file("zzz = 1"), &[]);
    assert!(!checked.text.contains("did you mean"), "{}", checked.text);
}

/// On disk, notifications belong to a host type, a pool and a path.
#[test]
fn handlers_that_the_disk_cannot_tell_apart() {
    let second = |path: &str, delivery: &str| {
        let first = file("delivery = \"at_least_once\"\nformat = \"json\"");
        let handler = "[[modules.mod_event_pusher.http.handlers]]";
        format!("{first}\n{handler}\npath = \"{path}\"\ndelivery = \"{delivery}\"\n")
    };
    let checked = check(&second("/n", "at_least_once"), &[]);
    assert_eq!(checked.status, 0, "{}", checked.text);
    let text = &checked.text;
    assert!(text.contains("is that of handler 1 too"), "{text}");
    for (path, delivery) in [("/n?b", "at_least_once"), ("/n", "best_effort")] {
        let checked = check(&second(path, delivery), &[]);
        assert!(checked.notes().is_empty(), "{}", checked.text);
    }
}

#[test]
fn both_layouts_have_the_options() {
    let lines = "format = \"json\"\nheaders = [{name = \"x\", value = \"y\"}]";
    for text in [file(lines), old_file(lines)] {
        let checked = check(&text, &[]);
        assert_eq!(
            (checked.status, checked.notes()),
            (0, vec![]),
            "{}",
            checked.text
        );
    }
    let two = old_file(lines).replace(
        "[modules.mod_event_pusher.backend.http]",
        "[[modules.mod_event_pusher.backend.http]]",
    );
    let checked = check(&two, &["--mongooseim", "5.0"]);
    assert_eq!(
        (checked.status, checked.notes()),
        (0, vec![]),
        "{}",
        checked.text
    );
    let wrong = check(&old_file("format = \"jsn\""), &[]);
    assert_eq!(
        only(&wrong).1,
        "modules.mod_event_pusher.backend.http.format"
    );
}

#[test]
fn options_without_effect() {
    for (lines, path, part) in [
        (
            "content_type = \"text/plain\"",
            "content_type",
            "format = \"template\"",
        ),
        (
            "template_file = \"Cargo.toml\"",
            "template_file",
            "format = \"template\"",
        ),
        (
            "format = \"json\"\ncloudevents.mode = \"binary\"",
            "cloudevents",
            "format = \"cloudevents\"",
        ),
        ("include = [\"unread\"]", "include", "on a form"),
        (
            "format = \"json\"\nbatch = {max_events = 1, linger = 10}",
            "batch.linger",
            "waits for no others",
        ),
        (
            "format = \"form\"\ninclude = [\"stanza\"]",
            "include",
            "on a form",
        ),
        ("format = \"json\"\ninclude = []", "include", "it is empty"),
        (
            "format = \"json\"\ninclude = [\"stanza\"]\nomit = [\"body\"]",
            "include",
            "leaves the stanza out",
        ),
        (
            "callback_module = \"my_cb\"\nomit = [\"body\"]",
            "omit",
            "my_cb makes the body",
        ),
        (
            "callback_module = \"my_cb\"\nformat = \"json\"",
            "callback_module",
            "only should_make_req/6 of my_cb",
        ),
        (
            "headers = [{name = \"x-a\", value = \"1\"}, {name = \"X-A\", value = \"2\"}]",
            "headers[2].name",
            "more than once",
        ),
        (
            "callback_module = \"mod_event_pusher_http_defaults\"\nrules = [{action = \"send\", conditions = [{}]}]",
            "callback_module",
            "without callback_module the rules decide alone",
        ),
    ] {
        let checked = check(&file(lines), &[]);
        assert_eq!(checked.status, 0, "{}", checked.text);
        let (severity, at, text) = only(&checked);
        assert_eq!((severity.as_str(), at.as_str()), ("warning", path));
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(check(&file("omit = [\"body\"]"), &[]).notes(), [""; 0]);
}

#[test]
fn handlers_that_differ_in_any_option_are_not_the_same() {
    let two = |more: &str| {
        check(
            &file(&format!(
                "[[modules.mod_event_pusher.http.handlers]]\npath = \"/n\"\n{more}"
            )),
            &[],
        )
    };
    let same = two("");
    assert_eq!(same.status, 1);
    assert!(
        same.text.contains("is the same as handler 1"),
        "{}",
        same.text
    );
    assert_eq!(
        two("callback_module = \"mod_event_pusher_http_defaults\"").status,
        1
    );
    for more in ["format = \"json\"", "wait = 1", "omit = [\"body\"]"] {
        assert_eq!(two(more).status, 0, "{more}");
    }
}
