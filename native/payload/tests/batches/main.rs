//! Requests of several events: what is in them.
#![allow(clippy::unwrap_used, clippy::panic)]

mod failures;
mod limits;
#[path = "../support/mod.rs"]
mod support;

use std::fs;

use notification::{MessageId, Notification};
use payload::{
    BatchMade, CloudEventsMode, FormatOptions, Made, Plan, PlanOptions, TemplateOptions,
};
use serde_json::{Value, json};
use support::{Sample, check, header, in_turns};

const ANY: usize = 1024 * 1024;

fn plan(format: FormatOptions) -> Plan {
    Plan::compile(PlanOptions {
        format,
        batched: true,
        ..PlanOptions::default()
    })
    .unwrap()
}

fn cloudevents() -> Plan {
    plan(FormatOptions::CloudEvents {
        mode: CloudEventsMode::Structured,
        source: None,
    })
}

/// A plan with this template, which is read.
async fn template(source: &str, content_type: &str, path: Option<&str>) -> Plan {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("t.j2");
    fs::write(&file, source).unwrap();
    let plan = plan(FormatOptions::Template(TemplateOptions {
        file,
        content_type: content_type.to_owned(),
        path: path.map(str::to_owned),
        headers: vec![("x-first".to_owned(), "{{ events[0].id }}".to_owned())],
    }));
    plan.ready().await.unwrap();
    plan
}

fn message(body: &str) -> Sample {
    Sample::chat().children(&format!("<body>{body}</body>"))
}

/// The request of these, with the identities `m0`, `m1` and so on.
fn batch(plan: &Plan, samples: &[Sample], max_bytes: usize) -> BatchMade {
    let notifications: Vec<Notification> = samples.iter().map(Sample::notification).collect();
    let ids: Vec<MessageId> = (0..samples.len())
        .map(|number| MessageId::parse(&format!("m{number}")).unwrap())
        .collect();
    let members: Vec<_> = notifications.iter().zip(&ids).collect();
    let (made, _) = in_turns(plan.make_batch(&members, max_bytes));
    let made = made.unwrap();
    if let Some((made, _)) = &made.made {
        check(made);
    }
    made
}

/// The request of all of these.
fn whole(plan: &Plan, samples: &[Sample]) -> Made {
    let batch = batch(plan, samples, ANY);
    assert_eq!((batch.taken, batch.failed), (samples.len(), vec![]));
    batch.made.unwrap().0
}

fn parsed(made: &Made) -> Value {
    serde_json::from_slice(&made.body).unwrap()
}

#[test]
fn json_is_an_array_of_what_is_sent_alone_with_ids() {
    let samples = [message("one"), Sample::presence("online"), message("two")];
    let made = whole(&plan(FormatOptions::Json), &samples);
    assert_eq!(
        header(&made, "content-type"),
        Some(&b"application/json"[..])
    );
    let events = parsed(&made);
    for (number, sample) in samples.iter().enumerate() {
        let mut alone = sample.json();
        alone["id"] = format!("m{number}").into();
        assert_eq!(events[number], alone);
    }
    assert_eq!(events.as_array().unwrap().len(), 3);
}

#[test]
fn one_event_is_an_array_too() {
    let made = whole(&plan(FormatOptions::Json), &[message("one")]);
    assert_eq!(parsed(&made)[0]["data"]["body"], "one");
}

#[test]
fn cloudevents_are_batched() {
    let samples = [message("one"), message("two")];
    let made = whole(&cloudevents(), &samples);
    let content_type = header(&made, "content-type");
    assert_eq!(
        content_type,
        Some(&b"application/cloudevents-batch+json"[..])
    );
    let events = parsed(&made);
    assert_eq!(events.as_array().unwrap().len(), 2);
    for (number, body) in ["one", "two"].iter().enumerate() {
        let event = &events[number];
        assert_eq!(event["id"], format!("m{number}"));
        assert_eq!(event["specversion"], "1.0");
        assert_eq!(event["source"], "xmpp://localhost");
        assert_eq!(event["data"]["body"], *body);
    }
}

#[tokio::test]
async fn a_template_gets_a_list() {
    let source = "{% for event in events %}{{ event.body }}:{{ event.from.user }}:{{ event.id }}:{{ event.type }} \
                  {% endfor %}{{ id }}";
    let path = Some("n/{{ events | length }}");
    let plan = template(source, "text/plain", path).await;
    let batch = batch(&plan, &[message("one"), message("two")], ANY);
    let (made, id) = batch.made.unwrap();
    assert_eq!(
        made.body,
        format!("one:alice:m0:message.chat two:alice:m1:message.chat {id}")
    );
    assert_eq!(made.path.as_deref(), Some("n/2"));
    assert_eq!(header(&made, "x-first"), Some(&b"m0"[..]));
}

/// What the omitted text and the stanza are is the same as for one event.
#[test]
fn what_is_added_and_omitted() {
    let plan = |include_stanza, omit_body| {
        Plan::compile(PlanOptions {
            format: FormatOptions::Json,
            include_stanza,
            omit_body,
            batched: true,
        })
        .unwrap()
    };
    let made = whole(&plan(true, false), &[message("one")]);
    assert_eq!(
        parsed(&made)[0]["data"]["stanza"],
        "<message><body>one</body></message>"
    );
    let made = whole(&plan(false, true), &[message("one")]);
    assert_eq!(parsed(&made)[0]["data"]["body"], json!(null));
}
