//! A notification as a record on disk, and back.

use std::sync::Arc;

use notification::{Content, Handler, MessageId, Names, Notification};
use spool::{Kind, Packed, Parts, Record};

use super::whose::shared_key;

/// The notification as a record. `lane` is its lane's key without what belongs to this run.
pub(crate) fn of(notification: &Notification, id: &MessageId, lane: &[u8]) -> Packed {
    let handler = notification.handler();
    let names = notification.names();
    let (kind, extra) = match notification.content() {
        Content::Form => (Kind::Form, &[][..]),
        Content::Custom(headers) => (Kind::Custom, headers),
        Content::Event(facts) => (Kind::Event, facts),
    };
    let parts = Parts {
        lane,
        message_id: id.as_str(),
        direction: notification.direction(),
        sender: names.sender,
        server: names.server,
        receiver: names.receiver,
        kind,
        text: notification.text(),
        extra,
    };
    Packed::new(
        Arc::clone(&handler.host_type.name),
        shared_key(handler),
        spool::now_ms(),
        &parts,
    )
}

/// Whether it is the record's.
pub(crate) fn is_of(handler: &Handler, record: &Record) -> bool {
    let rest = record.handler.strip_prefix(&*handler.pool_name);
    let path = rest.and_then(|rest| rest.strip_prefix(' '));
    path == Some(&*handler.path) && *handler.host_type.name == *record.host_type
}

/// The notification that a record holds. `None` if it is longer than one can be.
pub(crate) fn restore(record: &Record, handler: Arc<Handler>) -> Option<Notification> {
    let names = Names {
        sender: &record.sender,
        server: &record.server,
        receiver: &record.receiver,
    };
    let content = match record.kind {
        Kind::Form => Content::Form,
        Kind::Custom => Content::Custom(&record.extra),
        Kind::Event => Content::Event(&record.extra),
    };
    Notification::new(handler, record.direction, names, &record.text, content)
}
