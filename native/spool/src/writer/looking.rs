//! What the thread does now and then: it takes over what an operator's program has changed, and drops and counts dead
//! letters.

use std::time::{Duration, Instant};

use super::{TRIM, Writer};
use crate::damage;
use crate::inbox::RECOUNT;
use crate::notice::Notice;
use crate::store::Store;

/// How often the thread looks for what an operator's program has changed.
pub(super) const LOOK: Duration = Duration::from_secs(1);
/// Dead letters that are brought back in one transaction.
const BACK: u32 = 1000;

impl Writer {
    /// Looks for what an operator's program has changed, and for dead letters that are too old.
    pub(super) fn look_around(&mut self) {
        if self.looked.elapsed() < LOOK {
            return;
        }
        self.looked = Instant::now();
        if self.trouble.is_some() {
            return;
        }
        let Some(store) = self.store.as_mut() else {
            return;
        };
        if self.trimmed.elapsed() > TRIM {
            self.trimmed = Instant::now();
            // Unless the file is damaged, it is tried again a minute later.
            if let Err(error) = store.trim()
                && damage::is_damage(&error)
                && let Err(error) = self.replace()
            {
                return self.fail(&error);
            }
            self.settle_totals();
        }
        let Some(store) = self.store.as_mut() else {
            return;
        };
        if store.changed_outside().unwrap_or_default() {
            self.take_changes();
        }
        self.count_dead_letters();
    }

    /// Takes over what an operator's program has changed.
    fn take_changes(&mut self) {
        let Some(store) = self.store.as_mut() else {
            return;
        };
        loop {
            let asked = store.asked_back().unwrap_or_default().min(BACK);
            if asked == 0 {
                break;
            }
            // Their places are theirs from now on; sessions append behind them meanwhile.
            let first = self.shared.inbox.lock().reserve(asked);
            match store.bring_back(first, asked) {
                Ok(records) if records > 0 => {
                    (self.tell)(Notice::BroughtBack { first, records });
                }
                _ => break,
            }
        }
        self.settle_totals();
    }

    fn settle_totals(&self) {
        if let Some(Ok((totals, _))) = self.store.as_ref().map(Store::totals) {
            self.shared.inbox.lock().settle(totals);
        }
    }

    /// Counts the dead letters by reason, if there are more or fewer than at the last count.
    fn count_dead_letters(&mut self) {
        let dead = self.shared.inbox.lock().totals.dead;
        if dead == self.counted.1 || self.counted.0.elapsed() < RECOUNT {
            return;
        }
        let counted = self.store.as_ref().map(Store::dead_by_reason);
        if let Some(Ok(reasons)) = counted {
            self.shared.inbox.lock().reasons = reasons;
        }
        self.counted = (Instant::now(), dead);
    }
}
