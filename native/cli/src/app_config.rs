//! The application's own settings in `etc/app.config`.

use crate::notes::Notes;
use crate::own_settings::{self, OwnKind};
use crate::terms::{self, Kind, Term};

const APPLICATION: &str = "mongoose_http_pusher";

/// Notes what is wrong in the file; returns the pools that speak HTTP/2.
pub(crate) fn read(text: &str, notes: &mut Notes) -> Vec<String> {
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
    match own_settings::check(key, value) {
        Ok(setting) if setting.kind == OwnKind::PoolTags => {
            http2.extend(value.atoms().unwrap_or_default());
        }
        Ok(_) => {}
        Err(text) => notes.problem((&path, setting.line), text),
    }
}
