//! How often groups are looked at. Only tests count it: a step must not look at all of them.

#[cfg(test)]
use std::cell::Cell;

#[cfg(test)]
thread_local! {
    static LOOKS: Cell<u64> = const { Cell::new(0) };
}

/// A group is looked at.
pub(super) fn count() {
    #[cfg(test)]
    LOOKS.set(LOOKS.get() + 1);
}

/// How often that was on this thread.
#[cfg(test)]
pub(crate) fn so_far() -> u64 {
    LOOKS.get()
}
