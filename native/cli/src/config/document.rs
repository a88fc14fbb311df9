//! A TOML file as a tree in which every value knows its path and its line.
//!
//! It knows nothing about MongooseIM: `config` gives the values their meaning.

use toml::de::{DeTable, DeValue};

/// A value with its place in the file.
#[derive(Debug)]
pub(crate) struct Node {
    /// As the operator would write it: `outgoing_pools.http.http_pool.workers`; items of a list are
    /// counted from 1: `handlers[2]`.
    pub path: String,
    /// Counted from 1.
    pub line: usize,
    /// The value.
    pub value: Value,
}

/// The kinds of values in MongooseIM's configuration files.
#[derive(Debug)]
pub(crate) enum Value {
    /// A section, with its entries in no particular order.
    Table(Vec<(String, Node)>),
    /// A list, also one made of `[[...]]` sections.
    Array(Vec<Node>),
    /// Text.
    String(String),
    /// A whole number that fits 64 bits.
    Integer(i64),
    /// `true` or `false`.
    Boolean(bool),
    /// A kind that no option has: a float, a date, a number that is too large.
    Other(&'static str),
}

impl Value {
    /// The name of the kind, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Table(_) => "a section",
            Self::Array(_) => "a list",
            Self::String(_) => "a string",
            Self::Integer(_) => "a whole number",
            Self::Boolean(_) => "a boolean",
            Self::Other(kind) => kind,
        }
    }
}

/// A place at which a text is not TOML.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    /// Counted from 1.
    pub line: usize,
    /// The parser's message.
    pub text: String,
}

/// Parses a whole file.
///
/// # Errors
///
/// Every place at which the text is not TOML.
pub(crate) fn parse(text: &str) -> Result<Node, Vec<SyntaxError>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        let root = entries("", table.get_ref(), text);
        return Ok(Node {
            path: String::new(),
            line: 1,
            value: Value::Table(root),
        });
    }
    Err(errors
        .iter()
        .map(|error| SyntaxError {
            line: error.span().map_or(1, |span| line(text, span.start)),
            text: error.message().to_owned(),
        })
        .collect())
}

fn entries(path: &str, table: &DeTable<'_>, text: &str) -> Vec<(String, Node)> {
    table
        .iter()
        .map(|(key, value)| {
            let name = key.get_ref().to_string();
            let path = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            let line = line(text, key.span().start);
            let value = convert(&path, value.get_ref(), text);
            (name, Node { path, line, value })
        })
        .collect()
}

fn convert(path: &str, value: &DeValue<'_>, text: &str) -> Value {
    match value {
        DeValue::Table(table) => Value::Table(entries(path, table, text)),
        DeValue::Array(items) => Value::Array(
            items
                .iter()
                .enumerate()
                .map(|(index, item)| {
                    let path = format!("{path}[{}]", index + 1);
                    let value = convert(&path, item.get_ref(), text);
                    let line = line(text, item.span().start);
                    Node { path, line, value }
                })
                .collect(),
        ),
        DeValue::String(string) => Value::String(string.to_string()),
        DeValue::Boolean(boolean) => Value::Boolean(*boolean),
        DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix())
            .map_or(Value::Other("a number that is too large"), Value::Integer),
        DeValue::Float(_) => Value::Other("a number with a fraction"),
        DeValue::Datetime(_) => Value::Other("a date or time"),
    }
}

fn line(text: &str, offset: usize) -> usize {
    text.as_bytes()
        .iter()
        .take(offset)
        .filter(|byte| **byte == b'\n')
        .count()
        + 1
}

#[cfg(test)]
mod tests {
    use super::{Node, Value, parse};

    fn find<'a>(node: &'a Node, path: &str) -> &'a Node {
        if node.path == path {
            return node;
        }
        let children: Vec<&Node> = match &node.value {
            Value::Table(entries) => entries.iter().map(|(_, node)| node).collect(),
            Value::Array(items) => items.iter().collect(),
            _ => panic!("{path} is not there"),
        };
        let child = children
            .into_iter()
            .filter(|child| path.starts_with(&child.path))
            .max_by_key(|child| child.path.len());
        find(child.unwrap_or_else(|| panic!("{path} is not there")), path)
    }

    #[test]
    fn places() {
        let text = "# one\n[a.b]\n  c = 1_000\n\n[[a.d]]\n  e = 'x'\n[[a.d]]\n  f = true\n[a.g]\nh = [{i = 1},\n {i = 0x10}]\n";
        let root = parse(text).unwrap();
        for (path, line) in [
            ("a.b", 2),
            ("a.b.c", 3),
            ("a.d[1]", 5),
            ("a.d[1].e", 6),
            ("a.d[2]", 7),
            ("a.d[2].f", 8),
            ("a.g.h[1].i", 10),
            ("a.g.h[2].i", 11),
        ] {
            assert_eq!(find(&root, path).line, line, "{path}");
        }
        assert!(matches!(find(&root, "a.b.c").value, Value::Integer(1000)));
        assert!(matches!(
            find(&root, "a.g.h[2].i").value,
            Value::Integer(16)
        ));
    }

    #[test]
    fn syntax_errors_have_lines() {
        let errors = parse("a = 1\nb = \n").unwrap_err();
        assert_eq!(errors[0].line, 2);
        let errors = parse("a = 1\na = 2\n").unwrap_err();
        assert!(errors[0].text.contains("duplicate"), "{errors:?}");
    }
}
