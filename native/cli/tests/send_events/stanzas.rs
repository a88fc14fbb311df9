//! Stanzas that lack something, and those that make no event.

use serde_json::Value;

use super::{CHAT, files, run, send};
use crate::common::{Dir, program};

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
