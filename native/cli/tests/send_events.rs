//! `http-pusher send --event`: a stanza through rules and payload, as the node would.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Dir, Running, program};
use serde_json::Value;

const GROUPCHAT: &str = "<message from='room@muclight.x/alice@example.org' to='bob@example.org' type='groupchat' id='m1'>\
                         <body>Hi &amp; bye</body></message>";
const CHAT: &str = "<message to='bob@example.org' type='chat'><body>hi</body></message>";
const OFFLINE: &str = "<presence from='Alice@Example.org/phone' type='unavailable'/>";

/// Groupchat to members who are offline, and presence.
const RULES: &str = "rules = [{action = \"skip\", conditions = [{own_copy = true}]},\n\
    {action = \"send\", conditions = [{event = \"msg\", type = \"groupchat\", direction = \"out\", user_status = \
    \"offline\"}, {event = \"user_status\"}]}]\n";

/// A file with one handler, whose section has these lines, and a stanza.
fn files(dir: &Dir, address: &str, handler: &str, stanza: &str) {
    let text = format!(
        "[general]\nhosts = [\"example.org\"]\n\
         [outgoing_pools.http.http_pool.connection]\nhost = \"http://{address}\"\n\
         [[modules.mod_event_pusher.http.handlers]]\npath = \"/n\"\n{handler}\n"
    );
    dir.file("mongooseim.toml", &text);
    dir.file("stanza.xml", stanza);
}

fn run(dir: &Dir, more: &[&str]) -> (i32, String, String) {
    let output = program(dir)
        .args(["send", "mongooseim.toml", "--event", "stanza.xml"])
        .args(more)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// Exit status and report.
fn send(dir: &Dir, more: &[&str]) -> (i32, Value) {
    let (status, text, errors) = run(dir, &[more, &["--json"]].concat());
    assert_eq!(errors, "");
    (status, serde_json::from_str(&text).unwrap())
}

/// The value of a header field in the report.
fn header<'a>(report: &'a Value, name: &str) -> Option<&'a str> {
    let headers = report["headers"].as_array().unwrap();
    let field = headers.iter().find(|field| field[0] == name)?;
    field[1].as_str()
}

#[test]
fn rules_decide_and_say_why() {
    let dir = Dir::new();
    let mut endpoint = Running::receive(&dir, &["--json"]);
    files(
        &dir,
        &endpoint.address,
        &format!("format = \"json\"\n{RULES}"),
        GROUPCHAT,
    );
    let (status, report) = send(&dir, &["--direction", "out", "--user-status", "offline"]);
    assert_eq!(status, 0, "{report}");
    assert_eq!(report["event"]["sends"], true);
    assert_eq!(
        report["event"]["rules"][0]["failed"][0]["condition"],
        "own_copy = true"
    );
    assert_eq!(report["event"]["rules"][0]["failed"][0]["found"], "false");
    assert_eq!(report["event"]["rules"][1]["matches"], 1);
    assert_eq!(header(&report, "host"), Some(endpoint.address.as_str()));
    assert_eq!(header(&report, "content-type"), Some("application/json"));
    let record: Value = serde_json::from_str(&endpoint.line()).unwrap();
    let body: Value = serde_json::from_str(record["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["type"], "message.groupchat");
    assert_eq!(body["data"]["body"], "Hi & bye");
    assert_eq!(body["data"]["receiver_status"], "offline");
    assert_eq!(
        report["body"].as_str().unwrap().len(),
        record["body"].as_str().unwrap().len()
    );

    // Nothing below is sent.
    for (stanza, more, why_not, line) in [
        (
            GROUPCHAT,
            vec!["--direction", "out", "--user-status", "online"],
            "no rule matches",
            "rule 2 (send) does not match: conditions[1] wants user_status = \"offline\", and the event has \"online\"",
        ),
        (
            GROUPCHAT,
            vec![],
            "no rule matches",
            "conditions[1] wants direction = \"out\", and the event has \"in\"",
        ),
        (
            GROUPCHAT,
            vec!["--direction", "out"],
            "no rule matches",
            "conditions[1] wants user_status = \"offline\", and the event has none that is known",
        ),
        (
            GROUPCHAT,
            vec!["--unacknowledged", "--user-status", "offline"],
            "no rule matches",
            "conditions[1] wants event = \"msg\", and the event has \"unack_msg\"",
        ),
        (
            &GROUPCHAT.replace("bob@", "alice@"),
            vec!["--direction", "out", "--user-status", "offline"],
            "rule 1 skips it",
            "rule 1 (skip) matches: conditions[1]",
        ),
    ] {
        dir.file("stanza.xml", stanza);
        let (status, text, _) = run(&dir, &more);
        assert_eq!(status, 1, "{text}");
        assert!(text.contains(line), "{text}");
        assert!(text.ends_with(&format!("not sent: {why_not}\n")), "{text}");
        let (status, report) = send(&dir, &more);
        assert_eq!(status, 1);
        assert_eq!(report["event"]["why_not"], why_not);
        assert_eq!(report["outcome"], Value::Null);
    }
    dir.file("stanza.xml", OFFLINE);
    let (status, report) = send(&dir, &[]);
    assert_eq!(status, 0, "{report}");
    let record: Value = serde_json::from_str(&endpoint.line()).unwrap();
    let body: Value = serde_json::from_str(record["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["type"], "presence.offline");
    assert_eq!(body["data"]["jid"], "alice@example.org/phone");
}

#[test]
fn a_dry_run_sends_nothing() {
    let dir = Dir::new();
    let mut endpoint = Running::receive(&dir, &["--json"]);
    files(&dir, &endpoint.address, "format = \"cloudevents\"", CHAT);
    let (status, report) = send(&dir, &["--dry-run"]);
    assert_eq!(status, 0, "{report}");
    assert_eq!(
        header(&report, "content-type"),
        Some("application/cloudevents+json")
    );
    assert_eq!(report["url"], format!("http://{}/n", endpoint.address));
    assert_eq!(report["outcome"], Value::Null);
    // The next thing that the endpoint gets is the next notification.
    files(&dir, &endpoint.address, "", CHAT);
    assert_eq!(send(&dir, &[]).0, 0);
    let record: Value = serde_json::from_str(&endpoint.line()).unwrap();
    assert_eq!(
        record["body"],
        "author=alice&server=example.org&receiver=bob&message=hi"
    );
    // --dry-run needs no endpoint.
    drop(endpoint);
    let (status, text, _) = run(&dir, &["--dry-run"]);
    assert_eq!(status, 0, "{text}");
    assert!(
        text.ends_with("&message=hi\nnot sent: --dry-run\n"),
        "{text}"
    );
}

#[test]
fn templates_make_body_path_and_header_fields() {
    let dir = Dir::new();
    let mut endpoint = Running::receive(&dir, &["--json"]);
    dir.file("t", "{\"text\": {{ from.user ~ \": \" ~ body }}}");
    let handler = "format = \"template\"\ntemplate_file = \"t\"\ncontent_type = \"application/json\"\n\
                   headers = [{name = \"x-to\", value = \"{{ to.user }}\"}]";
    files(&dir, &endpoint.address, handler, CHAT);
    let text = std::fs::read_to_string(dir.path().join("mongooseim.toml")).unwrap();
    dir.file(
        "mongooseim.toml",
        &text.replace("\"/n\"", "\"/users/{{ to.user }}\""),
    );
    let (status, report) = send(&dir, &[]);
    assert_eq!(status, 0, "{report}");
    let record: Value = serde_json::from_str(&endpoint.line()).unwrap();
    assert_eq!(record["path"], "/users/bob");
    assert_eq!(record["body"], "{\"text\": \"alice: hi\"}");
    assert_eq!(
        report["url"],
        format!("http://{}/users/bob", endpoint.address)
    );
    assert_eq!(header(&report, "x-to"), Some("bob"));
    // A template that fails costs the notification, with the node's reason and the line.
    dir.file("t", "\n{{ no_such }}");
    let (status, text, _) = run(&dir, &[]);
    assert_eq!(status, 1, "{text}");
    assert!(
        text.contains("failed: template_error: ") && text.contains("line 2"),
        "{text}"
    );
}

/// A handler with batches gets one of a single event, at once, however long it may wait for others.
#[test]
fn a_batch_of_one() {
    let dir = Dir::new();
    let mut endpoint = Running::receive(&dir, &["--json"]);
    let handler = "format = \"json\"\nbatch = {linger = 60000}";
    files(&dir, &endpoint.address, handler, CHAT);
    let (status, report) = send(&dir, &[]);
    assert_eq!(status, 0, "{report}");
    assert!(header(&report, "webhook-id").unwrap().starts_with("batch_"));
    let record: Value = serde_json::from_str(&endpoint.line()).unwrap();
    for body in [&report["body"], &record["body"]] {
        let events: Value = serde_json::from_str(body.as_str().unwrap()).unwrap();
        assert_eq!(events.as_array().unwrap().len(), 1);
        assert_eq!(events[0]["data"]["body"], "hi");
        assert!(events[0]["id"].as_str().unwrap().starts_with("msg_"));
    }
    dir.file(
        "t",
        "{% for event in events %}{{ event.to.user }}: {{ event.body }}{% endfor %}",
    );
    let handler = "format = \"template\"\ntemplate_file = \"t\"\ncontent_type = \"text/plain\"\nbatch = {}\n\
                   headers = [{name = \"x-events\", value = \"{{ events | length }}\"}]";
    files(&dir, &endpoint.address, handler, CHAT);
    let (status, report) = send(&dir, &[]);
    assert_eq!(status, 0, "{report}");
    assert_eq!(report["body"], "bob: hi");
    assert_eq!(header(&report, "x-events"), Some("1"));
    // A template for one event is found out before it is used.
    dir.file("t", "{{ body }}");
    let output = program(&dir).args(["check", "mongooseim.toml"]).output();
    let text = String::from_utf8(output.unwrap().stdout).unwrap();
    assert!(
        text.contains("no batch has these variables: body"),
        "{text}"
    );
}

/// What is sent is compressed, and what is shown, here and by `receive`, is what it means.
#[test]
fn bodies_are_compressed_and_shown_as_they_were() {
    let dir = Dir::new();
    let long = "We meet at the station at nine. ".repeat(100);
    let stanza = format!(
        "<message to='bob@example.org' type='chat'><body>{}</body></message>",
        long.trim_end()
    );
    for coding in ["gzip", "zstd"] {
        let mut endpoint = Running::receive(&dir, &["--json"]);
        let handler = format!("format = \"json\"\ncompress = {coding:?}");
        files(&dir, &endpoint.address, &handler, &stanza);
        let (status, report) = send(&dir, &[]);
        assert_eq!(status, 0, "{report}");
        assert_eq!(header(&report, "content-encoding"), Some(coding));
        let length: usize = header(&report, "content-length").unwrap().parse().unwrap();
        let body = report["body"].as_str().unwrap();
        assert!(body.contains(long.trim_end()), "{body}");
        assert!(length < body.len() / 4, "{length}");
        let record: Value = serde_json::from_str(&endpoint.line()).unwrap();
        assert!(record["body"].as_str().unwrap().contains(long.trim_end()));
        let (status, text, _) = run(&dir, &["--dry-run"]);
        assert_eq!(status, 0, "{text}");
        // The time in the event is another one, so the length may be, too.
        let note = format!("which are these {} bytes compressed)", body.len());
        assert!(
            text.contains(&note) && text.contains(long.trim_end()),
            "{text}"
        );
        // A short one stays as it is.
        files(&dir, &endpoint.address, &handler, CHAT);
        let (_, report) = send(&dir, &[]);
        assert_eq!(header(&report, "content-encoding"), None);
    }
}

/// What the official verifiers of Standard Webhooks would say is tested elsewhere; here, that nothing secret is shown.
#[test]
fn secrets_are_sent_and_not_shown() {
    let dir = Dir::new();
    let mut endpoint = Running::receive(&dir, &["--json"]);
    dir.file("token", "hunter2\n");
    dir.file("key", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
    let handler = "headers = [{name = \"x-tenant\", value = \"acme\"}, {name = \"X-Key\", value_file = \"token\"}]\n\
                   auth = {bearer_file = \"token\"}\nsigning = {secret_file = \"key\"}";
    files(&dir, &endpoint.address, handler, CHAT);
    let (status, report) = send(&dir, &[]);
    assert_eq!(status, 0, "{report}");
    let record: Value = serde_json::from_str(&endpoint.line()).unwrap();
    let sent = |name: &str| {
        let fields = record["headers"].as_array().unwrap();
        let field = fields.iter().find(|field| field[0] == name).unwrap();
        field[1].as_str().unwrap().to_owned()
    };
    assert_eq!(sent("authorization"), "Bearer hunter2");
    assert_eq!(sent("x-key"), "hunter2");
    assert!(sent("webhook-signature").starts_with("v1,"));
    for (name, shown) in [
        ("authorization", "Bearer ..."),
        ("x-key", "..."),
        ("x-tenant", "acme"),
    ] {
        assert_eq!(header(&report, name), Some(shown));
    }
    assert!(
        header(&report, "webhook-signature")
            .unwrap()
            .starts_with("v1,")
    );
    let (status, text, _) = run(&dir, &[]);
    assert_eq!(status, 0, "{text}");
    assert!(text.contains("new in each notification"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
    // A secret that is not there fails as in the node.
    files(
        &dir,
        &endpoint.address,
        "signing = {secret_env = \"HTTP_PUSHER_NOT_SET\"}",
        CHAT,
    );
    let (status, report) = send(&dir, &[]);
    assert_eq!(
        (status, report["outcome"]["reason"].as_str()),
        (1, Some("secret_error")),
        "{report}"
    );
    assert_eq!(report["headers"], Value::Null);
}

/// The key of an incoming webhook is in its path.
#[test]
fn the_secret_of_a_path_is_sent_and_not_shown() {
    let dir = Dir::new();
    let mut endpoint = Running::receive(&dir, &["--json"]);
    dir.file("key", "T0/hunter2\n");
    dir.file("template", "{{ body }}");
    for (path, more, sent) in [
        ("/n/$SECRET/send?x=1", "", "/n/T0/hunter2/send?x=1"),
        (
            "/{{ to.user }}/$SECRET",
            "format = \"template\"\ntemplate_file = \"template\"\ncontent_type = \"text/plain\"",
            "/bob/T0/hunter2",
        ),
    ] {
        let handler = format!("path_secret_file = \"key\"\n{more}");
        files(&dir, &endpoint.address, &handler, CHAT);
        let file = dir.path().join("mongooseim.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(
            &file,
            text.replace("path = \"/n\"", &format!("path = \"{path}\"")),
        )
        .unwrap();
        let (status, report) = send(&dir, &[]);
        assert_eq!(status, 0, "{report}");
        assert!(!report.to_string().contains("hunter2"), "{report}");
        assert!(
            report["url"].as_str().unwrap().contains("$SECRET"),
            "{report}"
        );
        let record: Value = serde_json::from_str(&endpoint.line()).unwrap();
        assert_eq!(record["path"], sent);
        let (status, text, _) = run(&dir, &["--dry-run"]);
        assert_eq!(status, 0, "{text}");
        assert!(
            text.contains("$SECRET") && !text.contains("hunter2"),
            "{text}"
        );
    }
}

#[test]
fn without_rules_the_module_decides() {
    let dir = Dir::new();
    let endpoint = Running::receive(&dir, &[]);
    files(&dir, &endpoint.address, "", CHAT);
    for (stanza, more, sends) in [
        (CHAT, vec![], true),
        (CHAT, vec!["--direction", "out"], false),
        (CHAT, vec!["--unacknowledged"], false),
        (GROUPCHAT, vec![], false),
        ("<message type='chat'/>", vec![], false),
        (OFFLINE, vec![], false),
    ] {
        dir.file("stanza.xml", stanza);
        let (status, report) = send(&dir, &more);
        assert_eq!(status, i32::from(!sends), "{stanza}: {report}");
        assert_eq!(report["event"]["sends"], sends);
    }
    // A module of the operator's own is on the node.
    let custom = format!("callback_module = \"my_cb\"\n{RULES}");
    files(&dir, &endpoint.address, &custom, GROUPCHAT);
    let (status, text, _) = run(&dir, &["--direction", "out", "--user-status", "offline"]);
    assert_eq!(status, 0, "{text}");
    assert!(
        text.contains("in the node my_cb:should_make_req/6 decides too"),
        "{text}"
    );
    assert!(
        text.contains("in the node my_cb makes headers and body"),
        "{text}"
    );
    // It is not asked about presence.
    dir.file("stanza.xml", OFFLINE);
    let (status, text, _) = run(&dir, &[]);
    assert_eq!(status, 0, "{text}");
    assert!(!text.contains("my_cb"), "{text}");
    assert!(
        text.contains("user=alice&server=example.org&resource=phone&status=offline"),
        "{text}"
    );
}

#[test]
fn what_a_user_sends_says_that_the_receiver_is_online_from_6_9_on() {
    let dir = Dir::new();
    let rules = "rules = [{action = \"send\", conditions = [{user_status = \"offline\"}]}]";
    files(&dir, "localhost:1", rules, CHAT);
    let more = ["--user-status", "offline", "--dry-run"];
    let at = |release| send(&dir, &[&more[..], &["--mongooseim", release]].concat()).0;
    assert_eq!((at("6.8"), at("6.9")), (0, 1));
}

#[test]
fn names_that_the_stanza_lacks() {
    let dir = Dir::new();
    files(
        &dir,
        "localhost:1",
        "format = \"json\"",
        "<message type='chat'><body>x</body></message>",
    );
    let parties = |more: &[&str]| {
        let (_, report) = send(&dir, &[more, &["--dry-run"]].concat());
        let body: Value = serde_json::from_str(report["body"].as_str().unwrap()).unwrap();
        let jid = |party: &str| body["data"][party]["jid"].as_str().unwrap().to_owned();
        (jid("from"), jid("to"))
    };
    let pair = |from: &str, to: &str| (from.to_owned(), to.to_owned());
    assert_eq!(parties(&[]), pair("alice@example.org", "bob@example.org"));
    assert_eq!(
        parties(&["--from", "Eve@x/R", "--to", "mallory@y"]),
        pair("eve@x/R", "mallory@y")
    );
    dir.file(
        "stanza.xml",
        "<message from='a@x' to='b@y' type='chat'><body>x</body></message>",
    );
    assert_eq!(parties(&["--from", "eve@x"]), pair("a@x", "b@y"));
}

#[test]
fn the_unread_count_is_one() {
    let dir = Dir::new();
    let handler = "format = \"json\"\ninclude = [\"unread\"]";
    files(&dir, "localhost:1", handler, CHAT);
    let (status, report) = send(&dir, &["--dry-run"]);
    let body: Value = serde_json::from_str(report["body"].as_str().unwrap()).unwrap();
    assert_eq!((status, &body["data"]["unread"]), (0, &Value::from(1)));
}

#[test]
fn what_makes_no_event() {
    let dir = Dir::new();
    files(&dir, "localhost:1", "", CHAT);
    for (stanza, part) in [
        ("", "has no stanza"),
        ("<message", "is not XML"),
        ("<iq type='get'/>", "<iq>, which makes no event"),
        ("<message type='error'/>", "type \"error\" makes no event"),
        (
            "<presence type='subscribe'/>",
            "type \"subscribe\" makes no event",
        ),
        ("<message from='a b@x'/>", "\"a b@x\""),
    ] {
        dir.file("stanza.xml", stanza);
        let (status, _, errors) = run(&dir, &[]);
        assert_eq!(status, 2, "{stanza}");
        assert!(
            errors.contains("stanza.xml") && errors.contains(part),
            "{errors}"
        );
    }
    let output = program(&dir)
        .args(["send", "mongooseim.toml", "--event", "nowhere.xml"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}
