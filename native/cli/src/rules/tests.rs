//! Rules against the cases that the node is held to.

use super::event::{Event, EventKind};
use super::{Condition, Rule, Table, Wanted, decide};
use crate::handler_options::{self, OptionKind};
use crate::jid::Jid;
use crate::stanza::Stanza;
use crate::terms::{self, Kind, Term};

const CASES: &str = include_str!("../../../../test/data/rules_cases.terms");

fn list(term: &Term) -> &[Term] {
    match &term.kind {
        Kind::List(items) | Kind::Tuple(items) => items,
        _ => panic!("{term:?}"),
    }
}

/// The text of a string or a binary, neither of which has escapes in the file.
fn text(term: &Term) -> String {
    match &term.kind {
        Kind::Other(text) => {
            let start = text.find('"').unwrap() + 1;
            text[start..text.rfind('"').unwrap()].to_owned()
        }
        _ => panic!("{term:?}"),
    }
}

fn wanted(term: &Term) -> Wanted {
    match term.atom() {
        Some("true") => Wanted::Truth(true),
        Some("false") => Wanted::Truth(false),
        Some(word) => Wanted::Word(word.to_owned()),
        None => Wanted::Domains(list(term).iter().map(text).collect()),
    }
}

fn rule(term: &Term) -> Rule {
    let [action, tables] = list(term) else {
        panic!("{term:?}")
    };
    let condition = |pair: &Term| Condition {
        name: list(pair)[0].atom().unwrap().to_owned(),
        wanted: wanted(&list(pair)[1]),
    };
    let table = |conditions: &Term| Table {
        path: String::new(),
        line: 1,
        conditions: list(conditions).iter().map(condition).collect(),
    };
    Rule {
        path: String::new(),
        line: 1,
        sends: action.atom() == Some("send"),
        tables: list(tables).iter().map(table).collect(),
    }
}

/// Whether the rules send the event.
fn sends(rules: &[Rule], event: &Term) -> bool {
    let [kind, facts] = list(event) else {
        panic!("{event:?}")
    };
    let fact = |name: &str| {
        list(facts)
            .iter()
            .map(list)
            .find(|pair| pair[0].atom() == Some(name))
            .map(|pair| &pair[1])
    };
    let word = |name: &str| fact(name).map(|term| term.atom().unwrap());
    let jid = |name: &str| fact(name).map(|term| Jid::read(&text(term)).unwrap());
    let (from, to) = (jid("from"), jid("to"));
    let stanza = fact("stanza").map(|term| Stanza::read(&text(term)).unwrap());
    let event = Event {
        kind: match kind.atom() {
            Some("msg") => EventKind::Message,
            Some("unack_msg") => EventKind::Unacknowledged,
            _ => EventKind::UserStatus,
        },
        message_type: word("type"),
        direction: word("direction"),
        from: from.as_ref(),
        to: to.as_ref(),
        user_status: word("user_status"),
        client_state: word("client_state"),
        stanza: stanza.as_ref(),
    };
    decide(rules, &event).sends
}

#[test]
fn the_cases_of_the_node() {
    let cases = terms::parse(CASES).unwrap();
    assert!(cases.len() > 60);
    for case in &cases {
        let [name, rules, event, expected] = list(case) else {
            panic!("{case:?}")
        };
        let rules: Vec<Rule> = list(rules).iter().map(rule).collect();
        let expected = expected.atom() == Some("send");
        assert_eq!(sends(&rules, event), expected, "{}", text(name));
    }
}

#[test]
fn every_condition_of_the_table_has_cases() {
    let shape = handler_options::shape();
    let Some(OptionKind::Sections { shape: rules, .. }) =
        shape.option("rules").map(|option| &option.kind)
    else {
        panic!("there are no rules")
    };
    let Some(OptionKind::Sections {
        shape: conditions, ..
    }) = rules.option("conditions").map(|option| &option.kind)
    else {
        panic!("there are no conditions")
    };
    for condition in &conditions.options {
        let name = &condition.name;
        let words = match &condition.kind {
            OptionKind::OneOf(words) => words.clone(),
            OptionKind::Boolean => vec!["true".to_owned(), "false".to_owned()],
            _ => vec!["[".to_owned()],
        };
        for word in words {
            if (name.as_str(), word.as_str()) == ("client_state", "active") {
                continue;
            }
            assert!(
                CASES.contains(&format!("{{{name}, {word}")),
                "{name}: {word}"
            );
        }
    }
}
