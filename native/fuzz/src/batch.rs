//! Batches of any events, as JSON and as CloudEvents: each event is in one request, or fails, just as it does alone, and no
//! request of several is longer than it may be.

use notification::{MessageId, Notification};
use payload::{CloudEventsMode, FormStyle, FormatOptions, Plan, PlanOptions};
use serde_json::Value as Json;

use crate::event;

/// The first byte chooses the format and the longest body. The rest are events with 0xFF between them, each as the target
/// `event` reads it.
pub fn check(bytes: &[u8]) {
    let Some((&choice, rest)) = bytes.split_first() else {
        return;
    };
    let is_json = choice & 1 == 0;
    let max_bytes = 64 << (choice >> 4);
    let format = if is_json {
        FormatOptions::Json
    } else {
        FormatOptions::CloudEvents {
            mode: CloudEventsMode::Structured,
            source: None,
        }
    };
    let plan = Plan::compile(PlanOptions {
        format,
        batched: true,
        ..PlanOptions::default()
    });
    let plan = plan.expect("options without a source");
    let events: Vec<Notification> = rest.split(|&byte| byte == 0xff).map(of_batch).collect();
    let ids: Vec<MessageId> = (0..events.len()).map(id).collect();
    let members: Vec<_> = events.iter().zip(&ids).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime");
    let (mut left, mut sent, mut alone) = (&members[..], Vec::new(), Vec::new());
    while !left.is_empty() {
        let batch = runtime.block_on(plan.make_batch(left, max_bytes));
        let batch = batch.expect("a batch");
        let (taken, rest) = left.split_at(batch.taken);
        assert!(!taken.is_empty(), "no progress");
        let before = (sent.len(), alone.len());
        if let Some((made, _)) = &batch.made {
            let array: Vec<Json> = serde_json::from_slice(&made.body).expect("an array");
            assert!(made.body.len() <= max_bytes || array.len() == 1);
            sent.extend(array);
        }
        alone.extend(
            taken
                .iter()
                .filter_map(|(event, id)| made_alone(&plan, event, id, is_json)),
        );
        assert_eq!(sent[before.0..], alone[before.1..]);
        assert_eq!(sent.len() - before.0 + batch.failed.len(), taken.len());
        left = rest;
    }
    sent.iter().for_each(event::no_blanks);
}

fn of_batch(bytes: &[u8]) -> Notification {
    let (&choice, rest) = bytes.split_first().unwrap_or((&0, &[]));
    event::event(choice, rest)
}

fn id(number: usize) -> MessageId {
    MessageId::parse(&format!("msg_{number}")).expect("an id")
}

/// What the event is alone, with its id; none if it cannot be made.
fn made_alone(plan: &Plan, event: &Notification, id: &MessageId, is_json: bool) -> Option<Json> {
    let made = plan.make(event, id, FormStyle::EachByte).ok()?;
    let mut made: Json = serde_json::from_slice(&made.body).expect("JSON");
    if is_json {
        made["id"] = id.as_str().into();
    }
    Some(made)
}
