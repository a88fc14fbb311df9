//! Events as JSON: every field, and that what is absent is not there.

#![allow(clippy::unwrap_used)]

mod support;

use payload::{FormatOptions, PlanOptions};
use serde_json::{Value, json};
use support::{Fact, Sample, header};

#[test]
fn every_field_of_a_message() {
    let stanza = "<message type='chat' id='m1'><body>Hi &amp; bye</body><subject>About</subject>\
        <thread>t1</thread><x xmlns='jabber:x:oob'><url>https://a.example/f</url><desc>File</desc></x>\
        <no-store xmlns='urn:xmpp:hints'/><origin-id xmlns='urn:xmpp:sid:0' id='o1'/>\
        <stanza-id xmlns='urn:xmpp:sid:0' by='bob@localhost' id='a1'/></message>";
    let mut sample = Sample::chat()
        .fact("user_status", "online")
        .fact("client_state", "inactive")
        .fact("unread", 3)
        .fact("metadata.tenant", "acme")
        .fact("metadata.count", 7)
        .fact("metadata.share", Fact::Float(0.5))
        .fact("metadata.vip", Fact::Bool(true))
        .stanza(stanza);
    sample.options.include_stanza = true;
    let made = sample.make().unwrap();
    assert_eq!(
        header(&made, "content-type"),
        Some(&b"application/json"[..])
    );
    assert_eq!((made.headers.len(), made.path), (1, None));
    let expected = json!({
        "type": "message.chat",
        "timestamp": "2026-11-26T12:34:56.789012Z",
        "data": {
            "direction": "out",
            "host": "localhost",
            "from": {"jid": "alice@localhost/phone", "user": "alice", "server": "localhost", "resource": "phone"},
            "to": {"jid": "bob@localhost", "user": "bob", "server": "localhost"},
            "message_id": "m1",
            "archive_id": "a1",
            "origin_id": "o1",
            "body": "Hi & bye",
            "subject": "About",
            "thread": "t1",
            "attachments": [{"url": "https://a.example/f", "description": "File"}],
            "hints": ["no_store"],
            "receiver_status": "online",
            "client_state": "inactive",
            "unread": 3,
            "metadata": {"tenant": "acme", "count": 7, "share": 0.5, "vip": true},
            "stanza": stanza,
        },
    });
    assert_eq!(sample.json(), expected);
    // The parts that Standard Webhooks names come first, and data in the order of the documentation.
    let text = sample.text();
    let start = "{\"type\":\"message.chat\",\"timestamp\":\"2026-11-26T12:34:56.789012Z\",\"data\":{\"direction\"";
    assert!(text.starts_with(start), "{text}");
}

#[test]
fn what_is_absent_is_not_there() {
    let data = Sample::chat().stanza("<message/>").data();
    let keys: Vec<_> = data.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["direction", "from", "host", "to"]);
    let empty = "<message id='' type=''><body/><subject/><thread/><x xmlns='jabber:x:oob'><url/></x>\
        <origin-id xmlns='urn:xmpp:sid:0' id=''/></message>";
    assert_eq!(Sample::chat().stanza(empty).data(), data);
    // Numbers that JSON does not know, and a count of nothing.
    let odd = Sample::chat()
        .fact("metadata.a", Fact::Float(f64::NAN))
        .fact("metadata.b", Fact::Float(f64::INFINITY))
        .fact("unread", -1);
    assert_eq!(odd.data(), data);
    let whole = PlanOptions {
        include_stanza: true,
        format: FormatOptions::Json,
        ..PlanOptions::default()
    };
    assert_eq!(
        Sample::chat().options(whole).data(),
        data,
        "no stanza was handed over"
    );
}

#[test]
fn the_type_is_that_of_the_event() {
    for (event, family) in [("msg", "message"), ("unack_msg", "unacknowledged")] {
        for kind in ["chat", "groupchat", "headline", "normal"] {
            let direction = if event == "msg" { "out" } else { "" };
            let sample = Sample::chat()
                .fact("event", event)
                .fact("type", kind)
                .fact("direction", direction);
            assert_eq!(sample.json()["type"], format!("{family}.{kind}"));
        }
    }
    // A message without a type is a normal one (RFC 6121, 5.2.2).
    assert_eq!(
        Sample::chat().fact("type", "").json()["type"],
        "message.normal"
    );
    for status in ["online", "offline"] {
        let event = Sample::presence(status).json();
        assert_eq!(event["type"], format!("presence.{status}"));
    }
}

#[test]
fn presence() {
    let sample = Sample::presence("online").fact("metadata.tenant", "acme");
    let expected = json!({
        "host": "localhost",
        "jid": "alice@localhost/phone",
        "user": "alice",
        "server": "localhost",
        "resource": "phone",
        "status": "online",
        "metadata": {"tenant": "acme"},
    });
    assert_eq!(sample.data(), expected);
}

#[test]
fn room_and_nickname() {
    let room = json!({"jid": "room@muc.localhost", "user": "room", "server": "muc.localhost"});
    let data = Sample::groupchat().data();
    assert_eq!(
        (&data["room"], &data["nickname"]),
        (&room, &json!("Alice the nick"))
    );
    // MUC light shows bare jids.
    let light = Sample::groupchat()
        .from("room", "muclight.localhost", "alice@localhost")
        .data();
    assert_eq!(light["room"]["jid"], "room@muclight.localhost");
    assert_eq!(light["nickname"], "alice@localhost");
    // The room itself: a change of the subject, of members.
    let own = Sample::groupchat().from("room", "muc.localhost", "").data();
    assert_eq!((&own["room"], own.get("nickname")), (&room, None));
    // A message to the room. Which nickname it will get, the session does not know.
    let sent = Sample::groupchat()
        .fact("direction", "in")
        .from("alice", "localhost", "phone")
        .to("room", "muc.localhost", "")
        .data();
    assert_eq!((&sent["room"], sent.get("nickname")), (&room, None));
    // Not in a room.
    let chat = Sample::chat().from("room", "muc.localhost", "nick").data();
    assert_eq!((chat.get("room"), chat.get("nickname")), (None, None));
}

#[test]
fn the_archive_of_the_receiver_or_of_the_room() {
    let id =
        |by: &str, id: &str| format!("<stanza-id xmlns='urn:xmpp:sid:0' by='{by}' id='{id}'/>");
    let bob = id("bob@localhost", "of bob");
    let room = id("room@muc.localhost", "of the room");
    let forged = id("elsewhere", "forged") + &id("alice@localhost", "forged");
    let archive_id = |sample: Sample| sample.data().get("archive_id").cloned();
    let all = format!("{forged}{bob}{room}");
    assert_eq!(
        archive_id(Sample::chat().children(&all)),
        Some("of bob".into())
    );
    assert_eq!(archive_id(Sample::chat().children(&forged)), None);
    assert_eq!(
        archive_id(Sample::groupchat().children(&all)),
        Some("of the room".into())
    );
    assert_eq!(
        archive_id(Sample::groupchat().children(&bob)),
        Some("of bob".into())
    );
    // What the session knows counts, and a client may write into its message what it likes.
    let sent = || Sample::chat().fact("direction", "in").children(&all);
    assert_eq!(archive_id(sent()), None);
    assert_eq!(
        archive_id(sent().fact("archive_id", "known")),
        Some("known".into())
    );
    let known = Sample::chat().children(&all).fact("archive_id", "known");
    assert_eq!(archive_id(known), Some("known".into()));
}

#[test]
fn what_was_written_is_left_out() {
    let mut sample = Sample::chat().stanza(
        "<message id='m1'><body>secret</body><subject>secret</subject><thread>t1</thread>\
         <x xmlns='jabber:x:oob'><url>secret</url></x></message>",
    );
    sample.options.omit_body = true;
    sample.options.include_stanza = true;
    let text = sample.text();
    assert!(!text.contains("secret"), "{text}");
    let data = sample.data();
    assert_eq!(
        (&data["message_id"], &data["thread"]),
        (&json!("m1"), &json!("t1"))
    );
}

#[test]
fn addresses_with_quotes_backslashes_and_other_scripts() {
    for (user, resource) in [
        ("o\"brien", "\"\\\u{8}\""),
        ("a\\b", "C:\\temp\\"),
        (
            "\u{5d0}\u{5dc}\u{5d9}\u{5e1}",
            "\u{202e}right to left\u{202c}",
        ),
        ("🦀", "👩‍👩‍👧‍👦"),
        ("<script>", "</script>&amp;"),
        ("\u{1}\u{1f}\u{7f}", "\u{2028}\u{2029}\u{feff}\u{fffe}"),
    ] {
        let data = Sample::chat()
            .from(user, "münchen.example", resource)
            .data();
        assert_eq!(data["from"]["user"], user);
        assert_eq!(data["from"]["resource"], resource);
        assert_eq!(
            data["from"]["jid"],
            format!("{user}@münchen.example/{resource}")
        );
    }
    let server = Sample::chat().from("", "localhost", "").data();
    assert_eq!(
        server["from"],
        json!({"jid": "localhost", "server": "localhost"})
    );
}

#[test]
fn text_that_is_no_utf_8() {
    let mut sample = Sample::chat()
        .fact("metadata.name", &b"caf\xe9"[..])
        .stanza(&b"<message><body>caf\xe9 \xf0\x9f\xff\xed\xa0\x80</body></message>"[..]);
    sample.options.include_stanza = true;
    let data = sample.data();
    assert_eq!(
        data["body"],
        "caf\u{fffd} \u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}"
    );
    assert_eq!(data["metadata"]["name"], "caf\u{fffd}");
    assert!(data["stanza"].as_str().unwrap().contains("caf\u{fffd}"));
}

#[test]
fn large_bodies_and_control_characters() {
    for text in [
        "x".repeat(64 * 1024),
        "\u{1}".repeat(64 * 1024),
        "🦀".repeat(16 * 1024),
    ] {
        let data = Sample::chat()
            .children(&format!("<body>{text}</body>"))
            .data();
        assert_eq!(data["body"], Value::from(text));
    }
    let (open, close) = ("<a>".repeat(9_999), "</a>".repeat(9_999));
    let mut deep = Sample::chat().children(&format!("{open}{close}<body>there</body>"));
    deep.options.include_stanza = true;
    assert_eq!(deep.data()["body"], "there");
}

#[test]
fn events_that_cannot_be_made_into_json() {
    let error = |sample: Sample| {
        let error = sample.make().unwrap_err();
        assert_eq!(error.reason.as_str(), "payload_error");
        error.text
    };
    assert!(error(Sample::chat().stanza("<message><body>")).contains("not well-formed"));
    assert!(error(Sample::chat().fact("event", "other")).contains("unknown type"));
    assert!(error(Sample::chat().fact("type", "error")).contains("unknown type"));
    assert!(error(Sample::presence("away")).contains("without a status"));
    assert!(error(Sample::chat().fact("timestamp", i64::MAX)).contains("timestamp"));
}
