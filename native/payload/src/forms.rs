//! The form of a notification: of names and text as they were handed over, or of an event.

use bytes::Bytes;
use notification::{Names, Notification};

use crate::event::{Choice, Fields, Raw};
use crate::{FormStyle, PayloadError, form};

/// A form longer than this frees its unused capacity, if that is an eighth or more.
const SHRINK: usize = 1024;

/// The form of a notification, with an empty message if what was written is left out.
pub fn body(
    notification: &Notification,
    choice: Choice,
    style: FormStyle,
) -> Result<Bytes, PayloadError> {
    if notification.event().is_none() {
        let text = if choice.omit_body {
            &[]
        } else {
            notification.text()
        };
        return Ok(fitted(form::encode(&notification.names(), text, style)));
    }
    Ok(fitted(match Raw::of(notification)?.fields(choice)? {
        Fields::Message {
            author,
            server,
            receiver,
            message,
        } => {
            let names = Names {
                sender: author.as_bytes(),
                server: server.as_bytes(),
                receiver: receiver.as_bytes(),
            };
            form::encode(&names, message.as_bytes(), style)
        }
        Fields::Presence {
            user,
            server,
            resource,
            status,
        } => {
            let fields = [&user, &server, &resource, &status].map(|field| field.as_bytes());
            form::encode_presence(fields, style)
        }
    }))
}

/// A body without much memory that it does not use.
pub fn fitted(mut body: Vec<u8>) -> Bytes {
    if body.capacity() > SHRINK && body.capacity() - body.len() > body.len() / 8 {
        body.shrink_to_fit();
    }
    body.into()
}
