//! Runs work that may block (reading a file, the system's resolver) on a thread of its own.
//!
//! The engine's threads must not block, and Tokio's blocking pool is unsuitable: a few hundred calls
//! that hang would occupy all its threads, and it panics if the system refuses it a thread. Callers
//! must bound how much of their own work is under way.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::thread::Builder;

use notification::panics;
use parking_lot::Mutex;
use tokio::sync::oneshot;

/// Runs `work` on a new thread called `name`. The receiver returns the result of `work`, or an error if
/// `work` panicked.
///
/// # Errors
///
/// The system refuses to start the thread. The cause may be temporary.
pub fn run<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<oneshot::Receiver<T>> {
    let (done, result) = oneshot::channel();
    Builder::new().name(name.to_owned()).spawn(move || {
        panics::adopt_thread();
        // The caller may be gone.
        let _ = done.send(work());
    })?;
    Ok(result)
}

/// Bounds how many pieces of work are under way for each name.
#[derive(Debug)]
pub struct Slots {
    most: usize,
    taken: Mutex<HashMap<Box<str>, usize>>,
}

/// Occupies one of a name's slots until it is dropped.
#[derive(Debug)]
pub struct Slot {
    slots: Arc<Slots>,
    name: Box<str>,
}

impl Slots {
    /// Allows at most `most` slots for each name.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most,
            taken: Mutex::default(),
        }
    }

    /// Takes a slot of `name`, if one is free.
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
