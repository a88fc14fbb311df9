//! Messages to the operator that belong to no notification, for example that a rotated certificate
//! cannot be used. The queue is bounded: when it is full, the oldest notice is dropped.

use std::collections::VecDeque;
use std::time::SystemTime;

use notification::HandlerId;
use parking_lot::Mutex;

use crate::Remedy;

const AT_MOST: usize = 64;

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
    queue: Mutex<VecDeque<Notice>>,
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
        let mut queue = self.queue.lock();
        if queue.len() == AT_MOST {
            queue.pop_front();
        }
        queue.push_back(Notice { about, kind, text });
    }

    /// Takes all notices out.
    #[must_use]
    pub fn take(&self) -> Vec<Notice> {
        self.queue.lock().drain(..).collect()
    }
}
