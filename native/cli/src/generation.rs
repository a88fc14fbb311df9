//! Which `MongooseIM` the file is for, as far as the same line means different things.

use std::str::FromStr;

/// A release, for example 6.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    major: u16,
    minor: u16,
}

impl Release {
    /// The release `major.minor`.
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }
}

impl FromStr for Release {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.split('.').map(str::parse);
        match (parts.next(), parts.next()) {
            (Some(Ok(major)), Some(Ok(minor))) if major >= 5 => Ok(Self { major, minor }),
            _ => Err("expected a release from 5.0 on, for example 6.4".to_owned()),
        }
    }
}

impl std::fmt::Display for Release {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The two layouts of the configuration file, with the release where the operator has said it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host {
    /// 5.0's layout: `mod_event_pusher.backend.http`, `verify_peer`.
    pub old_layout: bool,
    /// What `--mongooseim` says.
    pub release: Option<Release>,
}

impl Host {
    /// `workers` where it is not set.
    pub fn default_workers(self) -> u64 {
        if self.old_layout { 100 } else { 10 }
    }

    /// Whether the release is known to be in `from..to`.
    pub fn is_between(self, from: Release, to: Release) -> bool {
        self.release
            .is_some_and(|release| from <= release && release < to)
    }

    /// Whether the release is, or may be, `from` or a later one.
    pub fn may_be_from(self, from: Release) -> bool {
        !self.old_layout && self.release.is_none_or(|release| from <= release)
    }

    /// Whether https without a tls section is verified: from 6.3 on, see the module's documentation.
    pub fn verifies_without_tls_section(self) -> bool {
        self.may_be_from(Release::new(6, 3))
    }
}
