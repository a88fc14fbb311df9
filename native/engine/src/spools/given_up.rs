//! Records that were given up while they came in from the disk. They have no outcome, so nothing else says that there are
//! dead letters of them.

use std::collections::BTreeMap;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use transport::notices::NoticeKind;

use super::pool_spool::PoolSpool;

/// There is at most one line for each reason in this time.
const PAUSE: Duration = Duration::from_mins(1);

/// How many, by reason.
type Counts = BTreeMap<&'static str, u64>;

/// How many were given up and are in no line of the log yet.
#[derive(Debug, Default)]
pub(super) struct Unsaid {
    counts: Counts,
    /// When the last line was logged.
    said: Option<Instant>,
    /// Whether a task waits until the next line may be logged.
    awaited: bool,
}

/// When they are logged.
#[derive(Debug, PartialEq, Eq)]
enum When {
    Now(Counts),
    Later(Instant),
    /// There are none, or a task waits for it already.
    Never,
}

impl Unsaid {
    /// One more.
    pub fn add(&mut self, reason: &'static str) {
        *self.counts.entry(reason).or_default() += 1;
    }

    /// All of them.
    fn take(&mut self) -> Counts {
        mem::take(&mut self.counts)
    }

    fn when(&mut self, now: Instant) -> When {
        if self.counts.is_empty() {
            return When::Never;
        }
        match self.said.map(|said| said + PAUSE) {
            Some(_) if self.awaited => When::Never,
            Some(next) if now < next => {
                self.awaited = true;
                When::Later(next)
            }
            _ => {
                self.said = Some(now);
                When::Now(self.take())
            }
        }
    }
}

impl PoolSpool {
    /// Logs what was given up since the last such line, at most once a minute.
    pub(super) fn tell_what_was_given_up(self: &Arc<Self>) {
        let when = self.window().given_up.when(Instant::now());
        match when {
            When::Now(counts) => self.tell_of(counts),
            When::Later(at) => {
                let spool = Arc::downgrade(self);
                tokio::spawn(async move {
                    sleep_until(at).await;
                    if let Some(spool) = spool.upgrade() {
                        spool.window().given_up.awaited = false;
                        spool.tell_what_was_given_up();
                    }
                });
            }
            When::Never => {}
        }
    }

    /// Logs the rest, because the spool is closed.
    pub(super) fn tell_all_that_was_given_up(&self) {
        let counts = self.window().given_up.take();
        self.tell_of(counts);
    }

    fn tell_of(&self, counts: Counts) {
        for (reason, count) in counts {
            let text = format!(
                "{reason}: notifications that were given up on their way in from the disk: {count}. They become dead letters, \
                 which http-pusher spool shows; the counters sent and failed have none of them"
            );
            self.notices
                .tell(self.name(), NoticeKind::SpoolGivenUp, text);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::time::{Duration, Instant, advance};
    use transport::notices::{NoticeKind, Notices};

    use super::{PAUSE, PoolSpool, Unsaid, When};

    #[test]
    fn they_are_said_at_once_and_then_once_a_minute() {
        let now = Instant::now();
        let mut unsaid = Unsaid::default();
        assert_eq!(unsaid.when(now), When::Never);
        unsaid.add("handler_gone");
        unsaid.add("handler_gone");
        unsaid.add("too_large");
        let counts = [("handler_gone", 2), ("too_large", 1)];
        assert_eq!(unsaid.when(now), When::Now(counts.into()));
        unsaid.add("too_large");
        assert_eq!(unsaid.when(now), When::Later(now + PAUSE));
        // Awaited.
        assert_eq!(unsaid.when(now), When::Never);
        unsaid.awaited = false;
        let counts = [("too_large", 1)];
        assert_eq!(unsaid.when(now + PAUSE), When::Now(counts.into()));
    }

    fn said(notices: &Notices) -> Vec<String> {
        let notices = notices.take();
        assert!(
            notices
                .iter()
                .all(|notice| notice.kind == NoticeKind::SpoolGivenUp)
        );
        let texts = notices.iter().map(|notice| notice.text.clone());
        texts.collect()
    }

    /// Although no other record comes in.
    #[tokio::test(start_paused = true)]
    async fn what_is_not_said_at_once_is_said_a_minute_later_or_at_the_end() {
        let notices = Arc::new(Notices::default());
        let spool = Arc::new(PoolSpool::new("http_pool", Arc::clone(&notices)));
        for first in [true, false, false] {
            spool.window().given_up.add("handler_gone");
            spool.tell_what_was_given_up();
            assert_eq!(said(&notices).len(), usize::from(first));
        }
        tokio::task::yield_now().await;
        advance(PAUSE + Duration::from_millis(1)).await;
        tokio::task::yield_now().await;
        let texts = said(&notices);
        assert!(
            texts[0].starts_with("handler_gone: ") && texts[0].contains("disk: 2."),
            "{texts:?}"
        );
        spool.window().given_up.add("too_large");
        spool.tell_what_was_given_up();
        assert!(said(&notices).is_empty());
        spool.close(|| panic!("nothing waits for the file"));
        assert_eq!(said(&notices).len(), 1);
    }
}
