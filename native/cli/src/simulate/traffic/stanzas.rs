//! Messages as XML.

use quick_xml::escape::escape;

use crate::jid::Jid;

/// What a user's device has written, whoever gets it.
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
        let (from, to) = (from.to_string(), to.to_string());
        let mut xml = format!(
            "<message from='{}' to='{}' type='{kind}' id='{id}'>",
            escape(&from),
            escape(&to)
        );
        match &self.text {
            Some(text) => xml.push_str(&format!("<body>{}</body>", escape(text))),
            None => xml.push_str("<displayed xmlns='urn:xmpp:chat-markers:0'/>"),
        }
        if let Some(file) = &self.file {
            let file = escape(file);
            xml.push_str(&format!("<x xmlns='jabber:x:oob'><url>{file}</url></x>"));
        }
        xml.push_str(&format!(
            "<origin-id xmlns='urn:xmpp:sid:0' id='{id}'/></message>"
        ));
        xml
    }
}
