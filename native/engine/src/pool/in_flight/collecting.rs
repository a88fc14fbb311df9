//! How a batch in flight is collected, a few members at a time.

use tokio::time::Instant;

use super::InFlight;
use crate::pool::Companion;
use crate::pool::batch::AT_ONCE;

/// The turns of other tasks on this thread: a batch may have thousands of members.
#[derive(Default)]
pub(super) struct Turns {
    /// How often a few members were taken or ended since the last one.
    times: usize,
}

impl Turns {
    /// Members that are taken or ended in a row: a turn for each few would have a batch wait for all other tasks of
    /// the thread as often.
    const IN_A_ROW: usize = 4 * AT_ONCE;

    /// Gives the others their turn if it is time, after [`AT_ONCE`] members.
    pub(super) async fn after_some(&mut self) {
        self.times += 1;
        if self.times * AT_ONCE >= Self::IN_A_ROW {
            self.times = 0;
            tokio::task::yield_now().await;
        }
    }
}

impl InFlight {
    /// Takes the others, if it is the first of a new batch.
    pub async fn collect(&mut self) {
        let started = &mut *self.0;
        let (mut some, mut turns) = (Vec::new(), Turns::default());
        while started.collects {
            some.reserve(AT_ONCE);
            let (more, steps, left) = {
                let mut core = started.pool.core();
                let (more, steps) =
                    core.collect(&started.ticket, &mut some, AT_ONCE, Instant::now());
                (more, steps, core.leftovers())
            };
            started.collects = more;
            started.pool.clear_up(left);
            started.pool.follow_all(steps);
            let pool = &started.pool;
            let some = some.drain(..).map(|taken| Companion::new(pool, taken));
            if let Some(batch) = started.job.batch_mut() {
                batch.others.extend(some);
            }
            turns.after_some().await;
        }
    }
}
