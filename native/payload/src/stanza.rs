//! What a web service may want to know of a message stanza, read in one pass over its XML.
//!
//! Memory is bounded: the reader holds no tree, only the names of the elements that are open. Text is what
//! the host's own parser makes of it; a reference that XML does not have stays as it is written, and one to
//! a character that does not exist becomes the replacement character.

mod attributes;
mod reader;
mod text;

use std::borrow::Cow;

use crate::PayloadError;
use reader::Reader;

/// A larger stanza is refused. The host's own limit is 64 KiB unless it is configured.
const MAX_SIZE: usize = 1024 * 1024;
/// Attachments beyond these are left out.
const MAX_ATTACHMENTS: usize = 100;
/// Archives beyond these are not looked at.
const MAX_ARCHIVES: usize = 32;

/// What a message contains. Empty texts are left out.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Stanza<'a> {
    /// The sender's id of the message.
    pub id: Option<Cow<'a, str>>,
    /// The body without a language; if there is none, the first.
    pub body: Localised<'a>,
    /// The subject, chosen like the body.
    pub subject: Localised<'a>,
    /// The conversation that the message belongs to.
    pub thread: Option<Cow<'a, str>>,
    /// Out-of-band URLs (XEP-0066).
    pub attachments: Vec<Attachment<'a>>,
    /// Hints for those who process the message (XEP-0334).
    pub hints: Vec<&'static str>,
    /// The id that the sender's client gave the message, which rooms keep (XEP-0359).
    pub origin_id: Option<Cow<'a, str>>,
    /// Archives and the message's id there: `by` and `id` (XEP-0359).
    pub archives: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

/// A text that may be there in several languages.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Localised<'a> {
    chosen: Option<Cow<'a, str>>,
    has_no_language: bool,
}

/// A file that the message points to.
#[derive(Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Attachment<'a> {
    pub url: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Cow<'a, str>>,
}

impl<'a> Stanza<'a> {
    /// Reads a stanza. An empty text is a stanza of which nothing is known.
    pub fn read(xml: &'a str) -> Result<Self, PayloadError> {
        if xml.is_empty() {
            return Ok(Self::default());
        }
        if xml.len() > MAX_SIZE {
            return Err(PayloadError::event(format!(
                "the stanza is longer than {MAX_SIZE} bytes"
            )));
        }
        Reader::new(xml).read()
    }

    /// Forgets what was written.
    pub fn omit_body(&mut self) {
        self.body = Localised::default();
        self.subject = Localised::default();
        self.attachments.clear();
    }

    /// The message's id in the archive of `by`, a bare jid.
    pub fn id_by(&mut self, by: &str) -> Option<Cow<'a, str>> {
        let same = |other: &str| other == by || other.to_lowercase() == by.to_lowercase();
        let at = self.archives.iter().position(|(other, _)| same(other))?;
        Some(self.archives.swap_remove(at).1)
    }

    fn add_hint(&mut self, element: &str) {
        let hint = match element {
            "no-permanent-store" => "no_permanent_store",
            "no-store" => "no_store",
            "no-copy" => "no_copy",
            "store" => "store",
            _ => return,
        };
        if !self.hints.contains(&hint) {
            self.hints.push(hint);
        }
    }

    fn add_attachment(&mut self, attachment: Attachment<'a>) {
        if !attachment.url.is_empty() && self.attachments.len() < MAX_ATTACHMENTS {
            self.attachments.push(attachment);
        }
    }

    fn add_archive(&mut self, by: Option<Cow<'a, str>>, id: Option<Cow<'a, str>>) {
        if let (Some(by), Some(id)) = (by, id)
            && self.archives.len() < MAX_ARCHIVES
        {
            self.archives.push((by, id));
        }
    }
}

impl<'a> Localised<'a> {
    fn offer(&mut self, text: Cow<'a, str>, has_language: bool) {
        if self.chosen.is_none() || (!has_language && !self.has_no_language) {
            self.chosen = Some(text);
            self.has_no_language = !has_language;
        }
    }

    /// The text, unless it is empty.
    pub fn text(self) -> Option<Cow<'a, str>> {
        self.chosen.filter(|text| !text.is_empty())
    }
}

#[cfg(test)]
mod tests;
