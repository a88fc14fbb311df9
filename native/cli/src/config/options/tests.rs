//! Options against the cases to which the node's parser is held.

use std::fmt::Write as _;

use super::super::document;
use super::super::release::Mongooseim;
use super::read;
use crate::handler_options;
use crate::notes::Notes;
use crate::terms::{self, Kind, Term};

const CASES: &str = include_str!("../../../../../test/data/handler_options.terms");

fn fields(term: &Term) -> &[Term] {
    match &term.kind {
        Kind::Tuple(fields) | Kind::List(fields) => fields,
        _ => panic!("{term:?}"),
    }
}

/// The text between the quotes. Its escapes are the same in TOML.
fn quoted(term: &Term) -> &str {
    let Kind::Other(text) = &term.kind else {
        panic!("{term:?}")
    };
    &text[text.find('"').unwrap() + 1..text.rfind('"').unwrap()]
}

/// A value as TOML has it.
fn toml(term: &Term, into: &mut String) {
    match &term.kind {
        Kind::Tuple(section) => {
            into.push('{');
            for (at, option) in fields(&section[1]).iter().enumerate() {
                let [name, value] = fields(option) else {
                    panic!("{option:?}")
                };
                let comma = if at == 0 { "" } else { ", " };
                write!(into, "{comma}{} = ", name.atom().unwrap()).unwrap();
                toml(value, into);
            }
            into.push('}');
        }
        Kind::List(items) => {
            into.push('[');
            for item in items {
                toml(item, into);
                into.push_str(", ");
            }
            into.push(']');
        }
        Kind::Integer(value) => write!(into, "{value}").unwrap(),
        Kind::Atom(word) => into.push_str(word),
        // Control characters are as they are in the file.
        Kind::Other(_) => {
            let text = quoted(term)
                .replace('\0', "\\u0000")
                .replace('\u{7f}', "\\u007F")
                .replace('\t', "\\t");
            write!(into, "\"{text}\"").unwrap();
        }
    }
}

/// The notes about a handler with these options, as path below the handler and text.
fn notes(options: &Term) -> Vec<(String, String)> {
    let mut text = "handler = ".to_owned();
    toml(options, &mut text);
    let root = document::parse(&text).unwrap_or_else(|errors| panic!("{errors:?}: {text}"));
    let document::Value::Table(entries) = &root.value else {
        panic!("{text}")
    };
    let mut notes = Notes::new("mongooseim.toml");
    let mongooseim = Mongooseim {
        old_layout: false,
        release: None,
    };
    let node = &entries[0].1;
    let options = read(node, &handler_options::shape(), mongooseim, &mut notes).unwrap();
    super::super::handler_check::set_twice(&options, &mut notes);
    let below = |path: String| {
        let path = path.trim_start_matches("handler").trim_start_matches('.');
        let without_numbers: String = path
            .split('[')
            .map(|part| part.split_once(']').map_or(part, |(_, rest)| rest))
            .collect();
        without_numbers
    };
    notes
        .into_sorted()
        .into_iter()
        .map(|note| (below(note.path), note.text))
        .collect()
}

#[test]
fn the_cases_of_the_node() {
    let cases = terms::parse(CASES).unwrap();
    assert!(cases.len() > 100);
    for case in &cases {
        let case = fields(case);
        let notes = notes(case.last().unwrap());
        if case[0].atom() == Some("accepted") {
            assert_eq!(notes, [], "{case:?}");
        } else {
            let part = quoted(&case[2]).replace("\\\"", "\"");
            let (path, text) = notes
                .first()
                .unwrap_or_else(|| panic!("nothing is wrong with {case:?}"));
            assert_eq!(
                (path.as_str(), notes.len()),
                (quoted(&case[1]), 1),
                "{notes:?}"
            );
            assert!(text.contains(&part), "{text:?} has no {part:?}");
        }
    }
}
