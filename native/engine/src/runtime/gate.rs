//! A gate that holds new threads back until all of them have started.
//!
//! If the system refuses a thread, Tokio's builder panics. While it unwinds, it joins the threads that
//! it has started. Without the gate these would already serve the runtime and never end, so the caller
//! would hang forever. So no thread begins before the last one has started, and all of them end if one
//! was refused.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// How long a thread waits for the others. Normally the alarm of the panic opens the gate at once; this
/// limit is for a process in which other code has replaced the panic hook.
const AT_MOST: Duration = Duration::from_secs(10);

/// Holds back the threads of one runtime until the decision is made.
#[derive(Debug, Default)]
pub struct Gate {
    decision: Mutex<Option<Decision>>,
    decided: Condvar,
}

/// What the threads do when the gate opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The threads serve the runtime.
    Serve,
    /// The threads end.
    End,
}

impl Gate {
    /// Makes the decision if there is none yet. Returns the decision that holds.
    pub fn decide(&self, decision: Decision) -> Decision {
        let holds = *self.decision.lock().get_or_insert(decision);
        self.decided.notify_all();
        holds
    }

    /// Waits for the decision. Called by each new thread.
    pub fn wait(&self) -> Decision {
        self.wait_for(AT_MOST)
    }

    fn wait_for(&self, at_most: Duration) -> Decision {
        let until = Instant::now() + at_most;
        let mut decision = self.decision.lock();
        while decision.is_none() && !self.decided.wait_until(&mut decision, until).timed_out() {}
        drop(decision);
        // The first thread that has waited too long decides; the builder finds out.
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
