//! Names of users, prepared as MongooseIM prepares them before it makes a notification.

use std::str::FromStr;

/// A user's address without its resource, prepared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Jid {
    /// User name.
    pub local: String,
    /// Domain.
    pub domain: String,
}

impl Jid {
    /// An address whose parts are already prepared.
    pub fn of(local: &str, domain: &str) -> Self {
        Self {
            local: local.to_owned(),
            domain: domain.to_owned(),
        }
    }
}

impl FromStr for Jid {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bare = text.split('/').next().unwrap_or_default();
        let (local, domain) = bare
            .split_once('@')
            .filter(|(local, domain)| !local.is_empty() && !domain.is_empty())
            .ok_or("expected user@domain")?;
        let local = stringprep::nodeprep(local)
            .map_err(|error| format!("{local:?} is not a user name: {error}"))?;
        let domain = stringprep::nameprep(domain)
            .map_err(|error| format!("{domain:?} is not a domain: {error}"))?;
        Ok(Self::of(&local, &domain))
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
            assert_eq!(text.parse(), Ok(Jid::of(local, domain)), "{text}");
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
}
