//! docs/configuration.md has the options of the table, with their defaults, values and bounds.

use super::{DefaultValue, HandlerOption, OptionKind, Shape, TextKind, shape};

const PAGE: &str = include_str!("../../../../docs/configuration.md");

/// The rows of the table in the page whose header begins with `header`.
#[track_caller]
fn table(header: &str) -> Vec<&'static str> {
    let start = PAGE
        .find(header)
        .unwrap_or_else(|| panic!("no table {header}"));
    PAGE[start..]
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .collect()
}

/// Checks one table of the page against one section of the table of options.
fn same(header: &str, shape: &Shape) {
    let rows = table(header);
    let documented: Vec<&str> = rows
        .iter()
        .map(|row| row.split('`').nth(1).unwrap())
        .collect();
    assert_eq!(documented, shape.names(), "{header}");
    for (row, option) in rows.iter().zip(&shape.options) {
        let columns: Vec<&str> = row.split(" | ").collect();
        if !header.starts_with("| condition") {
            default(columns[1], option);
        }
        for word in words(&option.kind) {
            assert!(row.contains(&word), "{row}: {word}");
        }
        if option.since != "5.0".parse().unwrap() {
            let since = format!("from MongooseIM {} on", option.since);
            assert!(row.contains(&since), "{row}");
        }
    }
}

fn default(column: &str, option: &HandlerOption) {
    match &option.default {
        DefaultValue::None => assert_eq!(column, "not set", "{}", option.name),
        DefaultValue::Required => assert_eq!(column, "required", "{}", option.name),
        DefaultValue::Value(value) => {
            assert_eq!(column, format!("`\"{value}\"`"), "{}", option.name);
        }
        DefaultValue::Computed(text) => {
            let column: String = column.split(['`', '[']).collect();
            let word = text.rsplit(' ').next().unwrap();
            assert!(column.contains(word), "{}: {column}", option.name);
        }
    }
}

/// What the page has to say of a value.
fn words(kind: &OptionKind) -> Vec<String> {
    match kind {
        OptionKind::OneOf(words) => words.iter().map(|word| format!("`\"{word}\"`")).collect(),
        OptionKind::Boolean => vec!["`true`, `false`".to_owned()],
        OptionKind::Milliseconds(_, high) => vec!["milliseconds".to_owned(), high.to_string()],
        OptionKind::Integer(low, high) => vec![format!("{low} to {high}")],
        OptionKind::List { item, .. } => match item.as_ref() {
            OptionKind::Text(TextKind::Success) => vec!["`\"any\"`".to_owned()],
            OptionKind::Text(TextKind::Cause) => vec!["`\"timeout\"`".to_owned()],
            OptionKind::Text(_) => vec!["list of domains".to_owned()],
            item => words(item),
        },
        _ => Vec::new(),
    }
}

fn below<'a>(shape: &'a Shape, name: &str) -> &'a Shape {
    match &shape.option(name).unwrap().kind {
        OptionKind::Section(below) | OptionKind::Sections { shape: below, .. } => below,
        _ => panic!("{name} has no options"),
    }
}

#[test]
fn the_documentation_has_the_same_options() {
    let handler = shape();
    let rule = below(&handler, "rules");
    let auth = below(&handler, "auth");
    same("| option | default | what it does |", &handler);
    same("| in a rule | default |", rule);
    same("| condition | values |", below(rule, "conditions"));
    same(
        "| in `cloudevents` | default |",
        below(&handler, "cloudevents"),
    );
    same(
        "| in a section of `headers` | default |",
        below(&handler, "headers"),
    );
    same("| in `auth` | default |", auth);
    same("| in `auth.oauth2` | default |", below(auth, "oauth2"));
    same("| in `signing` | default |", below(&handler, "signing"));
    same("| in `retry` | default |", below(&handler, "retry"));
    same("| in `batch` | default |", below(&handler, "batch"));
    same("| in `rate` | default |", below(&handler, "rate"));
}

/// Every section of the table has its own table in the page.
#[test]
fn no_section_is_left_out() {
    fn sections(shape: &Shape) -> usize {
        let below = shape.options.iter().map(|option| match &option.kind {
            OptionKind::Section(below) | OptionKind::Sections { shape: below, .. } => {
                sections(below)
            }
            _ => 0,
        });
        1 + below.sum::<usize>()
    }
    assert_eq!(sections(&shape()), 11);
}

#[test]
fn reserved_header_fields_are_named() {
    let row = table("| in a section of `headers` | default |")[0];
    for name in super::reserved_headers() {
        assert!(row.contains(&format!("`{name}`")), "{name}");
    }
}
