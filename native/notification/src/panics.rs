//! What the last panic on a thread said, for the outcome of the notification it hit.
//!
//! The hook passes panics on other threads to the hook before it.

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

/// Called on the thread that panics, before it unwinds.
type Alarm = Box<dyn Fn()>;

thread_local! {
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
    static OURS: RefCell<bool> = const { RefCell::new(false) };
    static ALARM: RefCell<Option<Alarm>> = const { RefCell::new(None) };
}

/// Makes this thread one of the engine's: its panics are remembered instead of printed.
pub fn adopt_thread() {
    install_hook();
    OURS.with_borrow_mut(|ours| *ours = true);
}

fn install_hook() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            ALARM.with_borrow(|alarm| {
                if let Some(alarm) = alarm {
                    alarm();
                }
            });
            if OURS.with_borrow(|ours| *ours) {
                LAST.with_borrow_mut(|last| *last = Some(info.to_string()));
            } else {
                before(info);
            }
        }));
    });
}

/// Runs `work` on this thread, which need not be one of the engine's, and returns what a panic in it
/// said. `alarm` is called when it panics, before anything is dropped.
pub fn caught<T>(work: impl FnOnce() -> T, alarm: impl Fn() + 'static) -> Result<T, String> {
    install_hook();
    let ours = OURS.replace(true);
    ALARM.set(Some(Box::new(alarm)));
    let end = catch_unwind(AssertUnwindSafe(work));
    ALARM.set(None);
    OURS.set(ours);
    let _ = last();
    end.map_err(|payload| said(&*payload))
}

/// The text that a panic was called with.
fn said(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a text")
        .to_owned()
}

/// What the last panic on this thread said, in one line.
#[must_use]
pub fn last() -> String {
    LAST.with_borrow_mut(Option::take)
        .unwrap_or_default()
        .replace('\n', " ")
}
