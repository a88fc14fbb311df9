//! Literals, structure, and the places of mistakes.

use super::{Kind, Term, parse};

fn kinds(text: &str) -> Vec<Kind> {
    parse(text)
        .unwrap()
        .into_iter()
        .map(|term| term.kind)
        .collect()
}

fn atom(name: &str) -> Kind {
    Kind::Atom(name.to_owned())
}

#[test]
fn literals() {
    let text = "abc. 'a b\\'c'. 1_000. -5. 16#fF. $a. $\\n. 1.5e-3. \"s\" \"t\". <<\"b>>\">>. #{a => [1]}. fun m:f/2. fun 'm':f/2.";
    let found = kinds(text);
    let expected = [
        atom("abc"),
        atom("a b'c"),
        Kind::Integer(1000),
        Kind::Integer(-5),
        Kind::Integer(255),
        Kind::Integer(97),
        Kind::Integer(110),
    ];
    assert_eq!(found[..7], expected);
    let others: Vec<_> = found[7..]
        .iter()
        .map(|kind| match kind {
            Kind::Other(text) => text.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = [
        "1.5e-3",
        "\"s\" \"t\"",
        "<<\"b>>\">>",
        "#{a => [1]}",
        "fun m:f/2",
        "fun 'm':f/2",
    ];
    assert_eq!(others, expected);
}

#[test]
fn structure_and_lines() {
    let terms = parse("%% first\n[\n {a, [b, c]}, % then\n {d, []}\n].\n").unwrap();
    let Kind::List(items) = &terms[0].kind else {
        panic!()
    };
    assert_eq!(terms[0].line, 2);
    assert_eq!(items[1].line, 4);
    let Kind::Tuple(pair) = &items[0].kind else {
        panic!()
    };
    let list = |names: &[&str]| {
        let terms = names.iter().map(|name| Term {
            line: 3,
            kind: atom(name),
        });
        Kind::List(terms.collect())
    };
    assert_eq!(pair[1].kind, list(&["b", "c"]));
}

proptest::proptest! {
    #[test]
    fn whatever_is_read_the_line_is_in_the_file(
        text in "([a-z{}\\[\\],.'\"#<>=|$%\\\\0-9 \n]|fun |=>|<<|>>){0,40}",
    ) {
        if let Err(error) = parse(&text) {
            proptest::prop_assert!(error.line <= text.lines().count().max(1) + 1);
        }
    }
}

#[test]
fn errors_have_lines() {
    for (text, line) in [
        ("[a,\n b", 2),
        ("[a\n b].", 2),
        ("{a, }.", 1),
        ("\"never\nclosed", 1),
        ("<<never", 1),
        ("a", 1),
        ("X.", 1),
    ] {
        assert_eq!(parse(text).unwrap_err().line, line, "{text}");
    }
    let deep = "[".repeat(100_000);
    assert!(parse(&deep).unwrap_err().text.contains("deep"));
}
