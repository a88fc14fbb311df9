//! Erlang terms as `app.config` has them, parsed far enough to find the application's settings.
//!
//! This is not a full Erlang parser: it recognises every kind of literal that `file:consult/1` accepts, keeps what
//! settings are made of (atoms, whole numbers, lists, tuples) and skips the rest.

mod parser;

/// A term with the line it begins on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Term {
    /// Counted from 1.
    pub line: usize,
    /// Its kind and value.
    pub kind: Kind,
}

impl Term {
    /// The atom's name, if it is one.
    pub fn atom(&self) -> Option<&str> {
        match &self.kind {
            Kind::Atom(name) => Some(name),
            _ => None,
        }
    }

    /// The names in a list of atoms, if it is one.
    pub fn atoms(&self) -> Option<Vec<String>> {
        let Kind::List(items) = &self.kind else {
            return None;
        };
        items
            .iter()
            .map(|item| item.atom().map(str::to_owned))
            .collect()
    }
}

/// The kinds of terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `http_pool` or `'http pool'`.
    Atom(String),
    /// `5000`, `16#FF`, `$a`.
    Integer(i128),
    /// `[a, b]`. Erlang's strings are lists too, but here they are [`Kind::Other`].
    List(Vec<Term>),
    /// `{a, b}`.
    Tuple(Vec<Term>),
    /// Any other term, as it is written.
    Other(String),
}

/// The place at which a text is no sequence of terms that each end with a full stop.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    /// Counted from 1.
    pub line: usize,
    /// What was expected there, or found.
    pub text: String,
}

/// All terms of a file, as `file:consult/1` reads them.
///
/// # Errors
///
/// The first place at which the text is not Erlang.
pub(crate) fn parse(text: &str) -> Result<Vec<Term>, SyntaxError> {
    parser::Parser::terms(text)
}

#[cfg(test)]
mod tests;
