//! Changes that need not be written any more, because the disk was late.

use std::collections::HashSet;

use crate::record::RowId;
use crate::store::Change;

/// Drops the records that were delivered before the disk took them, and all notes about one but the last.
/// Returns the bytes that the records take.
pub(super) fn forget_what_ended(changes: &mut Vec<Change>) -> u64 {
    let removed: HashSet<RowId> = changes
        .iter()
        .filter_map(|change| match change {
            Change::Remove(id, _) => Some(*id),
            _ => None,
        })
        .collect();
    // From the end, so that the last note of each comes first.
    changes.reverse();
    let mut noted = HashSet::new();
    changes.retain(|change| match change {
        Change::Postpone(id, _) => noted.insert(*id),
        Change::Bury(id, ..) => {
            noted.insert(*id);
            true
        }
        _ => true,
    });
    changes.reverse();
    let mut dropped = HashSet::new();
    let mut freed = 0;
    changes.retain(|change| match change {
        Change::Append(id, record) if removed.contains(id) => {
            dropped.insert(*id);
            freed += record.size();
            false
        }
        Change::Postpone(id, _) => !removed.contains(id),
        // A record that the file has is removed from it later.
        Change::Remove(id, _) => !dropped.contains(id),
        _ => true,
    });
    freed
}
