//! How many members a request has, and what a long one leaves to other tasks.

use notification::MessageId;
use payload::FormatOptions;
use proptest::prelude::*;

use super::support::{Sample, in_turns};
use super::{ANY, batch, cloudevents, message, parsed, plan, template};

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
