//! A record for tests: a message from alice to bob.

use bytes::Bytes;
use notification::Direction;
use spool::{Kind, Record};

pub(super) fn record() -> Record {
    Record {
        host_type: "localhost".into(),
        handler: "http_pool /n".into(),
        lane: Bytes::from_static(b"alice"),
        message_id: "msg_1".into(),
        created: 0,
        direction: Direction::In,
        sender: Bytes::from_static(b"alice"),
        server: Bytes::from_static(b"localhost"),
        receiver: Bytes::from_static(b"bob"),
        kind: Kind::Form,
        text: Bytes::from_static(b"hello"),
        extra: Bytes::new(),
    }
}
