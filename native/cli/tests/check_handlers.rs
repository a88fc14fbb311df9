//! What `http-pusher check` says of a handler's options: in words, and what is wrong with them.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Checked, Dir, check, check_in};

const HANDLER: &str = "modules.mod_event_pusher.http.handlers[1]";
/// A secret of Standard Webhooks' own documentation.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n";

/// A file with one handler, whose section has these lines.
fn file(lines: &str) -> String {
    format!(
        "[general]\nhosts = [\"localhost\"]\n[outgoing_pools.http.http_pool]\n\
         connection.host = \"http://localhost:1\"\n\
         [[modules.mod_event_pusher.http.handlers]]\npath = \"n\"\n{lines}\n"
    )
}

/// The same in the layout of 5.0.
fn old_file(lines: &str) -> String {
    file(lines).replace(
        "[[modules.mod_event_pusher.http.handlers]]",
        "[modules.mod_event_pusher.backend.http]",
    )
}

fn rules(rules: &str) -> String {
    file(&format!("rules = [{rules}]"))
}

fn send(tables: &str) -> String {
    format!("{{action = \"send\", conditions = [{tables}]}}")
}

fn skip(tables: &str) -> String {
    format!("{{action = \"skip\", conditions = [{tables}]}}")
}

/// The only note, as severity, path below the handler, and text.
#[track_caller]
fn only(checked: &Checked) -> (String, String, String) {
    let notes = checked.json["notes"].as_array().unwrap();
    assert_eq!(notes.len(), 1, "{}", checked.text);
    let word = |name: &str| notes[0][name].as_str().unwrap().to_owned();
    let path = word("path");
    let below = path.strip_prefix(HANDLER).unwrap_or(&path);
    (
        word("severity"),
        below.trim_start_matches('.').to_owned(),
        word("text"),
    )
}

#[test]
fn handlers_in_words() {
    let offline =
        "{event = \"msg\", type = \"groupchat\", direction = \"out\", user_status = \"offline\"}";
    let to = "to http://localhost:1/n";
    let dir = Dir::new();
    dir.file("key", SECRET);
    for (lines, words) in [
        (
            String::new(),
            "sends non-empty chat messages that users send, as a form".to_owned(),
        ),
        (
            format!(
                "rules = [{}]\nformat = \"json\"\nsigning = {{secret_file = \"key\"}}",
                send(offline)
            ),
            "sends groupchat messages about to be delivered to members who are offline, as JSON, signed"
                .to_owned(),
        ),
        (
            format!(
                "rules = [{}, {}]",
                skip("{own_copy = true}"),
                send(&format!("{offline}, {{event = \"user_status\"}}"))
            ),
            "sends groupchat messages about to be delivered to members who are offline and presence when a user comes \
             online or goes offline (but not messages that go back to their own sender), as a form"
                .to_owned(),
        ),
        (
            format!(
                "rules = [{}]",
                send("{event = \"unack_msg\"}, {}, {event = \"user_status\", user_status = \"online\", sender_domain = \
                      [\"a\", \"b\"]}")
            ),
            "sends messages that a broken connection did not acknowledge; all events; and presence of users of a or b \
             when a user comes online, as a form"
                .to_owned(),
        ),
        (
            format!(
                "rules = [{}]",
                send("{direction = \"in\", type = \"chat\", body = \"non_empty\", hint = \"no_store\", jingle = false, \
                      sender_domain = [\"a\"], receiver_domain = [\"b\", \"c\", \"d\"]}")
            ),
            "sends non-empty chat messages with the hint no-store that are not of calls from users of a that users \
             send to users of b, c or d, as a form"
                .to_owned(),
        ),
        (
            "callback_module = \"my_cb\"\nwait = 2000".to_owned(),
            "sends messages, if my_cb:should_make_req/6 returns true, as my_cb makes them, while the session waits for \
             at most 2 s"
                .to_owned(),
        ),
        (
            format!(
                "callback_module = \"mod_event_pusher_http_defaults\"\nrules = [{}]\nformat = \"cloudevents\"\n\
                 cloudevents.mode = \"binary\"\nomit = [\"body\"]\ninclude = [\"unread\"]",
                send("{direction = \"out\", client_state = \"inactive\"}")
            ),
            "sends messages about to be delivered to users who have an inactive client, if \
             mod_event_pusher_http_defaults:should_make_req/6 returns true, as CloudEvents (binary), with the number \
             of unread messages, without what was written"
                .to_owned(),
        ),
        (
            "headers = [{name = \"x-a\", value = \"1\"}, {name = \"x-b\", value = \"2\"}]\n\
             auth = {basic_user = \"me\", basic_password_file = \"key\"}"
                .to_owned(),
            "sends non-empty chat messages that users send, as a form, with the header fields x-a, x-b, with the \
             password of me"
                .to_owned(),
        ),
        (
            "delivery = \"at_least_once\"".to_owned(),
            "sends non-empty chat messages that users send, as a form, kept on disk until delivered, tried again for \
             at most 3 days and then kept as a dead letter"
                .to_owned(),
        ),
        (
            "retry.give_up_after = 60000".to_owned(),
            "sends non-empty chat messages that users send, as a form, tried again for at most 60 s".to_owned(),
        ),
        (
            "auth.oauth2 = {token_url = \"https://a.example/t\", client_id = \"i\", client_secret_file = \"key\"}"
                .to_owned(),
            "sends non-empty chat messages that users send, as a form, with a token from https://a.example/t".to_owned(),
        ),
    ] {
        says(&dir, &lines, &format!("{words}, {to}"));
    }
}

/// A handler with these lines is described so.
#[track_caller]
fn says(dir: &Dir, lines: &str, words: &str) {
    let checked = check_in(dir, &file(lines), &[]);
    assert_eq!(checked.status, 0, "{}", checked.text);
    assert_eq!(checked.handler(0)["sends"], words);
    assert!(
        checked.text.contains(&format!("\n1 {words}\n")),
        "{}",
        checked.text
    );
}

#[test]
fn many_events_in_words() {
    for (lines, words) in [
        (
            "format = \"json\"\nbatch.max_events = 200\ncompress = \"zstd\"\nrate = {per_second = 100, burst = 200}",
            "..., as JSON, compressed with zstd, in batches of up to 200 \
             events that wait for one another for up to 50 ms, at most 100 requests a second (bursts of 200), to http://localhost:1/n",
        ),
        (
            "format = \"cloudevents\"\nbatch = {max_events = 1}\nrate.per_second = 1",
            "..., as CloudEvents (structured), in batches of one event, at most 1 request a second, to http://localhost:1/n",
        ),
        (
            "format = \"json\"\nbatch.linger = 0",
            "..., as JSON, in batches of up to 500 events, to http://localhost:1/n",
        ),
    ] {
        let what = "sends non-empty chat messages that users send";
        says(&Dir::new(), lines, &words.replace("...", what));
    }
}

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
fn templates() {
    let dir = Dir::new();
    dir.file("good", "{{ from.user }}: {{ body }}");
    dir.file("syntax", "\n{% if %}");
    dir.file("unknown", "{{ boddy }}");
    dir.file("presence", "{{ status }}");
    dir.file(
        "endless",
        "{% for i in range(10000) %}{% for j in range(10000) %}x{% endfor %}{% endfor %}",
    );
    let template = |name: &str, more: &str| {
        let lines = format!(
            "format = \"template\"\ntemplate_file = \"{name}\"\ncontent_type = \"text/plain\"\n{more}"
        );
        check_in(&dir, &file(&lines), &[])
    };
    let checked = template(
        "good",
        "headers = [{name = \"x\", value = \"{{ to.user }}\"}]",
    );
    assert_eq!(
        (checked.status, checked.notes()),
        (0, vec![]),
        "{}",
        checked.text
    );
    for (name, more, path, part) in [
        ("nowhere", "", "template_file", "No such file"),
        ("syntax", "", "template_file", "line 2"),
        ("endless", "", "template_file", "steps"),
        (
            "good",
            "headers = [{name = \"x\", value = \"{{\"}]",
            "headers[1].value",
            "syntax",
        ),
    ] {
        let (severity, at, text) = only(&template(name, more));
        assert_eq!(
            (severity.as_str(), at.as_str()),
            ("problem", path),
            "{text}"
        );
        assert!(text.contains(part), "{text}");
    }
    let checked = template("unknown", "");
    assert!(
        checked.text.contains("no event has these variables: boddy"),
        "{}",
        checked.text
    );
    // What a template needs depends on the events that the rules let through.
    let rules = |table: &str| template("good", &format!("rules = [{}]", send(table)));
    assert_eq!(
        rules("{event = \"msg\", body = \"non_empty\"}").notes(),
        [""; 0]
    );
    for table in [
        "{event = \"msg\"}",
        "{event = \"user_status\"}, {body = \"non_empty\", direction = \"in\"}",
    ] {
        let (severity, at, _) = only(&rules(table));
        assert_eq!(
            (severity.as_str(), at.as_str()),
            ("warning", "template_file")
        );
    }
    let presence = |table: &str| template("presence", &format!("rules = [{}]", send(table)));
    assert_eq!(presence("{event = \"user_status\"}").status, 0);
    assert_eq!(presence("{event = \"msg\"}").status, 1);
    // A path that is a template is shown as it is written.
    let text = "format = \"template\"\ntemplate_file = \"good\"\ncontent_type = \"text/plain\"";
    let path = |path: &str| {
        let file = file(text).replace("path = \"n\"", &format!("path = \"{path}\""));
        check_in(
            &dir,
            &file.replace(
                "http://localhost:1\"",
                "http://localhost:1\"\nconnection.path_prefix = \"/p\"",
            ),
            &[],
        )
    };
    let checked = path("/users/{{ to.user }}/x");
    assert_eq!(
        (checked.status, checked.notes()),
        (0, vec![]),
        "{}",
        checked.text
    );
    assert_eq!(
        checked.handler(0)["url"],
        "http://localhost:1/p/users/{{ to.user }}/x"
    );
    assert_eq!(path("{{ to.user").status, 1);
    assert_eq!(path("{{ no_such }}").status, 1);
}

#[test]
fn a_token_over_plain_http() {
    let dir = Dir::new();
    dir.file("word", "hunter2");
    for (url, is_safe) in [
        ("http://a.example/t", false),
        ("http://10.0.0.1:80?a", false),
        ("http://localhost:1/t", true),
        ("http://[::1]/t", true),
        ("https://a.example/t", true),
    ] {
        let oauth2 =
            format!("{{token_url = \"{url}\", client_id = \"i\", client_secret_file = \"word\"}}");
        let checked = check_in(&dir, &file(&format!("auth.oauth2 = {oauth2}")), &[]);
        assert_eq!(checked.notes().is_empty(), is_safe, "{}", checked.text);
        assert_eq!(
            checked.text.contains("plain http to another machine"),
            !is_safe
        );
    }
}

#[test]
fn secrets_that_cannot_be_used() {
    let dir = Dir::new();
    dir.file("good", SECRET);
    dir.file("empty", "\n");
    dir.file("word", "hunter2\n");
    dir.file("lines", "one\ntwo\n");
    dir.file(
        "account",
        "{\"client_email\": \"a@b\", \"private_key\": \"hunter2\"}",
    );
    for (lines, path, part) in [
        (
            "signing = {secret_file = \"nowhere\"}",
            "signing.secret_file",
            "No such file",
        ),
        (
            "signing = {secret_file = \"empty\"}",
            "signing.secret_file",
            "no secret",
        ),
        (
            "signing = {secret_file = \"word\"}",
            "signing.secret_file",
            "whsec_",
        ),
        (
            "auth = {bearer_file = \"nowhere\"}",
            "auth.bearer_file",
            "No such file",
        ),
        (
            "auth = {bearer_file = \"empty\"}",
            "auth.bearer_file",
            "empty",
        ),
        (
            "auth = {bearer_file = \"lines\"}",
            "auth.bearer_file",
            "one line",
        ),
        (
            "auth = {basic_user = \"u\", basic_password_file = \"empty\"}",
            "auth.basic_password_file",
            "empty",
        ),
        (
            "auth = {google_service_account_file = \"word\"}",
            "auth.google_service_account_file",
            "JSON",
        ),
        (
            "auth = {google_service_account_file = \"account\"}",
            "auth.google_service_account_file",
            "token_uri",
        ),
        (
            "auth.oauth2 = {token_url = \"https://a.example\", client_id = \"i\", client_secret_file = \"empty\"}",
            "auth.oauth2.client_secret_file",
            "empty",
        ),
        (
            "headers = [{name = \"x\", value_file = \"nowhere\"}]",
            "headers[1].value_file",
            "No such file",
        ),
        (
            "headers = [{name = \"x\", value_file = \"lines\"}]",
            "headers[1].value_file",
            "header field",
        ),
    ] {
        let checked = check_in(&dir, &file(lines), &[]);
        assert_eq!(checked.status, 1, "{}", checked.text);
        let (severity, at, text) = only(&checked);
        assert_eq!((severity.as_str(), at.as_str()), ("problem", path));
        assert!(text.contains(part), "{text}");
        assert!(!checked.text.contains("hunter2"), "{}", checked.text);
    }
    // The program's environment is not the node's.
    let checked = check_in(
        &dir,
        &file("signing = {secret_env = \"HTTP_PUSHER_NOT_SET\"}"),
        &[],
    );
    assert_eq!(checked.status, 0);
    let (severity, at, _) = only(&checked);
    assert_eq!(
        (severity.as_str(), at.as_str()),
        ("warning", "signing.secret_env")
    );
    // Relative names begin at the node's working directory.
    let text = file("signing = {secret_file = \"good\"}");
    assert_eq!(check_in(&dir, &text, &[]).notes(), [""; 0]);
    assert_eq!(check_in(&dir, &text, &["--node-dir", "/nowhere"]).status, 1);
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
