//! The application's own settings (`mongoose_http_pusher` in `etc/app.config`): names, bounds and
//! defaults, in one list.
//!
//! The Erlang application reads and applies them; this list is what `http-pusher check` judges a
//! file by, and what the documentation's table must agree with.

use transport::ConfigError;

/// One setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnSetting {
    /// Its key.
    pub name: &'static str,
    /// What it may be.
    pub kind: OwnKind,
    /// What is used where it is not set, as it would be written.
    pub default: &'static str,
    /// What it does, in a few words.
    pub meaning: &'static str,
}

/// What a setting may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnKind {
    /// A whole number between two bounds, both included.
    Integer(u64, u64),
    /// A list of pool tags, which are atoms.
    Tags,
    /// One of these atoms.
    OneOf(&'static [&'static str]),
}

/// The log levels there are, from the most to the least talkative.
pub const LOG_LEVELS: [&str; 6] = ["debug", "info", "notice", "warning", "error", "none"];

/// Every setting, in the order in which they are documented.
pub const OWN_SETTINGS: [OwnSetting; 10] = [
    OwnSetting {
        name: "max_pending",
        kind: OwnKind::Integer(1, MOST),
        default: "100000",
        meaning: "pending notifications of a pool, at the most",
    },
    OwnSetting {
        name: "max_pending_bytes",
        kind: OwnKind::Integer(1, MOST),
        default: "67108864",
        meaning: "memory that a pool's pending notifications take, in bytes, at the most",
    },
    OwnSetting {
        name: "max_node_bytes",
        kind: OwnKind::Integer(1, MOST),
        default: "536870912",
        meaning: "memory that the pending notifications of all pools take, in bytes, at the most",
    },
    OwnSetting {
        name: "max_lane_percent",
        kind: OwnKind::Integer(1, 100),
        default: "10",
        meaning: "how much of a pool's bounds one lane may take, in percent",
    },
    OwnSetting {
        name: "drain_timeout",
        kind: OwnKind::Integer(0, u32::MAX as u64),
        default: "5000",
        meaning: "how long stopping waits for pending notifications, in milliseconds",
    },
    OwnSetting {
        name: "max_connection_age",
        kind: OwnKind::Integer(0, u32::MAX as u64),
        default: "300000",
        meaning: "the age at which a connection takes no more requests, in milliseconds; 0: never",
    },
    OwnSetting {
        name: "wait",
        kind: OwnKind::Integer(0, u32::MAX as u64),
        default: "0",
        meaning: "how long a session waits for the outcome, in milliseconds",
    },
    OwnSetting {
        name: "tokio_threads",
        kind: OwnKind::Integer(1, 1024),
        default: "half of the online cores, at least 2 where there are two",
        meaning: "threads that do the HTTP work",
    },
    OwnSetting {
        name: "http2_pools",
        kind: OwnKind::Tags,
        default: "[]",
        meaning: "tags of the pools that speak HTTP/2 (over https only)",
    },
    OwnSetting {
        name: "log_level",
        kind: OwnKind::OneOf(&LOG_LEVELS),
        default: "info",
        meaning: "the least severe level this application logs at",
    },
];

/// More than any machine has; the bound of the Erlang side.
const MOST: u64 = (1 << 48) - 1;

/// A value as it stands in the file, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnValue {
    /// A whole number.
    Integer(i128),
    /// An atom.
    Atom(String),
    /// A list of atoms, also the empty list.
    Atoms(Vec<String>),
    /// Anything else, as it is written.
    Other(String),
}

/// Judges one key and its value; gives back the setting it is.
///
/// # Errors
///
/// No such setting, or not a value it can have. The default would be used instead.
pub fn check_own(name: &str, value: &OwnValue) -> Result<&'static OwnSetting, ConfigError> {
    const OPTION: &str = "mongoose_http_pusher";
    let Some(setting) = OWN_SETTINGS.iter().find(|setting| setting.name == name) else {
        let names: Vec<_> = OWN_SETTINGS.iter().map(|setting| setting.name).collect();
        return Err(ConfigError::new(
            OPTION,
            format!("{name} is not a setting; there are {}", names.join(", ")),
        ));
    };
    let expected = match (setting.kind, value) {
        (OwnKind::Integer(low, high), OwnValue::Integer(given)) => {
            if (i128::from(low)..=i128::from(high)).contains(given) {
                return Ok(setting);
            }
            format!("a whole number from {low} to {high}")
        }
        (OwnKind::OneOf(names), OwnValue::Atom(given)) if names.contains(&given.as_str()) => {
            return Ok(setting);
        }
        (OwnKind::Tags, OwnValue::Atoms(_)) => return Ok(setting),
        (OwnKind::Integer(low, high), _) => format!("a whole number from {low} to {high}"),
        (OwnKind::OneOf(names), _) => format!("one of {}", names.join(", ")),
        (OwnKind::Tags, _) => "a list of pool tags, for example [http_pool]".to_owned(),
    };
    Err(ConfigError::new(
        OPTION,
        format!(
            "{name} must be {expected}; the default is used instead: {}",
            setting.default
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::{LOG_LEVELS, OWN_SETTINGS, OwnKind, OwnValue, check_own};

    #[test]
    fn every_setting_takes_its_default() {
        for setting in OWN_SETTINGS {
            let value = match setting.kind {
                OwnKind::Integer(..) if setting.name == "tokio_threads" => OwnValue::Integer(1),
                OwnKind::Integer(..) => OwnValue::Integer(setting.default.parse().unwrap()),
                OwnKind::Tags => OwnValue::Atoms(Vec::new()),
                OwnKind::OneOf(_) => OwnValue::Atom(setting.default.to_owned()),
            };
            assert_eq!(check_own(setting.name, &value), Ok(&setting));
        }
    }

    #[test]
    fn wrong_values_name_the_setting_and_the_default() {
        for (name, value) in [
            ("max_pending", OwnValue::Integer(0)),
            ("max_pending", OwnValue::Integer(-1)),
            ("max_pending_bytes", OwnValue::Integer(1 << 48)),
            ("max_lane_percent", OwnValue::Integer(101)),
            ("drain_timeout", OwnValue::Atom("infinity".to_owned())),
            ("max_connection_age", OwnValue::Integer(1 << 32)),
            ("wait", OwnValue::Integer(1 << 32)),
            ("http2_pools", OwnValue::Atom("http_pool".to_owned())),
            ("log_level", OwnValue::Atom("loud".to_owned())),
            ("tokio_threads", OwnValue::Other("\"4\"".to_owned())),
        ] {
            let error = check_own(name, &value).unwrap_err();
            assert!(error.text.starts_with(name), "{error}");
            assert!(error.text.contains("default"), "{error}");
        }
        let error = check_own("max_pendng", &OwnValue::Integer(1)).unwrap_err();
        assert!(error.text.contains("max_pending,"), "{error}");
    }

    #[test]
    fn the_erlang_application_has_the_same_settings() {
        let source = include_str!("../../../../erl_src/app/http_pusher_settings.erl");
        let start = source.find("\ndefaults() ->").unwrap();
        let defaults = &source[start..start + source[start..].find("}.").unwrap()];
        for setting in OWN_SETTINGS {
            assert!(
                defaults.contains(&format!("{} =>", setting.name)),
                "{defaults}"
            );
        }
        assert_eq!(defaults.matches("=>").count(), OWN_SETTINGS.len());
        assert!(defaults.contains(&format!("log_level => {}", LOG_LEVELS[1])));
        assert!(
            OWN_SETTINGS
                .iter()
                .any(|setting| setting.default == LOG_LEVELS[1])
        );
    }

    #[test]
    fn the_documentation_has_the_same_settings() {
        let text = include_str!("../../../../docs/configuration.md");
        let start = text.find("## Own settings").unwrap();
        for setting in OWN_SETTINGS {
            let row = format!("| `{}` | ", setting.name);
            let row = text[start..]
                .lines()
                .find(|line| line.starts_with(&row))
                .unwrap();
            assert!(row.contains(setting.default), "{row}");
        }
    }

    #[test]
    fn every_level_can_be_set() {
        for level in LOG_LEVELS {
            let value = OwnValue::Atom(level.to_owned());
            assert!(check_own("log_level", &value).is_ok());
        }
    }
}
