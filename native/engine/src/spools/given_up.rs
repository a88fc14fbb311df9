//! Records that were given up while they came in from the disk. They have no outcome, so nothing else says that there are
//! dead letters of them.

use std::collections::BTreeMap;
use std::mem;
use std::time::Duration;

use tokio::time::Instant;
use transport::notices::NoticeKind;

use super::pool_spool::PoolSpool;

/// While more may follow, it is said so often at most.
const PAUSE: Duration = Duration::from_mins(1);

/// How many there are that nothing was said of yet, by reason.
#[derive(Debug, Default)]
pub(super) struct GivenUp {
    counts: BTreeMap<&'static str, u64>,
    said: Option<Instant>,
}

impl GivenUp {
    /// One more.
    pub fn add(&mut self, reason: &'static str) {
        *self.counts.entry(reason).or_default() += 1;
    }

    /// What is to be said now. `more`: whether others may follow soon.
    pub fn take(&mut self, more: bool, now: Instant) -> BTreeMap<&'static str, u64> {
        let soon = self.said.is_some_and(|said| now < said + PAUSE);
        if self.counts.is_empty() || more && soon {
            return BTreeMap::new();
        }
        self.said = Some(now);
        mem::take(&mut self.counts)
    }
}

impl PoolSpool {
    /// Has the log say what was given up since the last time. `more`: whether others may follow soon.
    pub(super) fn tell_what_was_given_up(&self, more: bool) {
        let given_up = self.window().given_up.take(more, Instant::now());
        for (reason, count) in given_up {
            let text = format!(
                "{reason}: {count} notifications that came in from the disk were given up. They are dead letters now, and the \
                 metrics do not count them; http-pusher spool shows them"
            );
            self.notices
                .tell(self.name(), NoticeKind::SpoolGaveUp, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, GivenUp, Instant, PAUSE};

    #[test]
    fn all_are_said_at_the_end_and_meanwhile_once_a_minute() {
        let now = Instant::now();
        let mut given_up = GivenUp::default();
        assert!(given_up.take(false, now).is_empty());
        given_up.add("handler_gone");
        given_up.add("handler_gone");
        given_up.add("too_large");
        let said: Vec<_> = given_up.take(true, now).into_iter().collect();
        assert_eq!(said, [("handler_gone", 2), ("too_large", 1)]);
        given_up.add("too_large");
        let soon = now + PAUSE.saturating_sub(Duration::from_millis(1));
        assert!(given_up.take(true, soon).is_empty());
        assert_eq!(given_up.take(true, now + PAUSE).len(), 1);
        given_up.add("too_large");
        assert_eq!(given_up.take(false, now + PAUSE).len(), 1);
    }
}
