//! Whether the node would send the event, and why.

use serde_json::{Value, json};

use crate::config::handlers::{DEFAULT_MODULE, Handler};
use crate::rules::{self, Account, Decision};
use crate::sample::Sample;

/// What becomes of the event.
pub(crate) struct Fate {
    /// What the rules say, if the handler has rules.
    rules: Option<Decision>,
    /// Why it is not sent.
    pub why_not: Option<String>,
    /// What only the node knows.
    note: Option<String>,
}

impl Fate {
    /// Asks the rules, and the default module as far as it decides.
    pub fn of(handler: &Handler, sample: &Sample) -> Self {
        let rules = handler
            .rules
            .as_ref()
            .map(|rules| rules::decide(rules, &sample.event()));
        let by_rules = rules
            .as_ref()
            .filter(|decision| !decision.sends)
            .map(no_rule);
        let is_presence = sample.is_presence();
        let asks_module = handler.asks_module() && !(is_presence && rules.is_some());
        let by_module = match (asks_module, handler.is_custom()) {
            (true, false) if !sample.is_stock_choice() => Some(format!(
                "{DEFAULT_MODULE} sends non-empty chat messages that users send, and nothing else"
            )),
            (true, true) if is_presence => {
                Some("presence is sent by handlers with rules only".to_owned())
            }
            _ => None,
        };
        let note = (asks_module && handler.is_custom()).then(|| {
            format!(
                "in the node {}:should_make_req/6 decides too",
                handler.module()
            )
        });
        let why_not = by_rules.or(by_module);
        Self {
            rules,
            note: note.filter(|_| why_not.is_none()),
            why_not,
        }
    }

    /// A line for each rule that was asked, and what only the node knows.
    pub fn lines(&self) -> Vec<String> {
        let accounts = self.rules.iter().flat_map(|decision| &decision.rules);
        let mut lines: Vec<String> = (1..)
            .zip(accounts)
            .flat_map(|(number, account)| account_lines(number, account))
            .collect();
        lines.extend(self.note.clone());
        lines
    }

    /// For scripts.
    pub fn in_json(&self) -> Value {
        let accounts = self.rules.as_ref().map(|decision| {
            let accounts = (1..).zip(&decision.rules);
            accounts
                .map(|(number, account)| account_in_json(number, account))
                .collect::<Vec<_>>()
        });
        json!({
            "sends": self.why_not.is_none(),
            "why_not": self.why_not,
            "rules": accounts,
            "note": self.note,
        })
    }
}

fn no_rule(decision: &Decision) -> String {
    let number = decision.rules.len();
    match decision.rules.last() {
        Some(last) if last.matched.is_some() => format!("rule {number} skips it"),
        _ => "no rule matches".to_owned(),
    }
}

fn action(account: &Account) -> &'static str {
    if account.sends { "send" } else { "skip" }
}

fn account_lines(number: usize, account: &Account) -> Vec<String> {
    let action = action(account);
    if let Some(table) = account.matched {
        return vec![format!(
            "rule {number} ({action}) matches: conditions[{table}]"
        )];
    }
    let failed = account.failed.iter().map(|failed| {
        format!(
            "rule {number} ({action}) does not match: conditions[{}] wants {}, and the event has {}",
            failed.table, failed.condition, failed.found
        )
    });
    failed.collect()
}

fn account_in_json(number: usize, account: &Account) -> Value {
    let failed: Vec<Value> = account
        .failed
        .iter()
        .map(|failed| {
            json!({
                "conditions": failed.table,
                "condition": failed.condition,
                "found": failed.found,
            })
        })
        .collect();
    json!({
        "rule": number,
        "action": action(account),
        "matches": account.matched,
        "failed": failed,
    })
}
