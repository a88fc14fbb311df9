//! What the last panic on a thread said, for the outcome of the notification it hit.
//!
//! The hook passes panics on other threads to the hook before it.

use std::cell::RefCell;
use std::sync::Once;

thread_local! {
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
    static OURS: RefCell<bool> = const { RefCell::new(false) };
}

/// Makes this thread one of the engine's: its panics are remembered instead of printed.
pub fn adopt_thread() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if OURS.with_borrow(|ours| *ours) {
                LAST.with_borrow_mut(|last| *last = Some(info.to_string()));
            } else {
                before(info);
            }
        }));
    });
    OURS.with_borrow_mut(|ours| *ours = true);
}

/// What the last panic on this thread said, in one line.
#[must_use]
pub fn last() -> String {
    LAST.with_borrow_mut(Option::take)
        .unwrap_or_default()
        .replace('\n', " ")
}
