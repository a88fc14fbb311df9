//! The options of a handler: names, types, defaults, and what must hold between them.
//!
//! The host's parser gets them from a table, an Erlang header file, which is embedded here, so that `check` and the
//! node cannot disagree.

mod table;
mod text;

use crate::config::release::Release;

pub(crate) use table::{reserved_headers, shape};
pub(crate) use text::TextKind;

/// The options that a section may have, and what must hold between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    /// In the order of the table.
    pub options: Vec<HandlerOption>,
    /// In the order of the table.
    pub constraints: Vec<Constraint>,
}

/// One option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HandlerOption {
    /// Its key in the section.
    pub name: String,
    /// What its value may be.
    pub kind: OptionKind,
    /// What applies if it is not set.
    pub default: DefaultValue,
    /// The first release that has what the option needs.
    pub since: Release,
    /// What it does, in one sentence.
    pub meaning: String,
}

/// What applies if an option is not set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DefaultValue {
    /// Nothing.
    None,
    /// The section is incomplete without it.
    Required,
    /// This value.
    Value(String),
    /// What the text says.
    Computed(String),
}

/// The type of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OptionKind {
    /// `true` or `false`.
    Boolean,
    /// A whole number of milliseconds between two bounds, both included.
    Milliseconds(i128, i128),
    /// A whole number between two bounds, both included.
    Integer(i128, i128),
    /// One of these words.
    OneOf(Vec<String>),
    /// Text of this kind.
    Text(TextKind),
    /// A list of values; `filled` if it must not be empty.
    List {
        /// The type of each value.
        item: Box<OptionKind>,
        /// At least one value is needed.
        filled: bool,
    },
    /// A section.
    Section(Shape),
    /// A list of sections.
    Sections {
        /// What each section has.
        shape: Shape,
        /// At least one section is needed.
        filled: bool,
    },
}

/// What must hold between the options of a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Constraint {
    /// Exactly one of them is set.
    ExactlyOne(Vec<String>),
    /// At most one of them is set.
    AtMostOne(Vec<String>),
    /// If `name` is set (to `value`, if there is one), at least one of `needed` is, too.
    Needs {
        /// The option that needs others.
        name: String,
        /// Only this value of it does.
        value: Option<String>,
        /// What it needs.
        needed: Vec<String>,
    },
    /// If `name` is set, `other` has one of these values.
    NeedsValue {
        /// The option that needs the other.
        name: String,
        /// What it needs.
        other: String,
        /// The values that it may have then.
        values: Vec<String>,
    },
    /// If `name` is set, `option` in `section` does not have this value.
    Excludes {
        /// The option that does not go with the other.
        name: String,
        /// Where the other is.
        section: String,
        /// The other.
        option: String,
        /// The value that it does not go with.
        value: String,
    },
    /// If both are set, the first number is not below the second.
    NotBelow(String, String),
}

impl Constraint {
    /// The options that it is about.
    #[cfg(test)]
    pub fn names(&self) -> Vec<&str> {
        let (first, others) = match self {
            Self::ExactlyOne(names) | Self::AtMostOne(names) => (None, names),
            Self::Needs { name, needed, .. } => (Some(name), needed),
            Self::NeedsValue { name, other, .. } | Self::NotBelow(name, other) => {
                return vec![name, other];
            }
            Self::Excludes { name, section, .. } => return vec![name, section],
        };
        first
            .into_iter()
            .chain(others)
            .map(String::as_str)
            .collect()
    }
}

impl Shape {
    /// The option of this name.
    pub fn option(&self, name: &str) -> Option<&HandlerOption> {
        self.options.iter().find(|option| option.name == name)
    }

    /// The names of all options.
    pub fn names(&self) -> Vec<&str> {
        self.options
            .iter()
            .map(|option| option.name.as_str())
            .collect()
    }
}

#[cfg(test)]
mod tests;
