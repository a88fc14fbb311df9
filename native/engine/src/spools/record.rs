//! A notification as a record on disk, and back.

use std::sync::Arc;

use notification::{Content, Handler, MessageId, Names, Notification};
use spool::{Kind, Record};

/// The notification as a record. `lane` is its lane's key without what belongs to this run.
pub(crate) fn of(notification: &Notification, id: &MessageId, lane: &[u8]) -> Record {
    let handler = notification.handler();
    let names = notification.names();
    let (kind, extra) = match notification.content() {
        Content::Form => (Kind::Form, &[][..]),
        Content::Custom(headers) => (Kind::Custom, headers),
        Content::Event(facts) => (Kind::Event, facts),
    };
    Record {
        host_type: handler.host_type.name.to_string(),
        handler: handler_key(handler),
        lane: lane.to_vec(),
        message_id: id.to_string(),
        created: spool::now_ms(),
        direction: notification.direction(),
        sender: names.sender.to_vec(),
        server: names.server.to_vec(),
        receiver: names.receiver.to_vec(),
        kind,
        text: notification.text().to_vec(),
        extra: extra.to_vec(),
    }
}

/// The handler in the terms of its configuration.
#[must_use]
pub fn handler_key(handler: &Handler) -> String {
    format!("{} {}", handler.pool_name, handler.path)
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
