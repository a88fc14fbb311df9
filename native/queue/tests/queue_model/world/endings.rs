//! Host types and pools that end, or are handed over.

use notification::HostTypeId;
use queue::Phase;

use crate::groups::host_type_of;
use crate::world::{Held, Worker, World};

impl World {
    pub fn purge(&mut self, host_type: Option<HostTypeId>, at_once: usize) {
        let (host_type, cursor, at_once) = self.purging.take().unwrap_or((host_type, 0, at_once));
        let (items, next) = self.core.purge(host_type, cursor, at_once);
        let mut others = Held::new();
        for (lane, number) in items {
            assert!(host_type.is_none_or(|host_type| host_type == host_type_of(lane)));
            others.extend(self.give_up(lane, number));
        }
        self.gave_up(others);
        self.purging = next.map(|next| (host_type, next, at_once));
    }

    pub fn finish_purge(&mut self) {
        while self.purging.is_some() {
            self.purge(None, 1);
        }
    }

    pub fn close(&mut self) {
        for id in self.core.close() {
            let parked = self.workers.insert(id, Worker::Coming);
            assert!(matches!(parked, Some(Worker::Parked)));
        }
        self.purge_all();
    }

    pub fn purge_all(&mut self) {
        self.finish_purge();
        self.purge(None, 3);
        self.finish_purge();
        assert_eq!(self.model.waiting(), 0);
    }

    pub fn hand_over(&mut self, room: bool) {
        let begun = self.core.phase().heir().is_some();
        let Some((key, host_type, (lane, number))) = self.core.remove_next(self.now) else {
            if begun {
                assert_eq!(self.model.waiting(), 0);
                assert!(matches!(self.core.phase(), Phase::HandedOver(())));
            }
            return;
        };
        assert!(begun, "handed over without an heir");
        assert_eq!((&*key, host_type), (&[lane][..], host_type_of(lane)));
        let expected = self.model.remove_next(self.now);
        assert_eq!((lane, number), expected, "whose turn it is");
        if room {
            self.model.accepted -= 1;
        } else {
            self.core.not_handed_over();
            self.model.end(number, false);
        }
    }
}
