//! Which members fail, and what is made of the others.

use notification::{FailureReason, MessageId};
use payload::{BatchMade, FormatOptions, Plan, TemplateOptions};

use super::support::{Sample, in_turns};
use super::{ANY, batch, cloudevents, message, plan, template};

fn places(batch: &BatchMade) -> Vec<usize> {
    batch.failed.iter().map(|(at, _)| *at).collect()
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
            // In JSON as a string, from the template as a line.
            let places = ["a", "b"].map(|body| {
                text.find(&format!("\"{body}\""))
                    .or_else(|| text.find(&format!("{body}\n")))
            });
            assert!(
                matches!(places, [Some(first), Some(second)] if first < second),
                "{text}"
            );
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
