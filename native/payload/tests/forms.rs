//! Events as forms, and forms of names and text with options of ours.

#![allow(clippy::unwrap_used)]

mod support;

use notification::{Content, MessageId};
use payload::{FormStyle, Plan, PlanOptions};
use support::{ID, Sample, header, notification};

#[test]
fn presence_has_a_form_of_its_own() {
    let sample = Sample::presence("online").options(PlanOptions::default());
    assert_eq!(
        sample.text(),
        "user=alice&server=localhost&resource=phone&status=online"
    );
    let odd = Sample::presence("offline")
        .from("o\"brien & é", "localhost", "")
        .options(PlanOptions::default());
    let expected = "user=o%22brien+%26+%C3%A9&server=localhost&resource=&status=offline";
    assert_eq!(odd.text(), expected);
}

#[test]
fn an_unacknowledged_message_has_the_form_of_a_message() {
    let sample = Sample::chat()
        .fact("event", "unack_msg")
        .children("<body xml:lang='de'>Hallo</body><body>Hi &amp; bye</body>")
        .options(PlanOptions::default());
    let expected = "author=alice&server=localhost&receiver=bob&message=Hi+%26+bye";
    assert_eq!(sample.text(), expected);
    let made = sample.make().unwrap();
    let form = &b"application/x-www-form-urlencoded"[..];
    assert_eq!(header(&made, "content-type"), Some(form));
    assert_eq!(
        made.headers.len(),
        1,
        "no field that the host's own module does not send"
    );
}

#[test]
fn a_form_of_names_and_text() {
    let body = |options: PlanOptions, style| {
        let plan = Plan::compile(options).unwrap();
        let id = MessageId::parse(ID).unwrap();
        let made = plan.make(&notification(Content::Form, b"Hi    bye"), &id, style);
        String::from_utf8(made.unwrap().body.into()).unwrap()
    };
    let start = "author=alice&server=localhost&receiver=bob&message=";
    let plain = body(PlanOptions::default(), FormStyle::EachByte);
    assert_eq!(plain, format!("{start}Hi++++bye"));
    let in_groups = body(PlanOptions::default(), FormStyle::InGroups);
    assert_eq!(in_groups, format!("{start}Hi%20%20%20%20bye"));
    let omitted = PlanOptions {
        omit_body: true,
        ..PlanOptions::default()
    };
    assert_eq!(body(omitted, FormStyle::EachByte), start);
}

#[test]
fn only_events_are_made_into_json() {
    let sample = Sample::chat();
    let plan = Plan::compile(sample.options).unwrap();
    let id = MessageId::parse(ID).unwrap();
    let form = notification(Content::Form, b"Hi");
    let error = plan.make(&form, &id, FormStyle::EachByte).unwrap_err();
    assert_eq!(error.to_string(), "the notification holds no event");
}
