//! Work that may block (a file, the system's resolver), on a thread of its own.
//!
//! The engine's threads must not wait for it, and Tokio's blocking pool is no place for it either: a
//! few hundred calls that hang would take all of its threads, and it panics when the system refuses it
//! one. Whoever starts work here bounds how much of its own is under way.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::thread::Builder;

use notification::panics;
use parking_lot::Mutex;
use tokio::sync::oneshot;

/// Runs `work` on a new thread called `name`. What it returns comes through the receiver; an error
/// there means that it panicked.
///
/// # Errors
///
/// The system refuses the thread. That may pass.
pub fn run<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<oneshot::Receiver<T>> {
    let (done, result) = oneshot::channel();
    Builder::new().name(name.to_owned()).spawn(move || {
        panics::adopt_thread();
        // The asker may be gone.
        let _ = done.send(work());
    })?;
    Ok(result)
}

/// Bounds how much of one thing's work is under way, for each of many things.
#[derive(Debug)]
pub struct Slots {
    most: usize,
    taken: Mutex<HashMap<Box<str>, usize>>,
}

/// A part of one thing's work is under way until this is dropped.
#[derive(Debug)]
pub struct Slot {
    slots: Arc<Slots>,
    name: Box<str>,
}

impl Slots {
    /// At most `most` for each.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most,
            taken: Mutex::default(),
        }
    }

    /// One of the slots of `name`, if one is free.
    #[must_use]
    pub fn take(self: &Arc<Self>, name: &str) -> Option<Slot> {
        let mut taken = self.taken.lock();
        let count = taken.entry(name.into()).or_default();
        (*count < self.most).then(|| {
            *count += 1;
            Slot {
                slots: Arc::clone(self),
                name: name.into(),
            }
        })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self.slots.taken.lock();
        if let Some(count) = taken.get_mut(&self.name) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.name);
            }
        }
    }
}
