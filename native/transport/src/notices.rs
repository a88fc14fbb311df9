//! Things to say to the operator that belong to no notification: a rotated certificate that cannot be
//! used, for one. Bounded: past the bound the oldest goes.

use std::collections::VecDeque;

use parking_lot::Mutex;

use crate::Remedy;

const AT_MOST: usize = 64;

/// A text about a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Name of the pool.
    pub pool: Box<str>,
    /// What it is about.
    pub kind: NoticeKind,
    /// What happened, and what follows.
    pub text: String,
}

/// What a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeKind {
    /// Something is not as it should be, and delivery goes on.
    Warning,
    /// A pool that could not be opened at first is open now.
    Opened,
    /// A pool still cannot be opened, for another reason than before.
    NotOpened(Remedy),
}

/// Notices that the reporter has not taken.
#[derive(Debug, Default)]
pub struct Notices {
    queue: Mutex<VecDeque<Notice>>,
}

impl Notices {
    /// Adds a warning.
    pub fn add(&self, pool: &str, text: String) {
        self.tell(pool, NoticeKind::Warning, text);
    }

    /// Adds one.
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

    /// Takes all.
    #[must_use]
    pub fn take(&self) -> Vec<Notice> {
        self.queue.lock().drain(..).collect()
    }
}
