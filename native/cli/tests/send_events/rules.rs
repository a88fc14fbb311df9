//! Which events are sent, and why.

use serde_json::Value;

use super::{CHAT, GROUPCHAT, OFFLINE, files, header, received, run, send};
use crate::common::{Dir, Running};

/// Groupchat to members who are offline, and presence.
const RULES: &str = "rules = [{action = \"skip\", conditions = [{own_copy = true}]},\n\
    {action = \"send\", conditions = [{event = \"msg\", type = \"groupchat\", direction = \"out\", user_status = \
    \"offline\"}, {event = \"user_status\"}]}]\n";

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
    let record = received(&mut endpoint);
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
    let record = received(&mut endpoint);
    let body: Value = serde_json::from_str(record["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["type"], "presence.offline");
    assert_eq!(body["data"]["jid"], "alice@example.org/phone");
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
