//! The options of a section as they were read by their table.

mod read;

use crate::notes::{Notes, Severity};

pub(crate) use read::read;

/// A section as it was read. Options with wrong values are left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// The section's path.
    pub path: String,
    /// The section's line.
    pub line: usize,
    set: Vec<(String, usize, Given)>,
}

/// The value of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Given {
    Boolean(bool),
    Number(u64),
    Text(String),
    List(Vec<Given>),
    Section(Options),
}

/// Lines and order do not count.
impl PartialEq for Options {
    fn eq(&self, other: &Self) -> bool {
        let has = |options: &Self, name: &str, value: &Given| {
            options
                .set
                .iter()
                .any(|(other, _, given)| other == name && given == value)
        };
        self.set.len() == other.set.len()
            && self
                .set
                .iter()
                .all(|(name, _, value)| has(other, name, value))
    }
}

impl Eq for Options {}

impl Options {
    fn given(&self, name: &str) -> Option<&Given> {
        self.set
            .iter()
            .find(|(other, _, _)| other == name)
            .map(|(_, _, given)| given)
    }

    /// Leaves an option out.
    pub fn remove(&mut self, name: &str) {
        self.set.retain(|(other, _, _)| other != name);
    }

    /// Whether the option is set.
    pub fn has(&self, name: &str) -> bool {
        self.given(name).is_some()
    }

    /// The names of the options that are set.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.set.iter().map(|(name, _, _)| name.as_str())
    }

    /// The line of an option, or that of the section.
    pub fn line_of(&self, name: &str) -> usize {
        self.set
            .iter()
            .find(|(other, _, _)| other == name)
            .map_or(self.line, |(_, line, _)| *line)
    }

    /// A text, or a word.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.given(name)? {
            Given::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A whole number.
    pub fn number(&self, name: &str) -> Option<u64> {
        match self.given(name)? {
            Given::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// `true` or `false`.
    pub fn boolean(&self, name: &str) -> Option<bool> {
        match self.given(name)? {
            Given::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    /// The texts or words of a list.
    pub fn texts(&self, name: &str) -> Option<Vec<&str>> {
        match self.given(name)? {
            Given::List(items) => Some(
                items
                    .iter()
                    .filter_map(|item| match item {
                        Given::Text(text) => Some(text.as_str()),
                        _ => None,
                    })
                    .collect(),
            ),
            _ => None,
        }
    }

    /// A section below this one.
    pub fn section(&self, name: &str) -> Option<&Self> {
        match self.given(name)? {
            Given::Section(section) => Some(section),
            _ => None,
        }
    }

    /// The sections of a list.
    pub fn sections(&self, name: &str) -> Option<Vec<&Self>> {
        match self.given(name)? {
            Given::List(items) => Some(
                items
                    .iter()
                    .filter_map(|item| match item {
                        Given::Section(section) => Some(section),
                        _ => None,
                    })
                    .collect(),
            ),
            _ => None,
        }
    }

    /// Notes a problem with an option.
    pub fn problem(&self, name: &str, text: impl Into<String>, notes: &mut Notes) {
        let path = format!("{}.{name}", self.path);
        notes.problem((&path, self.line_of(name)), text);
    }

    /// Notes a problem or a warning.
    pub fn note(&self, severity: Severity, name: &str, text: impl Into<String>, notes: &mut Notes) {
        match severity {
            Severity::Problem => self.problem(name, text, notes),
            Severity::Warning => self.warning(name, text, notes),
        }
    }

    /// Notes a warning about an option.
    pub fn warning(&self, name: &str, text: impl Into<String>, notes: &mut Notes) {
        let path = format!("{}.{name}", self.path);
        notes.warning((&path, self.line_of(name)), text);
    }
}

/// `a`, `a or b`, `a, b or c`.
pub(crate) fn one_of<T: AsRef<str>>(names: &[T]) -> String {
    match names {
        [] => String::new(),
        [name] => name.as_ref().to_owned(),
        [most @ .., last] => {
            let most: Vec<&str> = most.iter().map(AsRef::as_ref).collect();
            format!("{} or {}", most.join(", "), last.as_ref())
        }
    }
}

#[cfg(test)]
mod tests;
