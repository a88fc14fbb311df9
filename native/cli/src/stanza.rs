//! What rules ask of a stanza in a file.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

const HINTS: &str = "urn:xmpp:hints";
const JINGLE_MESSAGE: &str = "urn:xmpp:jingle-message:0";

/// A stanza.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stanza {
    /// `message` or `presence`.
    pub name: String,
    /// The attribute `type`.
    pub kind: Option<String>,
    /// The attribute `from`.
    pub from: Option<String>,
    /// The attribute `to`.
    pub to: Option<String>,
    /// The first body.
    pub body: Body,
    /// The text of the first body.
    pub text: String,
    /// Processing hints that rules know.
    pub hints: Vec<&'static str>,
    /// Whether it is part of the signalling of a call (XEP-0353).
    pub jingle: bool,
}

/// The first body of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Body {
    /// There is none.
    #[default]
    Absent,
    /// It has no text.
    Empty,
    /// It has text.
    NonEmpty,
}

impl Stanza {
    /// Reads a stanza.
    ///
    /// # Errors
    ///
    /// Why the text is no stanza.
    pub fn read(xml: &str) -> Result<Self, String> {
        let mut reader = Reader::from_str(xml);
        let mut stanza = None;
        let mut depth = 0_usize;
        let mut in_body = false;
        loop {
            let event = reader
                .read_event()
                .map_err(|error| format!("is not XML: {error}"))?;
            let (start, closes) = match &event {
                Event::Start(start) => (Some(start), false),
                Event::Empty(start) => (Some(start), true),
                _ => (None, false),
            };
            if let Some(start) = start {
                match (&mut stanza, depth) {
                    (None, 0) => stanza = Some(Self::begin(start)?),
                    (Some(stanza), 1) => in_body = stanza.child(start)? && !closes,
                    (Some(_), 0) => return Err("has more than one stanza".to_owned()),
                    _ => {}
                }
                depth += usize::from(!closes);
                continue;
            }
            let text = match event {
                Event::End(_) => {
                    depth = depth.saturating_sub(1);
                    in_body &= depth > 1;
                    continue;
                }
                Event::Text(text) => text.xml_content(XmlVersion::Implicit1_0).into_owned(),
                Event::CData(text) => text.xml_content(XmlVersion::Implicit1_0).into_owned(),
                Event::GeneralRef(name) => reference(&name)?,
                Event::Eof if depth > 0 => return Err("is not XML: it ends too early".to_owned()),
                Event::Eof => break,
                _ => continue,
            };
            if let Some(stanza) = &mut stanza
                && in_body
                && depth == 2
            {
                stanza.text.push_str(&text);
            }
        }
        let mut stanza: Self = stanza.ok_or("has no stanza")?;
        // The host's parser drops text that is white space alone.
        if stanza.text.trim_matches([' ', '\t', '\r', '\n']).is_empty() {
            stanza.text.clear();
        } else if stanza.body == Body::Empty {
            stanza.body = Body::NonEmpty;
        }
        Ok(stanza)
    }

    fn begin(start: &BytesStart<'_>) -> Result<Self, String> {
        let name = local_name(start);
        if name != "message" && name != "presence" {
            return Err(format!(
                "has <{name}>, which makes no event; a <message> or a <presence> does"
            ));
        }
        Ok(Self {
            name,
            kind: attribute(start, "type")?,
            from: attribute(start, "from")?,
            to: attribute(start, "to")?,
            ..Self::default()
        })
    }

    /// Looks at an element of the stanza; returns whether it is the first body.
    fn child(&mut self, start: &BytesStart<'_>) -> Result<bool, String> {
        let name = local_name(start);
        let namespace = attribute(start, "xmlns")?;
        match (name.as_str(), namespace.as_deref()) {
            ("no-store", Some(HINTS)) => self.hints.push("no_store"),
            ("store", Some(HINTS)) => self.hints.push("store"),
            (_, Some(JINGLE_MESSAGE)) => self.jingle = true,
            ("body", _) if self.body == Body::Absent => {
                self.body = Body::Empty;
                return Ok(true);
            }
            _ => {}
        }
        Ok(false)
    }
}

fn local_name(start: &BytesStart<'_>) -> String {
    start.name().into_inner().to_owned()
}

fn attribute(start: &BytesStart<'_>, name: &str) -> Result<Option<String>, String> {
    let found = start
        .try_get_attribute(name)
        .map_err(|error| format!("is not XML: {error}"))?;
    found
        .map(|attribute| attribute.normalized_value(XmlVersion::Implicit1_0))
        .transpose()
        .map(|value| value.map(std::borrow::Cow::into_owned))
        .map_err(|error| format!("is not XML: {error}"))
}

/// The character of a reference such as `&amp;` or `&#233;`.
fn reference(name: &quick_xml::events::BytesRef<'_>) -> Result<String, String> {
    let character = name
        .resolve_char_ref()
        .map_err(|error| format!("is not XML: {error}"))?;
    if let Some(character) = character {
        return Ok(character.to_string());
    }
    let name = name.xml_content(XmlVersion::Implicit1_0);
    quick_xml::escape::resolve_predefined_entity(&name)
        .map(str::to_owned)
        .ok_or_else(|| format!("is not XML: there is no character &{name};"))
}

#[cfg(test)]
mod tests {
    use super::{Body, Stanza};

    #[test]
    fn what_rules_ask() {
        let xml = "<!-- x --><message type='chat' from='a@b/c' to='d@e'>\
                   <x><body>other</body></x><body>1 &lt; 2 &#233;<![CDATA[&]]></body><body xml:lang='de'>zwei</body>\
                   <no-store xmlns='urn:xmpp:hints'/><store/>\
                   <propose xmlns='urn:xmpp:jingle-message:0' id='1'><y/></propose></message>\n";
        let stanza = Stanza::read(xml).unwrap();
        assert_eq!(stanza.text, "1 < 2 é&");
        assert_eq!(
            (stanza.body, stanza.hints, stanza.jingle),
            (Body::NonEmpty, vec!["no_store"], true)
        );
        assert_eq!(stanza.kind.as_deref(), Some("chat"));
        assert_eq!(stanza.from.as_deref(), Some("a@b/c"));
        assert_eq!(stanza.to.as_deref(), Some("d@e"));
        for (xml, body) in [
            ("<message/>", Body::Absent),
            ("<message><body/></message>", Body::Empty),
            (
                "<message><body></body><body>x</body></message>",
                Body::Empty,
            ),
            ("<message><body><b>x</b></body></message>", Body::Empty),
            ("<message><body> \n </body></message>", Body::Empty),
            ("<message><body> x </body></message>", Body::NonEmpty),
        ] {
            assert_eq!(Stanza::read(xml).unwrap().body, body, "{xml}");
        }
    }

    #[test]
    fn what_is_no_stanza() {
        for xml in [
            "",
            "hello",
            "<message>",
            "<message><body></message>",
            "<message/><message/>",
            "<iq/>",
            "<message>&nosuch;</message>",
            "<message from='&nosuch;'/>",
        ] {
            assert!(Stanza::read(xml).is_err(), "{xml}");
        }
    }
}
