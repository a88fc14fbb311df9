//! What a handler's templates make of several events: one body, rendered once, with `events` as a variable.

use minijinja::Value;

use super::handler::failed;
use super::{Failure, Templates, limits, variables};
use crate::batch::{Collected, Member, Turns, identity};
use crate::event::{Choice, Raw};
use crate::{Made, PayloadError};

/// An event of the batch: its place among the members, itself, its variables.
type Event<'a> = (usize, Member<'a>, Value);

impl Templates {
    /// Renders as many of the members as fit into `max_bytes`, but at least one.
    pub(crate) async fn batch(
        &self,
        members: &[Member<'_>],
        choice: Choice,
        max_bytes: usize,
    ) -> Result<Collected, PayloadError> {
        self.is_there()?;
        let mut failed = Vec::new();
        let mut turns = Turns::default();
        let mut events: Vec<Event<'_>> = Vec::with_capacity(members.len());
        for (at, member) in members.iter().enumerate() {
            turns.before(*member).await;
            match event(*member, choice) {
                Ok(variables) => events.push((at, *member, variables)),
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
            turns.give().await;
            if failure.too_much && events.len() > 1 {
                // The rest is for another request.
                events.truncate(events.len() / 2);
                taken = events.last().map_or(0, |(at, ..)| at + 1);
                failed.retain(|(at, _)| *at < taken);
                continue;
            }
            let bad = self.bad(&events, &failure, max_bytes, &mut turns).await;
            events.retain(|(at, ..)| !bad.iter().any(|(other, _)| other == at));
            failed.extend(bad);
            failed.sort_by_key(|(at, _)| *at);
        }
    }

    /// Those that fail alone, with their reasons. If there are none, it is all of them together that fail.
    async fn bad(
        &self,
        events: &[Event<'_>],
        together: &Failure,
        max_bytes: usize,
        turns: &mut Turns,
    ) -> Vec<(usize, PayloadError)> {
        let mut bad = Vec::new();
        for event in events {
            turns.before(event.1).await;
            let alone = std::slice::from_ref(event);
            if let Err(failure) = self.render_batch(alone, most(1, max_bytes)) {
                bad.push((event.0, failed(failure.text)));
            }
        }
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
        let id = identity(events.iter().map(|(_, (_, id), _)| *id));
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

fn event((notification, id): Member<'_>, choice: Choice) -> Result<Value, PayloadError> {
    let raw = Raw::of(notification)?;
    variables::of(&raw.event(choice)?, id.as_str())
}
