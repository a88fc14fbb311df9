//! Names of users, prepared as MongooseIM prepares them before it makes a notification.

use std::str::FromStr;

/// An address, prepared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Jid {
    /// User name; empty in the address of a server.
    pub local: String,
    /// Domain.
    pub domain: String,
    /// Resource.
    pub resource: Option<String>,
}

impl Jid {
    /// An address whose parts are already prepared.
    pub fn of(local: &str, domain: &str) -> Self {
        Self {
            local: local.to_owned(),
            domain: domain.to_owned(),
            resource: None,
        }
    }

    /// The address of a user, a room or a server.
    ///
    /// # Errors
    ///
    /// Which part is not valid.
    pub fn read(text: &str) -> Result<Self, String> {
        let (bare, resource) = match text.split_once('/') {
            Some((bare, resource)) => (bare, Some(resource)),
            None => (text, None),
        };
        let (local, domain) = bare.split_once('@').unwrap_or(("", bare));
        if domain.is_empty() || bare.starts_with('@') {
            return Err("expected user@domain".to_owned());
        }
        let local = stringprep::nodeprep(local)
            .map_err(|error| format!("{local:?} is not a user name: {error}"))?;
        let domain = stringprep::nameprep(domain)
            .map_err(|error| format!("{domain:?} is not a domain: {error}"))?;
        let resource = resource
            .filter(|resource| !resource.is_empty())
            .map(|resource| {
                stringprep::resourceprep(resource)
                    .map_err(|error| format!("{resource:?} is not a resource: {error}"))
            })
            .transpose()?;
        Ok(Self {
            resource: resource.map(std::borrow::Cow::into_owned),
            ..Self::of(&local, &domain)
        })
    }

    /// The address without its resource.
    pub fn bare(&self) -> String {
        if self.local.is_empty() {
            self.domain.clone()
        } else {
            format!("{}@{}", self.local, self.domain)
        }
    }
}

impl std::fmt::Display for Jid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.bare())?;
        match &self.resource {
            Some(resource) => write!(f, "/{resource}"),
            None => Ok(()),
        }
    }
}

impl FromStr for Jid {
    type Err = String;

    /// The address of a user.
    fn from_str(text: &str) -> Result<Self, String> {
        let jid = Self::read(text)?;
        if jid.local.is_empty() {
            return Err("expected user@domain".to_owned());
        }
        Ok(jid)
    }
}

#[cfg(test)]
mod tests {
    use super::Jid;

    #[test]
    fn names_are_prepared() {
        for (text, local, domain) in [
            ("alice@localhost", "alice", "localhost"),
            ("Alice@LocalHost/phone", "alice", "localhost"),
            (
                "STRASSE@B\u{dc}CHER.example",
                "strasse",
                "b\u{fc}cher.example",
            ),
            ("\u{fb01}n@x", "fin", "x"),
        ] {
            let jid: Jid = text.parse().unwrap();
            assert_eq!(jid.bare(), format!("{local}@{domain}"), "{text}");
            assert_eq!(jid.resource.is_some(), text.contains('/'), "{text}");
        }
        for text in [
            "",
            "alice",
            "@localhost",
            "alice@",
            "a b@localhost",
            "a\u{0}@x",
        ] {
            assert!(text.parse::<Jid>().is_err(), "{text}");
        }
    }

    #[test]
    fn rooms_and_servers() {
        let jid = Jid::read("room@muclight.x/Alice@x").unwrap();
        assert_eq!(jid.resource.as_deref(), Some("Alice@x"));
        assert_eq!(Jid::read("Server/").unwrap(), Jid::of("", "server"));
        for text in ["", "@x", "a@", "/r", "a b@x"] {
            assert!(Jid::read(text).is_err(), "{text}");
        }
    }
}
