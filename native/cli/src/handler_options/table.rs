//! Reads the table from the text of the header file.

use super::{Constraint, DefaultValue, HandlerOption, OptionKind, Shape, TextKind};
use crate::terms::{self, Kind, Term};

const HEADER: &str = include_str!("../../../../erl_src/host/http_pusher_handler_options.hrl");

/// The shape of a handler's section.
pub(crate) fn shape() -> Shape {
    // The tests read every row, so that the table in the program is whole.
    Shape {
        options: define("HANDLER_OPTIONS")
            .map(|rows| options(&rows))
            .unwrap_or_default(),
        constraints: define("HANDLER_CONSTRAINTS")
            .and_then(|list| constraints(&list))
            .unwrap_or_default(),
    }
}

/// Header fields that no handler may set.
pub(crate) fn reserved_headers() -> Vec<String> {
    define("HANDLER_RESERVED_HEADERS")
        .and_then(|list| list.iter().map(string).collect())
        .unwrap_or_default()
}

/// The items of the list that `-define(NAME, [...]).` has.
fn define(name: &str) -> Option<Vec<Term>> {
    let (_, rest) = HEADER.split_once(&format!("-define({name},"))?;
    let (list, _) = rest.split_once("\n]).")?;
    let mut terms = terms::parse(&format!("{list}].")).ok()?;
    match terms.pop()?.kind {
        Kind::List(items) => Some(items),
        _ => None,
    }
}

fn options(rows: &[Term]) -> Vec<HandlerOption> {
    rows.iter().filter_map(option).collect()
}

fn option(row: &Term) -> Option<HandlerOption> {
    let [name, kind, default, since, meaning] = fields(row)? else {
        return None;
    };
    Some(HandlerOption {
        name: name.atom()?.to_owned(),
        kind: option_kind(kind)?,
        default: default_value(default)?,
        since: string(since)?.parse().ok()?,
        meaning: string(meaning)?,
    })
}

fn option_kind(term: &Term) -> Option<OptionKind> {
    if let Some(name) = term.atom() {
        return match name {
            "boolean" => Some(OptionKind::Boolean),
            name => TextKind::named(name).map(OptionKind::Text),
        };
    }
    let fields = fields(term)?;
    match (fields.first()?.atom()?, fields.get(1..)?) {
        ("milliseconds", [low, high]) => {
            Some(OptionKind::Milliseconds(integer(low)?, integer(high)?))
        }
        ("integer", [low, high]) => Some(OptionKind::Integer(integer(low)?, integer(high)?)),
        ("one_of", [words]) => Some(OptionKind::OneOf(words.atoms()?)),
        (name @ ("list" | "filled_list"), [item]) => Some(OptionKind::List {
            item: Box::new(option_kind(item)?),
            filled: name == "filled_list",
        }),
        (name, [rows, constraints]) => {
            let shape = Shape {
                options: options(list(rows)?),
                constraints: self::constraints(list(constraints)?)?,
            };
            match name {
                "section" => Some(OptionKind::Section(shape)),
                "sections" | "filled_sections" => Some(OptionKind::Sections {
                    shape,
                    filled: name == "filled_sections",
                }),
                _ => None,
            }
        }
        _ => None,
    }
}

fn default_value(term: &Term) -> Option<DefaultValue> {
    Some(match (&term.kind, term.atom()) {
        (_, Some("none")) => DefaultValue::None,
        (_, Some("required")) => DefaultValue::Required,
        (_, Some(word)) => DefaultValue::Value(word.to_owned()),
        (Kind::Tuple(fields), _) => match fields.as_slice() {
            [computed, text] if computed.atom() == Some("computed") => {
                DefaultValue::Computed(string(text)?)
            }
            _ => return None,
        },
        _ => DefaultValue::Value(string(term)?),
    })
}

fn constraints(terms: &[Term]) -> Option<Vec<Constraint>> {
    terms.iter().map(constraint).collect()
}

fn constraint(term: &Term) -> Option<Constraint> {
    match fields(term)? {
        [kind, names] if kind.atom() == Some("exactly_one") => {
            Some(Constraint::ExactlyOne(names.atoms()?))
        }
        [kind, names] if kind.atom() == Some("at_most_one") => {
            Some(Constraint::AtMostOne(names.atoms()?))
        }
        [kind, name, other] if kind.atom() == Some("not_below") => Some(Constraint::NotBelow(
            name.atom()?.to_owned(),
            other.atom()?.to_owned(),
        )),
        [kind, name, needed] if kind.atom() == Some("needs_value") => {
            let [other, values] = fields(needed)? else {
                return None;
            };
            Some(Constraint::NeedsValue {
                name: name.atom()?.to_owned(),
                other: other.atom()?.to_owned(),
                values: values.atoms()?,
            })
        }
        [kind, name, excluded] if kind.atom() == Some("excludes") => {
            let [section, option, value] = fields(excluded)? else {
                return None;
            };
            Some(Constraint::Excludes {
                name: name.atom()?.to_owned(),
                section: section.atom()?.to_owned(),
                option: option.atom()?.to_owned(),
                value: value.atom()?.to_owned(),
            })
        }
        [kind, subject, needed] if kind.atom() == Some("needs") => {
            let (name, value) = match (subject.atom(), &subject.kind) {
                (Some(name), _) => (name, None),
                (None, Kind::Tuple(pair)) => match pair.as_slice() {
                    [name, value] => (name.atom()?, Some(value.atom()?.to_owned())),
                    _ => return None,
                },
                _ => return None,
            };
            Some(Constraint::Needs {
                name: name.to_owned(),
                value,
                needed: needed.atoms()?,
            })
        }
        _ => None,
    }
}

fn fields(term: &Term) -> Option<&[Term]> {
    match &term.kind {
        Kind::Tuple(fields) => Some(fields),
        _ => None,
    }
}

fn list(term: &Term) -> Option<&[Term]> {
    match &term.kind {
        Kind::List(items) => Some(items),
        _ => None,
    }
}

fn integer(term: &Term) -> Option<i128> {
    match term.kind {
        Kind::Integer(value) => Some(value),
        _ => None,
    }
}

/// A string of the table, which has no escapes.
fn string(term: &Term) -> Option<String> {
    match &term.kind {
        Kind::Other(text) => {
            let text = text.strip_prefix('"')?.strip_suffix('"')?;
            Some(text.to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{HEADER, reserved_headers, shape};
    use crate::handler_options::{DefaultValue, OptionKind, Shape};

    fn all<'a>(shape: &'a Shape, into: &mut Vec<(&'a Shape, usize)>) {
        into.push((shape, shape.options.len()));
        for option in &shape.options {
            match &option.kind {
                OptionKind::Section(below) | OptionKind::Sections { shape: below, .. } => {
                    all(below, into);
                }
                _ => {}
            }
        }
    }

    #[test]
    fn every_row_and_every_constraint_is_read() {
        let shape = shape();
        let mut shapes = Vec::new();
        all(&shape, &mut shapes);
        let rows = HEADER
            .lines()
            .filter(|line| line.starts_with("    ") && line.trim_start().starts_with('{'))
            .filter(|line| {
                let constraints = ["{needs,", "{at_most_one,", "{needs_value,", "{excludes,"];
                !constraints.iter().any(|start| line.contains(start))
            })
            .count();
        let read: usize = shapes.iter().map(|(_, options)| options).sum();
        assert_eq!(read, rows);
        let written = HEADER.matches("{exactly_one,").count()
            + HEADER.matches("{at_most_one,").count()
            + HEADER.matches("{needs,").count()
            + HEADER.matches("{needs_value,").count()
            + HEADER.matches("{excludes,").count()
            + HEADER.matches("{not_below,").count();
        // One of each is in the comment, and `needs` twice.
        let read: usize = shapes
            .iter()
            .map(|(shape, _)| shape.constraints.len())
            .sum();
        assert_eq!(read, written - 7);
        assert_eq!(reserved_headers().len(), 8);
    }

    #[test]
    fn names_are_unique_and_constraints_name_options() {
        let shape = shape();
        let mut shapes = Vec::new();
        all(&shape, &mut shapes);
        for (shape, _) in shapes {
            let mut names = shape.names();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), shape.options.len());
            for constraint in &shape.constraints {
                for name in constraint.names() {
                    assert!(shape.option(name).is_some(), "{name}");
                }
            }
            for option in &shape.options {
                assert_ne!(option.meaning, "");
                if let (OptionKind::OneOf(words), DefaultValue::Value(word)) =
                    (&option.kind, &option.default)
                {
                    assert!(words.contains(word), "{word}");
                }
            }
        }
    }
}
