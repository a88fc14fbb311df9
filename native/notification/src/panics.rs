//! Remembers the message of a thread's last panic, for the outcome of the notification that the panic
//! hit.
//!
//! Panics on threads that are not the engine's go to the hook that was installed before.

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

/// Makes this thread one of the engine's: its panics are remembered, not printed.
pub fn adopt_thread() {
    install_hook();
    OURS.with_borrow_mut(|ours| *ours = true);
}

fn install_hook() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            // The thread's own values may be gone when it ends; a panic in here would abort the VM.
            let _ = ALARM.try_with(|alarm| {
                if let Some(alarm) = &*alarm.borrow() {
                    alarm();
                }
            });
            if OURS.try_with(|ours| *ours.borrow()).unwrap_or(false) {
                let _ = LAST.try_with(|last| last.replace(Some(without_quotes(&info.to_string()))));
            } else {
                before(info);
            }
        }));
    });
}

/// The message up to the first quotation mark. What a failed operation was applied to is quoted (the text
/// that was sliced, the value of an error): it can be a message of a user, or a secret.
fn without_quotes(message: &str) -> String {
    match message.find(['"', '`', '\'']) {
        Some(quoted) => format!("{}...", &message[..quoted]),
        None => message.to_owned(),
    }
}

/// Runs `work` on this thread, which need not be one of the engine's. If `work` panics, returns the
/// panic's message; `alarm` is called at the panic, before anything is dropped.
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

/// The message that a panic was raised with.
fn said(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a text")
        .to_owned()
}

/// The message of the last panic on this thread, in one line.
#[must_use]
pub fn last() -> String {
    LAST.with_borrow_mut(Option::take)
        .unwrap_or_default()
        .replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::{adopt_thread, caught, last};

    /// Panics while the thread ends.
    struct Late;

    impl Drop for Late {
        fn drop(&mut self) {
            let _ = std::panic::catch_unwind(|| panic!("late"));
        }
    }

    thread_local! {
        static LATE: Late = const { Late };
    }

    /// The thread's own values of this module are gone then. A panic in the hook would abort this process.
    #[test]
    fn a_panic_while_a_thread_ends_is_not_the_end_of_the_process() {
        let thread = std::thread::spawn(|| {
            // What is used first is dropped last.
            LATE.with(|_| {});
            adopt_thread();
            assert!(caught(|| panic!("early"), || {}).is_err());
            let _ = last();
        });
        assert!(thread.join().is_ok());
    }

    /// What panics in a delivery may be in the middle of a user's message.
    #[test]
    fn nothing_that_is_quoted_is_remembered() {
        let panics: [fn(); 3] = [
            || {
                let text = String::from("5ecret \u{e9}");
                let _ = &text[..8];
            },
            || {
                let refused = "5ecret".parse::<u8>().map_err(|_| "5ecret");
                #[allow(clippy::unwrap_used)]
                let _ = refused.unwrap();
            },
            || panic!("a place"),
        ];
        let messages = panics.map(|panic| {
            let end = std::thread::spawn(move || {
                adopt_thread();
                let _ = std::panic::catch_unwind(panic);
                last()
            });
            end.join().unwrap_or_default()
        });
        for message in &messages {
            assert!(message.contains("panics.rs"), "{message}");
            assert!(!message.contains("5ecret"), "{message}");
        }
        assert!(messages[2].ends_with("a place"), "{}", messages[2]);
    }
}
