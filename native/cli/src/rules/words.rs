//! Which events rules send, in words.

use super::{Rule, Table, Wanted};

/// For example "groupchat messages about to be delivered to members who are offline, except …".
pub(crate) fn events(rules: &[Rule]) -> String {
    let tables = |sends| {
        let mut words: Vec<String> = Vec::new();
        let last_sending = rules.iter().rposition(|rule| rule.sends);
        let rules = rules.iter().take(last_sending.map_or(0, |last| last + 1));
        for table in rules
            .filter(|rule| rule.sends == sends)
            .flat_map(|rule| &rule.tables)
        {
            let table = self::table(table);
            if !words.contains(&table) {
                words.push(table);
            }
        }
        words
    };
    let (sent, skipped) = (tables(true), tables(false));
    match (sent.is_empty(), skipped.is_empty()) {
        (true, _) => "nothing".to_owned(),
        (false, true) => listed(&sent),
        (false, false) => format!("{} (but not {})", listed(&sent), listed(&skipped)),
    }
}

/// `a`, `a and b`, `a; b; and c`.
fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [item] => item.clone(),
        [one, other] => format!("{one} and {other}"),
        [most @ .., last] => format!("{}; and {last}", most.join("; ")),
    }
}

/// The events that fulfil all conditions.
fn table(table: &Table) -> String {
    if table.conditions.is_empty() {
        return "all events".to_owned();
    }
    let is_presence = table.word("event") == Some("user_status");
    if is_presence {
        presence(table)
    } else {
        message(table)
    }
}

fn presence(table: &Table) -> String {
    let mut words = vec!["presence".to_owned()];
    words.extend(sender(table, "of users of"));
    words.push(
        match table.word("user_status") {
            Some("online") => "when a user comes online",
            Some("offline") => "when a user goes offline",
            _ => "when a user comes online or goes offline",
        }
        .to_owned(),
    );
    words.join(" ")
}

fn message(table: &Table) -> String {
    let mut words = Vec::new();
    if table.word("body") == Some("non_empty") {
        words.push("non-empty".to_owned());
    }
    words.extend(table.word("type").map(str::to_owned));
    words.push("messages".to_owned());
    words.extend(body(table));
    words.extend(
        table
            .word("hint")
            .map(|hint| format!("with the hint {}", hint.replace('_', "-"))),
    );
    words.extend(truth(table, "jingle", "of calls", "that are not of calls"));
    words.extend(sender(table, "from users of"));
    words.extend(course(table));
    words.extend(receiver(table));
    words.extend(truth(
        table,
        "own_copy",
        "that go back to their own sender",
        "except back to their own sender",
    ));
    words.join(" ")
}

fn body(table: &Table) -> Option<String> {
    match table.word("body") {
        Some("absent") => Some("without a body".to_owned()),
        Some("empty") => Some("with an empty body".to_owned()),
        _ => None,
    }
}

/// What happens with the message.
fn course(table: &Table) -> Option<String> {
    if table.word("event") == Some("unack_msg") {
        return Some("that a broken connection did not acknowledge".to_owned());
    }
    let is_any = table.get("event").is_none() && table.get("direction").is_none();
    match table.word("direction") {
        Some("in") => Some("that users send".to_owned()),
        Some(_) => Some("about to be delivered".to_owned()),
        None if is_any => None,
        None => Some("sent or about to be delivered".to_owned()),
    }
}

fn receiver(table: &Table) -> Option<String> {
    let who = if table.word("type") == Some("groupchat") {
        "members"
    } else {
        "users"
    };
    let status = table
        .word("user_status")
        .map(|status| format!("are {status}"));
    let client = table
        .word("client_state")
        .map(|state| format!("have an {state} client"));
    let whose: Vec<String> = status.into_iter().chain(client).collect();
    let domains = domains(table, "receiver_domain");
    if whose.is_empty() && domains.is_none() {
        return None;
    }
    let mut words = vec![format!("to {who}")];
    words.extend(domains.map(|domains| format!("of {domains}")));
    if !whose.is_empty() {
        words.push(format!("who {}", whose.join(" and ")));
    }
    Some(words.join(" "))
}

/// The domains of the sender, or of the user of a presence.
fn sender(table: &Table, before: &str) -> Option<String> {
    domains(table, "sender_domain").map(|domains| format!("{before} {domains}"))
}

fn domains(table: &Table, name: &str) -> Option<String> {
    match &table.get(name)?.wanted {
        Wanted::Domains(domains) => Some(crate::config::options::one_of(domains)),
        _ => None,
    }
}

fn truth(table: &Table, name: &str, yes: &str, no: &str) -> Option<String> {
    match table.get(name)?.wanted {
        Wanted::Truth(true) => Some(yes.to_owned()),
        Wanted::Truth(false) => Some(no.to_owned()),
        _ => None,
    }
}
