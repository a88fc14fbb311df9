//! A record for tests: a message from alice to bob.

use bytes::Bytes;
use notification::Direction;
use spool::{Kind, Packed, Record};

use super::whose::{HandlerHash, LaneId};

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

/// The record as a session hands it over: with its handler and its lane.
pub(super) fn handed_over(record: Record) -> (Packed, HandlerHash, LaneId) {
    let handler = HandlerHash::of(&record.host_type, &record.handler);
    let lane = handler.lane(&record.lane);
    (record.into(), handler, lane)
}
