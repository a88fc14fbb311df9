//! Rules that cannot do what they seem to: tables that no event fulfils, rules behind others that match first, rules
//! without effect.

use super::{Condition, Rule, Table, Wanted};
use crate::config::release::{Mongooseim, Release};
use crate::notes::Notes;

const MESSAGE: &str = "msg";
const UNACKNOWLEDGED: &str = "unack_msg";
const USER_STATUS: &str = "user_status";
const EVENTS: [&str; 3] = [MESSAGE, UNACKNOWLEDGED, USER_STATUS];

/// Notes what is wrong with the rules of one handler.
pub(crate) fn check(rules: &[Rule], mongooseim: Mongooseim, notes: &mut Notes) {
    for rule in rules {
        for table in &rule.tables {
            if let Some(text) = contradiction(table, mongooseim) {
                notes.warning((&table.path, table.line), text);
            }
        }
    }
    for (at, rule) in rules.iter().enumerate() {
        let never_decides = shadowed(rule, &rules[..at], notes);
        if at + 1 == rules.len() && !never_decides {
            without_effect(rule, &rules[..at], notes);
        }
    }
}

/// Why no event fulfils all conditions of the table.
fn contradiction(table: &Table, mongooseim: Mongooseim) -> Option<String> {
    let never = |one: &Condition, other: &Condition| {
        Some(format!(
            "never matches: no event has both {one} and {other}"
        ))
    };
    let mut seen: Vec<(&Condition, &[&str])> = Vec::new();
    for condition in &table.conditions {
        let events = events_with(condition);
        let clash = seen
            .iter()
            .find(|(_, others)| !events.iter().any(|event| others.contains(event)));
        if let Some((other, _)) = clash {
            return never(other, condition);
        }
        seen.push((condition, events));
    }
    let both = |one: &str, other: &str| Some((table.get(one)?, table.get(other)?));
    if let Some((copy, other)) = both("own_copy", "type")
        && copy.wanted == Wanted::Truth(true)
        && other.word() != Some("groupchat")
    {
        return never(copy, other);
    }
    if let Some((direction, copy)) = both("direction", "own_copy")
        && direction.word() == Some("in")
        && copy.wanted == Wanted::Truth(true)
    {
        return never(direction, copy);
    }
    if let Some((direction, state)) = both("direction", "client_state")
        && direction.word() == Some("in")
    {
        return never(direction, state);
    }
    if let Some((direction, status)) = both("direction", "user_status")
        && direction.word() == Some("in")
        && status.word() == Some("offline")
        && mongooseim.may_be_from(Release::new(6, 9))
    {
        return Some(format!(
            "never matches from MongooseIM 6.9 on: {direction} is before the receiver is looked up, and then {status} \
             does not apply"
        ));
    }
    if let Some((status, state)) = both("user_status", "client_state")
        && status.word() == Some("offline")
    {
        return never(status, state);
    }
    None
}

/// The events that can fulfil all conditions of the table.
pub(crate) fn possible_events(table: &Table) -> impl Iterator<Item = &'static str> {
    EVENTS.into_iter().filter(|event| {
        let mut conditions = table.conditions.iter();
        conditions.all(|condition| events_with(condition).contains(event))
    })
}

/// The events that can fulfil a condition.
fn events_with(condition: &Condition) -> &'static [&'static str] {
    match (condition.name.as_str(), condition.word()) {
        ("event", Some(MESSAGE)) | ("direction" | "client_state", _) => &[MESSAGE],
        ("event", Some(UNACKNOWLEDGED)) => &[UNACKNOWLEDGED],
        ("event", Some(USER_STATUS)) => &[USER_STATUS],
        ("user_status", _) => &[MESSAGE, USER_STATUS],
        ("type" | "body" | "hint" | "jingle" | "own_copy" | "receiver_domain", _) => {
            &[MESSAGE, UNACKNOWLEDGED]
        }
        _ => &EVENTS,
    }
}

/// Notes a rule, or a table of it, whose events earlier rules take. Returns whether that is the whole rule.
fn shadowed(rule: &Rule, earlier: &[Rule], notes: &mut Notes) -> bool {
    let taken_by = |table: &Table| {
        let takes =
            |(_, rule): &(usize, &Rule)| rule.tables.iter().any(|other| covers(other, table));
        (1..).zip(earlier).find(takes).map(|(number, _)| number)
    };
    let taken: Vec<Option<usize>> = rule.tables.iter().map(taken_by).collect();
    let never = |numbers: &[usize]| {
        let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
        let rules = match numbers.as_slice() {
            [number] => format!("rule {number}"),
            numbers => format!("rules {}", numbers.join(" and ")),
        };
        format!("never decides: every event that it matches is decided by {rules} already")
    };
    let mut numbers: Vec<usize> = taken.iter().copied().flatten().collect();
    if !taken.is_empty() && numbers.len() == taken.len() {
        numbers.sort_unstable();
        numbers.dedup();
        notes.warning((&rule.path, rule.line), never(&numbers));
        return true;
    }
    for (table, number) in rule.tables.iter().zip(taken) {
        if let Some(number) = number {
            notes.warning((&table.path, table.line), never(&[number]));
        }
    }
    false
}

/// Whether every event that fulfils `table` fulfils `other`.
fn covers(other: &Table, table: &Table) -> bool {
    other
        .conditions
        .iter()
        .all(|condition| implied(condition, table))
}

/// Whether every event that fulfils `table` fulfils the condition.
fn implied(condition: &Condition, table: &Table) -> bool {
    let same =
        table
            .get(&condition.name)
            .is_some_and(|given| match (&given.wanted, &condition.wanted) {
                (Wanted::Domains(given), Wanted::Domains(wanted)) => {
                    given.iter().all(|domain| wanted.contains(domain))
                }
                (given, wanted) => given == wanted,
            });
    let copy = table.get("own_copy").map(|copy| &copy.wanted);
    same || match (condition.name.as_str(), condition.word()) {
        ("event", Some(event)) => possible_events(table).eq([event]),
        ("type", Some("groupchat")) => copy == Some(&Wanted::Truth(true)),
        _ => false,
    }
}

/// Notes a last rule that changes nothing.
fn without_effect(last: &Rule, earlier: &[Rule], notes: &mut Notes) {
    if !last.sends && earlier.iter().any(|rule| rule.sends) {
        let text = "has no effect: an event that no rule matches is not sent either";
        notes.warning((&last.path, last.line), text);
    }
}
