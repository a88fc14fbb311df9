//! How long a test waits: no verdict is a matter of how fast the machine is.

use std::time::{Duration, Instant};

/// Nothing here takes this long, on the slowest machine either: what does has hung. No verdict is a matter
/// of how fast something is; what time-outs do to the millisecond is tested with a paused clock
/// (`pool::tests::timeouts` in the engine).
pub const BOUND: Duration = Duration::from_mins(2);

/// Longer than any test. What returns before has not waited for it.
pub const FOR_EVER: Duration = Duration::from_hours(1);

/// Values of `request_timeout` for tests in which it ends something: from a short one, which a quick machine
/// keeps, to one that every machine keeps.
pub const PATIENCE: [Duration; 4] = [
    Duration::from_millis(400),
    Duration::from_secs(2),
    Duration::from_secs(10),
    Duration::from_mins(1),
];

/// Waits until `holds`.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + BOUND;
    while !holds() {
        assert!(Instant::now() < end, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// That a time was too short for this machine: nothing is wrong before it has been tried with a longer one.
#[derive(Debug)]
pub struct TooShort(pub String);

/// Tries with longer and longer times until one is long enough for this machine.
#[track_caller]
pub fn with_patience(mut attempt: impl FnMut(Duration) -> Result<(), TooShort>) {
    let mut why = String::new();
    for time in PATIENCE {
        match attempt(time) {
            Ok(()) => return,
            Err(TooShort(text)) => why = format!("{time:?} is too short: {text}"),
        }
    }
    panic!("{why}");
}
