//! New threads wait here until all of them are there.
//!
//! Tokio's builder panics when the system refuses a thread, and while it unwinds it joins the threads
//! that it has started, which have begun to serve the runtime and never end by themselves: the caller
//! would hang for ever. So no thread begins before the last one is there, and all of them end if one
//! was refused.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// How long a thread waits for the others. The alarm of a panic opens the gate at once; this is for a
/// process in which other code has replaced the panic hook.
const AT_MOST: Duration = Duration::from_secs(10);

/// Holds back the threads of one runtime.
#[derive(Debug, Default)]
pub struct Gate {
    decision: Mutex<Option<Decision>>,
    decided: Condvar,
}

/// What becomes of the threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// They serve the runtime.
    Serve,
    /// They end.
    End,
}

impl Gate {
    /// Decides, unless that was done before. Returns what holds.
    pub fn decide(&self, decision: Decision) -> Decision {
        let holds = *self.decision.lock().get_or_insert(decision);
        self.decided.notify_all();
        holds
    }

    /// Called by each new thread: waits for the decision.
    pub fn wait(&self) -> Decision {
        self.wait_for(AT_MOST)
    }

    fn wait_for(&self, at_most: Duration) -> Decision {
        let until = Instant::now() + at_most;
        let mut decision = self.decision.lock();
        while decision.is_none() && !self.decided.wait_until(&mut decision, until).timed_out() {}
        drop(decision);
        // Decided by the first thread that has waited for too long; the builder finds out.
        self.decide(Decision::End)
    }
}

#[cfg(test)]
mod tests {
    use super::{Decision, Gate};
    use std::sync::Arc;
    use std::time::Duration;

    #[test]
    fn the_first_decision_holds() {
        let gate = Arc::new(Gate::default());
        let waiting = {
            let gate = Arc::clone(&gate);
            std::thread::spawn(move || gate.wait())
        };
        assert_eq!(gate.decide(Decision::Serve), Decision::Serve);
        assert_eq!(waiting.join().unwrap(), Decision::Serve);
        assert_eq!(gate.decide(Decision::End), Decision::Serve);
        assert_eq!(gate.wait(), Decision::Serve);
    }

    #[test]
    fn a_thread_that_has_waited_for_too_long_ends_them_all() {
        let gate = Gate::default();
        assert_eq!(gate.wait_for(Duration::from_millis(1)), Decision::End);
        assert_eq!(gate.decide(Decision::Serve), Decision::End);
    }
}
