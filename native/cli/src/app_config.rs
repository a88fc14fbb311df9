//! The application's own settings in `etc/app.config`.

use std::path::Path;

use crate::notes::Notes;
use crate::own_settings::{self, OwnKind};
use crate::terms::{self, Kind, Term};

const APPLICATION: &str = "mongoose_http_pusher";

/// Notes what is wrong in the file; returns the pools that speak HTTP/2. Relative names of directories begin
/// at `root`.
pub(crate) fn read(text: &str, root: Option<&Path>, notes: &mut Notes) -> Vec<String> {
    let terms = match terms::parse(text) {
        Ok(terms) => terms,
        Err(error) => {
            notes.problem(("", error.line), error.text);
            return Vec::new();
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
        return Vec::new();
    };
    let mut reader = Reader {
        seen: Vec::new(),
        http2: Vec::new(),
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
    reader.http2
}

/// Reads the settings of the application.
struct Reader<'a> {
    seen: Vec<String>,
    http2: Vec<String>,
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
            Ok(setting) if setting.kind == OwnKind::PoolTags => {
                self.http2.extend(value.atoms().unwrap_or_default());
            }
            Ok(setting) if setting.kind == OwnKind::Directory => {
                let directory = own_settings::string(value).unwrap_or_default();
                if let Some(concern) = spool::concern(&self.root.join(directory)) {
                    self.notes.warning((&path, line), concern);
                }
            }
            Ok(_) => {}
            Err(text) => self.notes.problem((&path, line), text),
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
