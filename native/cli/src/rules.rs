//! The rules of a handler: which events it sends. They are evaluated as in the node (`http_pusher_rules`), with an
//! account of what each condition found; both are held to the cases of `test/data/rules_cases.terms`.

pub(crate) mod check;
pub(crate) mod event;
pub(crate) mod words;

use crate::config::options::Options;
use event::Event;

/// One rule: what happens with the events that match one of its tables.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// Its path in the file.
    pub path: String,
    /// Its line.
    pub line: usize,
    /// `action`: whether such events are sent.
    pub sends: bool,
    /// `conditions`.
    pub tables: Vec<Table>,
}

/// Conditions that an event must fulfil all.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// Its path in the file.
    pub path: String,
    /// Its line.
    pub line: usize,
    /// In the order in which they are asked. An empty table matches every event.
    pub conditions: Vec<Condition>,
}

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    /// Its name in the file.
    pub name: String,
    /// What it demands.
    pub wanted: Wanted,
}

/// The value of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// One of the condition's words.
    Word(String),
    /// `true` or `false`.
    Truth(bool),
    /// One of these domains.
    Domains(Vec<String>),
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decision {
    /// Whether it is sent.
    pub sends: bool,
    /// The account of each rule that was asked; the last one matches unless none does.
    pub rules: Vec<Account>,
}

/// Why a rule matched or did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    /// Whether the rule sends or skips.
    pub sends: bool,
    /// The table that matches, counted from 1.
    pub matched: Option<usize>,
    /// For each table that was asked and does not match, the first condition that the event does not fulfil.
    pub failed: Vec<Failed>,
}

/// A condition that an event does not fulfil.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    /// The table, counted from 1.
    pub table: usize,
    /// The condition as it is written.
    pub condition: String,
    /// What the event has instead.
    pub found: String,
}

/// The conditions in the order in which the node asks them, the cheapest first.
const COSTS: [&str; 11] = [
    "event",
    "direction",
    "type",
    "client_state",
    "sender_domain",
    "receiver_domain",
    "own_copy",
    "body",
    "hint",
    "jingle",
    "user_status",
];

/// The rules of a handler's section; `None` if it has none.
pub(crate) fn of(options: &Options) -> Option<Vec<Rule>> {
    let rules = options.sections("rules")?;
    Some(rules.into_iter().map(rule).collect())
}

fn rule(options: &Options) -> Rule {
    let tables = options.sections("conditions").unwrap_or_default();
    Rule {
        path: options.path.clone(),
        line: options.line,
        sends: options.text("action") == Some("send"),
        tables: tables.into_iter().map(table).collect(),
    }
}

fn table(options: &Options) -> Table {
    let condition = |name: &str| {
        let word = options.text(name).map(|word| Wanted::Word(word.to_owned()));
        let truth = || options.boolean(name).map(Wanted::Truth);
        let domains = || {
            let domains = options.texts(name)?;
            Some(Wanted::Domains(
                domains.into_iter().map(str::to_owned).collect(),
            ))
        };
        Some(Condition {
            name: name.to_owned(),
            wanted: word.or_else(truth).or_else(domains)?,
        })
    };
    let mut conditions: Vec<Condition> = options.names().filter_map(condition).collect();
    conditions.sort_by_key(|condition| COSTS.iter().position(|name| *name == condition.name));
    Table {
        path: options.path.clone(),
        line: options.line,
        conditions,
    }
}

/// Decides about an event: the first rule that matches does.
pub(crate) fn decide(rules: &[Rule], event: &Event<'_>) -> Decision {
    let mut accounts = Vec::new();
    for rule in rules {
        let account = ask(rule, event);
        let matched = account.matched.is_some();
        accounts.push(account);
        if matched {
            return Decision {
                sends: rule.sends,
                rules: accounts,
            };
        }
    }
    Decision {
        sends: false,
        rules: accounts,
    }
}

fn ask(rule: &Rule, event: &Event<'_>) -> Account {
    let mut account = Account {
        sends: rule.sends,
        matched: None,
        failed: Vec::new(),
    };
    for (number, table) in (1..).zip(&rule.tables) {
        let failed = table
            .conditions
            .iter()
            .find_map(|condition| event.misses(condition).map(|found| (condition, found)));
        match failed {
            None => {
                account.matched = Some(number);
                break;
            }
            Some((condition, found)) => account.failed.push(Failed {
                table: number,
                condition: condition.to_string(),
                found,
            }),
        }
    }
    account
}

impl Condition {
    /// The word that it demands.
    pub fn word(&self) -> Option<&str> {
        match &self.wanted {
            Wanted::Word(word) => Some(word),
            _ => None,
        }
    }
}

impl Table {
    /// The condition of this name.
    pub fn get(&self, name: &str) -> Option<&Condition> {
        self.conditions
            .iter()
            .find(|condition| condition.name == name)
    }

    /// The word that the condition of this name demands.
    pub fn word(&self, name: &str) -> Option<&str> {
        self.get(name)?.word()
    }
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} = ", self.name)?;
        match &self.wanted {
            Wanted::Word(word) => write!(f, "{word:?}"),
            Wanted::Truth(truth) => write!(f, "{truth}"),
            Wanted::Domains(domains) => write!(f, "{domains:?}"),
        }
    }
}

#[cfg(test)]
mod tests;
