//! The data of a message.

use std::borrow::Cow;

use serde::Serialize;

use super::known::Known;
use super::parts::{Address, Metadata, Parts, Text};
use crate::stanza::{Attachment, Stanza};

/// A message, about to be delivered, sent, or not acknowledged.
#[derive(Debug, Serialize)]
pub struct Message<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<Address<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Address<'a>>,
    #[serde(rename = "message_id", skip_serializing_if = "Option::is_none")]
    id: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    archive_id: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin_id: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<Address<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nickname: Text<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Attachment<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hints: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    receiver_status: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_state: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unread: Option<i64>,
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    metadata: Metadata<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stanza: Text<'a>,
}

impl<'a> Message<'a> {
    /// Puts together what the session and the stanza say. `whole` is the stanza as text, if it is wanted.
    pub(super) fn new(mut known: Known<'a>, mut stanza: Stanza<'a>, whole: Text<'a>) -> Self {
        let sent = known.direction.as_deref() == Some("in");
        let room = known.is_groupchat().then(|| Room::new(&known, sent));
        let archive_id = known.archive_id.take().or_else(|| {
            // A client may write what it likes into the message that it sends.
            (!sent)
                .then(|| archive_id(&known, room.as_ref(), &mut stanza))
                .flatten()
        });
        let (room, nickname) =
            room.map_or((None, None), |room| (room.parts.address(), room.nickname));
        Self {
            direction: known.direction,
            host: known.host,
            from: known.from.address(),
            to: known.to.address(),
            id: stanza.id,
            archive_id,
            origin_id: stanza.origin_id,
            body: stanza.body.text(),
            subject: stanza.subject.text(),
            thread: stanza.thread,
            room,
            nickname,
            attachments: stanza.attachments,
            hints: stanza.hints,
            receiver_status: known.user_status,
            client_state: known.client_state,
            unread: known.unread,
            metadata: known.metadata,
            stanza: whole,
        }
    }

    pub(super) fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }
}

/// The room of a groupchat message, MUC or MUC light.
struct Room<'a> {
    parts: Parts<'a>,
    /// Who wrote, as the room shows them: a nickname, in MUC light a bare jid. Not known of a message to
    /// the room.
    nickname: Text<'a>,
}

impl<'a> Room<'a> {
    fn new(known: &Known<'a>, sent: bool) -> Self {
        let side = if sent { &known.to } else { &known.from };
        Self {
            nickname: side.resource.clone().filter(|_| !sent),
            parts: side.bare(),
        }
    }
}

/// The message's id in the archive of the room, if it has one, or in that of the receiver. Any other id may
/// have been written by the sender.
fn archive_id<'a>(
    known: &Known<'a>,
    room: Option<&Room<'a>>,
    stanza: &mut Stanza<'a>,
) -> Option<Cow<'a, str>> {
    if stanza.archives.is_empty() {
        return None;
    }
    let room = room.and_then(|room| room.parts.bare_jid());
    [room, known.to.bare_jid()]
        .into_iter()
        .flatten()
        .find_map(|archive| stanza.id_by(&archive))
}
