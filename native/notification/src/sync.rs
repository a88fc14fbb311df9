//! The locks and atomics of code that the model checker searches: the real ones, or, with the feature
//! `model`, loom's, which try every order in which threads can meet (`tests/model`).

#[cfg(not(feature = "model"))]
pub use atomic_waker::AtomicWaker;
#[cfg(not(feature = "model"))]
pub use parking_lot::Mutex;
#[cfg(not(feature = "model"))]
pub use std::sync::atomic::{AtomicBool, AtomicUsize};

#[cfg(feature = "model")]
pub use loom::sync::atomic::{AtomicBool, AtomicUsize};
#[cfg(feature = "model")]
pub use modelled::{AtomicWaker, Mutex};

#[cfg(feature = "model")]
mod modelled {
    use std::sync::PoisonError;
    use std::task::Waker;

    /// loom's mutex, with the signatures of `parking_lot`.
    #[derive(Debug, Default)]
    pub struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        /// Creates a lock around `value`.
        pub fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        /// Waits for the lock and takes it.
        pub fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }
    }

    /// loom's waker, with the signatures of `atomic_waker`.
    #[derive(Default)]
    pub struct AtomicWaker(loom::future::AtomicWaker);

    impl std::fmt::Debug for AtomicWaker {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.debug_struct("AtomicWaker").finish_non_exhaustive()
        }
    }

    impl AtomicWaker {
        /// Registers the waker that the next [`AtomicWaker::wake`] wakes.
        pub fn register(&self, waker: &Waker) {
            self.0.register_by_ref(waker);
        }

        /// Wakes the waker that was registered last.
        pub fn wake(&self) {
            self.0.wake();
        }
    }
}
