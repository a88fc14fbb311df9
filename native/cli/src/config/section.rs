//! Reads one section of the file, key by key. A key that was never asked for is unknown, which is a problem.

use super::document::{Node, Value};
use crate::notes::Notes;
use crate::suggestion::did_you_mean;

/// A section that is being read. Values of the wrong kind are noted as problems and count as absent.
#[derive(Debug)]
pub(crate) struct Section<'a> {
    path: &'a str,
    line: usize,
    entries: &'a [(String, Node)],
    known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    /// Starts to read `node`. If it is no section, that is noted.
    pub fn of(node: &'a Node, notes: &mut Notes) -> Option<Self> {
        match &node.value {
            Value::Table(entries) => Some(Self {
                path: &node.path,
                line: node.line,
                entries,
                known: Vec::new(),
            }),
            other => wrong_kind(node, "a section", other, notes),
        }
    }

    /// The section's path and line.
    pub fn place(&self) -> (&'a str, usize) {
        (self.path, self.line)
    }

    /// The value under `key`, of any kind.
    pub fn take(&mut self, key: &'static str) -> Option<&'a Node> {
        self.known.push(key);
        self.entries
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, node)| node)
    }

    /// All entries, for sections whose keys are names that the operator chose.
    pub fn entries(&self) -> &'a [(String, Node)] {
        self.entries
    }

    /// A string.
    pub fn string(&mut self, key: &'static str, notes: &mut Notes) -> Option<String> {
        let node = self.take(key)?;
        match &node.value {
            Value::String(text) => Some(text.clone()),
            other => wrong_kind(node, "a string", other, notes),
        }
    }

    /// A string that must not be empty.
    pub fn filled(&mut self, key: &'static str, notes: &mut Notes) -> Option<String> {
        let text = self.string(key, notes)?;
        if text.is_empty() {
            self.problem_with(key, "must not be empty", notes);
            return None;
        }
        Some(text)
    }

    /// `true` or `false`.
    pub fn boolean(&mut self, key: &'static str, notes: &mut Notes) -> Option<bool> {
        let node = self.take(key)?;
        match &node.value {
            Value::Boolean(value) => Some(*value),
            other => wrong_kind(node, "true or false", other, notes),
        }
    }

    /// A whole number that is not negative.
    pub fn number(&mut self, key: &'static str, notes: &mut Notes) -> Option<u64> {
        let node = self.take(key)?;
        match &node.value {
            Value::Integer(value) => {
                let number = u64::try_from(*value).ok();
                if number.is_none() {
                    notes.problem((&node.path, node.line), "must not be negative");
                }
                number
            }
            other => wrong_kind(node, "a whole number", other, notes),
        }
    }

    /// A list of strings.
    pub fn strings(&mut self, key: &'static str, notes: &mut Notes) -> Option<Vec<String>> {
        let node = self.take(key)?;
        let Value::Array(items) = &node.value else {
            return wrong_kind(node, "a list of strings", &node.value, notes);
        };
        let mut strings = Vec::new();
        for item in items {
            match &item.value {
                Value::String(text) => strings.push(text.clone()),
                other => wrong_kind(item, "a string", other, notes)?,
            }
        }
        Some(strings)
    }

    /// A section below this one.
    pub fn section(&mut self, key: &'static str, notes: &mut Notes) -> Option<Section<'a>> {
        Section::of(self.take(key)?, notes)
    }

    /// Notes a problem with the value under `key`, which must exist.
    pub fn problem_with(&mut self, key: &'static str, text: impl Into<String>, notes: &mut Notes) {
        if let Some(node) = self.take(key) {
            notes.problem((&node.path, node.line), text);
        }
    }

    /// Finishes reading: every key that was not asked for is noted as a problem.
    pub fn finish(self, notes: &mut Notes) {
        for (name, node) in self.entries {
            if !self.known.contains(&name.as_str()) {
                unknown_key(node, name, &self.known, notes);
            }
        }
    }
}

/// Notes a key that a section does not know.
pub(crate) fn unknown_key(node: &Node, name: &str, known: &[&str], notes: &mut Notes) {
    let mut known = known.to_vec();
    known.sort_unstable();
    known.dedup();
    let text = format!(
        "unknown key{}; here can be: {}",
        did_you_mean(name, known.iter().copied()),
        known.join(", ")
    );
    notes.problem((&node.path, node.line), text);
}

/// Notes a value of the wrong kind.
pub(crate) fn wrong_kind<T>(
    node: &Node,
    wanted: &str,
    found: &Value,
    notes: &mut Notes,
) -> Option<T> {
    let text = format!("must be {wanted}, not {}", found.kind());
    notes.problem((&node.path, node.line), text);
    None
}
