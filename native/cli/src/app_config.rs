//! The application's own settings in `etc/app.config`.

mod engine_settings;

use std::path::Path;

use crate::notes::Notes;
use crate::own_settings::{self, OwnKind};
use crate::terms::{self, Kind, Term};

const APPLICATION: &str = "mongoose_http_pusher";

/// The settings that the file has, as far as their values are right.
#[derive(Debug, Default)]
pub(crate) struct OwnValues {
    /// The tags of the pools that speak HTTP/2.
    pub http2: Vec<String>,
    numbers: Vec<(String, u64)>,
    words: Vec<(String, String)>,
}

impl OwnValues {
    fn number(&self, name: &str) -> Option<u64> {
        let found = self.numbers.iter().find(|(known, _)| known == name);
        found.map(|(_, number)| *number)
    }

    fn word(&self, name: &str) -> Option<&str> {
        let found = self.words.iter().find(|(known, _)| known == name);
        found.map(|(_, word)| word.as_str())
    }

    fn add(&mut self, name: &str, kind: &OwnKind, value: &Term) {
        match kind {
            OwnKind::PoolTags => self.http2.extend(value.atoms().unwrap_or_default()),
            OwnKind::Integer(..) | OwnKind::ZeroOr(..) => {
                if let Kind::Integer(number) = value.kind
                    && let Ok(number) = u64::try_from(number)
                {
                    self.numbers.push((name.to_owned(), number));
                }
            }
            OwnKind::OneOf(_) => {
                let word = value.atom().map(|word| (name.to_owned(), word.to_owned()));
                self.words.extend(word);
            }
            OwnKind::Directory => {}
        }
    }
}

/// Reads the settings, and notes what is wrong in the file. Relative names of directories begin at `root`.
pub(crate) fn read(text: &str, root: Option<&Path>, notes: &mut Notes) -> OwnValues {
    let terms = match terms::parse(text) {
        Ok(terms) => terms,
        Err(error) => {
            notes.problem(("", error.line), error.text);
            return OwnValues::default();
        }
    };
    let [
        Term {
            kind: Kind::List(applications),
            ..
        },
    ] = terms.as_slice()
    else {
        notes.problem(
            ("", 1),
            "must be one list, [{Application, [{Key, Value}, ...]}, ...].",
        );
        return OwnValues::default();
    };
    let mut reader = Reader {
        seen: Vec::new(),
        values: OwnValues::default(),
        root: root.unwrap_or_else(|| Path::new("")),
        notes,
    };
    for application in applications {
        if let Kind::Tuple(parts) = &application.kind
            && let [name, settings] = parts.as_slice()
            && name.atom() == Some(APPLICATION)
        {
            reader.settings(settings);
        }
    }
    reader.values
}

/// Reads the settings of the application.
struct Reader<'a> {
    seen: Vec<String>,
    values: OwnValues,
    root: &'a Path,
    notes: &'a mut Notes,
}

impl Reader<'_> {
    fn settings(&mut self, settings: &Term) {
        let Kind::List(list) = &settings.kind else {
            let text = "must be a list of {Key, Value}";
            self.notes.problem((APPLICATION, settings.line), text);
            return;
        };
        for setting in list {
            match pair(setting) {
                Some((key, value)) => self.setting(key, value, setting.line),
                None => {
                    let text = "must be {Key, Value}";
                    self.notes.problem((APPLICATION, setting.line), text);
                }
            }
        }
    }

    fn setting(&mut self, key: &str, value: &Term, line: usize) {
        let path = format!("{APPLICATION}.{key}");
        if self.seen.iter().any(|seen| seen == key) {
            self.notes.problem((&path, line), "is set twice");
        }
        self.seen.push(key.to_owned());
        match own_settings::check(key, value) {
            Ok(setting) => {
                if setting.kind == OwnKind::Directory {
                    self.directory(&path, line, value);
                }
                self.values.add(key, &setting.kind, value);
            }
            Err(text) => self.notes.problem((&path, line), text),
        }
    }

    fn directory(&mut self, path: &str, line: usize, value: &Term) {
        let directory = own_settings::string(value).unwrap_or_default();
        if let Some(concern) = spool::concern(&self.root.join(directory)) {
            self.notes.warning((path, line), concern);
        }
    }
}

fn pair(setting: &Term) -> Option<(&str, &Term)> {
    match &setting.kind {
        Kind::Tuple(pair) => match pair.as_slice() {
            [key, value] => Some((key.atom()?, value)),
            _ => None,
        },
        _ => None,
    }
}
