//! Conditions that never hold, and rules that decide nothing.

use super::common::check;
use super::{old_file, only, rules, send, skip};

#[test]
fn conditions_that_the_release_lacks() {
    let text = rules(&send("{client_state = \"inactive\"}"));
    for (release, status) in [("6.8", 1), ("6.3", 1), ("6.9", 0), ("6.11.0", 0)] {
        let checked = check(&text, &["--mongooseim", release]);
        assert_eq!(checked.status, status, "{release}: {}", checked.text);
        if status == 1 {
            let (_, path, text) = only(&checked);
            assert_eq!(path, "rules[1].conditions[1].client_state");
            assert_eq!(text, "exists from MongooseIM 6.9 on only");
        }
    }
    assert_eq!(check(&text, &[]).status, 0);
    let old = old_file("rules = [{action = \"send\", conditions = [{client_state = \"active\"}]}]");
    assert_eq!(check(&old, &[]).status, 1);
}

#[test]
fn tables_that_no_event_fulfils() {
    for (table, one, other) in [
        (
            "event = \"user_status\", type = \"chat\"",
            "event = \"user_status\"",
            "type = \"chat\"",
        ),
        (
            "event = \"user_status\", body = \"absent\"",
            "user_status",
            "body",
        ),
        (
            "event = \"user_status\", jingle = false",
            "user_status",
            "jingle = false",
        ),
        (
            "event = \"user_status\", own_copy = false",
            "user_status",
            "own_copy = false",
        ),
        (
            "event = \"user_status\", receiver_domain = [\"a\"]",
            "user_status",
            "receiver_domain",
        ),
        (
            "event = \"unack_msg\", direction = \"out\"",
            "unack_msg",
            "direction = \"out\"",
        ),
        (
            "event = \"unack_msg\", user_status = \"offline\"",
            "unack_msg",
            "user_status = \"offline\"",
        ),
        (
            "event = \"unack_msg\", client_state = \"active\"",
            "unack_msg",
            "client_state",
        ),
        (
            "own_copy = true, type = \"chat\"",
            "own_copy = true",
            "type = \"chat\"",
        ),
        (
            "own_copy = true, direction = \"in\"",
            "direction = \"in\"",
            "own_copy = true",
        ),
        (
            "direction = \"in\", client_state = \"active\"",
            "direction = \"in\"",
            "client_state",
        ),
        (
            "user_status = \"offline\", client_state = \"active\"",
            "user_status = \"offline\"",
            "client_state",
        ),
        (
            "direction = \"in\", user_status = \"offline\"",
            "direction = \"in\"",
            "user_status = \"offline\"",
        ),
    ] {
        let checked = check(
            &rules(&send(&format!("{{}}, {{{table}}}")).replace("{}, ", "{hint = \"store\"}, ")),
            &[],
        );
        assert_eq!(checked.status, 0, "{}", checked.text);
        let (severity, path, text) = only(&checked);
        assert_eq!(
            (severity.as_str(), path.as_str()),
            ("warning", "rules[1].conditions[2]")
        );
        assert!(text.starts_with("never matches"), "{text}");
        assert!(text.contains(one) && text.contains(other), "{text}");
    }
    // Before 6.9 the session table is asked about the receiver of what a user sends, too.
    let text = rules(&send("{direction = \"in\", user_status = \"offline\"}"));
    assert_eq!(check(&text, &["--mongooseim", "6.8"]).notes(), [""; 0]);
    for possible in [
        "event = \"msg\", type = \"groupchat\", direction = \"out\", user_status = \"offline\", own_copy = false",
        "event = \"unack_msg\", type = \"chat\", body = \"non_empty\", own_copy = true, receiver_domain = [\"a\"]",
        "event = \"user_status\", user_status = \"online\", sender_domain = [\"a\"]",
        "direction = \"in\", user_status = \"online\"",
    ] {
        let possible = possible.replace("type = \"chat\", body", "body");
        let checked = check(&rules(&send(&format!("{{{possible}}}"))), &[]);
        assert_eq!(checked.notes(), [""; 0], "{}", checked.text);
    }
}

#[test]
fn rules_that_never_decide() {
    let after = |first: &str, second: &str| check(&rules(&format!("{first}, {second}")), &[]);
    for (first, second) in [
        ("{}", "{type = \"chat\"}"),
        ("{type = \"chat\"}", "{type = \"chat\", direction = \"in\"}"),
        ("{event = \"msg\"}", "{direction = \"in\"}"),
        ("{type = \"groupchat\"}", "{own_copy = true}"),
        (
            "{sender_domain = [\"a\", \"b\"]}",
            "{sender_domain = [\"b\"], type = \"chat\"}",
        ),
        (
            "{type = \"chat\"}, {type = \"normal\"}",
            "{type = \"normal\", body = \"empty\"}",
        ),
    ] {
        let checked = after(&skip(first), &send(second));
        let (severity, path, text) = only(&checked);
        assert_eq!((severity.as_str(), path.as_str()), ("warning", "rules[2]"));
        assert!(text.contains("decided by rule 1 already"), "{text}");
    }
    for (first, second) in [
        ("{type = \"chat\"}", "{type = \"normal\"}"),
        ("{type = \"chat\", direction = \"in\"}", "{type = \"chat\"}"),
        ("{event = \"msg\"}", "{type = \"chat\"}"),
        (
            "{sender_domain = [\"a\"]}",
            "{sender_domain = [\"a\", \"b\"]}",
        ),
    ] {
        let checked = after(&skip(first), &send(second));
        assert_eq!(checked.notes(), [""; 0], "{}", checked.text);
    }
    let checked = after(
        &skip("{type = \"chat\"}"),
        &send("{type = \"normal\"}, {type = \"chat\"}"),
    );
    assert_eq!(only(&checked).1, "rules[2].conditions[2]");
    let three = format!(
        "{}, {}, {}",
        skip("{type = \"chat\"}"),
        skip("{type = \"normal\"}"),
        send("{type = \"normal\"}, {type = \"chat\"}")
    );
    assert!(
        only(&check(&rules(&three), &[]))
            .2
            .contains("by rules 1 and 2 already")
    );
    let checked = after(&send("{type = \"chat\"}"), &skip("{type = \"normal\"}"));
    assert!(
        only(&checked)
            .2
            .contains("no rule matches is not sent either")
    );
    for nothing in ["", &skip("{type = \"chat\"}")] {
        let (severity, path, text) = only(&check(&rules(nothing), &[]));
        assert_eq!((severity.as_str(), path.as_str()), ("warning", "rules"));
        assert!(text.contains("never does"), "{text}");
    }
}
