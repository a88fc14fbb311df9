//! What is wrong with a payload is found: the other tests rely on it.
#![allow(clippy::unwrap_used)]

use schemas::check;
use serde_json::{Value, json};

fn event() -> Value {
    json!({
        "type": "message.chat",
        "timestamp": "2026-11-26T12:34:56.789012Z",
        "data": {
            "direction": "out",
            "host": "localhost",
            "from": {"jid": "alice@localhost", "user": "alice", "server": "localhost"},
            "to": {"jid": "bob@localhost", "user": "bob", "server": "localhost"},
        },
    })
}

fn checked(headers: &[(&str, &str)], body: &[u8]) -> Result<Vec<String>, String> {
    let find = |name: &str| {
        let (_, value) = headers.iter().find(|(found, _)| *found == name)?;
        Some(value.as_bytes())
    };
    check(find, body)
}

fn json_checked(event: &Value) -> Result<Vec<String>, String> {
    let headers = [("content-type", "application/json")];
    checked(&headers, event.to_string().as_bytes())
}

#[test]
fn a_good_event_passes() {
    assert_eq!(json_checked(&event()), Ok(vec!["message.chat".to_owned()]));
}

#[test]
fn wrong_events_do_not() {
    for (pointer, value) in [
        ("/type", json!("message.other")),
        ("/timestamp", json!("2026-11-26T12:34:56Z")),
        ("/timestamp", json!("2026-13-26T12:34:56.789012Z")),
        ("/timestamp", Value::Null),
        ("/data", Value::Null),
        ("/data/body", Value::Null),
        ("/data/body", json!("")),
        ("/data/unheard_of", json!("x")),
        ("/data/room", json!({"jid": "room@muc", "server": "muc"})),
        ("/data/from/unheard_of", json!("x")),
        ("/data/from/resource", json!("")),
        ("/data/from", json!({"jid": "alice@localhost"})),
        ("/data/direction", json!("sideways")),
        ("/data/hints", json!([])),
        ("/data/hints", json!(["no-store"])),
        (
            "/data/attachments",
            json!([{"description": "without a URL"}]),
        ),
        ("/data/unread", json!(-1)),
        ("/data/metadata", json!({})),
        ("/data/metadata", json!({"nothing": null})),
        ("/unheard_of", json!(1)),
        ("/id", json!("msg_1")),
    ] {
        let mut wrong = event();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = wrong.pointer_mut(parent).unwrap();
        parent[key] = value.clone();
        assert!(json_checked(&wrong).is_err(), "{pointer}: {value}");
    }
    let mut lacking = event();
    lacking.as_object_mut().unwrap().remove("timestamp");
    assert!(json_checked(&lacking).is_err());
    let headers = [("content-type", "application/json")];
    assert!(checked(&headers, b"{\"type\":").is_err());
    assert!(checked(&headers, b"").is_err());
    assert!(checked(&headers, b"\"\xff\"").is_err());
}

#[test]
fn wrong_cloudevents_do_not() {
    let data = &event()["data"];
    let good = json!({
        "specversion": "1.0", "id": "1", "source": "xmpp://localhost", "type": "message.chat",
        "time": "2026-11-26T12:34:56.789012Z", "datacontenttype": "application/json", "data": data,
    });
    let headers = [
        (
            "content-type",
            "application/cloudevents+json; charset=utf-8",
        ),
        ("webhook-id", "1"),
    ];
    let structured = |event: &Value| checked(&headers, event.to_string().as_bytes());
    assert_eq!(structured(&good), Ok(vec!["message.chat".to_owned()]));
    for (key, value) in [
        ("specversion", json!("0.3")),
        ("id", json!("2")),
        ("source", json!("")),
        ("time", Value::Null),
        ("datacontenttype", json!("text/xml")),
        ("data", json!({})),
        ("unheardof", json!("x")),
    ] {
        let mut wrong = good.clone();
        wrong[key] = value;
        assert!(structured(&wrong).is_err(), "{key}");
    }
    let fields = [
        ("content-type", "application/json"),
        ("webhook-id", "1"),
        ("ce-specversion", "1.0"),
        ("ce-id", "1"),
        ("ce-source", "xmpp://localhost"),
        ("ce-type", "message.chat"),
        ("ce-time", "2026-11-26T12:34:56.789012Z"),
    ];
    let body = data.to_string();
    let binary = checked(&fields, body.as_bytes());
    assert_eq!(binary, Ok(vec!["message.chat".to_owned()]));
    for (at, value) in [
        (2, "0.3"),
        (3, "2"),
        (4, ""),
        (4, "a b"),
        (5, "other"),
        (6, "now"),
    ] {
        let mut wrong = fields;
        wrong[at].1 = value;
        assert!(checked(&wrong, body.as_bytes()).is_err(), "{:?}", wrong[at]);
    }
}

fn batch_checked(content_type: &str, events: &Value) -> Result<Vec<String>, String> {
    checked(
        &[("content-type", content_type)],
        events.to_string().as_bytes(),
    )
}

fn identified(id: &str) -> Value {
    let mut event = event();
    event["id"] = id.into();
    event
}

#[test]
fn batches() {
    let json = |events: Value| batch_checked("application/json", &events);
    let kinds = Ok(vec!["message.chat".to_owned(), "message.chat".to_owned()]);
    assert_eq!(json(json!([identified("1"), identified("2")])), kinds);
    let mut wrong = identified("2");
    wrong["data"]["body"] = json!("");
    for events in [
        json!([identified("1"), identified("1")]),
        json!([identified("1"), event()]),
        json!([identified(""), identified("2")]),
        json!([identified("1"), wrong]),
        json!([identified("1"), {"id": "2", "type": "other", "timestamp": "x", "data": {}}]),
    ] {
        assert!(json(events.clone()).is_err(), "{events}");
    }
    let cloudevent = |id: &str| {
        json!({
            "specversion": "1.0", "id": id, "source": "xmpp://localhost", "type": "message.chat",
            "time": "2026-11-26T12:34:56.789012Z", "datacontenttype": "application/json", "data": event()["data"],
        })
    };
    let cloudevents = |events: Value| batch_checked("application/cloudevents-batch+json", &events);
    assert_eq!(
        cloudevents(json!([cloudevent("1"), cloudevent("2")])),
        kinds
    );
    for events in [
        json!([]),
        json!({}),
        json!([cloudevent("1"), cloudevent("1")]),
        json!([cloudevent("1"), cloudevent("")]),
        json!([identified("1")]),
    ] {
        assert!(cloudevents(events.clone()).is_err(), "{events}");
    }
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let form = [("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(checked(&form, b"author=alice"), Ok(vec![]));
    assert_eq!(checked(&[], b"{"), Ok(vec![]));
    assert_eq!(json_checked(&json!({"text": "Hi"})), Ok(vec![]));
}
