//! Messages as XML.

use quick_xml::escape::escape;

use crate::jid::Jid;

/// What a user's device has written; the copies for all its receivers come from it.
#[derive(Clone, Debug)]
pub(super) struct Written {
    /// `chat` or `groupchat`.
    pub kind: &'static str,
    /// The id that the device gives it.
    pub id: String,
    /// The body; without one it is a marker.
    pub text: Option<String>,
    /// The URL of a file.
    pub file: Option<String>,
}

impl Written {
    /// The message between these addresses.
    pub fn xml(&self, from: &Jid, to: &Jid) -> String {
        let Self { kind, id, .. } = self;
        let content = match &self.text {
            Some(text) => format!("<body>{}</body>", escape(text)),
            None => "<displayed xmlns='urn:xmpp:chat-markers:0'/>".to_owned(),
        };
        let file = self.file.as_ref().map_or_else(String::new, |file| {
            format!("<x xmlns='jabber:x:oob'><url>{}</url></x>", escape(file))
        });
        format!(
            "<message from='{}' to='{}' type='{kind}' id='{id}'>{content}{file}\
             <origin-id xmlns='urn:xmpp:sid:0' id='{id}'/></message>",
            escape(from.to_string()),
            escape(to.to_string())
        )
    }
}
