//! Messages to the operator that belong to no notification, for example that a rotated certificate
//! cannot be used. The queue is bounded: when it is full, the oldest notice is dropped, and one more notice
//! says how many were.

use std::collections::VecDeque;
use std::time::{Instant, SystemTime};

use notification::HandlerId;
use parking_lot::Mutex;

use crate::Remedy;

/// The most notices that wait. Most are said once, so there is room for one of each pool of a large node.
const AT_MOST: usize = 1024;

/// A message about a pool or a handler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What the notice is about.
    pub about: About,
    /// What kind of thing has happened.
    pub kind: NoticeKind,
    /// What happened, and what follows from it.
    pub text: String,
}

/// What a notice is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// A pool, by name.
    Pool(Box<str>),
    /// A handler.
    Handler(HandlerId),
    /// An endpoint that is down, or was.
    Endpoint(Box<Outage>),
}

/// An endpoint that is down, or was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    /// The name of its pool.
    pub pool: Box<str>,
    /// Its URL.
    pub url: String,
    /// Since when it was down.
    pub since: SystemTime,
    /// How many notifications wait for it.
    pub waiting: usize,
}

/// What kind of thing a notice tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// Something is wrong, and delivery goes on.
    Warning,
    /// Notifications of a handler fail until something is mended.
    Problem,
    /// What a warning or a problem said of a handler is over.
    Mended,
    /// An endpoint is down: its notifications wait.
    EndpointDown,
    /// An endpoint is back: its notifications are delivered.
    EndpointUp,
    /// The disk does not take notifications that are to outlive the node.
    SpoolFails,
    /// The disk takes them again.
    SpoolWrites,
    /// A pool's file is brought to this release's format, or has been.
    SpoolUpdate,
    /// A pool's file was damaged, and a new one was begun.
    SpoolDamaged,
    /// A file holds notifications, and no handler uses it.
    SpoolUnused,
    /// Notifications that came in from the disk were given up.
    SpoolGivenUp,
    /// A pool that could not be opened at first is now open.
    Opened,
    /// A pool still cannot be opened, for another reason than before.
    NotOpened(Remedy),
}

/// Notices that the reporter has not taken yet.
#[derive(Debug, Default)]
pub struct Notices {
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    queue: VecDeque<Notice>,
    /// Set if there was no room for all.
    dropped: Option<Dropped>,
}

/// Notices for which there was no room.
#[derive(Debug)]
struct Dropped {
    /// What the first of them was about.
    about: About,
    since: Instant,
    count: usize,
}

impl Notices {
    /// Adds a warning about a pool.
    pub fn add(&self, pool: &str, text: String) {
        self.tell(pool, NoticeKind::Warning, text);
    }

    /// Adds a notice of any kind about a pool.
    pub fn tell(&self, pool: &str, kind: NoticeKind, text: String) {
        self.push(About::Pool(pool.into()), kind, text);
    }

    /// Adds a notice about a handler.
    pub fn tell_handler(&self, handler: HandlerId, kind: NoticeKind, text: String) {
        self.push(About::Handler(handler), kind, text);
    }

    /// Adds the notice that an endpoint is down, and why.
    pub fn endpoint_down(&self, outage: Outage, why: &str) {
        let about = About::Endpoint(Box::new(outage));
        self.push(about, NoticeKind::EndpointDown, why.to_owned());
    }

    /// Adds the notice that an endpoint is back.
    pub fn endpoint_up(&self, outage: Outage) {
        let about = About::Endpoint(Box::new(outage));
        self.push(about, NoticeKind::EndpointUp, String::new());
    }

    fn push(&self, about: About, kind: NoticeKind, text: String) {
        let mut waiting = self.waiting.lock();
        let Waiting { queue, dropped } = &mut *waiting;
        if queue.len() >= AT_MOST
            && let Some(oldest) = queue.pop_front()
        {
            let dropped = dropped.get_or_insert_with(|| Dropped {
                about: oldest.about,
                since: Instant::now(),
                count: 0,
            });
            dropped.count += 1;
        }
        queue.push_back(Notice { about, kind, text });
    }

    /// Takes all notices out.
    #[must_use]
    pub fn take(&self) -> Vec<Notice> {
        self.some(usize::MAX)
    }

    /// Takes the oldest notices out, at most `most`. The first says how many were dropped, if any were.
    #[must_use]
    pub fn some(&self, most: usize) -> Vec<Notice> {
        let mut waiting = self.waiting.lock();
        let Waiting { queue, dropped } = &mut *waiting;
        let dropped = if most > 0 { dropped.take() } else { None };
        let most = (most - usize::from(dropped.is_some())).min(queue.len());
        let rest = queue.drain(..most);
        dropped.map(Notice::from).into_iter().chain(rest).collect()
    }
}

impl From<Dropped> for Notice {
    fn from(dropped: Dropped) -> Self {
        let (about, this) = match dropped.about {
            // The host logs of an endpoint only that it is down or back.
            About::Endpoint(outage) => (About::Pool(outage.pool), "this pool"),
            about @ About::Pool(_) => (about, "this pool"),
            about @ About::Handler(_) => (about, "this handler"),
        };
        let what = match dropped.count {
            1 => format!("1 more notice, about {this}, was"),
            count => format!("{count} more notices, the first of them about {this}, were"),
        };
        let text = format!(
            "{what} dropped in the last {} s, because the reporter has not taken them",
            dropped.since.elapsed().as_secs()
        );
        Self {
            about,
            kind: NoticeKind::Warning,
            text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(notices: &Notices) {
        for n in 0..AT_MOST {
            notices.add(&format!("pool {n}"), "its CA cannot be read".to_owned());
        }
    }

    fn handler() -> HandlerId {
        HandlerId::from(7)
    }

    #[test]
    fn what_is_dropped_is_counted() {
        let notices = Notices::default();
        fill(&notices);
        for n in 0..3 {
            notices.add(&format!("late pool {n}"), "so its CA".to_owned());
        }
        let taken = notices.take();
        assert_eq!(taken.len(), AT_MOST + 1);
        let told = &taken[0];
        assert_eq!(told.about, About::Pool("pool 0".into()));
        assert_eq!(told.kind, NoticeKind::Warning);
        let text = "3 more notices, the first of them about this pool, were dropped in the last ";
        assert!(told.text.starts_with(text), "{}", told.text);
        assert_eq!(taken[1].about, About::Pool("pool 3".into()));
        assert_eq!(taken[AT_MOST].about, About::Pool("late pool 2".into()));
        // The count is reported once, and starts at zero again.
        assert_eq!(notices.take(), []);
        fill(&notices);
        assert_eq!(notices.take().len(), AT_MOST);
    }

    #[test]
    fn the_count_is_told_of_a_handler_or_of_the_pool_of_an_endpoint() {
        let outage = Outage {
            pool: "down".into(),
            url: "http://127.0.0.1:1".to_owned(),
            since: SystemTime::UNIX_EPOCH,
            waiting: 1,
        };
        let notices = Notices::default();
        notices.endpoint_down(outage, "refused");
        fill(&notices);
        let told = notices.take().remove(0);
        assert_eq!(told.about, About::Pool("down".into()));
        assert_eq!(told.kind, NoticeKind::Warning);
        assert!(
            told.text.starts_with("1 more notice, about this pool, was"),
            "{}",
            told.text
        );

        notices.tell_handler(handler(), NoticeKind::Problem, "no secret".to_owned());
        fill(&notices);
        let told = notices.take().remove(0);
        assert_eq!(told.about, About::Handler(handler()));
        assert_eq!(told.kind, NoticeKind::Warning);
    }

    #[test]
    fn some_at_a_time_are_all_in_the_end() {
        let notices = Notices::default();
        notices.add("the first", "dropped".to_owned());
        fill(&notices);
        let mut all = Vec::new();
        loop {
            let some = notices.some(100);
            assert!(some.len() <= 100);
            if some.is_empty() {
                break;
            }
            all.extend(some);
        }
        assert_eq!(all.len(), AT_MOST + 1);
        assert_eq!(all[0].about, About::Pool("the first".into()));
        assert_eq!(
            all[AT_MOST].about,
            About::Pool(format!("pool {}", AT_MOST - 1).into())
        );
    }
}
