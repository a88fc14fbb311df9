//! What several kinds of event have: addresses, and the metadata of a hook.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::facts::Value;

/// Text that is not empty.
pub type Text<'a> = Option<Cow<'a, str>>;

/// The text in these bytes; none if they are empty.
pub fn text(bytes: &[u8]) -> Text<'_> {
    (!bytes.is_empty()).then(|| valid(bytes))
}

/// The text in these bytes, with the replacement character for what is not UTF-8. Almost always all of it
/// is, and plain validation is several times as fast.
pub fn valid(bytes: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

/// The parts of a jid as the session hands them over.
#[derive(Clone, Debug, Default)]
pub struct Parts<'a> {
    pub user: Text<'a>,
    pub server: Text<'a>,
    pub resource: Text<'a>,
}

/// A jid, whole and in parts.
#[derive(Debug, Serialize)]
pub struct Address<'a> {
    jid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Text<'a>,
    server: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Text<'a>,
}

impl<'a> Parts<'a> {
    /// The address; none without a server.
    pub fn address(self) -> Option<Address<'a>> {
        let jid = self.jid()?;
        Some(Address {
            jid,
            user: self.user,
            server: self.server?,
            resource: self.resource,
        })
    }

    /// The jid as text; none without a server.
    pub fn jid(&self) -> Option<String> {
        self.joined(self.resource.as_deref())
    }

    /// The parts without the resource.
    pub fn bare(&self) -> Self {
        Self {
            resource: None,
            ..self.clone()
        }
    }

    /// The jid without its resource; none without a server.
    pub fn bare_jid(&self) -> Option<String> {
        self.joined(None)
    }

    fn joined(&self, resource: Option<&str>) -> Option<String> {
        let (server, user) = (self.server.as_deref()?, self.user.as_deref());
        let length = |part: Option<&str>| part.map_or(0, |part| part.len() + 1);
        let mut jid = String::with_capacity(length(user) + server.len() + length(resource));
        if let Some(user) = user {
            jid.push_str(user);
            jid.push('@');
        }
        jid.push_str(server);
        if let Some(resource) = resource {
            jid.push('/');
            jid.push_str(resource);
        }
        Some(jid)
    }
}

/// What other modules of the host put into the hook, by key.
pub type Metadata<'a> = BTreeMap<Cow<'a, str>, Scalar<'a>>;

/// A value of the metadata.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Scalar<'a> {
    Text(Cow<'a, str>),
    Integer(i64),
    Float(f64),
    Bool(bool),
}

impl<'a> Scalar<'a> {
    /// The value; none if it is empty, or no number that JSON knows.
    pub fn new(value: Value<'a>) -> Option<Self> {
        match value {
            Value::Text(bytes) => text(bytes).map(Self::Text),
            Value::Integer(number) => Some(Self::Integer(number)),
            Value::Float(number) => number.is_finite().then_some(Self::Float(number)),
            Value::Bool(truth) => Some(Self::Bool(truth)),
        }
    }
}
