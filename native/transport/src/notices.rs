//! Messages to the operator that belong to no notification, for example that a rotated certificate
//! cannot be used. The queue is bounded: when it is full, the oldest notice is dropped.

use std::collections::VecDeque;

use parking_lot::Mutex;

use crate::Remedy;

const AT_MOST: usize = 64;

/// A message about a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The pool's name.
    pub pool: Box<str>,
    /// What the notice is about.
    pub kind: NoticeKind,
    /// What happened, and what follows from it.
    pub text: String,
}

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// Something is wrong, and delivery goes on.
    Warning,
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
    /// Adds a warning.
    pub fn add(&self, pool: &str, text: String) {
        self.tell(pool, NoticeKind::Warning, text);
    }

    /// Adds a notice of any kind.
    pub fn tell(&self, pool: &str, kind: NoticeKind, text: String) {
        let mut queue = self.queue.lock();
        if queue.len() == AT_MOST {
            queue.pop_front();
        }
        queue.push_back(Notice {
            pool: pool.into(),
            kind,
            text,
        });
    }

    /// Takes all notices out.
    #[must_use]
    pub fn take(&self) -> Vec<Notice> {
        self.queue.lock().drain(..).collect()
    }
}
