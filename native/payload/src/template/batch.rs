//! What a handler's templates make of several events: one body, rendered once, with `events` as a variable.

use minijinja::Value;
use notification::MessageId;

use super::handler::failed;
use super::{Failure, Templates, limits, variables};
use crate::batch::{Collected, Member, identity};
use crate::event::{Choice, Raw};
use crate::{Made, PayloadError};

/// An event of the batch: its place among the members, its identity, its variables.
type Event<'a> = (usize, &'a MessageId, Value);

impl Templates {
    /// Renders as many of the members as fit into `max_bytes`, but at least one.
    pub(crate) fn batch(
        &self,
        members: &[Member<'_>],
        choice: Choice,
        max_bytes: usize,
    ) -> Result<Collected, PayloadError> {
        self.is_there()?;
        let mut failed = Vec::new();
        let mut events: Vec<Event<'_>> = Vec::with_capacity(members.len());
        for (at, (notification, id)) in members.iter().enumerate() {
            match event(notification, id, choice) {
                Ok(variables) => events.push((at, id, variables)),
                Err(error) => failed.push((at, error)),
            }
        }
        let mut taken = members.len();
        loop {
            let most = most(events.len(), max_bytes);
            let failure = match self.render_batch(&events, most) {
                Ok(request) => {
                    return Ok(Collected {
                        taken,
                        failed,
                        request,
                    });
                }
                Err(failure) => failure,
            };
            if failure.too_much && events.len() > 1 {
                // The rest is for another request.
                events.truncate(events.len() / 2);
                taken = events.last().map_or(0, |(at, ..)| at + 1);
                failed.retain(|(at, _)| *at < taken);
                continue;
            }
            let bad = self.bad(&events, &failure, max_bytes);
            events.retain(|(at, ..)| !bad.iter().any(|(other, _)| other == at));
            failed.extend(bad);
            failed.sort_by_key(|(at, _)| *at);
        }
    }

    /// Those that fail alone, with their reasons. If there are none, it is all of them together that fail.
    fn bad(
        &self,
        events: &[Event<'_>],
        together: &Failure,
        max_bytes: usize,
    ) -> Vec<(usize, PayloadError)> {
        let alone = |event: &Event<'_>| {
            let rendered = self.render_batch(std::slice::from_ref(event), most(1, max_bytes));
            Some((event.0, failed(rendered.err()?.text)))
        };
        let bad: Vec<_> = events.iter().filter_map(alone).collect();
        if bad.is_empty() {
            let all = events.iter();
            return all
                .map(|(at, ..)| (*at, failed(together.text.clone())))
                .collect();
        }
        bad
    }

    fn render_batch(&self, events: &[Event<'_>], most: usize) -> Result<Option<Made>, Failure> {
        if events.is_empty() {
            return Ok(None);
        }
        let id = identity(events.iter().map(|(_, id, _)| *id));
        let events = events.iter().map(|(.., event)| event.clone()).collect();
        let made = self.render_with(&variables::of_batch(events, id.as_str()), most)?;
        Ok(Some(made))
    }
}

/// How long the body may be. One event may be larger than a batch.
fn most(events: usize, max_bytes: usize) -> usize {
    if events > 1 {
        max_bytes
    } else {
        limits::OUTPUT.max(max_bytes)
    }
}

fn event(
    notification: &notification::Notification,
    id: &MessageId,
    choice: Choice,
) -> Result<Value, PayloadError> {
    let raw = Raw::of(notification)?;
    variables::of(&raw.event(choice)?, id.as_str())
}
