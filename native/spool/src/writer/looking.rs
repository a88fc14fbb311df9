//! What the thread does now and then: it brings back the dead letters that an operator asks for, and drops and counts
//! others.

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
/// The pause after they could not be brought back.
const BACK_AGAIN: Duration = TRIM;

impl Writer {
    /// Looks for what an operator's program has changed, and for dead letters that are too old.
    pub(super) fn look_around(&mut self) {
        let now = Instant::now();
        let come_back = self.come_back.is_some_and(|due| due <= now);
        if self.looked + LOOK > now && !come_back {
            return;
        }
        self.looked = now;
        self.shared.inbox.lock().totals.slowest_commit = self.slowest.at(self.looked);
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
        if come_back || store.changed_outside().unwrap_or_default() {
            self.bring_back();
        }
        self.count_dead_letters();
    }

    /// Brings back some of the dead letters that an operator asks for. If there are more, these follow after what has come
    /// meanwhile is written: there may be hundreds of thousands.
    fn bring_back(&mut self) {
        let Some(store) = self.store.as_mut() else {
            return;
        };
        let back = store.asked_back(BACK).and_then(|asked| {
            if asked == 0 {
                return Ok(None);
            }
            // Their places are theirs from now on; sessions append behind them meanwhile.
            let first = self.shared.inbox.lock().reserve(asked);
            Ok(Some((first, store.bring_back(first, asked)?)))
        });
        match back {
            Ok(Some((first, records))) if records > 0 => {
                self.come_back = (records == BACK.into()).then(Instant::now);
                (self.tell)(Notice::BroughtBack { first, records });
            }
            Ok(_) => self.come_back = None,
            Err(error) => {
                self.come_back = Some(Instant::now() + BACK_AGAIN);
                let replaced = if damage::is_damage(&error) {
                    self.replace()
                } else {
                    Err(error.to_string())
                };
                if let Err(error) = replaced {
                    return self.fail(&error);
                }
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
