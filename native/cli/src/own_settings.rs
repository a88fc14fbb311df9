//! The node's own settings (`mongoose_http_pusher` in `etc/app.config`): names, types and defaults.
//!
//! The Erlang application applies them. Its table, an Erlang header file, is embedded here, so that `check` and the node
//! cannot disagree.

use crate::terms::{self, Kind, Term};

const HEADER: &str = include_str!("../../../erl_src/app/http_pusher_own_settings.hrl");

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnSetting {
    name: String,
    /// What its value may be.
    pub kind: OwnKind,
    /// The value that applies if it is not set, as text.
    default: String,
}

/// The type of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OwnKind {
    /// A whole number between two bounds, both included.
    Integer(i128, i128),
    /// 0, or a whole number between two bounds, both included.
    ZeroOr(i128, i128),
    /// The name of a directory, as a string.
    Directory,
    /// A list of pool tags, which are atoms.
    PoolTags,
    /// One of these atoms.
    OneOf(Vec<String>),
}

/// Every setting, in the order of the table.
pub(crate) fn table() -> Vec<OwnSetting> {
    let list = HEADER
        .split_once("-define(OWN_SETTINGS,")
        .and_then(|(_, rest)| rest.rsplit_once(')'))
        .and_then(|(list, _)| terms::parse(&format!("{list}.")).ok());
    match list.as_deref() {
        Some(
            [
                Term {
                    kind: Kind::List(rows),
                    ..
                },
            ],
        ) => rows.iter().filter_map(setting).collect(),
        // The tests read every row, so that the table in the program is whole.
        _ => Vec::new(),
    }
}

fn setting(row: &Term) -> Option<OwnSetting> {
    let Kind::Tuple(fields) = &row.kind else {
        return None;
    };
    let [name, kind, default, _meaning] = fields.as_slice() else {
        return None;
    };
    Some(OwnSetting {
        name: name.atom()?.to_owned(),
        kind: own_kind(kind)?,
        default: in_text(default)?,
    })
}

fn own_kind(term: &Term) -> Option<OwnKind> {
    let fields = match &term.kind {
        Kind::Atom(name) if name == "directory" => return Some(OwnKind::Directory),
        Kind::Atom(name) if name == "pool_tags" => return Some(OwnKind::PoolTags),
        Kind::Tuple(fields) => fields.as_slice(),
        _ => return None,
    };
    match fields {
        [name, low, high] => {
            let (Kind::Integer(low), Kind::Integer(high)) = (&low.kind, &high.kind) else {
                return None;
            };
            match name.atom()? {
                "integer" | "milliseconds" => Some(OwnKind::Integer(*low, *high)),
                "zero_or_milliseconds" => Some(OwnKind::ZeroOr(*low, *high)),
                _ => None,
            }
        }
        [name, atoms] if name.atom()? == "one_of" => Some(OwnKind::OneOf(atoms.atoms()?)),
        _ => None,
    }
}

fn in_text(default: &Term) -> Option<String> {
    match &default.kind {
        Kind::Integer(value) => Some(value.to_string()),
        Kind::Atom(name) => Some(name.clone()),
        Kind::List(items) if items.is_empty() => Some("[]".to_owned()),
        Kind::Tuple(fields) => match fields.as_slice() {
            [
                computed,
                Term {
                    kind: Kind::Other(text),
                    ..
                },
            ] if computed.atom()? == "computed" => Some(text.trim_matches('"').to_owned()),
            _ => None,
        },
        _ => None,
    }
}

/// Checks one key and its value; returns the setting.
///
/// # Errors
///
/// A text that says what is wrong: there is no such setting, or the value is wrong, and so the node uses the default.
pub(crate) fn check(name: &str, value: &Term) -> Result<OwnSetting, String> {
    let mut table = table();
    let Some(at) = table.iter().position(|setting| setting.name == name) else {
        let names: Vec<_> = table.into_iter().map(|setting| setting.name).collect();
        return Err(format!(
            "{name} is not a setting; there are {}",
            names.join(", ")
        ));
    };
    let setting = table.swap_remove(at);
    if setting.kind.accepts(value) {
        return Ok(setting);
    }
    Err(format!(
        "{name} must be {}; the default is used instead: {}",
        setting.kind.expected(),
        setting.default
    ))
}

impl OwnSetting {
    /// The setting with its default, as it would be written; none if the default depends on the machine.
    #[cfg(test)]
    pub fn as_term(&self) -> Option<String> {
        let literal = self
            .default
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric());
        literal.then(|| format!("{{{}, {}}}", self.name, self.default))
    }
}

impl OwnKind {
    fn accepts(&self, value: &Term) -> bool {
        match (self, &value.kind) {
            (Self::Integer(low, high), Kind::Integer(value)) => (low..=high).contains(&value),
            (Self::ZeroOr(low, high), Kind::Integer(value)) => {
                *value == 0 || (low..=high).contains(&value)
            }
            (Self::OneOf(names), Kind::Atom(name)) => names.contains(name),
            (Self::Directory, Kind::Other(_)) => string(value).is_some(),
            (Self::PoolTags, Kind::List(_)) => value.atoms().is_some(),
            _ => false,
        }
    }

    fn expected(&self) -> String {
        match self {
            Self::Integer(low, high) => format!("a whole number from {low} to {high}"),
            Self::ZeroOr(low, high) => format!("0, or a whole number from {low} to {high}"),
            Self::OneOf(names) => format!("one of {}", names.join(", ")),
            Self::Directory => "the name of a directory, as a string".to_owned(),
            Self::PoolTags => "a list of pool tags, for example [http_pool]".to_owned(),
        }
    }
}

/// What is in a term that is written `"text"` or `<<"text">>`, if it is not empty. Escapes stay as they are.
pub(crate) fn string(term: &Term) -> Option<&str> {
    let Kind::Other(term) = &term.kind else {
        return None;
    };
    let text = term
        .strip_prefix("<<")
        .and_then(|rest| rest.strip_suffix(">>"))
        .unwrap_or(term)
        .trim();
    let inside = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inside.filter(|inside| !inside.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{HEADER, OwnKind, check, table};
    use crate::terms::{self, Term};

    fn term(text: &str) -> Term {
        terms::parse(&format!("{text}.")).unwrap().remove(0)
    }

    #[test]
    fn every_row_is_read() {
        let rows = HEADER
            .lines()
            .filter(|line| line.starts_with("    {"))
            .count();
        assert_eq!(table().len(), rows);
        assert_eq!(rows, 16);
    }

    #[test]
    fn every_setting_accepts_its_default() {
        for setting in table() {
            let default = match setting.name.as_str() {
                "tokio_threads" | "reporters" => "2",
                "spool_dir" => "\"spool\"",
                _ => &setting.default,
            };
            assert_eq!(check(&setting.name, &term(default)), Ok(setting.clone()));
        }
    }

    #[test]
    fn wrong_values_name_the_setting_and_the_default() {
        for (name, value) in [
            ("max_pending", "0"),
            ("max_pending", "-1"),
            ("max_pending_bytes", "16#1000000000000"),
            ("max_lane_percent", "101"),
            ("drain_timeout", "infinity"),
            ("max_connection_age", "4294967296"),
            ("max_connection_age", "999"),
            ("max_connection_age", "1"),
            ("wait", "4294967296"),
            ("http2_pools", "http_pool"),
            ("http2_pools", "[1]"),
            ("log_level", "loud"),
            ("spool_dir", "spool"),
            ("spool_dir", "\"\""),
            ("spool_max_bytes", "1000"),
            ("spool_sync", "always"),
            ("dead_letters_max_age", "-1"),
            ("tokio_threads", "\"4\""),
            ("reporters", "0"),
            ("reporters", "33"),
        ] {
            let error = check(name, &term(value)).unwrap_err();
            assert!(error.starts_with(name), "{error}");
            assert!(error.contains("default"), "{error}");
        }
        let error = check("max_pendng", &term("1")).unwrap_err();
        assert!(error.contains("max_pending,"), "{error}");
    }

    #[test]
    fn a_connection_lives_for_a_second_or_for_ever() {
        for value in ["0", "1000", "4294967295"] {
            let age = check("max_connection_age", &term(value));
            assert!(age.is_ok(), "{age:?}");
        }
        let error = check("max_connection_age", &term("5")).unwrap_err();
        let expected = "must be 0, or a whole number from 1000 to 4294967295";
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn the_documentation_has_the_same_settings() {
        let text = include_str!("../../../docs/configuration.md");
        let start = text.find("## Own settings").unwrap();
        for setting in table() {
            let row = format!("| `{}` | ", setting.name);
            let row = text[start..]
                .lines()
                .find(|line| line.starts_with(&row))
                .unwrap();
            assert!(row.contains(&setting.default), "{row}");
            for word in documented(&setting.kind) {
                assert!(row.contains(&word), "{row}: {word}");
            }
        }
    }

    /// The values and bounds that the page has to name: not those that no machine comes near.
    fn documented(kind: &OwnKind) -> Vec<String> {
        match kind {
            OwnKind::Integer(low, high) | OwnKind::ZeroOr(low, high) => {
                let low = (*low > 1).then(|| low.to_string());
                let high = (*high < 1 << 47).then(|| high.to_string());
                low.into_iter().chain(high).collect()
            }
            OwnKind::OneOf(words) => words.iter().map(|word| format!("`{word}`")).collect(),
            OwnKind::Directory | OwnKind::PoolTags => Vec::new(),
        }
    }

    #[test]
    fn every_log_level_can_be_set() {
        for level in ["debug", "info", "notice", "warning", "error", "none"] {
            assert!(check("log_level", &term(level)).is_ok());
        }
    }
}
