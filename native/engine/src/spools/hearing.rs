//! What the thread of a pool's spool says, and that its file cannot be opened: what that means here, and for the log.

use std::sync::atomic::Ordering;

use spool::{Notice, RowId};
use transport::notices::NoticeKind;

use super::accepting::{EARLY, EARLY_BYTES};
use super::pool_spool::PoolSpool;

impl PoolSpool {
    /// The file cannot be opened now. Each reason is told once.
    pub(super) fn fails_to_open(&self, error: &str) {
        self.window().opening = false;
        // What waits is delivered from memory.
        self.want();
        let before = self.why.lock().replace(error.to_owned());
        if before.as_deref() == Some(error) {
            return;
        }
        let text = format!(
            "{error}; what is handed over to handlers with delivery = \"at_least_once\" is in memory alone, and \
             is lost if the node dies"
        );
        self.notices.tell(&self.name, NoticeKind::SpoolFails, text);
    }

    /// What the spool's thread has to say.
    pub(super) fn hear(&self, notice: &Notice) {
        match notice {
            Notice::Fails { text } => {
                *self.why.lock() = Some(text.clone());
                let text = format!(
                    "{text}; deliveries go on from memory, and what is handed over now is lost if the node dies"
                );
                self.notices.tell(&self.name, NoticeKind::SpoolFails, text);
            }
            Notice::Writes => {
                *self.why.lock() = None;
                let text = "the disk takes notifications again".to_owned();
                self.notices.tell(&self.name, NoticeKind::SpoolWrites, text);
                self.want();
            }
            Notice::Updates { path, bytes } => {
                // It begins once more at each try, if it fails.
                if self.updates.swap(true, Ordering::Relaxed) {
                    return;
                }
                let text = format!(
                    "{} ({} MiB) is brought to the format of this release; until then, notifications for the handlers \
                     of this pool with delivery = \"at_least_once\" wait in memory, at most {EARLY} and {} MiB",
                    path.display(),
                    bytes.div_ceil(1 << 20),
                    EARLY_BYTES >> 20
                );
                self.notices.tell(&self.name, NoticeKind::SpoolUpdate, text);
            }
            Notice::Updated { path, took } => {
                let text = format!(
                    "{} has the format of this release, after {:.1} s",
                    path.display(),
                    took.as_secs_f64()
                );
                self.notices.tell(&self.name, NoticeKind::SpoolUpdate, text);
            }
            Notice::SetAside { path, saved, dead } => {
                let text = format!(
                    "the spool was damaged and is now {}; {saved} notifications and {dead} dead letters were taken over from it",
                    path.display()
                );
                self.notices
                    .tell(&self.name, NoticeKind::SpoolDamaged, text);
            }
            Notice::BroughtBack { first, records } => {
                let first = *first;
                let end = first.0.saturating_add_unsigned(*records);
                self.window().back.push(first..RowId(end));
                self.rewind(RowId(first.0 - 1));
                self.want();
            }
        }
    }
}
