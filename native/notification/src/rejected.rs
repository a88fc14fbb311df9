//! Rejections counted by reason.

use std::sync::atomic::{AtomicU64, Ordering};

use strum::{EnumCount, VariantArray};

use crate::reason::RejectReason;

/// The number of rejections for each reason.
#[derive(Debug, Default)]
pub struct RejectCounters([AtomicU64; RejectReason::COUNT]);

impl RejectCounters {
    /// Counts one rejection for this reason.
    pub fn add(&self, reason: RejectReason) {
        self.0[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// The number of rejections for this reason.
    #[must_use]
    pub fn of(&self, reason: RejectReason) -> u64 {
        self.0[reason as usize].load(Ordering::Relaxed)
    }

    /// The number of rejections for every reason.
    #[must_use]
    pub fn list(&self) -> [(RejectReason, u64); RejectReason::COUNT] {
        std::array::from_fn(|n| {
            let reason = RejectReason::VARIANTS[n];
            (reason, self.of(reason))
        })
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::{RejectCounters, RejectReason};

    #[test]
    fn a_reason_has_a_count_of_its_own() {
        let rejected = RejectCounters::default();
        for (n, reason) in RejectReason::VARIANTS.iter().enumerate() {
            for _ in 0..=n {
                rejected.add(*reason);
            }
        }
        let counts = rejected.list().map(|(_, count)| count);
        assert_eq!(counts, std::array::from_fn(|n| n as u64 + 1));
    }
}
