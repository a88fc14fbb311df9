//! Requests of several events: what is in them, which members fail, and how many fit.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::fs;

use notification::{FailureReason, MessageId, Notification};
use payload::{
    BatchMade, CloudEventsMode, FormatOptions, Made, Plan, PlanOptions, TemplateOptions,
};
use proptest::prelude::*;
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

fn places(batch: &BatchMade) -> Vec<usize> {
    batch.failed.iter().map(|(at, _)| *at).collect()
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

/// A large batch takes a while: other tasks have their turns between its members, and a small one is made at once.
#[tokio::test]
async fn others_have_their_turns_meanwhile() {
    let lines = "{% for event in events %}{{ event.body }}\n{% endfor %}";
    let picky = "{% for event in events %}{{ event.body | int }}{% endfor %}";
    for (plan, rounds) in [
        (plan(FormatOptions::Json), 1),
        (cloudevents(), 1),
        (template(lines, "text/plain", None).await, 1),
        // Each is rendered alone, to find those that are to blame.
        (template(picky, "text/plain", None).await, 2),
    ] {
        for (events, bytes) in [(10, 100), (2_048, 512), (16, 65_536)] {
            let text = "x".repeat(bytes);
            let notifications: Vec<_> =
                (0..events).map(|_| message(&text).notification()).collect();
            let id = MessageId::new();
            let members: Vec<_> = notifications.iter().map(|one| (one, &id)).collect();
            let (made, turns) = in_turns(plan.make_batch(&members, 64 * ANY));
            let batch = made.unwrap();
            assert_eq!(batch.taken, events);
            let most_in_a_row = 256 * 1024;
            let least = rounds * events * bytes / most_in_a_row;
            assert!(turns >= least, "{turns} turns, {least} expected");
            assert!(events > 10 || turns < 2 * rounds, "{turns} turns");
        }
    }
}

#[test]
fn a_form_has_no_batches() {
    let notification = message("one").notification();
    let id = MessageId::new();
    let plan = plan(FormatOptions::Form);
    let (made, _) = in_turns(plan.make_batch(&[(&notification, &id)], ANY));
    assert_eq!(made.unwrap_err().reason, FailureReason::PayloadError);
}

/// One that cannot be made fails alone, wherever it is; the identity is that of the others.
#[tokio::test]
async fn what_cannot_be_made_fails_alone() {
    let broken = Sample::chat().stanza("<message");
    let good = [message("a"), message("b")];
    let lines = "{% for event in events %}{{ event.body }}\n{% endfor %}";
    for plan in [
        plan(FormatOptions::Json),
        cloudevents(),
        template(lines, "text/plain", None).await,
    ] {
        for at in 0..3 {
            let mut samples = good.to_vec();
            samples.insert(at, broken.clone());
            let batch = batch(&plan, &samples, ANY);
            assert_eq!((batch.taken, places(&batch)), (3, vec![at]));
            assert_eq!(batch.failed[0].1.reason, FailureReason::PayloadError);
            let (made, id) = batch.made.unwrap();
            let text = String::from_utf8(made.body.to_vec()).unwrap();
            assert!(text.find('a') < text.rfind('b'), "{text}");
            // The identities of those that are sent are `m0` and `m1` only if it is the last.
            assert_eq!(id.as_str() == batch_id(&plan, &good), at == 2);
        }
        let batch = batch(&plan, &[broken.clone(), broken.clone()], ANY);
        assert_eq!((batch.taken, places(&batch)), (2, vec![0, 1]));
        assert!(batch.made.is_none());
    }
}

fn batch_id(plan: &Plan, samples: &[Sample]) -> String {
    let (_, id) = batch(plan, samples, ANY).made.unwrap();
    id.as_str().to_owned()
}

/// The template fails for one of the events, so only that one does.
#[tokio::test]
async fn what_a_template_fails_for_fails_alone() {
    let source = "{% for event in events %}{{ event.subject }}\n{% endfor %}";
    let plan = template(source, "text/plain", None).await;
    let with = message("x").children("<subject>s</subject>");
    let samples = [with.clone(), message("no subject"), with.clone()];
    let batch = batch(&plan, &samples, ANY);
    assert_eq!((batch.taken, places(&batch)), (3, vec![1]));
    let (at, error) = &batch.failed[0];
    assert_eq!((*at, error.reason), (1, FailureReason::TemplateError));
    assert!(error.text.contains("line 1"), "{}", error.text);
    assert_eq!(batch.made.unwrap().0.body, "s\ns\n");
}

/// It is right for each event alone, and wrong for several.
#[tokio::test]
async fn what_a_template_makes_of_several_may_be_wrong() {
    let source = "[{% for event in events %}{{ event.body }}{% endfor %}]";
    let plan = template(source, "application/json", None).await;
    let batch = batch(&plan, &[message("a"), message("b")], ANY);
    assert_eq!((batch.taken, places(&batch)), (2, vec![0, 1]));
    assert!(batch.failed[0].1.text.contains("not JSON"));
    assert!(batch.made.is_none());
}

#[tokio::test]
async fn no_template_is_an_error_of_all() {
    let plan = plan(FormatOptions::Template(TemplateOptions {
        file: "no/such/file".into(),
        content_type: "text/plain".to_owned(),
        path: None,
        headers: Vec::new(),
    }));
    let notification = message("one").notification();
    let id = MessageId::new();
    let (made, _) = in_turns(plan.make_batch(&[(&notification, &id)], ANY));
    assert_eq!(made.unwrap_err().reason, FailureReason::TemplateError);
}

/// More steps than a template may take for one event, but not for a batch; and more than it may take at all.
#[tokio::test]
async fn a_template_that_does_too_much_gets_fewer_events() {
    let busy = "{% for event in events %}{% for n in range(20000) %}{% if n %}{% endif %}{% endfor %}{{ event.body }}{% endfor %}";
    let plan = template(busy, "text/plain", None).await;
    let samples: Vec<_> = (0..100).map(|n| message(&n.to_string())).collect();
    let batch = batch(&plan, &samples, ANY);
    assert!((2..100).contains(&batch.taken), "{}", batch.taken);
    assert_eq!(batch.failed, []);
    let expected: String = (0..batch.taken).map(|n| n.to_string()).collect();
    assert_eq!(batch.made.unwrap().0.body, expected);
}

/// The text of all events together is longer than that of a value may be.
#[tokio::test]
async fn a_list_as_a_whole_is_split_too() {
    let plan = template("{\"all\": {{ events }}}", "application/json", None).await;
    let long = "x".repeat(100_000);
    let samples: Vec<_> = (0..20).map(|_| message(&long)).collect();
    let batch = batch(&plan, &samples, 8 * ANY);
    // `data` repeats the body.
    assert_eq!((batch.taken, batch.failed.len()), (5, 0));
}

#[tokio::test]
async fn one_that_is_larger_than_a_batch_is_sent_alone() {
    let large = message(&"x".repeat(5000));
    let lines = "{% for event in events %}{{ event.body }}\n{% endfor %}";
    for plan in [
        plan(FormatOptions::Json),
        cloudevents(),
        template(lines, "text/plain", None).await,
    ] {
        let samples = [large.clone(), message("a")];
        let batch = batch(&plan, &samples, 1024);
        assert_eq!((batch.taken, batch.failed.len()), (1, 0));
        assert!(batch.made.unwrap().0.body.len() > 5000);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is too long, broken or short: each member is in exactly one request or has failed, in order, and
    /// no request of several is longer than it may be.
    #[test]
    fn members_are_taken_in_order_and_each_once(
        lengths in proptest::collection::vec((0_usize..600, proptest::bool::weighted(0.1)), 1..40),
        max_bytes in 1024_usize..6000,
        batched in any::<bool>(),
    ) {
        let plan = if batched { cloudevents() } else { plan(FormatOptions::Json) };
        let samples: Vec<_> = lengths
            .iter()
            .enumerate()
            .map(|(number, (length, broken))| {
                if *broken {
                    Sample::chat().stanza("<message")
                } else {
                    message(&format!("{number} {}", "x".repeat(*length)))
                }
            })
            .collect();
        let mut at = 0;
        let mut sent = Vec::new();
        while at < samples.len() {
            let batch = batch(&plan, &samples[at..], max_bytes);
            prop_assert!(batch.taken > 0);
            for (place, _) in &batch.failed {
                prop_assert!(*place < batch.taken && lengths[at + place].1);
            }
            if let Some((made, _)) = batch.made {
                let events = parsed(&made);
                let events = events.as_array().unwrap();
                prop_assert_eq!(events.len(), batch.taken - batch.failed.len());
                prop_assert!(made.body.len() <= max_bytes || events.len() == 1);
                for event in events {
                    let body = event["data"]["body"].as_str().unwrap();
                    sent.push(body.split(' ').next().unwrap().parse::<usize>().unwrap());
                }
            }
            at += batch.taken;
        }
        let expected: Vec<_> = (0..lengths.len()).filter(|at| !lengths[*at].1).collect();
        prop_assert_eq!(sent, expected);
    }
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
