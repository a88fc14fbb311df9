//! Reads a section whose options are those of a table, and notes what the node would refuse.

use super::super::document::{Node, Value};
use super::super::release::{Mongooseim, Release};
use super::super::section::{unknown_key, wrong_kind};
use super::{Given, Options, one_of};
use crate::handler_options::{Constraint, DefaultValue, OptionKind, Shape, TextKind};
use crate::notes::Notes;

/// Reads a section of this shape. Returns `None` if it is no section.
pub(crate) fn read(
    node: &Node,
    shape: &Shape,
    mongooseim: Mongooseim,
    notes: &mut Notes,
) -> Option<Options> {
    let Value::Table(entries) = &node.value else {
        return wrong_kind(node, "a section", &node.value, notes);
    };
    let mut options = Options {
        path: node.path.clone(),
        line: node.line,
        set: Vec::new(),
    };
    let mut whole = true;
    for (name, below) in entries {
        let Some(option) = shape.option(name) else {
            unknown_key(below, name, &shape.names(), notes);
            whole = false;
            continue;
        };
        let is_new = option.since.is_from(Release::new(5, 1));
        if is_new && !mongooseim.may_be_from(option.since) {
            let text = format!("exists from MongooseIM {} on only", option.since);
            notes.problem((&below.path, below.line), text);
        }
        match value(below, &option.kind, mongooseim, notes) {
            Some(given) => options.set.push((name.clone(), below.line, given)),
            None => whole = false,
        }
    }
    // Something that seems to be missing may be there under a misspelt name.
    if whole {
        complete(&options, shape, notes);
    }
    Some(options)
}

fn value(
    node: &Node,
    kind: &OptionKind,
    mongooseim: Mongooseim,
    notes: &mut Notes,
) -> Option<Given> {
    match (kind, &node.value) {
        (OptionKind::Boolean, Value::Boolean(value)) => Some(Given::Boolean(*value)),
        (OptionKind::Boolean, other) => wrong_kind(node, "true or false", other, notes),
        (OptionKind::Milliseconds(low, high), Value::Integer(value)) => {
            let number = u64::try_from(*value).ok();
            let number = number.filter(|_| (*low..=*high).contains(&i128::from(*value)));
            let text = || format!("must be a number of milliseconds, from {low} to {high}");
            number
                .map(Given::Number)
                .or_else(|| refuse(node, text(), notes))
        }
        (OptionKind::Integer(low, high), Value::Integer(value)) => {
            let number = u64::try_from(*value).ok();
            let number = number.filter(|_| (*low..=*high).contains(&i128::from(*value)));
            let text = || format!("must be a number from {low} to {high}");
            number
                .map(Given::Number)
                .or_else(|| refuse(node, text(), notes))
        }
        (OptionKind::Milliseconds(..) | OptionKind::Integer(..), other) => {
            wrong_kind(node, "a whole number", other, notes)
        }
        (OptionKind::OneOf(words), Value::String(text)) => {
            if words.contains(text) {
                return Some(Given::Text(text.clone()));
            }
            let text = format!("must be {}, not {text:?}", one_of_quoted(words));
            refuse(node, text, notes)
        }
        (OptionKind::Text(kind), Value::String(text)) => match kind.check(text) {
            Ok(()) => Some(Given::Text(prepared(*kind, text))),
            Err(expected) => refuse(node, expected, notes),
        },
        (OptionKind::OneOf(_) | OptionKind::Text(_), other) => {
            wrong_kind(node, "a string", other, notes)
        }
        (OptionKind::List { item, filled }, Value::Array(items)) => {
            let each = |item_node| value(item_node, item, mongooseim, notes);
            let given: Vec<_> = items.iter().map(each).collect();
            list(node, given, *filled, notes)
        }
        (OptionKind::List { .. }, other) => wrong_kind(node, "a list of strings", other, notes),
        (OptionKind::Section(shape), _) => read(node, shape, mongooseim, notes).map(Given::Section),
        (OptionKind::Sections { shape, filled }, Value::Array(items)) => {
            let each = |item| read(item, shape, mongooseim, notes).map(Given::Section);
            let given: Vec<_> = items.iter().map(each).collect();
            list(node, given, *filled, notes)
        }
        (OptionKind::Sections { .. }, other) => {
            wrong_kind(node, "a list of sections", other, notes)
        }
    }
}

/// The list, if all of its items are valid.
fn list(node: &Node, items: Vec<Option<Given>>, filled: bool, notes: &mut Notes) -> Option<Given> {
    if filled && items.is_empty() {
        return refuse(node, "must not be empty".to_owned(), notes);
    }
    items.into_iter().collect::<Option<_>>().map(Given::List)
}

/// The text as the node keeps it.
fn prepared(kind: TextKind, text: &str) -> String {
    match kind {
        TextKind::Domain => stringprep::nameprep(text).map_or_else(|_| text.to_owned(), Into::into),
        _ => text.to_owned(),
    }
}

fn refuse(node: &Node, text: String, notes: &mut Notes) -> Option<Given> {
    notes.problem((&node.path, node.line), text);
    None
}

/// Notes what is missing in a section, and what contradicts itself.
fn complete(options: &Options, shape: &Shape, notes: &mut Notes) {
    let place = (options.path.as_str(), options.line);
    for option in &shape.options {
        if option.default == DefaultValue::Required && !options.has(&option.name) {
            notes.problem(place, format!("needs {}", option.name));
        }
    }
    let set = |names: &[String]| -> Vec<String> {
        let set = names.iter().filter(|name| options.has(name));
        set.cloned().collect()
    };
    for constraint in &shape.constraints {
        match constraint {
            Constraint::ExactlyOne(names) if set(names).is_empty() => {
                notes.problem(place, format!("needs {}", one_of(names)));
            }
            Constraint::ExactlyOne(names) | Constraint::AtMostOne(names)
                if set(names).len() > 1 =>
            {
                let text = format!("must have only one of {}", set(names).join(", "));
                notes.problem(place, text);
            }
            Constraint::Needs {
                name,
                value: None,
                needed,
            } if options.has(name) && set(needed).is_empty() => {
                options.problem(name, format!("needs {}", one_of(needed)), notes);
            }
            Constraint::Needs {
                name,
                value: Some(value),
                needed,
            } if options.text(name) == Some(value) && set(needed).is_empty() => {
                let text = format!("{value:?} needs {}", one_of(needed));
                options.problem(name, text, notes);
            }
            Constraint::NeedsValue {
                name,
                other,
                values,
            } if options.has(name)
                && !options
                    .text(other)
                    .is_some_and(|value| values.iter().any(|known| known == value)) =>
            {
                let text = format!("needs {other} = {}", one_of_quoted(values));
                options.problem(name, text, notes);
            }
            Constraint::Excludes {
                name,
                section,
                option,
                value,
            } if options.has(name)
                && options
                    .section(section)
                    .is_some_and(|section| section.text(option) == Some(value)) =>
            {
                let text = format!("does not go with {option} = {value:?} in {section}");
                options.problem(name, text, notes);
            }
            Constraint::NotBelow(name, other) => {
                if let (Some(value), Some(least)) = (options.number(name), options.number(other))
                    && value < least
                {
                    let text = format!("({value}) must not be below {other} ({least})");
                    options.problem(name, text, notes);
                }
            }
            _ => {}
        }
    }
}

fn one_of_quoted(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    one_of(&quoted)
}
