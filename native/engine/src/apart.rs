//! Work that may block (a file, the system's resolver), on a thread of its own.
//!
//! The engine's threads must not wait for it, and Tokio's blocking pool is no place for it either: a
//! few hundred calls that hang would take all of its threads, and it panics when the system refuses it
//! one. Whoever starts work here bounds how much of its own is under way.

use std::io;
use std::thread::Builder;

use tokio::sync::oneshot;

use crate::panics;

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
