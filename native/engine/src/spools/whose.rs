//! Whose a record is: its handler, and its lane in that.
//!
//! Both are hashes whose keys are random numbers of this process: no sender can choose which lanes share one.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, LazyLock};

use notification::{Handler, OnDisk};

static HASHES: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// A handler as the spool knows it: the hash of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct HandlerHash(u64);

/// A lane as the spool knows it: the hash of its key and its handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LaneId(pub(super) u64);

impl HandlerHash {
    /// The handler of this host type with this key.
    pub fn of(host_type: &str, handler: &str) -> Self {
        Self(HASHES.hash_one((host_type, handler)))
    }

    /// The same, which is found out once.
    pub fn of_handler(handler: &Handler) -> Self {
        Self(on_disk(handler).hash)
    }

    /// Its lane with this key.
    pub fn lane(self, key: &[u8]) -> LaneId {
        LaneId(HASHES.hash_one((self.0, key)))
    }
}

/// The handler in the terms of its configuration.
#[must_use]
pub fn handler_key(handler: &Handler) -> String {
    [&*handler.pool_name, " ", &*handler.path].concat()
}

/// The handler's key, which its records share.
pub(crate) fn shared_key(handler: &Handler) -> Arc<str> {
    Arc::clone(&on_disk(handler).key)
}

fn on_disk(handler: &Handler) -> &OnDisk {
    handler.on_disk.get_or_init(|| {
        let key = handler_key(handler);
        OnDisk {
            hash: HandlerHash::of(&handler.host_type.name, &key).0,
            key: key.into(),
        }
    })
}

#[cfg(test)]
mod tests {
    use notification::HostType;

    use super::*;

    #[test]
    fn a_record_of_a_handler_is_found_to_be_its() {
        let host_type = Arc::new(HostType::new(1.into(), "localhost"));
        let handler = Handler::plain(2.into(), host_type, "http_pool", "/n");
        let found = HandlerHash::of("localhost", &shared_key(&handler));
        assert_eq!(HandlerHash::of_handler(&handler), found);
        assert_ne!(HandlerHash::of("local", "hosthttp_pool /n"), found);
        assert_eq!(found.lane(b"alice"), found.lane(b"alice"));
        assert_ne!(found.lane(b"alice"), found.lane(b"bob"));
    }
}
