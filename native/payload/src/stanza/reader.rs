//! The pass over the XML: which element of which namespace is where, and whose text is collected.
//!
//! Only the stanza, its children and (for attachments) their children matter, so that namespaces are looked
//! up in at most two elements, and what is deeper is only counted.

use std::borrow::Cow;

use quick_xml::events::{BytesStart, Event};
use quick_xml::name::PrefixDeclaration;

use super::attributes::{Attributes, declared, kept};
use super::text::Text;
use super::{Attachment, Stanza};
use crate::PayloadError;

/// Deeper XML is refused. It would cost memory alone, and no client writes it.
const MAX_DEPTH: usize = 20_000;

/// The namespaces that matter.
#[derive(Clone, Copy)]
enum Namespace {
    /// That of stanzas, between whichever parties, or none.
    Stanzas,
    Oob,
    Hints,
    StanzaId,
    Other,
}

/// The children of a stanza that are looked at. The namespace of any other is not looked up.
const OF_INTEREST: [&str; 10] = [
    "body",
    "subject",
    "thread",
    "x",
    "origin-id",
    "stanza-id",
    "store",
    "no-store",
    "no-copy",
    "no-permanent-store",
];

/// The element whose text is being collected, or which is being looked into.
enum Inside {
    Nothing,
    Body { has_language: bool },
    Subject { has_language: bool },
    Thread,
    Oob,
    OobUrl,
    OobDescription,
}

pub struct Reader<'a> {
    xml: quick_xml::Reader<&'a [u8]>,
    depth: usize,
    /// The stanza's start tag, for prefixes that it declares.
    root: Option<BytesStart<'a>>,
    /// That of the stanza's children that have no prefix and declare none.
    inherited: Namespace,
    inside: Inside,
    /// The depth of the element that `inside` is about.
    level: usize,
    text: Text<'a>,
    attachment: Attachment<'a>,
    stanza: Stanza<'a>,
}

impl<'a> Reader<'a> {
    pub fn new(xml: &'a str) -> Self {
        let mut xml = quick_xml::Reader::from_str(xml);
        xml.config_mut().allow_dangling_amp = true;
        Self {
            xml,
            depth: 0,
            root: None,
            inherited: Namespace::Stanzas,
            inside: Inside::Nothing,
            level: 0,
            text: Text::default(),
            attachment: Attachment::default(),
            stanza: Stanza::default(),
        }
    }

    /// Reads up to the end of the stanza.
    pub fn read(mut self) -> Result<Stanza<'a>, PayloadError> {
        loop {
            let event = self.xml.read_event();
            match event.map_err(|_| self.malformed())? {
                Event::Start(tag) => {
                    self.start(tag)?;
                    continue;
                }
                Event::Empty(tag) => {
                    self.start(tag)?;
                    self.end();
                }
                Event::End(_) => self.end(),
                Event::Text(text) if self.collects() => self.text.push(text.into_inner()),
                Event::CData(text) if self.collects() => self.text.push(text.into_inner()),
                Event::GeneralRef(reference) if self.collects() => {
                    self.text.push_reference(&reference);
                }
                Event::Eof => return Err(self.malformed()),
                _ => continue,
            }
            if self.depth == 0 && self.root.is_some() {
                return Ok(self.stanza);
            }
        }
    }

    fn malformed(&self) -> PayloadError {
        // Without what the parser says: it may quote the message.
        let at = self.xml.error_position();
        PayloadError::event(format!("the stanza is not well-formed XML at byte {at}"))
    }

    /// Whether text at this place belongs to the element that is collected, not to one inside of it.
    fn collects(&self) -> bool {
        !matches!(self.inside, Inside::Nothing | Inside::Oob) && self.depth == self.level
    }

    fn start(&mut self, tag: BytesStart<'a>) -> Result<(), PayloadError> {
        self.depth += 1;
        match self.depth {
            1 => {
                let found = Attributes::of(&tag);
                self.inherited = Namespace::of(found.namespace.as_deref());
                self.stanza.id = kept(found.id);
                self.root = Some(tag);
            }
            2 => self.child(&tag),
            3 if matches!(self.inside, Inside::Oob) => {
                let inside = match tag.local_name().into_inner() {
                    "url" => Inside::OobUrl,
                    "desc" => Inside::OobDescription,
                    _ => return Ok(()),
                };
                self.enter(inside);
            }
            _ if self.depth > MAX_DEPTH => {
                let text = format!("the stanza is nested more than {MAX_DEPTH} deep");
                return Err(PayloadError::event(text));
            }
            _ => {}
        }
        Ok(())
    }

    fn enter(&mut self, inside: Inside) {
        self.inside = inside;
        self.level = self.depth;
        self.text.take();
    }

    /// A child of the stanza.
    fn child(&mut self, tag: &BytesStart<'a>) {
        let name = tag.local_name();
        let name = name.into_inner();
        if !OF_INTEREST.contains(&name) {
            return;
        }
        let found = Attributes::of(tag);
        let has_language = found.has_language;
        let inside = match (self.namespace(tag, found.namespace.as_deref()), name) {
            (Namespace::Stanzas, "body") => Inside::Body { has_language },
            (Namespace::Stanzas, "subject") => Inside::Subject { has_language },
            (Namespace::Stanzas, "thread") => Inside::Thread,
            (Namespace::Oob, "x") => Inside::Oob,
            (Namespace::Hints, _) => return self.stanza.add_hint(name),
            (Namespace::StanzaId, "origin-id") if self.stanza.origin_id.is_none() => {
                self.stanza.origin_id = kept(found.id);
                return;
            }
            (Namespace::StanzaId, "stanza-id") => {
                return self.stanza.add_archive(kept(found.by), kept(found.id));
            }
            _ => return,
        };
        self.enter(inside);
    }

    fn end(&mut self) {
        if self.depth == self.level {
            let text = self.text.take();
            let stanza = &mut self.stanza;
            let inside = std::mem::replace(&mut self.inside, Inside::Nothing);
            match inside {
                Inside::Nothing => {}
                Inside::Body { has_language } => stanza.body.offer(text, has_language),
                Inside::Subject { has_language } => stanza.subject.offer(text, has_language),
                Inside::Thread => {
                    stanza.thread = stanza
                        .thread
                        .take()
                        .or(Some(text))
                        .filter(|t| !t.is_empty());
                }
                Inside::Oob => stanza.add_attachment(std::mem::take(&mut self.attachment)),
                Inside::OobUrl => {
                    self.attachment.url = trimmed(text);
                    self.inside = Inside::Oob;
                }
                Inside::OobDescription => {
                    self.attachment.description = Some(text).filter(|text| !text.is_empty());
                    self.inside = Inside::Oob;
                }
            }
            self.level = match self.inside {
                Inside::Oob => 2,
                _ => 0,
            };
        }
        self.depth = self.depth.saturating_sub(1);
    }

    /// The namespace of a child of the stanza, which declares `own` for names without a prefix.
    fn namespace(&self, tag: &BytesStart<'a>, own: Option<&str>) -> Namespace {
        let name = tag.name();
        let Some(prefix) = name.prefix() else {
            return own.map_or(self.inherited, |own| Namespace::of(Some(own)));
        };
        let prefix = PrefixDeclaration::Named(prefix.into_inner());
        let declared = declared(tag, &prefix).or_else(|| declared(self.root.as_ref()?, &prefix));
        Namespace::of(declared.as_deref())
    }
}

impl Namespace {
    /// The namespace of this name; none if no element declares one.
    fn of(name: Option<&str>) -> Self {
        match name {
            None | Some("jabber:client" | "jabber:server" | "jabber:component:accept") => {
                Self::Stanzas
            }
            Some("jabber:x:oob") => Self::Oob,
            Some("urn:xmpp:hints") => Self::Hints,
            Some("urn:xmpp:sid:0") => Self::StanzaId,
            Some(_) => Self::Other,
        }
    }
}

/// Without white space around it, which a URL does not have.
fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}
