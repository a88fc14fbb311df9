//! Fail points: places at which a test can make a delivery panic. They compile to nothing without the
//! feature `faults`.

/// A fail point, by name.
#[cfg(not(feature = "faults"))]
#[inline]
pub fn point(_: &str) {}

#[cfg(feature = "faults")]
pub use armed::{arm, point};

#[cfg(feature = "faults")]
mod armed {
    use std::collections::HashMap;

    use parking_lot::Mutex;

    static ARMED: Mutex<Option<HashMap<String, u32>>> = Mutex::new(None);

    /// Makes the next `times` visits of `place` panic.
    pub fn arm(place: &str, times: u32) {
        ARMED
            .lock()
            .get_or_insert_default()
            .insert(place.to_owned(), times);
    }

    /// A fail point, by name.
    ///
    /// # Panics
    ///
    /// If a test has armed `place`.
    pub fn point(place: &str) {
        let hit = ARMED
            .lock()
            .as_mut()
            .and_then(|armed| armed.get_mut(place))
            .is_some_and(|left| {
                let hit = *left > 0;
                *left = left.saturating_sub(1);
                hit
            });
        assert!(!hit, "a test asked for a panic at {place}");
    }
}
