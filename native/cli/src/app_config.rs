//! The application's own settings in `etc/app.config`, judged by the engine's list of them.

use engine::settings::{OwnKind, OwnValue, check_own};

use crate::notes::Notes;
use crate::terms::{self, Kind, Term};

const APPLICATION: &str = "mongoose_http_pusher";

/// Notes what is wrong in the file; gives back the pools that speak HTTP/2.
pub fn read(text: &str, notes: &mut Notes) -> Vec<String> {
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
    let mut http2 = Vec::new();
    let mut seen = Vec::new();
    for application in applications {
        let Kind::Tuple(parts) = &application.kind else {
            continue;
        };
        let [name, settings] = parts.as_slice() else {
            continue;
        };
        if name.kind != Kind::Atom(APPLICATION.to_owned()) {
            continue;
        }
        let Kind::List(settings) = &settings.kind else {
            let text = "must be a list of {Key, Value}";
            notes.problem((APPLICATION, settings.line), text);
            continue;
        };
        for setting in settings {
            one(setting, &mut seen, &mut http2, notes);
        }
    }
    http2
}

fn one(setting: &Term, seen: &mut Vec<String>, http2: &mut Vec<String>, notes: &mut Notes) {
    let pair = match &setting.kind {
        Kind::Tuple(pair) => pair.as_slice(),
        _ => &[],
    };
    let [
        Term {
            kind: Kind::Atom(key),
            ..
        },
        value,
    ] = pair
    else {
        notes.problem((APPLICATION, setting.line), "must be {Key, Value}");
        return;
    };
    let path = format!("{APPLICATION}.{key}");
    if seen.contains(key) {
        notes.problem((&path, setting.line), "is set twice");
    }
    seen.push(key.clone());
    let value = own_value(value);
    match check_own(key, &value) {
        Ok(own) => {
            if let (OwnKind::Tags, OwnValue::Atoms(tags)) = (own.kind, value) {
                http2.extend(tags);
            }
        }
        Err(error) => notes.problem((&path, setting.line), error.text),
    }
}

fn own_value(term: &Term) -> OwnValue {
    match &term.kind {
        Kind::Atom(name) => OwnValue::Atom(name.clone()),
        Kind::Integer(value) => OwnValue::Integer(*value),
        Kind::List(items) => {
            let atoms: Option<Vec<_>> = items
                .iter()
                .map(|item| match &item.kind {
                    Kind::Atom(name) => Some(name.clone()),
                    _ => None,
                })
                .collect();
            atoms.map_or_else(|| OwnValue::Other("a list".to_owned()), OwnValue::Atoms)
        }
        Kind::Tuple(_) => OwnValue::Other("a tuple".to_owned()),
        Kind::Other(text) => OwnValue::Other(text.clone()),
    }
}
