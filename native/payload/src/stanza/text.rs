//! Text in pieces, as XML has it: runs of characters, references, CDATA. It is copied only if there is
//! more than one piece.

use std::borrow::Cow;

use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::BytesRef;

/// Text while its pieces are read.
#[derive(Debug, Default)]
pub struct Text<'a>(Cow<'a, str>);

impl<'a> Text<'a> {
    /// Adds a run of characters.
    pub fn push(&mut self, piece: Cow<'a, str>) {
        if self.0.is_empty() {
            self.0 = piece;
        } else {
            self.0.to_mut().push_str(&piece);
        }
    }

    /// Adds what a reference stands for.
    pub fn push_reference(&mut self, reference: &BytesRef<'a>) {
        match reference.resolve_char_ref() {
            Ok(Some(character)) => self.0.to_mut().push(character),
            Ok(None) => match resolve_xml_entity(reference) {
                Some(text) => self.push(Cow::Borrowed(text)),
                None => self.push(Cow::Owned(format!("&{};", &**reference))),
            },
            Err(_) => self.0.to_mut().push(char::REPLACEMENT_CHARACTER),
        }
    }

    /// The text.
    pub fn take(&mut self) -> Cow<'a, str> {
        std::mem::take(&mut self.0)
    }
}
