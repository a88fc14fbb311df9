//! What is sent: templates, batches, compressed bodies, the unread count; and nothing in a dry run.

use serde_json::Value;

use super::{CHAT, files, header, received, run, send};
use crate::common::{Dir, Running, program};

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
    let record = received(&mut endpoint);
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
    let record = received(&mut endpoint);
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
    let record = received(&mut endpoint);
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
        let record = received(&mut endpoint);
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

#[test]
fn the_unread_count_is_one() {
    let dir = Dir::new();
    let handler = "format = \"json\"\ninclude = [\"unread\"]";
    files(&dir, "localhost:1", handler, CHAT);
    let (status, report) = send(&dir, &["--dry-run"]);
    let body: Value = serde_json::from_str(report["body"].as_str().unwrap()).unwrap();
    assert_eq!((status, &body["data"]["unread"]), (0, &Value::from(1)));
}
