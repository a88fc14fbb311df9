//! The attributes of a stanza and of its children that matter, collected in one pass over each tag.

use std::borrow::Cow;

use quick_xml::escape::unescape;
use quick_xml::events::BytesStart;
use quick_xml::name::{PrefixDeclaration, QName};

/// What is read of a tag's attributes.
#[derive(Debug, Default)]
pub struct Attributes<'t> {
    /// The namespace that the tag declares for names without a prefix.
    pub namespace: Option<Cow<'t, str>>,
    pub id: Option<Cow<'t, str>>,
    pub by: Option<Cow<'t, str>>,
    pub has_language: bool,
}

impl<'t> Attributes<'t> {
    pub fn of(tag: &'t BytesStart<'_>) -> Self {
        let mut found = Self::default();
        for attribute in tag.attributes().with_checks(false).flatten() {
            let field = match attribute.key.into_inner() {
                "xmlns" => &mut found.namespace,
                "id" => &mut found.id,
                "by" => &mut found.by,
                "xml:lang" => {
                    found.has_language = !attribute.value.is_empty();
                    continue;
                }
                _ => continue,
            };
            *field = Some(decoded(attribute.value));
        }
        found
    }
}

/// An attribute's value to keep, unless it is empty.
pub fn kept<'a>(value: Option<Cow<'_, str>>) -> Option<Cow<'a, str>> {
    let value = value.filter(|value| !value.is_empty())?;
    Some(Cow::Owned(value.into_owned()))
}

/// The namespace of a prefix, or of names without one, if the tag declares it.
pub fn declared<'t>(
    tag: &'t BytesStart<'_>,
    prefix: &PrefixDeclaration<'_>,
) -> Option<Cow<'t, str>> {
    let declares = |name: QName<'_>| name.as_namespace_binding().as_ref() == Some(prefix);
    let mut attributes = tag.attributes();
    let mut attributes = attributes.with_checks(false).flatten();
    let found = attributes.find(|attribute| declares(attribute.key))?;
    Some(decoded(found.value))
}

/// The value, as it is written if its references are invalid.
fn decoded(value: Cow<'_, str>) -> Cow<'_, str> {
    match value {
        Cow::Borrowed(value) => unescape(value).unwrap_or(Cow::Borrowed(value)),
        Cow::Owned(value) => Cow::Owned(value),
    }
}
