//! Items that are handed over, and those that are refused.

use std::time::Duration;

use notification::{PushError, Refused, RejectReason};
use queue::{Lanes, Phase, Place, WhenBusy};

use crate::groups::{group_of, host_type_of};
use crate::world::{Item, World};

impl World {
    pub fn push(&mut self, lane: u8, cost: usize, age: u64) {
        let number = self.next_item;
        self.next_item += 1;
        let since = self.now - Duration::from_millis(age);
        let since = since.max(self.last.get(&lane).copied().unwrap_or(since));
        self.last.insert(lane, since);
        let key = [lane];
        let host_type = host_type_of(lane);
        let place = Place {
            key: &key,
            host_type,
            group: self.groups[group_of(lane)],
            since: Some(since),
        };
        let fits = self.model.fits(lane, cost);
        let state = self.core.counts();
        let busy = state.workers - state.parked;
        let requests = self.requests();
        let ready = self.model.served() as u64;
        let limit = self.rules.workers.min(self.room.unwrap_or(usize::MAX)) as u64;
        match self.core.push(place, (lane, number), cost, self.now) {
            Ok(step) => {
                assert!(fits, "a full lane took one more");
                if matches!(self.core.phase(), Phase::Open(..)) {
                    if self.rules.when_busy == WhenBusy::Reject {
                        assert!(requests + ready < limit, "none was free: {state:?}");
                    }
                    if let Some(most) = self.rules.max_waiting {
                        let here = state.waiting + state.postponed + requests;
                        assert!(here < limit + most as u64);
                    }
                }
                self.model.push(lane, (number, cost, since), self.now);
                if !self.model.fits(lane, 0) {
                    self.model.crowd(Some(lane), self.now);
                }
                if let Some(most) = self.rules.max_waiting
                    && matches!(self.core.phase(), Phase::Open(..))
                    && state.waiting + state.postponed + requests + 1 >= limit + most as u64
                {
                    self.model.crowd(None, self.now);
                }
                self.reserved += Lanes::<Item>::lane_cost(&key);
                self.follow(step);
            }
            Err(Refused {
                item,
                why: PushError::Rejected(RejectReason::PoolConfig),
            }) => {
                assert_eq!(item, (lane, number));
                assert!(matches!(self.core.phase(), Phase::Broken(_)));
            }
            Err(Refused {
                item,
                why: PushError::Rejected(reason),
            }) => {
                assert_eq!(reason, RejectReason::QueueFull);
                assert_eq!(item, (lane, number));
                let open = matches!(self.core.phase(), Phase::Open(..));
                let no_slot =
                    self.rules.when_busy == WhenBusy::Reject && busy.max(requests + ready) >= limit;
                let here = state.waiting + state.postponed + requests;
                let too_many = self
                    .rules
                    .max_waiting
                    .is_some_and(|most| here >= limit + most as u64);
                let by_rules = open && (no_slot || too_many);
                assert!(!fits || by_rules, "rejected for nothing");
                let full = (!by_rules).then_some(lane);
                self.model.crowd(full, self.now);
            }
            Err(Refused {
                why: PushError::NotOpen,
                ..
            }) => assert!(matches!(
                self.core.phase(),
                Phase::Leaving(_) | Phase::Draining(..) | Phase::HandedOver(()) | Phase::Closed(_)
            )),
        }
    }
}
