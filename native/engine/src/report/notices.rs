//! Things to say to the operator that belong to no notification: a rotated certificate that cannot be
//! used, for one. Bounded: past the bound the oldest goes.

use std::collections::VecDeque;

use parking_lot::Mutex;

const AT_MOST: usize = 64;

/// A text about a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Name of the pool.
    pub pool: Box<str>,
    /// What happened, and what follows.
    pub text: String,
}

/// Notices that the reporter has not taken.
#[derive(Debug, Default)]
pub struct Notices {
    queue: Mutex<VecDeque<Notice>>,
}

impl Notices {
    /// Adds one.
    pub fn add(&self, pool: &str, text: String) {
        let mut queue = self.queue.lock();
        if queue.len() == AT_MOST {
            queue.pop_front();
        }
        queue.push_back(Notice {
            pool: pool.into(),
            text,
        });
    }

    /// Takes all.
    #[must_use]
    pub fn take(&self) -> Vec<Notice> {
        self.queue.lock().drain(..).collect()
    }
}
