//! Which release of MongooseIM the file is for, as far as releases read the same line differently.

use std::str::FromStr;

/// A release, for example 6.4 or 6.2.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Release {
    major: u16,
    minor: u16,
    /// `None` means the last patch of the minor release.
    patch: Option<u16>,
}

impl Release {
    /// The newest release whose rules this program knows.
    pub const NEWEST: Self = Self {
        major: 6,
        minor: 11,
        patch: None,
    };

    /// Whether it came after [`Release::NEWEST`].
    pub fn is_unknown(self) -> bool {
        !Self::NEWEST.is_from(self)
    }

    /// The release `major.minor.0`.
    pub const fn new(major: u16, minor: u16) -> Self {
        Self::patch(major, minor, 0)
    }

    /// The release `major.minor.patch`.
    pub const fn patch(major: u16, minor: u16, patch: u16) -> Self {
        let patch = Some(patch);
        Self {
            major,
            minor,
            patch,
        }
    }

    /// Whether it is `other` or a later one.
    pub fn is_from(self, other: Self) -> bool {
        let key = |release: Self| {
            let patch = release.patch.unwrap_or(u16::MAX);
            (release.major, release.minor, patch)
        };
        key(self) >= key(other)
    }
}

impl FromStr for Release {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers: Option<Vec<u16>> = text.split('.').map(|part| part.parse().ok()).collect();
        match numbers.as_deref() {
            Some(&[major, minor, ref patch @ ..]) if major >= 5 && patch.len() <= 1 => Ok(Self {
                major,
                minor,
                patch: patch.first().copied(),
            }),
            _ => Err("expected a release from 5.0 on, for example 6.4 or 6.2.1".to_owned()),
        }
    }
}

impl std::fmt::Display for Release {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        match self.patch {
            Some(patch) => write!(f, ".{patch}"),
            None => Ok(()),
        }
    }
}

/// The layout of the configuration file, and the release if the operator has named it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mongooseim {
    /// 5.0's layout: `mod_event_pusher.backend.http`, `verify_peer`.
    pub old_layout: bool,
    /// The value of `--mongooseim`.
    pub release: Option<Release>,
}

impl Mongooseim {
    /// The default of `workers`.
    pub fn default_workers(self) -> u64 {
        if self.old_layout { 100 } else { 10 }
    }

    /// Whether the release is known to be in `from..to`.
    pub fn is_between(self, from: Release, to: Release) -> bool {
        self.release
            .is_some_and(|release| release.is_from(from) && !release.is_from(to))
    }

    /// Whether the release is, or may be, `from` or a later one.
    pub fn may_be_from(self, from: Release) -> bool {
        !self.old_layout && self.release.is_none_or(|release| release.is_from(from))
    }

    /// Whether the release is, or may be, one before `to`.
    pub fn may_be_before(self, to: Release) -> bool {
        self.old_layout || self.release.is_none_or(|release| !release.is_from(to))
    }

    /// Whether the server of an https pool without a tls section is verified: from 6.3 on, as MongooseIM's documentation says.
    pub fn verifies_without_tls_section(self) -> bool {
        self.may_be_from(Release::new(6, 3))
    }
}

#[cfg(test)]
mod tests {
    use super::{Mongooseim, Release};

    fn mongooseim(release: &str) -> Mongooseim {
        Mongooseim {
            old_layout: release.starts_with("5.0"),
            release: Some(release.parse().unwrap()),
        }
    }

    #[test]
    fn releases() {
        for (text, from) in [
            ("6.2", true),
            ("6.2.0", false),
            ("6.2.1", true),
            ("6.1.9", false),
        ] {
            assert_eq!(
                mongooseim(text).may_be_from(Release::patch(6, 2, 1)),
                from,
                "{text}"
            );
            assert_eq!(
                mongooseim(text).may_be_before(Release::patch(6, 2, 1)),
                !from,
                "{text}"
            );
        }
        assert!(mongooseim("6.3").is_between(Release::new(6, 2), Release::new(6, 4)));
        assert!(!mongooseim("6.4.0").is_between(Release::new(6, 2), Release::new(6, 4)));
        for (text, unknown) in [
            ("5.0.0", false),
            ("6.9", false),
            ("6.10.0", false),
            ("6.11", false),
            ("6.11.3", false),
            ("6.12", true),
            ("6.12.0", true),
            ("7.0", true),
        ] {
            let release: Release = text.parse().unwrap();
            assert_eq!(release.is_unknown(), unknown, "{text}");
            assert_eq!(
                release.is_from(Release::new(6, 8)),
                text != "5.0.0",
                "{text}"
            );
        }
        for text in ["", "6", "4.2", "6.x", "6.2.1.1", "six"] {
            assert!(text.parse::<Release>().is_err(), "{text}");
        }
    }
}
