//! The findings about a file: problems and warnings, each with its place.

use serde::Serialize;

/// How serious a note is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The node would refuse the configuration, or notifications would be lost.
    Problem,
    /// Legal, but probably not what the operator meant.
    Warning,
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// How serious it is.
    pub severity: Severity,
    /// The file's name as it was given.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// The option's path in the file; empty for the file as a whole.
    pub path: String,
    /// What is wrong and what to do.
    pub text: String,
}

/// Collects the notes about one file.
#[derive(Clone, Debug)]
pub(crate) struct Notes {
    file: String,
    list: Vec<Note>,
}

impl Notes {
    /// No notes yet about the file of this name.
    pub fn new(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            list: Vec::new(),
        }
    }

    /// Adds a problem.
    pub fn problem(&mut self, place: (&str, usize), text: impl Into<String>) {
        self.add(Severity::Problem, place, text.into());
    }

    /// Adds a warning.
    pub fn warning(&mut self, place: (&str, usize), text: impl Into<String>) {
        self.add(Severity::Warning, place, text.into());
    }

    /// Makes warnings of the problems that `check` notes, with `why` before their texts, and drops its warnings.
    pub fn only_warning<T>(&mut self, why: &str, check: impl FnOnce(&mut Self) -> T) -> T {
        let mut notes = Self::new(&self.file);
        let result = check(&mut notes);
        for note in notes.list {
            if note.severity == Severity::Problem {
                let text = format!("{why}: {}", note.text);
                self.warning((&note.path, note.line), text);
            }
        }
        result
    }

    fn add(&mut self, severity: Severity, (path, line): (&str, usize), text: String) {
        let note = Note {
            severity,
            file: self.file.clone(),
            line,
            path: path.to_owned(),
            text,
        };
        // A section that several hosts share is read once for each of them.
        if !self.list.contains(&note) {
            self.list.push(note);
        }
    }

    /// All notes, in the order of the file.
    pub fn into_sorted(mut self) -> Vec<Note> {
        self.list.sort_by_key(|note| note.line);
        self.list
    }
}
