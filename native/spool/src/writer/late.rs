//! Removals that wait for company, while records are written without them.
//!
//! Records are removed in the order in which they were delivered, which is not that of the file: a few removals touch
//! as many pages. Many together touch each page once, and most of them free it whole. A removal that is late costs
//! a delivery once more if the process is killed, so they are few and do not wait long.

use std::time::{Duration, Instant};

use crate::record::RowId;
use crate::store::Change;

/// How long changes without hurry wait for company.
pub(super) const COMPANY: Duration = Duration::from_millis(50);

/// The removals that wait.
#[derive(Debug, Default)]
pub(super) struct Late {
    /// The bytes that each takes are with it.
    removals: Vec<(RowId, u64)>,
    /// Since when the first of them waits.
    since: Option<Instant>,
}

impl Late {
    /// When they are to be written, if there are any.
    pub fn due(&self) -> Option<Instant> {
        self.since.map(|since| since + COMPANY)
    }

    /// Takes the removals out of `changes`, but for those of records that are among them: such a record is not
    /// written at all. `since`: since when the first of them waits.
    pub fn hold_back(&mut self, changes: &mut Vec<Change>, since: Instant) {
        let first = changes.iter().find_map(|change| match change {
            Change::Append(id, _) => Some(*id),
            _ => None,
        });
        changes.retain(|change| match change {
            // Places are given out in order: a record before the first of these is in the file.
            Change::Remove(id, size) if first.is_none_or(|first| *id < first) => {
                self.removals.push((*id, *size));
                false
            }
            _ => true,
        });
        if !self.removals.is_empty() {
            self.since.get_or_insert(since);
        }
    }

    /// Puts them back: they are written now.
    pub fn give_back(&mut self, changes: &mut Vec<Change>) {
        self.since = None;
        let removals = self.removals.drain(..);
        changes.extend(removals.map(|(id, size)| Change::Remove(id, size)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::writer::tests::append;

    const SIZE: u64 = 7;

    fn remove(id: i64) -> Change {
        Change::Remove(RowId(id), SIZE)
    }

    #[test]
    fn a_removal_waits_unless_its_record_has_just_come() {
        let now = Instant::now();
        let mut late = Late::default();
        let mut changes = vec![remove(3), append(7), remove(4), append(8), remove(8)];
        late.hold_back(&mut changes, now);
        let [
            Change::Append(..),
            Change::Append(..),
            Change::Remove(RowId(8), SIZE),
        ] = &changes[..]
        else {
            panic!("{changes:?}");
        };
        assert_eq!(late.removals, [(RowId(3), SIZE), (RowId(4), SIZE)]);
    }

    #[test]
    fn removals_wait_from_the_first_one_on_and_are_given_back_once() {
        let now = Instant::now();
        let mut late = Late::default();
        assert_eq!(late.due(), None);
        late.hold_back(&mut vec![remove(3)], now);
        late.hold_back(&mut vec![remove(4)], now + COMPANY / 2);
        assert_eq!(late.due(), Some(now + COMPANY));
        let mut changes = Vec::new();
        late.give_back(&mut changes);
        assert_eq!(
            (late.due(), late.removals.len(), changes.len()),
            (None, 0, 2)
        );
    }
}
